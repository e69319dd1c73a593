"""The rolling risk table of one ledger partition: frames in, rows, escalations, state and notices out.

A pure function of the frames: the same ledger gives the same bytes, however frames are grouped into batches. The shell
that calls it (agents/risk.py) owns Kafka; when a transaction fails it drops the whole table and restores a new one.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from schemas.ledger import NEIGHBOUR, TICK, TICK_KEY, Entry, Frame, partition_of
from schemas.roster import Roster
from schemas.ruleset import Ruleset
from schemas.vocabulary import HOUR_MS, LEVELS
from streams.event_time.sequencer import Sequencer
from streams.messages import escalation, row, to_bytes
from streams.province import ProvinceState
from streams.risk.decisions import decide
from streams.risk.regency import Outcomes, RegencyState, step
from streams.risk.runs import fold_plain
from streams.rules import Rules
from streams.storage import records as storage_records


@dataclass(slots=True)
class Drained:
    """Everything since the last drain. Rows: the latest of each key. State: only what changed, None is a tombstone."""

    rows: list[tuple[str, bytes]] = field(default_factory=list)
    provinces: list[tuple[str, bytes]] = field(default_factory=list)
    escalations: list[tuple[str, bytes]] = field(default_factory=list)
    state: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    notices: list[tuple[str, Entry]] = field(default_factory=list)
    outcomes: Outcomes = field(default_factory=lambda: defaultdict(Counter))


class UnknownRegency(ValueError):
    """The ledger or the state speaks of a regency that the roster lacks or that belongs to another partition."""


class RiskTable:
    """All regencies of a roster whose ledger is `partition`, and the provinces whose roll-up is kept there.

    `ruleset` may be given compiled: tables can share it.
    """

    def __init__(self, partition: int, partitions: int, roster: Roster, ruleset: Ruleset | Rules) -> None:
        self.partition = partition
        self.rules = ruleset if isinstance(ruleset, Rules) else Rules(ruleset)
        self._regencies = {
            code.encode(): RegencyState(regency, self.rules)
            for code, regency in roster.items()
            if partition_of(code, partitions) == partition
        }
        members: dict[str, list] = {}
        for regency in roster.values():
            members.setdefault(regency.province, []).append(regency)
        self._provinces = {
            code.encode(): ProvinceState(code, regencies, self.rules)
            for code, regencies in members.items()
            if partition_of(code, partitions) == partition
        }
        self._stored: dict[bytes, bytes] = {}
        self._dirty: dict[bytes, None] = {}
        self._drained = Drained()
        self._ticked_ms = 0  # not state: the newest tick since this table was made

    @property
    def clock_ms(self) -> int:
        """The newest time that was told here; 0 before the first entry."""
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
        """All state was given: rebuild. Raises UnknownRegency when it is of another roster."""
        stored, self._stored = self._stored, {}
        numbered: dict[bytes, dict[bytes, dict[int, bytes]]] = {b"/i/": {}, b"/d/": {}, b"/t/": {}}
        own: dict[bytes, dict[str, bytes]] = {}
        for key, value in stored.items():  # heads first: they hold the time against which incidents are counted
            if key[5:] == b"/h":  # not its end: a station may be called anything
                storage_records.restore_head(self._state(key[:5]), value)
            elif key[2:] == b"/p":
                self._province(key[:2]).restore(value)
        for key, value in stored.items():
            code, kind, name = key[:5], key[5:8], key[8:]
            if kind == b"/s/":
                own.setdefault(code, {})[name.decode()] = value
            elif kind in numbered:
                numbered[kind].setdefault(code, {})[int(name)] = value
        stored.clear()
        for code, stored_ids in numbered[b"/d/"].items():
            self._state(code).event_ids.restore(stored_ids)
        for code in numbered[b"/t/"].keys() | own.keys():
            self._state(code).kept_stations.restore(numbered[b"/t/"].get(code, {}), own.get(code, {}))
        for code, stored_incidents in numbered[b"/i/"].items():
            storage_records.restore_incidents(self._state(code), stored_incidents)

    def apply(self, offset: int, key: bytes, entries: list[Entry]) -> None:
        """Fold one ledger frame. Raises UnknownRegency, or ValueError for an entry of unknown kind."""
        if key == TICK_KEY:
            self._tick(offset, entries)
        elif key in self._regencies:
            self._fold(key, self._regencies[key], offset, entries)
        elif key in self._provinces:
            self._fold_province(key, self._provinces[key], offset, entries)
        else:
            raise UnknownRegency(f"ledger offset {offset}: {key!r} is not of partition {self.partition} of this roster")

    def apply_in_order(self, sequencer: Sequencer | None, key: bytes, frame: Frame) -> None:
        """`apply`, but in the order of event time when there is a sequencer (event clock). Raises NotAFrame."""
        if sequencer is None:
            self.apply(frame.offset, key, frame.entries())
            return
        for at, whose, run in sequencer.take(key, frame):
            self.apply(at, whose, run)

    def drain(self) -> Drained:
        """Everything since the last drain; the table starts a new one."""
        drained, self._drained = self._drained, Drained()
        for key in self._dirty:
            if key in self._regencies:
                state = self._regencies[key]
                drained.rows.append((state.regency.code, to_bytes(row(state, self.partition))))
                drained.state += storage_records.drain(state, key)
            else:
                province = self._provinces[key]
                drained.provinces.append((province.code, to_bytes(province.row(self.partition))))
                drained.state.append((key + b"/p", province.store()))
        self._dirty = {}
        return drained

    def rows(self) -> Iterator[tuple[str, bytes]]:
        """The row of every regency that has a clock, as bytes."""
        for state in self._regencies.values():
            if state.first_ms:
                yield state.regency.code, to_bytes(row(state, self.partition))

    def _tick(self, offset: int, entries: list[Entry]) -> None:
        """Tell the time to everybody for whom it passes a grid time. In between nothing can be decided, and a row and a
        state record of each regency at every tick would be most of what a quiet day writes."""
        for kind, *_ in entries:
            if kind != TICK:
                raise ValueError(f"ledger entry of kind {kind!r} is not for everybody")
        newest_ms = max(entry[1] for entry in entries)
        self._ticked_ms = max(self._ticked_ms, newest_ms)
        grid_ms = self.rules.grid(newest_ms)
        for code, state in self._regencies.items():
            if grid_ms > state.grid_ms:
                self._fold(code, state, offset, entries)
        for code, province in self._provinces.items():
            if grid_ms > province.grid_ms:
                self._fold_province(code, province, offset, entries)

    def _fold(self, key: bytes, state: RegencyState, offset: int, entries: list[Entry]) -> None:
        state.offset = offset
        self._fold_entries(state, offset, entries)
        storage_records.close_frame(state)
        self._dirty[key] = None

    def _fold_entries(self, state: RegencyState, offset: int, entries: list[Entry]) -> None:
        outcomes = self._drained.outcomes
        at, end = 0, len(entries)
        while at < end:
            if at + 1 < end and (at := fold_plain(state, entries, at, outcomes)) == end:
                break
            if step(state, entries[at], outcomes):
                self._decide(state, offset)
            at += 1

    def _decide(self, state: RegencyState, offset: int) -> None:
        known = state.data_status, state.published.unverified
        told = ""
        for decision in decide(state):
            message = escalation(state, decision, self.partition, offset)
            told = message["escalation_id"]
            self._drained.escalations.append((state.regency.code, to_bytes(message)))
            if decision.level != decision.previous_level:
                self._notify(state, decision.previous_level, told)
                known = state.data_status, state.published.unverified
        if (state.data_status, state.published.unverified) != known:
            self._notify_province(state, state.ladder.level, told)
        hour = state.clock_ms // HOUR_MS
        if hour != state.told_hour and state.share_myriad() is not None:
            state.told_hour = hour
            self._notify_neighbours(state, state.ladder.level, "")

    def _notify(self, state: RegencyState, previous: int, told: str) -> None:
        self._notify_neighbours(state, previous, told)
        self._notify_province(state, previous, told)

    def _notify_neighbours(self, state: RegencyState, previous: int, told: str) -> None:
        for neighbour in state.regency.neighbours:
            self._drained.notices.append((neighbour, _notice(state, previous, told)))

    def _notify_province(self, state: RegencyState, previous: int, told: str) -> None:
        self._drained.notices.append((state.regency.province, _notice(state, previous, told)))

    def _fold_province(self, key: bytes, province: ProvinceState, offset: int, entries: list[Entry]) -> None:
        province.offset = offset
        for entry in entries:
            message = province.step(entry, self.partition, offset)
            if message:
                self._drained.escalations.append((province.code, to_bytes(message)))
            if entry[0] == NEIGHBOUR:
                self._drained.outcomes[NEIGHBOUR]["applied"] += 1
        self._dirty[key] = None

    def _state(self, code: bytes) -> RegencyState:
        try:
            return self._regencies[code]
        except KeyError:
            raise UnknownRegency(f"state of {code!r}: not of partition {self.partition} of this roster") from None

    def _province(self, code: bytes) -> ProvinceState:
        try:
            return self._provinces[code]
        except KeyError:
            raise UnknownRegency(f"state of {code!r}: not of partition {self.partition} of this roster") from None


def _notice(state: RegencyState, previous: int, told: str) -> Entry:
    """What neighbours and the province hear, on the ledger.

    `["n", at_ms, from_regency, level, previous_level, escalation_id, data_status, turnout_share, is_unverified]`; the
    id is empty when nothing was escalated, the share is in ten-thousandths or null."""
    told_of = LEVELS[state.ladder.level], LEVELS[previous], told, state.data_status, state.share_myriad()
    return [NEIGHBOUR, state.clock_ms, state.regency.code, *told_of, state.published.unverified]
