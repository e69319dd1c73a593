"""One regency folded from its ledger entries: its state, its level, and every change that must be published.

What docs/risk-model.md and docs/levels.md say, done plainly.
"""

from typing import Any

from tests.recount.candidates import pairs
from tests.recount.changes import Amendment, Change, LastEscalation, Urgent
from tests.recount.known import MANY, Known
from tests.recount.ladder import Ladder
from tests.recount.learning import learn
from tests.recount.outcomes import Effect, Outcomes
from tests.recount.pace import Pace, Told, counts_of, pace_of
from tests.recount.policy import GROUPS, HOUR_MS, LEVELS, QUARTER_MS, WINDOWS_MS, Place, Policy
from tests.recount.polls import Figure
from tests.recount.scoring import Score, score
from tests.recount.words import GRAVE, Incident

EVIDENCE_MOST, PAIRS_MOST = 20, 10
#: What decides on whether a level is unverified.
UNSURE_SUPPORT = {"corroborated", "turnout", GROUPS[-1]}


class Regency:
    """`take` an entry, then `evaluate`. `held`: what is held of it and what became of its entries."""

    def __init__(self, place: Place, policy: Policy, held: Outcomes) -> None:
        self.policy, self.held, self.ladder = policy, held, Ladder(policy)
        self.known = Known(place, policy, held)
        self.last, self.since_ms, self.episode = LastEscalation(), 0, 0
        self.data_status, self.silence_ms, self.counted_to_ms = "silent", 0, 0
        self.is_past_stale = self.is_past_fall = self.is_stale_published = self.has_resumed = False
        self.is_due = self.has_passed_grid = self.has_published = False
        self._score: Score | None = None
        self._odd: dict[str, tuple[bool, ...]] = {}
        self._pace: Pace | None = None
        #: What its province must be told after an entry, and of which quarter hour that was the last time.
        self.counts: Told | None = None
        self._counted = -1

    def score(self) -> Score:
        if self._score is None:
            self._score = score(self.known)
        return self._score

    def take(self, f: list[Any]) -> None:
        """One ledger entry."""
        self.is_due = self.has_passed_grid = False
        if f[1] > self.known.clock_ms:
            self._advance(f[1], f[0] == "k")
        before = self.score() if self.ladder.level and self._may_correct(f) else None
        effect = self.held.take(f)
        if f[0] == "n":
            self._notice(f)
        elif f[0] == "p":
            self._take_pace(pace_of(self.known, f))
        elif effect:
            self._change(f, effect, before)

    def _may_correct(self, f: list[Any]) -> bool:
        """Whether an entry may tell otherwise what was told before."""
        if f[0] == "i":
            return f[3] in self.held.words.words
        return f[0] in ("j", "e", "x") or (f[0] == "t" and f[3] in self.held.side(f[3]))

    def _advance(self, at_ms: int, is_tick: bool) -> None:
        known, silence = self.known, self.policy.rules["silence"]
        if not known.began_ms:
            known.began_ms = self.since_ms = self.counted_to_ms = at_ms
        if is_tick:
            self.silence_ms += min(at_ms - self.counted_to_ms, silence["most_per_tick"] * 60_000)
            self.counted_to_ms = at_ms
        known.clock_ms, grid_ms = at_ms, self.policy.grid(at_ms)
        if grid_ms > known.grid_ms:
            self._score = None
            known.pass_to(grid_ms)
            if self._pace and not self._pace.counts(grid_ms):
                self._pace = None
                known.set_pace({}, {})
            known.learned = learn(known)
            self.is_past_stale = self.silence_ms >= silence["stale_after"] * 60_000
            self.is_past_fall = self.silence_ms >= silence["falls_within"] * 60_000
            self.is_due = self.has_passed_grid = True

    def _end_silence(self) -> None:
        self.has_resumed = self.data_status != "live"
        self.is_due = self.is_due or self.is_past_fall or self.has_resumed
        self.silence_ms, self.counted_to_ms = 0, self.known.clock_ms
        self.is_past_stale = self.is_past_fall = False

    def _notice(self, f: list) -> None:
        self.known.levels[f[2]], self.known.soles[f[2]] = f[3], f[8]
        if f[7] is not None:
            self.known.shares[f[2]] = f[7]
        self._score, self.is_due = None, True

    def _take_pace(self, pace: Pace) -> None:
        self._pace = pace
        self.known.set_pace(*pace[1:] if pace.counts(self.known.grid_ms) else ({}, {}))
        self.known.learned = learn(self.known)
        self._score, self.is_due = None, True

    def _change(self, f: list[Any], effect: Effect, before: Score | None) -> None:
        """Something is told otherwise: by a word, by a figure, or because people have decided."""
        kind = f[0]
        old = {number: self.known.incidents[number] for number in effect.numbers & self.known.incidents.keys()}
        for number in old:
            self.known.drop(number)
        new = {i.id: i for i in map(self.held.words.incident, effect.numbers) if i is not None}
        for incident in new.values():
            self.known.put(incident)
        if effect.numbers:
            self.known.learned = learn(self.known)
        if kind == "t" and f[3] in self.held.stations and self.held.stations[f[3]].votes_again:
            self.known.note_vote(Figure.of(f))
        self.is_due |= self._is_odd_otherwise(effect) or kind != "t"
        self._score = None
        if effect.is_sign:
            self._end_silence()
        if before is not None:
            self._correct(old, new, kind in ("e", "x"))
            is_of_figures = effect.is_correction or (kind == "e" and bool(effect.stations))
            if is_of_figures or not old.keys() <= set(self.last.named):
                self._add_movement(before)
            # What was taken out is named no more, also when it is told again.
            self.last.named = [number for number in self.last.named if number in self.held.words.words]

    def _is_odd_otherwise(self, effect: Effect) -> bool:
        """Whether anything that gives points by itself changes with these stations."""
        stations, least = self.held.stations, self.policy.rules["turnout"]["outlier_stations_least"]
        is_odd = False
        for key in effect.stations:
            is_odd |= key in stations and key not in self._odd and len(stations) in (1, least)
            odd = self._oddities(key)
            is_odd |= odd != self._odd.get(key, (False,) * len(odd))
            self._odd[key] = odd
            if key not in stations and key not in self.held.unlisted:
                del self._odd[key]
        return is_odd

    def _correct(self, old: dict[str, Incident], new: dict[str, Incident], is_taken_out: bool) -> None:
        """Incidents were told otherwise, or go by another number now. One that was taken out confirms nothing."""
        last = self.last
        for number, was in old.items():
            now = self.held.words.incident(number)
            if number not in last.named:
                continue
            if now is not None and now.is_confirmed != was.is_confirmed:
                last.is_confirmed_since = now.is_confirmed
                last.is_wrong |= was.is_confirmed
            if now is None and is_taken_out and was.is_confirmed:
                last.is_confirmed_since = False
            last.is_wrong |= now is None or now.id != number or self._weighs(was) != self._weighs(now)

    def _weighs(self, i: Incident) -> tuple:
        return i.word.category, i.word.severity, self.policy.factor(i.word.category, i.word.status), i.word.occurred_ms

    def _add_movement(self, before: Score) -> None:
        after = self.score()
        self.last.moved += abs(after.total - before.total)
        self.last.unsure += bool(after.unsure or before.unsure)

    def _oddities(self, key: str) -> tuple[bool, ...]:
        """What is odd about a station, each of which gives points."""
        if key in self.held.unlisted:
            return (True,)
        station = self.held.stations.get(key)
        if station is None:
            return (False, False, False)
        return station.figure.is_over, station.repeats > 1, bool(station.disputed)

    def evaluate(self, amends: Amendment | None) -> list[Change]:
        """What must be published after an entry. `amends`: the amendment that was published here; one may wait for the
        next grid time.
        """
        self.has_published, self.counts = False, None
        if not self.is_due:
            return []
        self._count()
        current, urgent, before = self.score(), self.urgent(), self.ladder.level
        changes = self._data_status(current)
        may_fall = self.data_status != "stale" and not self.is_past_fall
        self.ladder.look(self.known.grid_ms, current.total, urgent.level, may_fall, bool(current.unsure))
        if self.ladder.level != before:
            changes.append(self._changed(current, urgent, before))
        elif before and (self.has_passed_grid or amends):
            changes += self._amended(current, urgent, amends)
        self.has_published = bool(changes)
        return changes

    def _count(self) -> None:
        """Once in each quarter hour, when anything counts."""
        quarter = self.known.grid_ms // QUARTER_MS
        if quarter != self._counted and self.known.scoring():
            self._counted, self.counts = quarter, counts_of(self.known)

    def rest_on(self, told: str | None) -> None:
        """At a new time of the grid an unverified level that nothing was published of rests on whom it rests on now.
        `told`: the agency of a notice of that moment; it is right where it may be several.
        """
        last, urgent = self.last, self.urgent()
        if self.has_published or not (self.is_due and self.has_passed_grid and last.unverified):
            return
        current, is_by_score = self.score(), not self._rests_on_grave(self.score(), urgent)
        alone = self._alone(current, urgent)
        if is_by_score and current.unsure & UNSURE_SUPPORT:
            alone |= {last.sole_agency}
        elif not self._is_unverified(current, urgent):
            return
        if told in alone:
            last.sole_agency = told
        elif last.sole_agency not in alone:
            last.sole_agency = min(alone)

    def urgent(self) -> Urgent:
        rules = self.policy.rules["immediate"]
        grave = [i for i in self.known.scoring() if self._is_urgent(i)]
        asks = [
            (LEVELS.index(rules[f"severity_{i.word.severity}"]["confirmed" if i.is_confirmed else "unconfirmed"]), i)
            for i in grave
        ]
        most = max((level for level, _ in asks), default=0)
        asking = [i for level, i in asks if level == most]
        agencies = frozenset().union(*(i.behind for i in asking))
        groups = tuple(group for group in GROUPS if any(i.group == group for i in grave))
        return Urgent(most, any(i.is_confirmed for i in asking), groups, agencies)

    def _is_urgent(self, incident: Incident) -> bool:
        return incident.is_grave and incident.since_ms > self.known.grid_ms - HOUR_MS

    def _data_status(self, current: Score) -> list[Change]:
        level, silence = self.ladder.level, self.policy.rules["silence"]
        if self.has_resumed:
            was_published = self.is_stale_published
            self.is_stale_published, self.has_resumed, self.data_status = False, False, "live"
            return [self._as_before("recovered", "reports_resumed", current)] if was_published else []
        if not self.is_past_stale or self.data_status == "silent":
            return []
        self.data_status, now_ms = "stale", self.known.grid_ms
        since_ms, stations = now_ms - self.silence_ms, self.known.place.stations
        missed = self.policy.ordinary_reports(stations, GROUPS, since_ms, now_ms, is_even=False)
        if self.is_stale_published or not (level or missed >= silence["expected_least"]):
            return []
        self.is_stale_published = True
        return [self._as_before("stale", "silence", current)]

    def _as_before(self, kind: str, reason: str, current: Score) -> Change:
        level, last = self.ladder.level, self.last
        alone = frozenset({last.sole_agency})
        return Change(kind, reason, level, level, self.episode, current, last.unverified, (), alone)

    def _rests_on_grave(self, current: Score, urgent: Urgent) -> bool:
        """Whether a grave incident of the last hour and not the score keeps the level."""
        level = self.ladder.level
        if not urgent.level or urgent.level >= level:
            return urgent.level > 0
        return bool(current.total < self.policy.rules["ladder"][LEVELS[level]]["lower_below"])

    def _is_unverified(self, current: Score, urgent: Urgent) -> bool:
        if self._rests_on_grave(current, urgent):
            return not urgent.is_confirmed
        if self.last.is_confirmed_since and current.support <= self.last.support:
            return False
        if not current.support:
            return self.last.unverified and self.ladder.level > 0
        return current.support - current.alone < min(current.support, self.ladder.rungs[0]["raise_at"])

    def _alone(self, current: Score, urgent: Urgent) -> frozenset[str]:
        """The agencies on one of which an unverified level rests; MANY when each grave incident is one's of several."""
        if self._rests_on_grave(current, urgent):
            return urgent.agencies if len(urgent.agencies) == 1 else frozenset({MANY})
        return current.loudest or frozenset({self.last.sole_agency})

    def _changed(self, current: Score, urgent: Urgent, before: int) -> Change:
        level, last, unverified = self.ladder.level, self.last, self._is_unverified(current, urgent)
        self.since_ms = self.known.clock_ms
        is_fall = level < before
        if is_fall:
            unverified = unverified and last.unverified and level > 0
        is_confirmed_since = last.is_confirmed_since and is_fall and level > 0
        self.last = LastEscalation(
            self.known.grid_ms,
            unverified=unverified,
            sole_agency=last.sole_agency,
            is_confirmed_since=is_confirmed_since,
        )
        self.episode += not is_fall and before == 0
        kind = "raised" if not is_fall else "lowered" if level else "cleared"
        reason = "calm" if is_fall else self._why(current, urgent)
        alone = self._alone(current, urgent)
        return Change(kind, reason, level, before, self.episode, current, unverified, urgent.groups, alone)

    def _why(self, current: Score, urgent: Urgent) -> str:
        if urgent.level >= self.ladder.level:
            return "grave_incident_confirmed" if urgent.is_confirmed else "grave_incident"
        parts = {
            "incident_pressure": current.pressure,
            "turnout_anomaly": current.parts["turnout"],
            "spill_over": current.parts["neighbours"],
        }
        return max(parts, key=parts.__getitem__)

    def _amended(self, current: Score, urgent: Urgent, amends: Amendment | None) -> list[Change]:
        """Where a point's rounding decides, what was published is right."""
        last, ladder = self.last, self.policy.rules["ladder"]
        unverified = self._is_unverified(current, urgent)
        if not self._rests_on_grave(current, urgent) and current.unsure & UNSURE_SUPPORT:
            unverified = amends.unverified if amends else last.unverified
        may_be_correction = amends is not None and amends.reason == "correction"
        moved = last.moved + (last.unsure if may_be_correction else -last.unsure)
        is_correction = last.is_wrong or moved >= ladder["amend_points"]
        is_confirmed = last.unverified and not unverified
        if not (is_correction or is_confirmed) or self.known.grid_ms - last.at_ms < ladder["amend_every"] * 60_000:
            return []
        level, reason = self.ladder.level, "correction" if is_correction else "confirmation"
        if not self.has_passed_grid and amends != Amendment(reason, unverified):
            return []  # it waits: what was published is of a later entry of this moment
        alone = self._alone(current, urgent)
        self.last = LastEscalation(
            self.known.grid_ms,
            unverified=unverified,
            sole_agency=last.sole_agency,
            is_confirmed_since=last.is_confirmed_since,
        )
        return [Change("amended", reason, level, level, self.episode, current, unverified, urgent.groups, alone)]

    def named(self, change: Change, components: dict[str, int]) -> list[Incident]:
        """The evidence: of the groups that decided or have points, the 20 incidents that add most now.

        Grave ones of the last hour come first; the list is heaviest first. None where no incident decided; a fall
        without points lists all.
        """
        if change.kind in ("stale", "recovered"):
            return []
        groups = {*change.groups, *(g for g in GROUPS if components.get(g))}
        if not groups and change.level >= change.before:
            return []
        found = [i for i in self.known.scoring() if not groups or i.group in groups]
        weighing = self.known.weighing()
        found.sort(key=lambda i: (not self._is_urgent(i), -weighing[i.id], -i.word.occurred_ms, i.id))
        most = found[:EVIDENCE_MOST]
        # Of each group at least the first, in place of the last ones.
        first = {group: [i for i in found if i.group == group][:1] for group in GROUPS if group in groups}
        lacking = [i for group in first for i in first[group] if all(group != one.group for one in most)]
        most = most[: EVIDENCE_MOST - len(lacking)] + lacking
        return sorted(most, key=lambda i: (-self.policy.weights[i.word.severity], -i.word.occurred_ms, i.id))

    def remember(self, change: Change, named: list[str], unverified: bool, sole_agency: str) -> None:
        """Later corrections are measured against what this escalation named and scored."""
        if change.kind not in ("stale", "recovered"):
            self.last.sole_agency = sole_agency
            self.last.named = named if change.level else []
            self.last.support, self.last.unverified = change.score.support, unverified

    def routes(self, change: Change, named: list[Incident]) -> list[str]:
        """Receivers, each once: by rule for silence and turnout, then by the incidents named; those of silence if there
        would be none.
        """
        rules = self.policy.rules
        found = {"silence": rules["silence"]["routes"], "reports_resumed": rules["silence"]["routes"],
                 "turnout_anomaly": rules["turnout"]["routes"]}.get(change.reason, [])  # fmt: skip
        for i in named:
            category = rules["categories"][i.word.category]
            is_grave = i.word.severity >= GRAVE
            found = [*found, *category["routes"], *(category.get("grave_routes", []) if is_grave else [])]
        return list(dict.fromkeys(found or rules["silence"]["routes"]))

    def threshold(self, change: Change) -> int:
        rungs = self.ladder.rungs
        if change.level < change.before:
            return rungs[change.before - 1]["lower_below"]
        return rungs[max(change.level, 1) - 1]["raise_at"]

    def windows(self) -> dict[str, dict[str, float]]:
        """Live incidents by how long before the clock they occurred, and their severity weights."""
        found, inside = {}, list(self.known.live.values())
        for name, length_ms in reversed(WINDOWS_MS.items()):
            after = self.known.clock_ms - length_ms
            inside = [i for i in inside if i.word.occurred_ms > after]
            weights = [self.policy.weights[i.word.severity] for i in inside]
            found[name] = {"incidents": len(inside), "weight": sum(weights)}
        return found

    def candidates(self) -> list[tuple[Incident, Incident]]:
        """Pairs of incidents that may be one, the one that counts first."""
        return pairs(self.known.live.values(), self.policy)

    def confidence(self) -> dict[str, Any]:
        counted, place = self.known.live.values(), self.known.place
        alone = {agency for i in self.known.scoring() if not i.is_confirmed for agency in i.behind}
        many = any(i.is_confirmed for i in self.known.scoring())
        verified = sum(i.word.status != "reported" for i in counted)
        return {
            "verified_share": round(verified / len(counted), 4) if counted else None,
            "sources": max(2, len(alone)) if many else len(alone),
            "completeness": round(min(1.0, len(self.held.stations) / place.stations), 4) if place.stations else None,
        }
