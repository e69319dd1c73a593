"""The rolling risk table of one ledger partition: frames in, rows, escalations, state and notices out.

A pure function of the frames: the same ledger gives the same escalations, notices and latest rows and state, however
frames are grouped into batches. agents/risk.py writes them to Kafka; when a transaction fails the whole table is
dropped and a new one restored.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from schemas.ledger import NOTICES, TICK, TICK_KEY, Entry, Frame, partition_of
from schemas.roster import Regency, Roster
from schemas.ruleset import Ruleset
from schemas.station_roster import StationRoster
from schemas.vocabulary import LEVELS
from streams.event_time.sequencer import Sequencer
from streams.messages import counts_notice, escalation, notice, province_escalation, province_row, row, to_bytes
from streams.province import ProvinceState
from streams.risk.decisions import Evaluation
from streams.risk.regency import Outcomes, RegencyState
from streams.rules import Rules
from streams.storage import records
from streams.storage.format import read

_State = TypeVar("_State", RegencyState, ProvinceState)


class Figures(NamedTuple):
    """What metrics show of a row; `level` is 0 normal to 3 awas."""

    regency: str
    name: str
    level: int
    score: int
    data_status: str
    stations_reported: int
    stations_expected: int
    voted: int
    registered: int
    conflicting: int
    unlisted: int
    candidates: int


class Escalated(NamedTuple):
    """What metrics count of an escalation."""

    code: str
    change: str
    level: str


@dataclass(slots=True)
class Drained:
    """Everything since the last drain. Rows: the latest of each key. State: only what changed, None is a tombstone."""

    rows: list[tuple[str, bytes]] = field(default_factory=list)
    provinces: list[tuple[str, bytes]] = field(default_factory=list)
    escalations: list[tuple[str, bytes]] = field(default_factory=list)
    state: list[records.StateRecord] = field(default_factory=list)
    notices: list[tuple[str, Entry]] = field(default_factory=list)
    outcomes: Outcomes = field(default_factory=lambda: defaultdict(Counter))
    #: For metrics: of each of `rows`, and of each of `escalations`.
    figures: list[Figures] = field(default_factory=list)
    escalated: list[Escalated] = field(default_factory=list)


class UnknownRegency(ValueError):
    """The ledger or the state names a regency that the roster lacks or that belongs to another partition."""


class RiskTable:
    """All regencies of a roster whose ledger is `partition`, and the provinces whose roll-up is kept there.

    `ruleset` may be given compiled: tables can share it. `stations`: the stations there are; None when not known.
    """

    def __init__(
        self,
        partition: int,
        partitions: int,
        roster: Roster,
        ruleset: Ruleset | Rules,
        stations: StationRoster | None = None,
    ) -> None:
        self.partition = partition
        self.rules = ruleset if isinstance(ruleset, Rules) else Rules(ruleset)
        self._regencies = {
            code.encode(): RegencyState(regency, self.rules, stations.of(code) if stations else None)
            for code, regency in roster.items()
            if partition_of(code, partitions) == partition
        }
        members: dict[str, list[Regency]] = {}
        for regency in roster.values():
            members.setdefault(regency.province, []).append(regency)
        self._provinces = {
            code.encode(): ProvinceState(code, regencies, self.rules)
            for code, regencies in members.items()
            if partition_of(code, partitions) == partition
        }
        self._stored: dict[bytes, bytes] = {}
        self._changed: dict[bytes, None] = {}  # regencies and provinces since the last drain, in order
        self._drained = Drained()
        self._ticked_ms = 0  # not stored: the newest tick since this table was made

    @property
    def clock_ms(self) -> int:
        """The newest time of any entry; 0 before the first."""
        return max(self._ticked_ms, *(state.clock_ms for state in self._regencies.values()), 0)

    def __iter__(self) -> Iterator[RegencyState]:
        return iter(self._regencies.values())

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take one state record; of several with the same key the last wins."""
        if value is None:
            self._stored.pop(key, None)
        else:
            self._stored[key] = value

    def restored(self) -> None:
        """All state was given: rebuild. Raises UnknownRegency when it is of another roster, and UnknownFormat."""
        regencies, provinces = records.by_code(self._stored.items())
        self._stored = {}
        for code, stored in regencies.items():
            records.restore(self._known(self._regencies, code), stored)
        for code, record in provinces.items():
            self._known(self._provinces, code).restore(read(record))

    def apply(self, offset: int, key: bytes, entries: list[Entry]) -> None:
        """Fold one ledger frame. Raises UnknownRegency, or ValueError for an entry of unknown kind."""
        if key == TICK_KEY:
            self._tick(offset, entries)
        elif key in self._regencies:
            self._fold(self._regencies[key], offset, entries)
        elif key in self._provinces:
            self._fold_province(self._provinces[key], offset, entries)
        else:
            raise UnknownRegency(f"ledger offset {offset}: {key!r} is not of partition {self.partition} of this roster")

    def apply_in_order(self, sequencer: Sequencer | None, key: bytes, frame: Frame) -> None:
        """`apply`, but in the order of event time when there is a sequencer (event clock). Raises NotAFrame."""
        if sequencer is None:
            self.apply(frame.offset, key, frame.entries())
            return
        for offset, of, entries in sequencer.take(key, frame):
            self.apply(offset, of, entries)

    def drain(self) -> Drained:
        """Everything since the last drain; the table starts a new one."""
        drained, self._drained = self._drained, Drained()
        for key in self._changed:
            if key in self._regencies:
                state = self._regencies[key]
                drained.rows.append((state.regency.code, to_bytes(row(state, self.partition))))
                drained.figures.append(_figures(state))
                drained.state += records.drain(state)
            else:
                province = self._provinces[key]
                drained.provinces.append((province.code, to_bytes(province_row(province, self.partition))))
                drained.state.append((records.province_key(province.code), records.encode(province.stored())))
        self._changed = {}
        return drained

    def figures(self) -> Iterator[Figures]:
        """The figures of every regency that has folded an entry."""
        return (_figures(state) for state in self._regencies.values() if state.first_ms)

    def _tick(self, offset: int, entries: list[Entry]) -> None:
        """Fold a tick where it passes an evaluation time. In between nothing can be decided, and a row and a state
        record of each regency at every tick would be most of what is written on a day with few reports."""
        for kind, *_ in entries:
            if kind != TICK:
                raise ValueError(f"ledger entry of kind {kind!r} is not a tick")
        newest_ms = max(entry[1] for entry in entries)
        self._ticked_ms = max(self._ticked_ms, newest_ms)
        grid_ms = self.rules.grid(newest_ms)
        for state in self._regencies.values():
            if grid_ms > state.grid_ms:
                self._fold(state, offset, entries)
        for province in self._provinces.values():
            if grid_ms > province.grid_ms:
                self._fold_province(province, offset, entries)

    def _fold(self, state: RegencyState, offset: int, entries: list[Entry]) -> None:
        for evaluation in state.fold(offset, entries, self._drained.outcomes):
            self._publish(state, evaluation)
        self._changed[state.regency.code.encode()] = None

    def _publish(self, state: RegencyState, evaluation: Evaluation) -> None:
        """Add an evaluation's escalations, and the notices that follow from it, to what is drained next."""
        escalation_id, drained = "", self._drained
        for escalated in evaluation.escalations:
            decision, message = escalated.decision, escalation(state, escalated, self.partition)
            escalation_id = message["escalation_id"]
            drained.escalations.append((state.regency.code, to_bytes(message)))
            drained.escalated.append(Escalated(state.regency.code, decision.change.value, LEVELS[decision.level]))
            if decision.level != decision.previous_level:
                self._notify_neighbours(state, decision.previous_level, escalation_id)
                self._notify(state.regency.province, state, decision.previous_level, escalation_id)
        if evaluation.is_basis_changed:
            self._notify_neighbours(state, state.ladder.level, escalation_id)
        if evaluation.is_status_changed:
            self._notify(state.regency.province, state, state.ladder.level, escalation_id)
        if evaluation.is_share_due:
            self._notify_neighbours(state, state.ladder.level, "")
        if evaluation.is_counts_due:
            drained.notices.append((state.regency.province, counts_notice(state)))

    def _notify_neighbours(self, state: RegencyState, previous_level: int, escalation_id: str) -> None:
        for neighbour in state.regency.neighbours:
            self._notify(neighbour, state, previous_level, escalation_id)

    def _notify(self, target: str, state: RegencyState, previous_level: int, escalation_id: str) -> None:
        self._drained.notices.append((target, notice(state, previous_level, escalation_id)))

    def _fold_province(self, province: ProvinceState, offset: int, entries: list[Entry]) -> None:
        for escalated in province.fold(offset, entries):
            message = province_escalation(province, escalated, self.partition)
            self._drained.escalations.append((province.code, to_bytes(message)))
            self._drained.escalated.append(Escalated(province.code, escalated.change.value, LEVELS[escalated.level]))
        self._drained.notices += province.paces
        province.paces.clear()
        for entry in entries:
            if entry[0] in NOTICES:
                self._drained.outcomes[entry[0]]["applied"] += 1
        self._changed[province.code.encode()] = None

    def _known(self, states: dict[bytes, _State], code: bytes) -> _State:
        try:
            return states[code]
        except KeyError:
            raise UnknownRegency(f"state of {code!r}: not of partition {self.partition} of this roster") from None


def _figures(state: RegencyState) -> Figures:
    turnout = state.turnout
    return Figures(
        state.regency.code, state.regency.name, state.ladder.level, state.score().total, state.silence.status,
        turnout.shown_reported, state.regency.stations, turnout.voted, turnout.registered, turnout.counts.conflicting,
        turnout.shown_unlisted, state.incidents.candidates.pairs,
    )  # fmt: skip
