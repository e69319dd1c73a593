"""The risk fold of one regency: one ledger frame after another in, evaluations out.

Pure: all that it knows comes from the ledger's entries and the rules. A regency's state changes only through the
methods of RegencyState and of the parts that it owns; scoring, decisions, messages and storage read it.

Invariants:

* The clock is the largest `at_ms` of any entry and never goes back. Evaluation times lie on a grid (the ruleset's
  `step`); incidents and silence are judged as of the last one, and each new one makes an evaluation due.
* Between two evaluation times only entries move the score, and a new report can only raise it. So while no group's
  total has reached what it needs for another point (`streams.risk.scoring.need`), and the report changes no
  confirmation and ends no silence, an evaluation would decide nothing and is not made. Whether reports are folded one
  by one or as a run, evaluations come after the same entries.
* What is published follows from the state before it; an escalation's number and citations are recorded when decided.
* What is not stored follows from what is stored, or is empty between frames.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import islice

from schemas.ledger import DECISIONS, INCIDENT, NEIGHBOUR, PACE, TICK, TURNOUT, Entry
from schemas.roster import Regency
from schemas.station_roster import RegencyStations
from schemas.vocabulary import DAY_MS, HOUR_MS, LEVELS
from streams.risk.citations import cite
from streams.risk.decided import Decided
from streams.risk.decisions import (
    Decision,
    Escalation,
    Evaluation,
    Urgency,
    amendment,
    change_of_level,
    data_decisions,
    sole_agency,
    urgency_of,
)
from streams.risk.event_ids import EventIds
from streams.risk.incidents import Incidents
from streams.risk.levels import Ladder
from streams.risk.neighbours import Neighbours
from streams.risk.pace import Pace, hours_of
from streams.risk.published import Published
from streams.risk.record import Record, Report, record_under, report_of
from streams.risk.repeats import Repeats
from streams.risk.scoring import Learned, Needs, Score, score_at
from streams.risk.silence import Silence
from streams.risk.station import Figure, one_text
from streams.risk.turnout import Taken, Turnout
from streams.risk.word_changes import Revision, WordChanges
from streams.risk.words import RETRACTED
from streams.rules import SCORED, Rules
from streams.storage.incident_records import IncidentRecords
from streams.storage.station_records import StationRecords

#: How many entries, by kind and by what became of them.
Outcomes = defaultdict[str, Counter[str]]


class RegencyState:
    """All that is known of one regency. The table that holds it is dropped whole when a transaction fails."""

    def __init__(self, regency: Regency, rules: Rules, stations: RegencyStations | None = None) -> None:
        self.regency = regency
        self.rules = rules
        self.offset = -1  # ledger offset of the last frame
        self.clock_ms = 0
        self.first_ms = 0  # first clock reading; 0 while there was none
        self.grid_ms = 0  # evaluation time in force
        self.since_ms = 0  # clock when the level last changed, at first the first clock reading
        self.incidents = Incidents(rules, regency.stations)
        self.incident_records = IncidentRecords(self.incidents)
        self.event_ids = EventIds(rules.event_ids_most(regency.stations))
        self.turnout = Turnout(rules.offset_ms, regency.stations, stations, rules.figure_room(regency.stations))
        self.station_records = StationRecords(self.turnout)
        self.decided = Decided(self.incidents, self.incident_records, self.turnout, self.station_records)
        self.repeats = Repeats(self.event_ids, self.incidents, self.turnout)
        self.word_changes = WordChanges(self.incidents, self.repeats)
        self.neighbours = Neighbours()
        self.pace = Pace(rules)
        self.ladder = Ladder()
        self.silence = Silence(rules, regency.stations)
        self.published = Published(rules)
        self.excluded = {"late": 0, "exercise": 0, "duplicate": 0, "surplus": 0, "id_reused": 0}
        # Not stored: follows from the above, or is false between frames.
        self._next_grid_ms = 0
        self._is_due = self._is_review_due = True  # an evaluation may decide something; or an amendment
        self._is_new_time = False  # the next evaluation is the first at its time
        self._roomy: frozenset[str] = frozenset()  # agencies with room for all words of the frame
        self._score: Score | None = None  # None since something that it depends on has changed
        self._needs = Needs(rules, self.incidents)
        self._learned = Learned(rules, self.incidents, self.pace)

    def fold(self, offset: int, entries: list[Entry], outcomes: Outcomes) -> Iterator[Evaluation]:
        """Fold one ledger frame; yield each evaluation with an effect before the next entry is folded.

        `outcomes` counts the entries. Raises ValueError for an entry of unknown kind: the ledger holds what this
        version cannot fold."""
        self.offset, self._roomy = offset, self.incidents.words.roomy(len(entries))
        yield from self._fold_entries(entries, outcomes)
        self.event_ids.close_frame(self.clock_ms)
        self.station_records.close_frame()
        self.incident_records.close_frame()

    def score(self) -> Score:
        """The score as of the evaluation time and all entries so far."""
        if self._score is None:
            factors = self._learned.factors(self.first_ms, self.grid_ms)
            self._score = score_at(
                self.rules, self.regency, self.incidents, self.turnout, self.neighbours, factors, self.grid_ms
            )
        return self._score

    def share_myriad(self) -> int | None:
        """Turnout share in ten-thousandths; None while too few stations have reported."""
        return self.turnout.share_myriad(self.rules.curve_stations)

    def resume(self) -> None:
        """The clock was restored, and what of its parts incidents are counted against, before any of these is."""
        if self.grid_ms:
            self._next_grid_ms = self.grid_ms + self.rules.step_ms
            self.incidents.advance(self.grid_ms)
        self.incidents.weigh(self.pace.steps())

    def _fold_entries(self, entries: list[Entry], outcomes: Outcomes) -> Iterator[Evaluation]:
        at = 0
        while at < len(entries):
            at = self._take(entries, at, outcomes)
            if self._is_due and (evaluation := self._evaluate()):
                yield evaluation

    def _take(self, entries: list[Entry], at: int, outcomes: Outcomes) -> int:
        """Take the entry number `at`, and with an incident report those that follow it until an evaluation is due;
        return the number of the next.
        """
        entry = entries[at]
        kind, at_ms = entry[0], entry[1]
        if at_ms > self.clock_ms:
            self._advance(at_ms, kind)
        if kind == INCIDENT:
            return self._take_reports(entries, at, outcomes)
        if kind not in _TAKES:
            raise ValueError(f"ledger entry of unknown kind {kind!r}")
        outcome = _TAKES[kind](self, entry)
        outcomes[kind][outcome] += 1
        return at + 1

    def _advance(self, at_ms: int, kind: str) -> None:
        """Move the clock, and pass the evaluation time that lies between."""
        if at_ms < self._next_grid_ms and kind != TICK:
            self.clock_ms = at_ms
            return
        if not self.first_ms:
            self.first_ms = self.since_ms = at_ms
            self.silence.begin(at_ms)
        if kind == TICK:
            self.silence.tick(at_ms)
        self.clock_ms = at_ms
        grid_ms, before_ms = self.rules.grid(at_ms), self.grid_ms
        self._next_grid_ms = grid_ms + self.rules.step_ms
        if grid_ms == before_ms:
            return
        self.grid_ms = grid_ms
        self._score = None
        self.incidents.advance(grid_ms)
        self.silence.pass_grid()
        if self.pace.expire(grid_ms):
            self.incidents.weigh(self.pace.steps())
        self._is_due = self._is_review_due = self._is_new_time = True
        if before_ms and grid_ms // HOUR_MS != before_ms // HOUR_MS:
            self.event_ids.forget_before(at_ms - self.rules.event_ids_ms)
            self.incident_records.forget_before(at_ms - self.rules.incidents_ms)
            self._roomy = frozenset()

    def _take_reports(self, entries: list[Entry], start: int, outcomes: Outcomes) -> int:
        """Take incident reports from number `start` on; return the number of the first that was not taken."""
        taken: list[str] = []
        self.incidents.hold(self._admitted(entries, start, taken))
        for outcome in set(taken):
            count = taken.count(outcome)
            outcomes[INCIDENT][outcome] += count
            if outcome in self.excluded:
                self.excluded[outcome] += count
        return start + len(taken)

    def _admitted(self, entries: list[Entry], start: int, taken: list[str]) -> Iterator[Report]:
        """Reports that count, from number `start` on, until an evaluation is due; `taken` gets what became of each."""
        incidents, clock_ms, next_grid_ms = self.incidents, self.clock_ms, self._next_grid_ms
        is_new, kinds, records, note = self.event_ids.is_new, self.rules.kinds, incidents.records, taken.append
        totals, weights, needs, names = incidents.totals, incidents.weights, self._needs.least, incidents.names
        is_rolling, is_due, take_word = self.rules.rolling_milli is not None, self._is_due, self.word_changes.take
        reported_ms, before, segment, put_in_segment, room, take_room = 0, 0, 0, note, 0, incidents.words.take
        held, roomy = incidents.words.by_agency, self._roomy
        revised: Revision | str | None
        for entry in islice(entries, start, None):
            if entry[0] != INCIDENT or (is_due and taken):
                break
            (_, at_ms, event_id, incident, revision, place, category, severity, status, occurred, reported, source,
             is_drill, agency) = entry  # fmt: skip
            if at_ms > clock_ms:
                if at_ms >= next_grid_ms:
                    break
                clock_ms = at_ms
            if is_drill or not is_new(f"i {source} {event_id}"):
                note(self.repeats.excluded(entry, is_drill))
                continue
            try:
                source, agency, status = names[source], names[agency], names[status]
            except KeyError:
                source, agency, status = incidents.intern(source, agency, status)
            kind, revised = kinds[category, severity], None
            if incident in records:
                revised = take_word(entry, kind, source, agency, status, clock_ms)
                if isinstance(revised, str):
                    note(revised)
                    continue
                before, incident, roomy = self._release(revised.old), revised.old.incident, frozenset()
            elif agency in roomy:
                held[agency] += 1
            elif not take_room(agency):
                note(self.repeats.surplus(entry))
                continue
            if not room:
                segment, put_in_segment, room = self.incident_records.open(clock_ms)
            put_in_segment(incident)
            room, self._score = room - 1, None
            if status != RETRACTED and (revised is None or revised.ends_silence):
                is_due = (not reported_ms and self.silence.report(clock_ms)) or is_due
                reported_ms = clock_ms
            note("applied" if occurred > clock_ms - DAY_MS else "late")
            if revised is not None:
                yield report_of(incident, revised.words, segment)
                self._note_revision(revised.old, before)
                is_due = True
                continue
            since_ms = clock_ms if status != RETRACTED else 0
            yield incident, revision, kind, status, occurred, source, segment, agency, since_ms, reported, place, (), ""
            if incidents.is_confirmation_changed:
                is_due = True
            elif (group := kind.group) < SCORED and (weights[0] if is_rolling else totals[group]) >= needs[group]:
                is_due = is_due or self._needs.is_reached(group)
        self.clock_ms, self._is_due = clock_ms, is_due
        if reported_ms:
            self.silence.report(reported_ms)

    def _release(self, old: Record) -> int:
        """Release the record that another one replaces; return the score before."""
        before = self.score().total if self.ladder.level else 0
        self.incidents.release(old.incident)
        self.incident_records.leave(old.segment)
        return before

    def _note_revision(self, old: Record, before: int) -> None:
        """The record of an incident changed, when the score was `before`: what is published may no longer hold."""
        if not self.ladder.level:
            return
        if self.published.is_cited(old.incident):
            records = self.incidents.records
            new = record_under(records, old.incident) if old.incident in records else None
            self.published.revise_cited(old, new)
            self._is_review_due = True
        else:
            self._note_moved_points(before)

    def _note_moved_points(self, before: int) -> None:
        """A correction has moved the score from `before`; enough points amend what is published."""
        if self.published.move_points(self.score().total - before):
            self._is_review_due = True

    def _take_decision(self, entry: Entry) -> str:
        before, figures = self.score().total if self.ladder.level else 0, dict(self.turnout.figures.by_agency)
        outcome, replaced = self.decided.take(entry, self.clock_ms)
        self._score, self._is_due = None, True
        cited = [old for old in replaced if self.published.is_cited(old.incident)]
        for old in cited:
            self._note_revision(old, before)
        self.published.cite_only(self.incidents.records)
        if self.ladder.level and (len(cited) < len(replaced) or figures != self.turnout.figures.by_agency):
            self._note_moved_points(before)  # once, however many have moved them
        return outcome

    def _take_turnout(self, entry: Entry) -> str:
        _, _, event_id, station, registered, voted, as_of, revision, source, is_drill, agency, rank = entry
        if is_drill or not self.event_ids.is_new(f"t {source} {event_id}"):
            outcome = self.repeats.excluded(entry, is_drill)
            self.excluded[outcome] += 1
            return outcome
        turnout = self.turnout
        figure = Figure(as_of, revision, registered, voted, one_text(source), one_text(agency), rank)
        anomalies, reported = turnout.anomalies(), turnout.reported
        is_correction = self.ladder.level > 0 and turnout.corrects(station, figure)
        before = self.score().total if is_correction else 0
        taken = turnout.report(station, figure, self.station_records.move)
        if taken is not Taken.APPLIED:
            refused = self.repeats.surplus if taken is Taken.SURPLUS else self.repeats.outdated
            self.excluded[refused(entry)] += 1
            return str(taken.value)
        self._score = None
        self._is_due |= self.silence.report(self.clock_ms)
        if is_correction:
            self._note_moved_points(before)
        # From the first figure on missing stations give points, and `curve_stations` make a share; the rest can wait.
        is_step = turnout.reported != reported and turnout.reported in (1, self.rules.curve_stations)
        self._is_due |= is_step or anomalies != turnout.anomalies()
        return "applied"

    def _take_notice(self, entry: Entry) -> str:
        _, _, neighbour, level, _, _, _, share_myriad, agency = entry
        self.neighbours.notice(neighbour, LEVELS.index(level), share_myriad, agency)
        self._score, self._is_due = None, True
        return "applied"

    def _take_pace(self, entry: Entry) -> str:
        self.pace.take(entry, hours_of(entry[1], self.first_ms))
        self.pace.expire(self.grid_ms)  # it may be late
        self.incidents.weigh(self.pace.steps())
        self._score, self._is_due = None, True
        return "applied"

    def _evaluate(self) -> Evaluation | None:
        """Decide: move the data status and the level, record what is to be published, and return it if there is any."""
        score, rules, ladder, published = self.score(), self.rules, self.ladder, self.published
        is_review_due = self.incidents.take_confirmation_change() or self._is_review_due
        self._needs.reset(score)
        is_new_time, self._is_due, self._is_review_due, self._is_new_time = self._is_new_time, False, False, False
        before, status = ladder.level, (self.silence.status, published.sole_agency)
        publish = self.silence.evaluate(before, self.grid_ms)
        # Before the level changes: that may begin an episode.
        escalations = list(map(self._escalation, data_decisions(publish, before, score, published.sole_agency)))
        decisions = list[Decision]()
        urgency = urgency_of(rules, self.incidents)
        if urgency.level or score.total >= rules.rungs[0].raise_at or not ladder.is_at_rest():
            ladder.step(self.grid_ms, score.total, urgency.level, rules.rungs, rules.keep_ms, self.silence.holds_levels)
        after = ladder.level
        if after != before:
            decisions.append(self._change_level(score, urgency, before, after))
        elif before and is_review_due:
            decisions += self._review(score, urgency, before, is_new_time)
        escalations += map(self._escalation, decisions)
        is_basis_changed = after == before and status[1] != published.sole_agency
        is_status_changed = is_basis_changed or (after == before and status[0] != self.silence.status)
        hour = self.clock_ms // HOUR_MS
        if is_share_due := not self.neighbours.is_notified(hour) and self.share_myriad() is not None:
            self.neighbours.notify(hour)
        if is_counts_due := self.pace.is_due(self.grid_ms) and any(self.incidents.by_agency):
            self.pace.send(self.grid_ms)
        has_effect = escalations or is_status_changed or is_share_due or is_counts_due
        evaluation = Evaluation(escalations, is_status_changed, is_basis_changed, is_share_due, is_counts_due)
        return evaluation if has_effect else None

    def _review(self, score: Score, urgency: Urgency, level: int, is_new_time: bool) -> list[Decision]:
        """At an unchanged level: amend what is published, or note, once for each evaluation time, on whom it rests."""
        rules, published = self.rules, self.published
        rests_on = sole_agency(rules, self.incidents, score, urgency, published, level)
        amended = amendment(rules, score, urgency, published, rests_on, level, self.grid_ms)
        if amended is not None:
            published.amend(rests_on, self.grid_ms)
        elif is_new_time and published.is_unverified:
            published.rest_on(rests_on)
        return [amended] if amended is not None else []

    def _change_level(self, score: Score, urgency: Urgency, before: int, after: int) -> Decision:
        decision = change_of_level(self.rules, self.incidents, score, urgency, self.published, before, after)
        self.since_ms = self.clock_ms
        self.published.change_level(before, after, decision.sole_agency, self.grid_ms)
        return decision

    def _escalation(self, decision: Decision) -> Escalation:
        """Number a decision, and record what it cites: a correction of that is published too."""
        cited: list[Record] = []
        if not decision.is_about_data:
            # Turnout or neighbours alone raise without an incident. A fall with no deciding group cites from all.
            if decision.groups or decision.is_fall:
                cited = cite(self.rules, self.incidents, decision.groups)
            keys = [record.incident for record in cited] if decision.level else []
            self.published.cite(keys, decision.score.support)
        return Escalation(decision, self.published.episode, self.published.number_next(), cited)


_TAKES: dict[str, Callable[[RegencyState, Entry], str]] = {
    TICK: lambda *_: "applied",
    TURNOUT: RegencyState._take_turnout,
    NEIGHBOUR: RegencyState._take_notice,
    PACE: RegencyState._take_pace,
    **dict.fromkeys(DECISIONS, RegencyState._take_decision),
}
