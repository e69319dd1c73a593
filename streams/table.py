"""The rolling risk table of one ledger partition: frames in, rows, escalations, state and notices out.

A pure function of the frames: the same ledger gives the same escalations, notices and latest rows and state, however
frames are grouped into batches. agents/risk.py writes them to Kafka; when a transaction fails the whole table is
dropped and a new one restored.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

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
from streams.storage import made_with, records
from streams.storage.format import UnreadableState

#: What is to be done about a regency that the roster lacks.
PUT_BACK = "put it back, a regency that has state or ledger entries cannot be taken out"


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
    """The ledger or the state names a regency that the roster lacks or that belongs to another partition. One line that
    says what to do.
    """


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
        self.partition, self._partitions = partition, partitions
        self._roster = roster
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
        self._made_with = {
            key: made_with.made_with(
                state.regency, self.rules, partitions, stations.of(state.regency.code) if stations else None
            )
            for key, state in self._regencies.items()
        }
        self._made_bytes = {key: made_with.encoded(made) for key, made in self._made_with.items()}
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

    @property
    def has_state(self) -> bool:
        """Whether `restore` was given any record."""
        return bool(self._stored)

    def check_known(self, codes: Iterable[bytes]) -> None:
        """Raises UnknownRegency for one that is not of this partition and roster."""
        for code in codes:
            self._check_known(code)

    def restored(self) -> list[str]:
        """All state was given: rebuild. Returns in a few words each how roster and ruleset differ from those that the
        state was made with, and may. Raises UnknownRegency when it cannot follow from this roster, and UnknownFormat.
        """
        regencies, provinces = records.by_code(self._stored.items())
        self._stored = {}
        for code in (*regencies, *provinces):
            self._check_known(code)
        made = {code: records.restore(self._regencies[code], stored) for code, stored in regencies.items()}
        for code, record in provinces.items():
            records.restore_province(self._provinces[code], record)
            self._check_heard(f"province {code.decode()}", self._provinces[code].known())
        return self._changes(made) if any(made.values()) else self._borders_gone(made)

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
                drained.state += records.drain(state, self._made_bytes[key])
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

    def _check_known(self, code: bytes) -> None:
        """Raises UnknownRegency for state that is not of this partition and roster."""
        if code in self._regencies or code in self._provinces:
            return
        name, partition = code.decode(errors="replace"), self.partition
        if not re.fullmatch(rb"[0-9]{2}(\.[0-9]{2})?", code):
            raise UnreadableState(f"state of {name!r}, which is neither a regency nor a province")
        if (home := partition_of(name, self._partitions)) != partition:
            raise UnknownRegency(
                f"the state of {name} lies in partition {partition} and belongs into {home} of {self._partitions}: it "
                "was made with another SIAGA_PARTITIONS, which cannot be changed for a prefix that is in use"
            )
        raise UnknownRegency(f"{name} has state in partition {partition} and is not in the roster: {PUT_BACK}")

    def _check_heard(self, who: str, codes: Iterable[str]) -> None:
        """Raises UnknownRegency when something is held of a regency that the roster lacks."""
        if gone := sorted(code for code in codes if code not in self._roster):
            raise UnknownRegency(f"{who} has state of {', '.join(gone)}, not in the roster: {PUT_BACK}")

    def _borders_gone(self, codes: Iterable[bytes]) -> list[str]:
        """Forget what is held of regencies that are no neighbours any more: their last level would count for ever."""
        changes = []
        for code in codes:
            state = self._regencies[code]
            held = state.neighbours.known()
            self._check_heard(state.regency.code, held)
            for other in sorted(held.difference(state.regency.neighbours)):
                state.neighbours.forget(other)
                changes.append(f"{state.regency.code} no longer borders on {other}")
        return changes

    def _changes(self, made: Mapping[bytes, made_with.MadeWith | None]) -> list[str]:
        """How roster and ruleset differ from those that the state was made with. Raises UnknownRegency."""
        known = {code: before for code, before in made.items() if before}
        for before in known.values():
            if before["partitions"] != self._partitions:
                raise UnknownRegency(
                    f"the state was made with SIAGA_PARTITIONS={before['partitions']}, this worker has "
                    f"{self._partitions}: it cannot be changed for a prefix that is in use"
                )
        pairs = [(code.decode(), before, self._made_with[code]) for code, before in known.items()]
        rules = dict.fromkeys(made_with.ruleset_change(before, now) for _, before, now in pairs)
        of_regencies = [
            f"{code}: {', '.join(changes)}"
            for code, before, now in pairs
            if (changes := made_with.regency_changes(before, now))
        ]
        new = [f"{code.decode()} is new" for code in self._regencies if code not in made]
        return [*filter(None, rules), *new, *of_regencies, *self._borders_gone(made)]


def _figures(state: RegencyState) -> Figures:
    turnout = state.turnout
    return Figures(
        state.regency.code, state.regency.name, state.ladder.level, state.score().total, state.silence.status,
        turnout.shown_reported, state.regency.stations, turnout.voted, turnout.registered, turnout.counts.conflicting,
        turnout.shown_unlisted, state.incidents.candidates.pairs,
    )  # fmt: skip
