"""Honest evidence without Kafka: the product's own gate and fold run in order, so that planting one fault has one
cause.

Only for testing the checker; the checker itself never sees the product's code.
"""

import json
import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from schemas.ledger import TICK_KEY, encode_frames, entries_of, partition_of, tick_frame
from schemas.rejected import rejected_headers
from schemas.roster import Roster
from schemas.ruleset import Ruleset
from schemas.topics import Topic
from streams.admission import ClockMode, Gate, Rejection
from streams.table import Drained, RiskTable
from tests.chaos.evidence import INPUTS, Cut, Evidence, Seen
from tests.chaos.traffic import Message, Traffic, turnout

PARTITIONS = 3
SECOND_MS, MINUTE_MS = 1000, 60_000
START_MS = int(datetime.fromisoformat("2024-11-27T12:00:00+07:00").timestamp() * 1000)


class Log:
    """Topics as lists, offsets counted per partition."""

    def __init__(self) -> None:
        self.topics: dict[str, list[Seen]] = defaultdict(list)
        self.next: dict[tuple[str, int], int] = defaultdict(int)
        self.cuts: list[Cut] = []
        self.begun: dict[tuple[str, int], tuple[int, ...]] = defaultdict(tuple)
        self.lost_states: list[list[Seen]] = []

    def append(self, topic: str, partition: int, key, value, headers=(), at_ms: int = 0) -> Seen:
        offset = self.next[topic, partition]
        self.next[topic, partition] = offset + 1 + (topic not in INPUTS)  # markers of transactions take offsets too
        incarnation = len(self.begun[topic, partition])
        record = Seen(topic, partition, offset, key, value, dict(headers), at_ms, incarnation)
        self.topics[topic].append(record)
        return record

    def evidence(self) -> Evidence:
        topics = {
            name: sorted(some, key=lambda r: (r.partition, r.incarnation, r.offset))
            for name, some in self.topics.items()
        }
        ends = {place: (end, end) for place, end in self.next.items()}
        begun = {place: some for place, some in self.begun.items() if some}
        return Evidence(
            PARTITIONS, topics, ends, dict(self.next), cuts=self.cuts, begun=begun, lost_states=self.lost_states
        )  # fmt: skip


class Play:
    """Intake and risk in one thread, on a clock that is told. What was not yet folded waits, so that batches have
    several frames.
    """

    def __init__(self, seed: int) -> None:
        self.log, self.now_ms, roster = Log(), START_MS, Roster.default()
        self.codes = sorted(roster)
        self.rnd = random.Random(f"play-{seed}")
        self.traffic = Traffic(seed, self.codes, clock=lambda: self.now_ms / 1000)
        self._gate = Gate(roster, ClockMode.WALL)
        self._new_table = lambda p: RiskTable(p, PARTITIONS, roster, Ruleset.default())
        self._tables = {p: self._new_table(p) for p in range(PARTITIONS)}
        self._waiting: dict[int, list[Seen]] = defaultdict(list)
        self._sent = 0
        self._gone: dict[tuple[str, int], list[int]] = {}

    def tick(self) -> None:
        for partition in range(PARTITIONS):
            self._waiting[partition].append(
                self.log.append("ledger", partition, TICK_KEY, tick_frame(0), (), self.now_ms)
            )
        self.fold()

    def publish(self, messages: list[tuple[int, Message]]) -> None:
        """One batch of an input: each message at its time. What a regency got of it is one frame."""
        frames: dict[str, list] = defaultdict(list)
        for at_ms, message in messages:
            self._sent, self.now_ms = self._sent + 1, at_ms
            partition = self._sent % PARTITIONS
            record = self.log.append(message.topic, partition, message.key, message.value, message.headers, at_ms)
            decision = self._gate.admit(Topic(message.topic), record.value, message.headers, at_ms)
            if isinstance(decision, Rejection):
                headers = rejected_headers(
                    decision.reason, decision.error, "p." + record.topic, partition, record.offset
                )
                self.log.append("rejected", partition, record.key, record.value, headers)
            else:
                frames[decision.regency].append(decision.entry)
        for code, entries in frames.items():
            self._to_ledger(code, entries)
        for topic in INPUTS:
            for partition in range(PARTITIONS):
                note = {"topic": "p." + topic, "offset": self.log.next[topic, partition], "note": ""}
                if gone := self._gone.pop((topic, partition), None):
                    note["gone"] = gone
                self.log.append("intake-state", partition, b"p." + topic.encode(), json.dumps(note).encode())

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
        self.log.cuts.append(Cut(topic, partition, len(self.log.begun[topic, partition]), read_to + count, noted_to))
        self._gone[topic, partition] = [read_to, read_to + count]

    def create_anew(self, topic: str, unread: int) -> None:
        """An input is deleted with `unread` records in each partition."""
        for partition in range(PARTITIONS):
            self.publish_unread(topic, partition, unread)
            self.log.begun[topic, partition] += (self.log.next["intake-state", partition],)
            self.log.next[topic, partition] = 0

    def lose_state(self) -> None:
        """The state topic is deleted, and built again from the ledger in silence."""
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
        """Fold all that waits, and what neighbours are told of it."""
        while any(self._waiting.values()):
            for partition, table in self._tables.items():
                frames, self._waiting[partition] = self._waiting[partition], []
                if frames:
                    self._fold(table, partition, frames)

    def _to_ledger(self, code: str, entries: list) -> None:
        partition = partition_of(code, PARTITIONS)
        for frame in encode_frames(entries):
            self._waiting[partition].append(self.log.append("ledger", partition, code.encode(), frame, (), self.now_ms))

    def _fold(self, table: RiskTable, partition: int, frames: list[Seen]) -> None:
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

    def _write_state(self, table: RiskTable, partition: int, frames: list[Seen]) -> Drained:
        for frame in frames:
            table.apply(frame.offset, frame.key, entries_of(frame.value, frame.at_ms))
        drained = table.drain()
        position = json.dumps({"topic": "p.ledger", "offset": frames[-1].offset + 1}).encode()
        for key, value in [*drained.state, (b"@next", position)]:
            self.log.append("risk-state", partition, key, value)
        return drained


def honest_evidence(seed: int, count: int) -> Evidence:
    """What an exact run leaves behind: half of `count` messages in a storm, half in the hour after it, then a quiet
    evening.

    In the evening some regencies are heard and calm down; the others fall silent, and speak again in its last hours.
    """
    play = Play(seed)
    play.tick()
    for gap_ms in _gaps(play.rnd, count):
        times = [play.now_ms + gap_ms * (n + 1) for n in range(play.rnd.randrange(1, 5))]
        play.publish([(at_ms, play.traffic.next()) for at_ms in times])
        if play.rnd.random() < 0.7:
            play.fold()
        if gap_ms > SECOND_MS and play.rnd.random() < 0.2:
            play.tick()
    for minute in range(0, 410, 5):
        play.now_ms += 5 * MINUTE_MS
        heard = play.codes if minute > 220 else play.codes[::2]
        reports = [heard[minute // 5 % len(heard)]] if minute < 220 or minute % 2 else heard[:: 1 + minute % 4]
        play.publish([(play.now_ms, _figure(code, 7 * minute + n, play.now_ms)) for code in reports for n in range(5)])
        play.tick()
    return play.log.evidence()


def bereft_evidence(seed: int, count: int) -> Evidence:
    """What an exact run leaves behind from which much was taken away: input cut before it was read, input deleted and
    created anew with and without unread records, and the state lost twice."""
    play = Play(seed)
    play.tick()
    for number in range(count // 3):
        play.publish([(play.now_ms + 400 * n, play.traffic.next()) for n in range(1, 4)])
        play.fold()
        step = 8 * number // (count // 3)
        if step != 8 * (number - 1) // (count // 3):
            loss = {
                1: lambda: play.cut("incidents", 1, 30),
                2: play.lose_state,
                3: lambda: play.create_anew("incidents", 20),
                4: lambda: play.cut("incidents", 1, 10),
                5: lambda: play.cut("turnout", 2, 5),
                6: lambda: play.create_anew("turnout", 0),
                7: play.lose_state,
            }.get(step)
            if loss:
                loss()
    play.tick()
    return play.log.evidence()


def _gaps(rnd: random.Random, count: int) -> Iterator[int]:
    yield from (rnd.randrange(1, 15) for _ in range(count // 5))
    yield from (rnd.randrange(3, 12) * SECOND_MS for _ in range(count // 5))


def _figure(code: str, number: int, at_ms: int) -> Message:
    value = turnout(
        f"q-{code}-{number}", code, at_ms / 1000, station=f"TPS-{number % 97:03d}", voted=100 + number // 28
    )
    return Message("turnout", code.encode(), value)
