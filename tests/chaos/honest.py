"""Honest evidence without Kafka: the product's own gate and fold run in order, so that planting one fault has one cause.

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
from streams.intake import ClockMode, Gate, Rejection
from streams.table import RiskTable
from tests.chaos.evidence import Evidence, Seen
from tests.chaos.traffic import Message, Traffic, turnout

PARTITIONS = 3
SECOND_MS, MINUTE_MS = 1000, 60_000
START_MS = int(datetime.fromisoformat("2024-11-27T12:00:00+07:00").timestamp() * 1000)
INPUTS = ("incidents", "turnout")


class Log:
    """Topics as lists, offsets counted per partition."""

    def __init__(self) -> None:
        self.topics: dict[str, list[Seen]] = defaultdict(list)
        self.next: dict[tuple[str, int], int] = defaultdict(int)

    def append(self, topic: str, partition: int, key, value, headers=(), at_ms: int = 0) -> Seen:
        offset = self.next[topic, partition]
        self.next[topic, partition] = offset + 2  # markers of transactions take offsets too
        record = Seen(topic, partition, offset, key, value, dict(headers), at_ms)
        self.topics[topic].append(record)
        return record

    def evidence(self) -> Evidence:
        topics = {name: sorted(records, key=lambda r: (r.partition, r.offset)) for name, records in self.topics.items()}
        ends = {place: (end, end) for place, end in self.next.items()}
        return Evidence(PARTITIONS, topics, ends, dict(self.next))


class Play:
    """Intake and risk in one thread, on a clock that is told. What was not yet folded waits, so that batches have several frames."""

    def __init__(self, seed: int) -> None:
        self.log, self.now_ms, roster = Log(), START_MS, Roster.default()
        self.codes = sorted(roster)
        self.rnd = random.Random(f"play-{seed}")
        self.traffic = Traffic(seed, self.codes, clock=lambda: self.now_ms / 1000)
        self._gate, rules = Gate(roster, ClockMode.WALL), Ruleset.default()
        self._tables = {p: RiskTable(p, PARTITIONS, roster, rules) for p in range(PARTITIONS)}
        self._waiting: dict[int, list[Seen]] = defaultdict(list)
        self._sent = 0

    def tick(self) -> None:
        for partition in range(PARTITIONS):
            self._waiting[partition].append(self.log.append("ledger", partition, TICK_KEY, tick_frame(0), (), self.now_ms))
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
                headers = rejected_headers(decision.reason, decision.error, "p." + record.topic, partition, record.offset)
                self.log.append("rejected", partition, record.key, record.value, headers)
            else:
                frames[decision.regency].append(decision.entry)
        for code, entries in frames.items():
            self._to_ledger(code, entries)
        for topic in INPUTS:
            for partition in range(PARTITIONS):
                note = {"topic": "p." + topic, "offset": self.log.next[topic, partition], "note": ""}
                self.log.append("intake-state", partition, b"p." + topic.encode(), json.dumps(note).encode())

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
        for frame in frames:
            table.apply(frame.offset, frame.key, entries_of(frame.value, frame.at_ms))
        drained = table.drain()
        for topic, pairs in (("risk", drained.rows), ("province", drained.provinces), ("escalations", drained.escalations)):
            for key, value in pairs:
                self.log.append(topic, partition, key.encode(), value, (), self.now_ms)
        position = json.dumps({"topic": "p.ledger", "offset": frames[-1].offset + 1}).encode()
        for key, value in [*drained.state, (b"@next", position)]:
            self.log.append("risk-state", partition, key, value)
        for target, entry in drained.notices:
            self._to_ledger(target, [entry])


def honest_evidence(seed: int, count: int) -> Evidence:
    """What an exact run leaves behind: half of `count` messages in a storm, half in the hour after it, then a quiet evening.

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


def _gaps(rnd: random.Random, count: int) -> Iterator[int]:
    yield from (rnd.randrange(1, 15) for _ in range(count // 5))
    yield from (rnd.randrange(3, 12) * SECOND_MS for _ in range(count // 5))


def _figure(code: str, number: int, at_ms: int) -> Message:
    value = turnout(f"q-{code}-{number}", code, at_ms / 1000, station=f"TPS-{number % 97:03d}", voted=100 + number // 28)
    return Message("turnout", code.encode(), value)
