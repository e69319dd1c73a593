"""The risk fold of one regency: `step` takes one ledger entry after another and decides.

Pure: what it knows comes from the ledger's entries and the rules. Its clock is the largest `at_ms` it has seen and
never goes back.

Decisions are taken after every entry. Two facts make that cheap and exact. The score is looked at on a time grid (the
ruleset's `step`), so between two grid times only entries can move it; and an added report can only raise it, so as long
as no group's sum has reached what it needs for another point (`streams.risk.scoring.need`) and nothing new confirms
anything, no decision can change."""

from collections import Counter, defaultdict

from schemas.ledger import INCIDENT, NEIGHBOUR, TICK, TURNOUT, Entry
from schemas.roster import Regency
from schemas.vocabulary import DATA_STATUSES, HOUR_MS, LEVELS
from streams.risk.event_ids import EventIds
from streams.risk.incidents import MANY, Incidents, Record
from streams.risk.levels import Ladder
from streams.risk.scoring import Score, learned, need, score
from streams.risk.turnout import Turnout
from streams.rules import GRAVE, SCORED, SLOT_MS, WINDOWS_MS, Kind, Rules
from streams.storage.segments import Segments
from streams.storage.station_records import KeptStations

#: How many entries, by kind and by what became of them.
Outcomes = defaultdict[str, Counter[str]]
LIVE, STALE, SILENT = DATA_STATUSES


class Published:
    """What the last escalation of the running episode said, to know when a correction changes it."""

    __slots__ = (
        "episode", "sequence", "at_ms", "evidence", "unverified", "is_amend_due", "corrected", "is_borne_out", "pressure",
    )  # fmt: skip

    def __init__(self) -> None:
        self.episode = 0  # counts up per regency
        self.sequence = 0  # counts escalations of the regency
        self.at_ms = 0
        self.evidence: list[str] = []  # incident ids
        self.unverified = False
        self.is_amend_due = False
        self.corrected = 0  # points that corrections of what it did not name have moved since
        self.is_borne_out = False  # a second source has spoken of an incident it named since
        self.pressure = 0  # points of incidents it told


class RegencyState:
    """All that is known of one regency. Mutable: the table that holds it is dropped whole when a transaction fails."""

    def __init__(self, regency: Regency, rules: Rules) -> None:
        self.regency = regency
        self.rules = rules
        self.clock_ms = 0
        self.first_ms = 0  # first clock reading; 0 while there was none
        self.grid_ms = 0  # evaluation time in force
        self.offset = -1  # ledger offset of the last frame
        self.incidents = Incidents(rules, rules.place(regency.stations))
        self.event_ids = EventIds()
        self.turnout = Turnout()
        self.kept_stations = KeptStations(self.turnout)
        self.ladder = Ladder()
        self.since_ms = 0
        self.data_status = SILENT
        self.silence_ms = 0  # observed silence since the last report
        self.observed_ms = 0  # clock up to which the silence is counted
        self.is_quiet = False  # silent for too long, as of the grid time
        self.is_silence_told = False  # the silence that lasts has been published
        self.is_unheard = False  # silent for so long that no level may fall, as of the grid time
        self.excluded = {"late": 0, "exercise": 0, "duplicate": 0}
        self.history = [0] * SCORED  # reports by group, 6 to 24 hours old, as of the grid time
        self.neighbours: dict[str, int] = {}  # levels of neighbours above normal
        self.shares: dict[str, int] = {}  # turnout shares that neighbours told, ten-thousandths
        self.told_hour = 0  # the clock's hour in which neighbours were last told of the own share
        self.published = Published()
        self.pruned_hour = 0
        self.segments = Segments()
        # Not state: rebuilt or drained.
        self.scored: Score | None = None  # the score, as long as nothing that it depends on has changed
        self._factors_key: tuple[int, ...] = ()
        self._factors: tuple[float, ...] = ()
        self.decided: Score | None = None  # the score of the last decision
        self.needs: list[float | None] = [
            None
        ] * SCORED  # what each group needs for a point more; None is not yet asked
        self.grid_end_ms = 0  # the next evaluation time; until the clock reaches it only entries change anything
        self.is_due = True
        self.is_review = True  # the grid time or an incident behind an escalation changed: amendments are looked at
        self.is_heard = False  # a report came in while the data were stale or silent

    def factors(self) -> tuple[float, ...]:
        """What the expectation of each group is scaled by; see `streams.risk.scoring.learned`."""
        key = (self.grid_ms // SLOT_MS, *self.history)
        if key != self._factors_key:
            self._factors_key = key
            self._factors = learned(self.rules, self.regency.stations, self.history, self.first_ms, self.grid_ms)
        return self._factors

    def score(self) -> Score:
        """The score as of the grid time and all entries so far."""
        if self.scored is None:
            self.scored = score(
                self.rules, self.regency, self.incidents, self.turnout, self.neighbours, self.shares, self.factors(),
                self.grid_ms,
            )  # fmt: skip
        return self.scored

    def share_myriad(self) -> int | None:
        """Turnout share in ten-thousandths, None while too few stations make no curve."""
        return self.turnout.share_myriad(self.rules.curve_stations)


def step(state: RegencyState, entry: Entry, outcomes: Outcomes) -> bool:
    """Take one entry into the state; True when a decision is due. `outcomes` counts by kind and outcome.

    Raises ValueError for an entry of unknown kind: the ledger holds what this version cannot fold.
    """
    kind, at_ms = entry[0], entry[1]
    if at_ms > state.clock_ms:
        if at_ms < state.grid_end_ms and kind != TICK:
            state.clock_ms = at_ms
        else:
            _advance(state, at_ms, kind)
    if kind == INCIDENT:
        outcome = _incident(state, entry)
    elif kind == TURNOUT:
        outcome = _turnout(state, entry)
    elif kind == TICK:
        outcome = "applied"
    elif kind == NEIGHBOUR:
        outcome = _neighbour(state, entry)
    else:
        raise ValueError(f"ledger entry of unknown kind {kind!r}")
    outcomes[kind][outcome] += 1
    return state.is_due


def _advance(state: RegencyState, at_ms: int, kind: str) -> None:
    """Move the clock. Silence is what ticks tell: a jump of the clock counts as `most_per_tick` at the most."""
    rules = state.rules
    if not state.first_ms:
        state.first_ms = state.since_ms = state.observed_ms = at_ms
        state.pruned_hour = at_ms // HOUR_MS
    if kind == TICK:
        state.silence_ms += min(at_ms - state.observed_ms, rules.tick_most_ms)
        state.observed_ms = at_ms
    state.clock_ms = at_ms
    grid_ms = rules.grid(at_ms)
    state.grid_end_ms = grid_ms + rules.step_ms
    if grid_ms != state.grid_ms:
        state.grid_ms = grid_ms
        state.scored = None
        state.incidents.pass_to(grid_ms)
        state.history = state.incidents.ages(2)[:SCORED]
        state.is_quiet = state.silence_ms >= rules.stale_ms
        state.is_unheard = state.silence_ms >= rules.falls_within_ms
        state.is_due = state.is_review = True
        if at_ms // HOUR_MS != state.pruned_hour:
            _forget(state, at_ms)


def _incident(state: RegencyState, entry: Entry) -> str:
    _, _, event_id, incident_id, revision, _, category, severity, status, occurred, _, source, exercise = entry
    if not state.event_ids.is_new(event_id):
        state.excluded["duplicate"] += 1
        return "duplicate"
    if exercise:
        state.excluded["exercise"] += 1
        return "exercise"
    incidents = state.incidents
    old = incidents.records.get(incident_id)
    spoken, told = source, 0
    if old is not None:
        if revision <= old.revision:
            state.excluded["duplicate"] += 1
            return "duplicate"
        spoken = _spoken(old, source, status)
        told = state.score().total if state.ladder.level else 0
        incidents.take(incident_id)
        state.segments.leave(old.segment)
    kind = state.rules.kinds[category, severity]
    clock = state.clock_ms
    segment = state.segments.add(incident_id, clock)
    state.scored = None
    grave_ms = _grave_since(old, kind, status, clock) if kind.severity >= GRAVE else 0
    incidents.put(incident_id, revision, kind, status, occurred, source, segment, spoken, grave_ms)
    _hear(state)
    if old is not None:
        state.is_due = True
        _note_correction(state, incident_id, old, told)
    elif incidents.news:
        state.is_due = True
    elif not state.is_due and kind.group < SCORED:
        state.is_due = _needs_met(state, kind.group)
    if occurred <= clock - WINDOWS_MS[2]:
        state.excluded["late"] += 1
        return "late"
    return "applied"


def _grave_since(old: Record | None, kind: Kind, status: str, clock_ms: int) -> int:
    """When a grave incident was first told to be as grave as it is told now; 0 when it is taken back.

    It raises from then on, not from when it occurred: a death of which one hears two hours later is news now.
    """
    if status == "retracted":
        return 0
    return old.grave_ms if old is not None and old.grave_ms and old.kind.severity >= kind.severity else clock_ms


def _spoken(old: Record, source: str, status: str) -> str:
    """Who stands behind an incident after another revision of it. Who takes it back does not bear it out."""
    if status == "retracted" or old.spoken == source:
        return old.spoken
    return MANY


def _hear(state: RegencyState) -> None:
    """A report came in: the silence is over."""
    state.silence_ms = 0
    state.observed_ms = state.clock_ms
    state.is_quiet = False
    if state.is_unheard:
        state.is_unheard = False
        state.is_due = True  # what may not fall in silence may fall now
    if state.data_status is not LIVE:
        state.is_heard = state.is_due = True


def _needs_met(state: RegencyState, group: int) -> bool:
    """Whether the group may have gained a point since the last decision."""
    incidents, rules = state.incidents, state.rules
    if rules.rolling_milli is not None:
        return incidents.weights[0] >= needed(state, group)
    return incidents.totals[group] >= needed(state, group)


def needed(state: RegencyState, group: int) -> float:
    """What the group's sum has to reach for another point since the last decision; see `streams.risk.scoring.need`."""
    least = state.needs[group]
    if least is None:
        least = state.needs[group] = need(state.rules, state.decided, group)
    return least


def _note_correction(state: RegencyState, incident_id: str, old: Record, told: int) -> None:
    """What the last escalation said is no longer so: an incident that it named weighs otherwise or is borne out, or
    others moved its score. `told`: the score before the correction."""
    published = state.published
    if not state.ladder.level:
        return
    new = state.incidents.records[incident_id]
    if incident_id not in published.evidence:
        _note_points(state, told)
        return
    published.is_borne_out = published.is_borne_out or (new.spoken == MANY and old.spoken != MANY)
    published.is_amend_due = published.is_amend_due or _weight(new) != _weight(old)
    state.is_review = True


def _weight(record: Record) -> tuple:
    """What makes up how much an incident weighs."""
    return record.kind, record.kind.pressure_milli[record.status], record.occurred_ms


def _note_points(state: RegencyState, told: int) -> None:
    """Points that a correction has moved; enough of them amend what was published."""
    published = state.published
    published.corrected += abs(state.score().total - told)
    state.is_review = state.is_review or published.corrected >= state.rules.amend_points


def _turnout(state: RegencyState, entry: Entry) -> str:
    _, _, event_id, station, registered, voted, as_of, revision, _, exercise = entry
    if not state.event_ids.is_new(event_id):
        state.excluded["duplicate"] += 1
        return "duplicate"
    if exercise:
        state.excluded["exercise"] += 1
        return "exercise"
    turnout = state.turnout
    before, known = (turnout.over_capacity, turnout.repeated), turnout.reported
    is_correction = state.ladder.level > 0 and turnout.corrects(station, registered, voted, as_of)
    told = state.score().total if is_correction else 0
    if not turnout.report(station, registered, voted, as_of, revision, state.kept_stations.move):
        state.excluded["duplicate"] += 1
        return "superseded"
    state.scored = None
    _hear(state)
    if is_correction:
        _note_points(state, told)
    # The first figure shows that there is a feed, and what it lacks; enough of them make a share. How a share drifts is
    # looked at on the grid.
    reported = turnout.reported
    if before != (turnout.over_capacity, turnout.repeated) or (
        known != reported and reported in (1, state.rules.curve_stations)
    ):
        state.is_due = True
    return "applied"


def _neighbour(state: RegencyState, entry: Entry) -> str:
    level = LEVELS.index(entry[3])
    if level:
        state.neighbours[entry[2]] = level
    else:
        state.neighbours.pop(entry[2], None)
    if len(entry) > 7 and entry[7] is not None:
        state.shares[entry[2]] = entry[7]
    state.scored = None
    state.is_due = True
    return "applied"


def _forget(state: RegencyState, at_ms: int) -> None:
    """Once an hour of the clock: drop event ids and incidents older than the ruleset remembers."""
    state.pruned_hour = at_ms // HOUR_MS
    state.event_ids.forget_before(at_ms - state.rules.event_ids_ms)
    incidents = state.incidents
    records = incidents.records

    def may_go(incident_id: str, segment: int) -> bool:
        record = records.get(incident_id)
        return record is None or record.segment != segment or not incidents.is_counted(record)

    for incident_id, segment in state.segments.forget_before(at_ms - state.rules.incidents_ms, may_go):
        if incident_id in records and records[incident_id].segment == segment:
            del records[incident_id]
