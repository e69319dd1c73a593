"""Rows, escalations and notices of one regency, held against its recount. Shares no code with Siaga.

A recounted score may differ by a point where its floating-point sum is so near to a whole number that rounding down may
go either way (`Score.unsure`); Siaga's sums are whole numbers. Where that point decides on a level the recount follows
what was published (`Ladder.had_tie`). Anything else that differs is a fault."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tests.chaos.contract import ms
from tests.chaos.oracle import EVERYONE, Entry, Recount
from tests.chaos.policy import GROUPS, LEVELS, Place, Policy
from tests.chaos.regency import Regency, Said, Told
from tests.chaos.scoring import HOUR_MS, Score

MOVES = ("raised", "lowered", "cleared")


class LedgerStory:
    """Follow one regency or province through its frames and say what differs, by law.

    One difference brings others, so a story ends with the first frame that has any.
    """

    def __init__(
        self, code: str, partition: int, policy: Policy, rows: dict[int, dict], escalations: list[dict]
    ) -> None:
        self.code, self.partition, self.policy, self.rows = code, partition, policy, rows
        self.told: dict[int, list[dict]] = {}
        for escalation in escalations:
            self.told.setdefault(escalation["ledger"]["offset"], []).append(escalation)
        self.clock_ms = self.grid_ms = 0
        #: Ledger offsets of the frames that changed it.
        self.offsets: list[int] = []
        self.is_lost = False

    def faults(self, history: list[Entry]) -> Iterator[tuple[str, str]]:
        for offset, frame in _frames(history):
            if frame[0].key == EVERYONE and self.policy.grid(max(e.fields[1] for e in frame)) <= self.grid_ms:
                continue  # between two times of the grid a tick changes nothing
            self.offsets.append(offset)
            found = list(self.frame(frame, self.told.pop(offset, [])))
            if offset in self.rows and not found:
                found = [("C", f"its row: {fault}") for fault in self.row_faults(self.rows[offset], offset)]
            if found:
                self.is_lost = True
                yield from ((law, f"{self.code}: at ledger offset {offset} {fault}") for law, fault in found)
                return
        for offset in self.told:
            yield "B", f"{self.code}: spurious: an escalation at ledger offset {offset}, which holds nothing of it"
        for offset in self.rows.keys() - set(self.offsets):
            yield "C", f"{self.code}: its row stands at ledger offset {offset}, which holds nothing of it"

    def frame(self, frame: list[Entry], published: list[dict]) -> Iterator[tuple[str, str]]:
        raise NotImplementedError

    def row_faults(self, row: dict, offset: int) -> Iterator[str]:
        raise NotImplementedError


class Story(LedgerStory):
    """A regency's. `notices`: what others must have been told of it; `states`: what they may have been told at a clock."""

    def __init__(self, place: Place, partition: int, policy: Policy, rows: dict, escalations: list) -> None:
        super().__init__(place.code, partition, policy, rows, escalations)
        self.place, self.regency, self.counts = place, Regency(place, policy), Recount()
        self.notices: Counter = Counter()
        self.share_hours: set[int] = set()
        self.states: dict[int, set[tuple]] = {}
        self._last_id = ""

    def frame(self, frame: list[Entry], published: list[dict]) -> Iterator[tuple[str, str]]:
        regency = self.regency
        for entry in frame:
            self.counts.take(entry.fields)
            regency.take(entry.fields)
            self.clock_ms, self.grid_ms = regency.known.clock_ms, regency.known.grid_ms
            before, known = (
                (regency.ladder.copy(), replace(regency.said), regency.since_ms, regency.episode),
                self._known(),
            )
            amends = bool(published) and published[0]["change"] == "amended" and self._is_now(published[0])
            for told in regency.look(amends):
                is_tie = self._is_tie(told.reason, told.before, told.level)
                if published and self._fits(told, published[0], is_tie):
                    yield from (("B", fault) for fault in self._escalation_faults(told, published.pop(0), entry.offset))
                    known = self._notify(told, known)
                elif is_tie:
                    regency.ladder, regency.said, regency.since_ms, regency.episode = before
                else:
                    yield (
                        "B",
                        f"missing: {told.change} to {LEVELS[told.level]} for {told.reason} at {told.score.total} points",
                    )
            if published and self._is_now(published[0]) and self._follows_tie(published[0]):
                del published[0]
            self._note_state(known)
        for escalation in published:
            yield "B", f"spurious: {escalation['change']} to {escalation['level']} for {escalation['reason']}"

    def _is_tie(self, reason: str, before: int, level: int) -> bool:
        """A grave incident does not ask for the score."""
        is_by_score = level != before and not reason.startswith("grave_incident")
        return is_by_score and self.regency.ladder.had_tie(before, level, self.grid_ms)

    def _fits(self, told: Told, escalation: dict, is_tie: bool) -> bool:
        """Whether that is what was published. After a tie it may have come a moment before or after the recount's."""
        is_same = (escalation["change"], escalation["level"]) == (told.change, LEVELS[told.level])
        return is_same and (self._is_now(escalation) or not is_tie)

    def _is_now(self, escalation: dict) -> bool:
        return ms(escalation["event_time"]) == self.clock_ms

    def _follows_tie(self, e: dict) -> bool:
        regency, level = self.regency, LEVELS.index(e["level"])
        before = LEVELS.index(e["previous_level"])
        if e["change"] not in MOVES or before != regency.ladder.level or not self._is_tie(e["reason"], before, level):
            return False
        regency.ladder.follow(level, regency.known.grid_ms)
        named = [item["incident_id"] for item in e["evidence"]] if level else []
        pressure = sum(e["components"][group] for group in GROUPS)
        regency.said = Said(regency.known.grid_ms, named, e["unverified"], pressure)
        regency.since_ms, regency.episode = regency.known.clock_ms, e["episode"]
        self._last_id = e["escalation_id"]
        self._notice(self._last_id, e["previous_level"])
        return True

    def _escalation_faults(self, told: Told, e: dict, offset: int) -> Iterator[str]:
        regency, named = self.regency, self.regency.named(told, e["components"])
        want = {
            "regency": self.place.code,
            "name": self.place.name,
            "episode": regency.episode,
            "previous_level": LEVELS[told.before],
            "reason": told.reason,
            "threshold": regency.threshold(told),
            "unverified": told.unverified,
            "routes": regency.routes(told, named),
            "evidence": [
                {
                    "incident_id": i.id, "category": i.category, "severity": i.severity, "status": i.status,
                    "weight": self.policy.weights[i.severity],
                }
                for i in named
            ],
            "event_time": regency.known.clock_ms,
            "ruleset": self.policy.name,
            "schema": "siaga.escalation/1",
            "ledger": {"partition": self.partition, "offset": offset},
        }  # fmt: skip
        if told.score.unsure & {"borne_out", GROUPS[-1]}:
            del want["unverified"]
        got = e | {"event_time": ms(e["event_time"])}
        others = ("escalation_id", "change", "level", "unverified", "score", "components")
        for fault in (*differences(got, want, *others), *score_faults(e, told.score)):
            yield f"{told.change}: {fault}"
        regency.remember(told, [i.id for i in named], e["unverified"])
        self._last_id = e["escalation_id"]

    def _notify(self, told: Told, known: tuple) -> tuple:
        """Neighbours and the province hear of a changed level; returns the data status and doubt that they know."""
        if told.level == told.before:
            return known
        self._notice(self._last_id, LEVELS[told.before])
        return self._known()

    def _known(self) -> tuple[str, bool]:
        return self.regency.data_status, self.regency.said.unverified

    def _notice(self, escalation_id: str, before: str, targets: tuple[str, ...] = ()) -> None:
        for target in targets or (*self.place.neighbours, self.place.code[:2]):
            self.notices[target, (*self._state(), before, escalation_id)] += 1

    def _state(self) -> tuple:
        regency = self.regency
        level = LEVELS[regency.ladder.level]
        return regency.known.clock_ms, self.place.code, level, *self._known(), regency.known.share()

    def _note_state(self, known: tuple) -> None:
        """The province hears of a changed data status or doubt; neighbours hear of the share once an hour, at the next
        look at the latest.
        """
        regency, state = self.regency, self._state()
        self.states.setdefault(state[0], set()).add(state)
        if self._known() != known:
            last = self._last_id if regency.is_told_now else ""
            self._notice(last, state[2], (self.place.code[:2],))
        if regency.has_passed and state[-1] is not None:
            self.share_hours.add(state[0] // HOUR_MS)

    def row_faults(self, row: dict, offset: int) -> Iterator[str]:
        regency, place = self.regency, self.place
        want = {
            "schema": "siaga.risk/1",
            "regency": place.code,
            "name": place.name,
            "level": LEVELS[regency.ladder.level],
            "since": regency.since_ms,
            "as_of": self.clock_ms,
            "windows": regency.windows(),
            "turnout": {"stations_expected": place.stations} | self.counts.turnout(),
            "data_status": regency.data_status,
            "excluded": {name: self.counts.excluded[name] for name in ("late", "exercise", "duplicate")},
            "confidence": regency.confidence(),
            "ruleset": self.policy.name,
            "ledger": {"partition": self.partition, "offset": offset},
        }
        yield from differences(
            row | {"since": ms(row["since"]), "as_of": ms(row["as_of"])}, want, "score", "components"
        )
        yield from score_faults(row, regency.score())


def _frames(history: list[Entry]) -> Iterator[tuple[int, list[Entry]]]:
    frame: list[Entry] = []
    for entry in history:
        if frame and entry.offset != frame[0].offset:
            yield frame[0].offset, frame
            frame = []
        frame.append(entry)
    if frame:
        yield frame[0].offset, frame


def differences(got: dict, want: dict, *others: str) -> Iterator[str]:
    """Fields that are not as wanted, and any that is there besides them and `others`."""
    if got.keys() != want.keys() | set(others):
        yield f"fields are {sorted(got)}"
    for name, value in want.items():
        if got.get(name) != value:
            yield f"{name} is {got.get(name)}, recounted {value}"


def score_faults(got: dict[str, Any], want: Score) -> Iterator[str]:
    """Parts that do not add up, or a running sum of them that is off by more than its rounding."""
    parts = got["components"]
    if list(parts) != list(want.parts) or sum(parts.values()) != got["score"]:
        yield f"score {got['score']} is not the sum of its components {parts}"
        return
    here = there = 0
    for name in want.parts:
        here, there = here + parts[name], there + want.parts[name]
        if abs(here - there) > (name in want.unsure):
            yield f"components are {parts}, recounted {want.parts}: {name}"
            return
