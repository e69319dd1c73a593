"""One regency replayed from its ledger entries: what it knows, its level, and every change that must be told.

What docs/risk-model.md and docs/levels.md say, done plainly. Shares no code with Siaga.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.chaos.ladder import Ladder
from tests.chaos.policy import GROUPS, HOUR_MS, LEVELS, Place, Policy
from tests.chaos.scoring import Incident, Known, Score, Station, learn, score

GRAVE, SERIOUS, EVIDENCE_MOST = 4, 3, 20
WINDOWS_MS = {"1h": HOUR_MS, "6h": 6 * HOUR_MS, "24h": 24 * HOUR_MS}


class Told(NamedTuple):
    """A change that must be told. Levels are 0 normal to 3 awas; `groups` are those whose grave incidents decided."""

    change: str
    reason: str
    level: int
    before: int
    score: Score
    unverified: bool
    groups: tuple[str, ...]


class Urgent(NamedTuple):
    """What the grave incidents of the last hour ask for."""

    level: int = 0
    is_confirmed: bool = False
    groups: tuple[str, ...] = ()


@dataclass
class Said:
    """What the last escalation said, and what corrections have done to it since."""

    at_ms: int = 0
    named: list[str] = field(default_factory=list)
    unverified: bool = False
    pressure: int = 0
    is_wrong: bool = False
    moved: int = 0
    unsure: int = 0
    is_borne_out: bool = False


class Regency:
    """`take` an entry, then `look`. Counts of outcomes are the oracle's (`oracle.Recount`)."""

    def __init__(self, place: Place, policy: Policy) -> None:
        self.policy, self.known, self.ladder = policy, Known(place, policy), Ladder(policy)
        self.said, self.since_ms, self.episode = Said(), 0, 0
        self.data_status, self.silence_ms, self.heard_to_ms = "silent", 0, 0
        self.is_quiet = self.is_unheard = self.is_silence_told = self.is_heard = False
        self.is_due = self.has_passed = self.is_told_now = False
        self._ids: set[str] = set()
        self._score: Score | None = None

    def score(self) -> Score:
        if self._score is None:
            self._score = score(self.known)
        return self._score

    def take(self, f: list[Any]) -> None:
        """One ledger entry."""
        self.is_due = self.has_passed = False
        if f[1] > self.known.clock_ms:
            self._advance(f[1], f[0] == "k")
        if f[0] == "n":
            self._neighbour(f)
        elif f[0] in ("i", "t") and f[2] not in self._ids:
            self._ids.add(f[2])
            if not f[-1]:
                (self._incident if f[0] == "i" else self._station)(f)

    def _advance(self, at_ms: int, is_tick: bool) -> None:
        known, silence = self.known, self.policy.rules["silence"]
        if not known.began_ms:
            known.began_ms = self.since_ms = self.heard_to_ms = at_ms
        if is_tick:
            self.silence_ms += min(at_ms - self.heard_to_ms, silence["most_per_tick"] * 60_000)
            self.heard_to_ms = at_ms
        known.clock_ms, grid_ms = at_ms, self.policy.grid(at_ms)
        if grid_ms > known.grid_ms:
            self._score = None
            known.pass_to(grid_ms)
            known.learned = learn(known)
            self.is_quiet = self.silence_ms >= silence["stale_after"] * 60_000
            self.is_unheard = self.silence_ms >= silence["falls_within"] * 60_000
            self.is_due = self.has_passed = True

    def _hear(self) -> None:
        self.is_due = self.is_due or self.is_unheard or self.data_status != "live"
        self.silence_ms, self.heard_to_ms, self.is_quiet, self.is_unheard = 0, self.known.clock_ms, False, False
        self.is_heard = self.data_status != "live"

    def _neighbour(self, f: list) -> None:
        self.known.levels[f[2]] = f[3]
        if len(f) > 7 and f[7] is not None:
            self.known.shares[f[2]] = f[7]
        self._score, self.is_due = None, True

    def _incident(self, f: list) -> None:
        known, old = self.known, self.known.incidents.get(f[3])
        new = Incident(f[3], f[4], f[6], f[7], f[8], f[9], f[11], frozenset([f[11]]))
        if old is not None:
            if new.revision <= old.revision:
                return
            new.spoken = old.spoken if new.status == "retracted" else old.spoken | new.spoken
        if new.severity >= GRAVE and new.status != "retracted":
            was_as_grave = old is not None and old.grave_ms and old.severity >= new.severity
            new.grave_ms = old.grave_ms if was_as_grave else known.clock_ms
        before = self.score() if old is not None and self.ladder.level else None
        known.put(new)
        self._score, self.is_due = None, True
        self._hear()
        if before is not None:
            self._correct(old, new, before)

    def _correct(self, old: Incident, new: Incident, before: Score) -> None:
        if new.id not in self.said.named:
            self._moved(before)
            return
        self.said.is_borne_out |= len(new.spoken) > 1 and len(old.spoken) == 1
        self.said.is_wrong |= self._weighs(old) != self._weighs(new)

    def _weighs(self, i: Incident) -> tuple:
        return i.category, i.severity, self.policy.factor(i.category, i.status), i.occurred_ms

    def _moved(self, before: Score) -> None:
        after = self.score()
        self.said.moved += abs(after.total - before.total)
        self.said.unsure += bool(after.unsure or before.unsure)

    def _station(self, f: list) -> None:
        known, held = self.known, self.known.stations.get(f[3])
        new = Station(f[4], f[5], f[6], f[7])
        corrects = False
        if held is not None:
            if (new.as_of_ms, new.revision) <= (held.as_of_ms, held.revision):
                return
            is_other = (new.registered, new.voted) != (held.registered, held.voted)
            corrects = new.voted < held.voted or new.as_of_ms == held.as_of_ms and is_other
            new.repeats = held.repeats + corrects
        before = self.score() if corrects and self.ladder.level else None
        known.put_station(f[3], new)
        self._score = None
        was_over = held is not None and held.voted > held.registered
        self.is_due |= was_over != (new.voted > new.registered) or (new.repeats == 2 and corrects)
        least = self.policy.rules["turnout"]["outlier_stations_least"]
        self.is_due |= held is None and len(known.stations) in (1, least)
        self._hear()
        if before is not None:
            self._moved(before)

    def look(self, amends: bool) -> list[Told]:
        """What must be told after an entry. `amends`: whether an amendment was published here; one may wait for the
        next grid time.
        """
        self.is_told_now = False
        if not self.is_due:
            return []
        current, urgent, before = self.score(), self.urgent(), self.ladder.level
        told = self._data_status(current)
        may_fall = self.data_status != "stale" and not self.is_unheard
        self.ladder.look(self.known.grid_ms, current.total, urgent.level, may_fall, bool(current.unsure))
        if self.ladder.level != before:
            told.append(self._changed(current, urgent, before))
        elif before and (self.has_passed or amends):
            told += self._amended(current, urgent, bool(amends))
        self.is_told_now = bool(told)
        return told

    def urgent(self) -> Urgent:
        rules, known = self.policy.rules["immediate"], self.known
        hour_ago, most, groups = known.grid_ms - HOUR_MS, Urgent(), []
        scoring = [i for i in known.live.values() if i.severity >= SERIOUS and i.grown]
        for group in GROUPS:
            own = [i for i in scoring if i.group == group]
            grave = [i for i in own if i.grave_ms > hour_ago]
            if not grave:
                continue
            groups.append(group)
            serious = [i for i in own if i.occurred_ms > hour_ago]
            sources = {i.source for i in grave + serious}
            sure = len(sources) > 1 or any(len(i.spoken) > 1 for i in grave + serious)
            word = "confirmed" if sure else "unconfirmed"
            level = max(LEVELS.index(rules[f"severity_{i.severity}"][word]) for i in grave)
            if level > most.level:
                most = Urgent(level, sure)
        return most._replace(groups=tuple(groups))

    def _data_status(self, current: Score) -> list[Told]:
        level, silence = self.ladder.level, self.policy.rules["silence"]
        if self.is_heard:
            was_told, self.is_silence_told, self.is_heard, self.data_status = self.is_silence_told, False, False, "live"
            return (
                [Told("recovered", "reports_resumed", level, level, current, self.said.unverified, ())]
                if was_told
                else []
            )
        if not self.is_quiet or self.data_status == "silent":
            return []
        self.data_status, now_ms = "stale", self.known.grid_ms
        missed = self.policy.ordinary_reports(self.known.place.stations, GROUPS, now_ms - self.silence_ms, now_ms)
        if self.is_silence_told or not (level or missed >= silence["expected_least"]):
            return []
        self.is_silence_told = True
        return [Told("stale", "silence", level, level, current, self.said.unverified, ())]

    def _is_unverified(self, current: Score, urgent: Urgent) -> bool:
        if urgent.level:
            return not urgent.is_confirmed
        if self.said.is_borne_out and current.pressure <= self.said.pressure:
            return False
        if not current.pressure:
            return self.said.unverified and self.ladder.level > 0
        return current.borne_out < min(current.pressure, self.ladder.rungs[0]["raise_at"])

    def _changed(self, current: Score, urgent: Urgent, before: int) -> Told:
        level, said, unverified = self.ladder.level, self.said, self._is_unverified(current, urgent)
        self.since_ms = self.known.clock_ms
        is_fall = level < before
        if is_fall:
            unverified = unverified and said.unverified and level > 0
        self.said = Said(self.known.grid_ms, unverified=unverified, is_borne_out=said.is_borne_out and is_fall)
        groups = urgent.groups
        if is_fall:
            return Told("lowered" if level else "cleared", "calm", level, before, current, unverified, groups)
        self.episode += before == 0
        return Told("raised", self._why(current, urgent), level, before, current, unverified, groups)

    def _why(self, current: Score, urgent: Urgent) -> str:
        if urgent.level >= self.ladder.level:
            return "grave_incident_confirmed" if urgent.is_confirmed else "grave_incident"
        parts = {
            "incident_pressure": current.pressure, "turnout_anomaly": current.parts["turnout"], "spill_over": current.parts["neighbours"],
        }  # fmt: skip
        return max(parts, key=parts.__getitem__)

    def _amended(self, current: Score, urgent: Urgent, amends: bool) -> list[Told]:
        said, ladder = self.said, self.policy.rules["ladder"]
        unverified = self._is_unverified(current, urgent)
        is_correction = (
            said.is_wrong or said.moved + (said.unsure if amends else -said.unsure) >= ladder["amend_points"]
        )
        is_confirmed = said.unverified and not unverified
        if not (is_correction or is_confirmed) or self.known.grid_ms - said.at_ms < ladder["amend_every"] * 60_000:
            return []
        self.said = Said(self.known.grid_ms, unverified=unverified, is_borne_out=said.is_borne_out)
        level, reason = self.ladder.level, "correction" if is_correction else "confirmation"
        return [Told("amended", reason, level, level, current, unverified, urgent.groups)]

    def named(self, told: Told, components: dict[str, int]) -> list[Incident]:
        """Incidents to be named: of the groups that decided or have points the 20 that add most now, grave ones of the
        last hour first; told heaviest first. None where no incident decided; a fall without points names all there are.
        """
        if told.change in ("stale", "recovered"):
            return []
        hour_ago, groups = self.known.grid_ms - HOUR_MS, {*told.groups, *(g for g in GROUPS if components.get(g))}
        if not groups and told.level >= told.before:
            return []
        found = [i for i in self.known.scoring() if not groups or i.group in groups]
        found.sort(key=lambda i: (i.grave_ms <= hour_ago, -i.grown, -i.occurred_ms, i.id))
        return sorted(found[:EVIDENCE_MOST], key=lambda i: (-self.policy.weights[i.severity], -i.occurred_ms, i.id))

    def remember(self, told: Told, named: list[str], unverified: bool) -> None:
        """What an escalation named, scored and doubted is what later corrections are held against."""
        if told.change not in ("stale", "recovered"):
            self.said.named = named if told.level else []
            self.said.pressure, self.said.unverified = told.score.pressure, unverified

    def routes(self, told: Told, named: list[Incident]) -> list[str]:
        """Who hears, each once: by rule for silence and turnout, then by the incidents named; the desks of silence if
        nobody would.
        """
        rules = self.policy.rules
        found = {"silence": rules["silence"]["routes"], "reports_resumed": rules["silence"]["routes"],
                 "turnout_anomaly": rules["turnout"]["routes"]}.get(told.reason, [])  # fmt: skip
        for i in named:
            category = rules["categories"][i.category]
            found = [*found, *category["routes"], *(category.get("grave_routes", []) if i.severity >= GRAVE else [])]
        return list(dict.fromkeys(found or rules["silence"]["routes"]))

    def threshold(self, told: Told) -> int:
        rungs = self.ladder.rungs
        return (
            rungs[told.before - 1]["lower_below"]
            if told.level < told.before
            else rungs[max(told.level, 1) - 1]["raise_at"]
        )

    def windows(self) -> dict[str, dict[str, float]]:
        """Live incidents by how long before the clock they occurred, and their severity weights."""
        found, inside = {}, list(self.known.live.values())
        for name, length_ms in reversed(WINDOWS_MS.items()):
            after = self.known.clock_ms - length_ms
            inside = [i for i in inside if i.occurred_ms > after]
            found[name] = {"incidents": len(inside), "weight": sum([self.policy.weights[i.severity] for i in inside])}
        return found

    def confidence(self) -> dict[str, Any]:
        counted, place = self.known.live.values(), self.known.place
        alone = {i.source for i in self.known.scoring() if len(i.spoken) == 1}
        many = any(len(i.spoken) > 1 for i in self.known.scoring())
        verified = sum(i.status != "reported" for i in counted)
        return {
            "verified_share": round(verified / len(counted), 4) if counted else None,
            "sources": max(2, len(alone)) if many else len(alone),
            "completeness": round(min(1.0, len(self.known.stations) / place.stations), 4) if place.stations else None,
        }
