"""A deployment for the tests of the laws, without Kafka: Siaga's own gate and fold run in order, in one thread."""

import json
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from schemas.ledger import TICK_KEY, Entry, Frame, encode_frames, entries_of, partition_of, tick_frame, watermark_frame
from schemas.rejected import rejected_headers
from schemas.roster import Roster
from schemas.ruleset import Ruleset
from schemas.station_roster import StationRoster
from schemas.topics import Topic
from streams.admission import Admitted, ClockMode, Gate, Rejection
from streams.event_time.sequencer import Sequencer
from streams.table import Drained, RiskTable
from tests.chaos.hostile import ALONE, Hostile
from tests.chaos.traffic import Message
from tests.recount.ledger import INPUT_HEADER
from tests.recount.outcomes import digest_of
from tests.recount.records import INPUTS, Cut, Evidence, Record
from tests.recount.sample_traffic import Voices

PARTITIONS = 3
SHARDS = len(INPUTS) * PARTITIONS
START_MS = int(datetime.fromisoformat("2024-11-27T12:00:00+07:00").timestamp() * 1000)


class Log:
    """Topics as lists, offsets counted per partition."""

    def __init__(self) -> None:
        self.topics: dict[str, list[Record]] = defaultdict(list)
        self.next: dict[tuple[str, int], int] = defaultdict(int)
        self.cuts: list[Cut] = []
        self.recreated: dict[tuple[str, int], tuple[int, ...]] = defaultdict(tuple)
        self.lost_states: list[list[Record]] = []

    def append(self, topic: str, partition: int, key, value, headers=(), at_ms: int = 0) -> Record:
        offset = self.next[topic, partition]
        self.next[topic, partition] = offset + 1 + (topic not in INPUTS)  # markers of transactions take offsets too
        incarnation = len(self.recreated[topic, partition])
        record = Record(topic, partition, offset, key, value, dict(headers), at_ms, incarnation)
        self.topics[topic].append(record)
        return record

    def evidence(self) -> Evidence:
        def in_order(records: list[Record]) -> list[Record]:
            return sorted(records, key=lambda r: (r.partition, r.incarnation, r.offset))

        return Evidence(
            PARTITIONS,
            {name: in_order(records) for name, records in self.topics.items()},
            ends={place: (end, end) for place, end in self.next.items()},
            committed=dict(self.next),
            cuts=self.cuts,
            recreated={place: some for place, some in self.recreated.items() if some},
            lost_states=self.lost_states,
        )


class Run:
    """Intake and risk in one thread, on a clock that the caller moves. Frames wait for `fold`: batches have several."""

    clock_mode = ClockMode.WALL

    def __init__(
        self,
        seed: int,
        codes: tuple[str, ...] = (),
        stations: StationRoster | None = None,
        ruleset: Ruleset | None = None,
        hostile: Sequence[str] = (),
        roster: Roster | None = None,
    ) -> None:
        """`codes`: the regencies that messages are about, all unless said; `hostile`: sources that do what they can to
        everybody else.
        """
        self.log, self.now_ms, roster = Log(), START_MS, roster or Roster.default()
        self.codes = sorted(codes or roster)
        self.rnd = random.Random(f"play-{seed}")

        def clock() -> float:
            return self.now_ms / 1000

        self.traffic = Voices(seed, self.codes, clock=clock)
        self.hostile = Hostile(seed, self.codes, self.traffic, hostile or ALONE, clock)
        self._gate = Gate(roster, self.clock_mode)
        rules = ruleset or Ruleset.default()
        self._new_table = lambda p: RiskTable(p, PARTITIONS, roster, rules, stations)
        self._tables = {p: self._new_table(p) for p in range(PARTITIONS)}
        self._waiting: dict[int, list[Record]] = {partition: [] for partition in range(PARTITIONS)}
        self._sent = 0
        self._joins: list[tuple[str, str, str]] = []
        self._gone: dict[tuple[str, int], list[int]] = {}

    def tick(self) -> None:
        for partition in range(PARTITIONS):
            self._waiting[partition].append(
                self.log.append("ledger", partition, TICK_KEY, tick_frame(self.now_ms), (), self.now_ms)
            )
        self.fold()

    def publish(self, messages: list[tuple[int, Message]]) -> None:
        """One batch of the inputs: each message at its time. What a regency got of a partition of it is one frame."""
        frames: dict[tuple[str, str, int], list[tuple[int, Entry]]] = defaultdict(list)
        for at_ms, message in messages:
            self._sent, self.now_ms = self._sent + 1, at_ms
            partition = self._sent % PARTITIONS
            record = self.log.append(message.topic, partition, message.key, message.value, message.headers, self.now_ms)
            decision = self._admit(record, message.headers)
            if isinstance(decision, Rejection):
                headers = rejected_headers(
                    decision.reason, decision.error, "p." + record.topic, partition, record.offset
                )
                self.log.append("rejected", partition, record.key, record.value, headers)
            else:
                frames[decision.regency, record.topic, partition].append((record.offset, decision.entry))
        for (code, topic, partition), entries in frames.items():
            origin = json.dumps(["p." + topic, partition, [offset for offset, _ in entries]]).encode()
            self._to_ledger(code, [entry for _, entry in entries], {INPUT_HEADER: origin})
        self._note()

    def _note(self) -> None:
        """How far every input is read."""
        for topic in INPUTS:
            for partition in range(PARTITIONS):
                note = {"topic": "p." + topic, "offset": self.log.next[topic, partition], "note": ""}
                if gone := self._gone.pop((topic, partition), None):
                    note["gone"] = gone
                self.log.append("intake-state", partition, b"p." + topic.encode(), json.dumps(note).encode())

    def _admit(self, record: Record, headers: Iterable[tuple[str, bytes]]) -> Admitted | Rejection:
        return self._gate.admit(Topic(record.topic), record.value, headers, record.at_ms)

    def decide(self) -> None:
        """People join two incidents of a regency, or take back what they joined before."""
        if self._joins and self.rnd.random() < 0.4:
            code, *numbers = self._joins.pop(self.rnd.randrange(len(self._joins)))
            is_undone = True
        elif pair := self.traffic.pair():
            code, *numbers = pair
            is_undone = False
            self._joins.append(pair)
        else:
            return
        self._to_ledger(code, [["j", self.now_ms, *numbers, is_undone, "duty_officer", "same_place_and_time"]])

    def evict(self, sources: Sequence[str]) -> None:
        """People take a source out of a regency, for some hours or for good."""
        from_ms = self.rnd.choice((0, self.now_ms - 3_600_000, self.now_ms - 6 * 3_600_000))
        to_ms = self.rnd.choice((self.now_ms, self.now_ms - 1_800_000))
        code, source = self.rnd.choice(self.codes), self.rnd.choice(sources)
        self._to_ledger(code, [["e", self.now_ms, source, from_ms, to_ms, "duty_officer", "flood"]])

    def erase(self) -> None:
        """People erase an incident, perhaps one that is joined to another or was erased before."""
        if pair := self.traffic.pair():
            code, number, _ = pair
            self._to_ledger(code, [["x", self.now_ms, digest_of(number), "duty_officer", "personal_data_found"]])

    def publish_unread(self, topic: str, partition: int, count: int) -> None:
        """Records that nobody reads, good and bad ones."""
        while count:
            message = self.traffic.next()
            if message.topic == topic:
                self.log.append(topic, partition, message.key, message.value, message.headers, self.now_ms)
                count -= 1

    def cut(self, topic: str, partition: int, count: int) -> None:
        """Retention passes `count` records that nobody has read."""
        read_to, noted_to = self.log.next[topic, partition], self.log.next["intake-state", partition]
        self.publish_unread(topic, partition, count)
        self.log.cuts.append(
            Cut(topic, partition, len(self.log.recreated[topic, partition]), read_to + count, noted_to)
        )
        self._gone[topic, partition] = [read_to, read_to + count]

    def recreate(self, topic: str, unread: int) -> None:
        """An input is deleted with `unread` records in each partition, and created again."""
        for partition in range(PARTITIONS):
            self.publish_unread(topic, partition, unread)
            self.log.recreated[topic, partition] += (self.log.next["intake-state", partition],)
            self.log.next[topic, partition] = 0

    def lose_state(self) -> None:
        """The state topic is deleted, and rebuilt from the ledger without publishing."""
        self.fold()
        self.log.lost_states.append(self.log.topics.pop("risk-state"))
        for partition in range(PARTITIONS):
            table = self._tables[partition] = self._new_table(partition)
            frames = [record for record in self.log.topics["ledger"] if record.partition == partition]
            self.log.next["risk-state", partition] = 0
            quiet_until = json.dumps({"quiet_until": frames[-1].offset + 1}).encode()
            self.log.append("risk-state", partition, b"@begin", quiet_until)
            for start in range(0, len(frames), 40):
                self._write_state(table, partition, frames[start : start + 40])

    def fold(self) -> None:
        """Fold all that waits, and the notices that follow from it."""
        while any(self._waiting.values()):
            for partition, table in self._tables.items():
                frames, self._waiting[partition] = self._waiting[partition], []
                if frames:
                    self._fold(table, partition, frames)

    def _to_ledger(self, code: str, entries: list[Entry], headers: dict[str, bytes] | None = None) -> None:
        partition = partition_of(code, PARTITIONS)
        [frame] = encode_frames(entries)  # they are few
        record = self.log.append("ledger", partition, code.encode(), frame, headers or {}, self.now_ms)
        self._waiting[partition].append(record)

    def _fold(self, table: RiskTable, partition: int, frames: list[Record]) -> None:
        drained = self._write_state(table, partition, frames)
        for topic, pairs in (
            ("risk", drained.rows),
            ("province", drained.provinces),
            ("escalations", drained.escalations),
        ):
            for key, value in pairs:
                self.log.append(topic, partition, key.encode(), value, (), self.now_ms)
        for target, entry in drained.notices:
            self._to_ledger(target, [entry])

    def _write_state(self, table: RiskTable, partition: int, frames: list[Record]) -> Drained:
        for frame in frames:
            self._apply(table, frame)
        drained = table.drain()
        position = json.dumps({"topic": "p.ledger", "offset": frames[-1].offset + 1}).encode()
        for key, value in [*drained.state, (b"@next", position)]:
            self.log.append("risk-state", partition, key, value)
        return drained

    def _apply(self, table: RiskTable, frame: Record) -> None:
        table.apply(frame.offset, frame.key, entries_of(frame.value, frame.at_ms))


class EventRun(Run):
    """The same under the event clock: shards of intake put watermarks on the ledger instead of ticks."""

    clock_mode = ClockMode.EVENT

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._newest_ms = {(topic, partition): 0 for topic in INPUTS for partition in range(PARTITIONS)}
        self._sequencers = {partition: Sequencer(SHARDS) for partition in range(PARTITIONS)}

    def _admit(self, record: Record, headers: Iterable[tuple[str, bytes]]) -> Admitted | Rejection:
        shard = record.topic, record.partition
        decision = self._gate.admit(Topic(record.topic), record.value, headers, self._newest_ms[shard], record.at_ms)
        if isinstance(decision, Admitted):
            self._newest_ms[shard] = max(self._newest_ms[shard], decision.event_ms)
        return decision

    def watermarks(self, is_idle: bool) -> None:
        """From every shard to every partition of the ledger."""
        for (topic, shard), newest_ms in self._newest_ms.items():
            frame = watermark_frame(newest_ms, f"{topic}-{shard}", is_idle)
            for partition, waiting in self._waiting.items():
                waiting.append(self.log.append("ledger", partition, TICK_KEY, frame, (), self.now_ms))

    def _apply(self, table: RiskTable, frame: Record) -> None:
        sequencer = self._sequencers[frame.partition]
        table.apply_in_order(sequencer, frame.key, Frame(frame.offset, frame.value, frame.at_ms))
