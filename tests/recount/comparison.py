"""A regency or province folded along its ledger entries and compared with what was published of it.

A recounted score may differ by a point where its floating-point sum is so near to a whole number that rounding down may
go either way (`Score.unsure`); Siaga's sums are whole numbers. Where that point decides on a level the recount follows
what was published (`Ladder.had_tie`). Anything else that differs is a fault.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tests.recount.changes import Amendment, Change, LastEscalation
from tests.recount.contract import ms
from tests.recount.ledger import EVERYONE, Entry
from tests.recount.odds import odds
from tests.recount.outcomes import REASONS, Outcomes
from tests.recount.pace import Told
from tests.recount.policy import HOUR_MS, LEVELS, Place, Policy
from tests.recount.regency import PAIRS_MOST, UNSURE_SUPPORT, Regency
from tests.recount.scoring import Score
from tests.recount.sources import STRANGER
from tests.recount.words import Incident

MOVES = ("raised", "lowered", "cleared")


class Comparison:
    """Follows one regency or province through its frames and says what differs, by law.

    One difference brings others, so it ends with the first frame that has any.
    """

    def __init__(
        self, code: str, partition: int, policy: Policy, rows: dict[int, dict], escalations: list[dict]
    ) -> None:
        self.code, self.partition, self.policy, self.rows = code, partition, policy, rows
        self.escalations: dict[int, list[dict]] = {}
        for escalation in escalations:
            self.escalations.setdefault(escalation["ledger"]["offset"], []).append(escalation)
        self.clock_ms = self.grid_ms = 0
        #: Ledger offsets of the frames that changed it.
        self.offsets: list[int] = []
        self.has_fault = False
        #: (law, fault) for each difference, once it was followed.
        self.found: list[tuple[str, str]] = []
        #: What it must have told of the pace, and whom.
        self.told: list[tuple[str, Told]] = []

    def faults(self, history: list[Entry]) -> Iterator[tuple[str, str]]:
        for offset, lying in _frames(history):
            frame = self._effective(lying)
            if not frame:
                continue
            self.offsets.append(offset)
            found = list(self.frame(frame, self.escalations.pop(offset, [])))
            if offset in self.rows and not found:
                found = [("C", f"its row: {fault}") for fault in self.row_faults(self.rows[offset], offset)]
            if found:
                self.has_fault = True
                yield from ((law, f"{self.code}: at ledger offset {offset} {fault}") for law, fault in found)
                return
        for offset in self.escalations:
            yield "B", f"{self.code}: spurious: an escalation at ledger offset {offset}, which holds nothing of it"
        for offset in self.rows.keys() - set(self.offsets):
            yield "C", f"{self.code}: its row is of ledger offset {offset}, which holds nothing of it"

    def _effective(self, frame: list[Entry]) -> list[Entry]:
        """Its entries but the ticks that change nothing: those between two times of the grid."""
        found, grid_ms = [], self.grid_ms
        for entry in frame:
            passed_ms = self.policy.grid(entry.fields[1])
            if entry.key != EVERYONE or passed_ms > grid_ms:
                found.append(entry)
                grid_ms = max(grid_ms, passed_ms)
        return found

    def frame(self, frame: list[Entry], published: list[dict]) -> Iterator[tuple[str, str]]:
        """Fold a frame; (law, fault) for each way in which the escalations of its offset differ."""
        raise NotImplementedError

    def row_faults(self, row: dict, offset: int) -> Iterator[str]:
        raise NotImplementedError


class RegencyComparison(Comparison):
    """`notices`: what neighbours and the province must have received; `states`: what they may have, at a clock."""

    def __init__(
        self,
        place: Place,
        partition: int,
        policy: Policy,
        rows: dict,
        escalations: list,
        told: dict[str | tuple[str, int], str],
        listed: set[str] | None = None,
    ) -> None:
        """`told`: the agency on which the level rests alone by the notices, by escalation id, or else by sender and
        time."""
        super().__init__(place.code, partition, policy, rows, escalations)
        self.outcomes = Outcomes(policy.offset_ms, listed, place.stations, policy.limits(place.stations))
        self.place, self.regency, self._told = place, Regency(place, policy, self.outcomes), told
        self.notices: Counter = Counter()
        self.share_hours: set[int] = set()
        self.states: dict[int, set[tuple]] = {}
        self._last_id = ""

    def frame(self, frame: list[Entry], published: list[dict]) -> Iterator[tuple[str, str]]:
        for entry in frame:
            self.regency.take(entry.fields)
            self.clock_ms, self.grid_ms = self.regency.known.clock_ms, self.regency.known.grid_ms
            yield from self._evaluate(published, entry.offset)
        for escalation in published:
            yield "B", f"spurious: {escalation['change']} to {escalation['level']} for {escalation['reason']}"

    def _evaluate(self, published: list[dict], offset: int) -> Iterator[tuple[str, str]]:
        """Take from `published` what is due after one entry."""
        regency, notified = self.regency, self._status()
        before = regency.ladder.copy(), replace(regency.last), regency.since_ms, regency.episode
        amends = None
        if published and published[0]["change"] == "amended" and self._is_now(published[0]):
            amends = Amendment(published[0]["reason"], published[0]["unverified"])
        for change in regency.evaluate(amends):
            is_tie = self._is_tie(change.reason, change.before, change.level)
            if published and self._fits(change, published[0], is_tie):
                yield from (("B", fault) for fault in self._escalation_faults(change, published.pop(0), offset))
                notified = self._notify(change, notified)
            elif is_tie:
                regency.ladder, regency.last, regency.since_ms, regency.episode = before
            else:
                what = f"{change.kind} to {LEVELS[change.level]} for {change.reason} at {change.score.total} points"
                yield "B", f"missing: {what}"
        if regency.counts:
            self.told.append((self.place.code[:2], regency.counts))
        regency.rest_on(self._told.get((self.place.code, self.clock_ms)))
        if published and self._is_now(published[0]) and self._follows_tie(published[0]):
            del published[0]
        self._note_state(notified)

    def _is_tie(self, reason: str, before: int, level: int) -> bool:
        """Whether rounding may have decided; a grave incident does not depend on the score."""
        is_by_score = level != before and not reason.startswith("grave_incident")
        return is_by_score and self.regency.ladder.had_tie(before, level, self.grid_ms)

    def _fits(self, change: Change, escalation: dict, is_tie: bool) -> bool:
        """Whether that is what was published. After a tie it may have come a moment before or after the recount's."""
        is_same = (escalation["change"], escalation["level"]) == (change.kind, LEVELS[change.level])
        return is_same and (self._is_now(escalation) or not is_tie)

    def _is_now(self, escalation: dict) -> bool:
        return ms(escalation["event_time"]) == self.clock_ms

    def _follows_tie(self, e: dict) -> bool:
        regency, level = self.regency, LEVELS.index(e["level"])
        before = LEVELS.index(e["previous_level"])
        if e["change"] not in MOVES or before != regency.ladder.level or not self._is_tie(e["reason"], before, level):
            return False
        regency.ladder.follow(level, regency.known.grid_ms)
        named = [f"{item['origin']} {item['incident_id']}" for item in e["evidence"]] if level else []
        support = sum(points for name, points in e["components"].items() if name != "prior")
        sole = self._told.get(e["escalation_id"], "")
        regency.last = LastEscalation(regency.known.grid_ms, named, e["unverified"], sole, support)
        regency.since_ms, regency.episode = regency.known.clock_ms, e["episode"]
        self._last_id = e["escalation_id"]
        self._notice(self._last_id, e["previous_level"])
        return True

    def _escalation_faults(self, change: Change, e: dict, offset: int) -> Iterator[str]:
        regency, named = self.regency, self.regency.named(change, e["components"])
        want = {
            "regency": self.place.code,
            "name": self.place.name,
            "episode": change.episode,
            "previous_level": LEVELS[change.before],
            "reason": change.reason,
            "threshold": regency.threshold(change),
            "unverified": change.unverified,
            "routes": regency.routes(change, named),
            "evidence": [self._item(incident) for incident in named],
            "event_time": regency.known.clock_ms,
            "ruleset": self.policy.name,
            "schema": "siaga.escalation/2",
            "ledger": {"partition": self.partition, "offset": offset},
        }
        if change.score.unsure & UNSURE_SUPPORT:
            del want["unverified"]
        expected = odds(self.policy.rules, e)  # of its own fields, each of which is compared by itself
        if (e.get("odds") is None) != (expected is None) or abs((e.get("odds") or 0) - (expected or 0)) > 0.011:
            yield f"{change.kind}: odds is {e.get('odds')}, recounted {expected}"
        got = e | {"event_time": ms(e["event_time"])}
        others = ("escalation_id", "change", "level", "unverified", "score", "components", "odds")
        for fault in (*differences(got, want, *others), *score_faults(e, change.score)):
            yield f"{change.kind}: {fault}"
        self._last_id = e["escalation_id"]
        regency.remember(change, [i.id for i in named], e["unverified"], self._sole_agency(change, e["unverified"]))

    def _sole_agency(self, change: Change, is_unverified: bool) -> str:
        """On which agency alone the level rests: where that may be several, the one that was told is right."""
        if not is_unverified or not change.level:
            return ""
        told = self._told.get(self._last_id, self.regency.last.sole_agency)
        return told if told in change.alone else min(change.alone)

    def _item(self, i: Incident) -> dict[str, Any]:
        return number_of(i) | {
            "sources": sorted(i.sources),
            "agencies": sorted({agency.removeprefix(STRANGER) for agency in i.agencies}),
            "category": i.word.category,
            "severity": i.word.severity,
            "status": i.word.status,
            "weight": self.policy.weights[i.word.severity],
        }

    def _status(self) -> tuple[str, str]:
        """Data status and the agency on which the level rests alone: what a notice carries besides level and share."""
        return self.regency.data_status, self.regency.last.sole_agency

    def _notify(self, change: Change, notified: tuple) -> tuple:
        """Neighbours and the province are notified of a changed level; returns the status that they know then."""
        if change.level == change.before:
            return notified
        self._notice(self._last_id, LEVELS[change.before])
        return self._status()

    def _notice(self, escalation_id: str, before: str, targets: tuple[str, ...] = ()) -> None:
        for target in targets or (*self.place.neighbours, self.place.code[:2]):
            self.notices[target, (*self._state(), before, escalation_id)] += 1

    def _state(self) -> tuple:
        regency = self.regency
        level = LEVELS[regency.ladder.level]
        return regency.known.clock_ms, self.place.code, level, *self._status(), regency.known.share()

    def _note_state(self, notified: tuple) -> None:
        """The province is notified of a changed status, neighbours of a changed agency on which the level rests, and of
        the share once an hour, at a time of the grid.
        """
        regency, state = self.regency, self._state()
        self.states.setdefault(state[0], set()).add(state)
        if self._status() != notified:
            last = self._last_id if regency.has_published else ""
            has_changed_agency = self._status()[1] != notified[1]
            self._notice(last, state[2], () if has_changed_agency else (self.place.code[:2],))
        if regency.has_passed_grid and state[-1] is not None:
            self.share_hours.add(state[0] // HOUR_MS)

    def row_faults(self, row: dict, offset: int) -> Iterator[str]:
        regency, place, pairs = self.regency, self.place, self.regency.candidates()
        want = {
            "schema": "siaga.risk/2",
            "regency": place.code,
            "name": place.name,
            "level": LEVELS[regency.ladder.level],
            "since": regency.since_ms,
            "as_of": self.clock_ms,
            "windows": regency.windows(),
            "turnout": {"stations_expected": place.stations} | self.outcomes.turnout(),
            "data_status": regency.data_status,
            "excluded": {name: self.outcomes.excluded[name] for name in REASONS},
            "candidates": len(pairs),
            "candidate_pairs": [
                {"first": number_of(first), "second": number_of(second)} for first, second in pairs[:PAIRS_MOST]
            ],
            "confidence": regency.confidence(),
            "ruleset": self.policy.name,
            "ledger": {"partition": self.partition, "offset": offset},
        }
        got = row | {"since": ms(row["since"]), "as_of": ms(row["as_of"])}
        yield from differences(got, want, "score", "components")
        yield from score_faults(row, regency.score())


def number_of(incident: Incident) -> dict[str, str]:
    """The number that it goes by, as messages name it."""
    origin, _, incident_id = incident.id.partition(" ")
    return {"origin": origin, "incident_id": incident_id}


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
