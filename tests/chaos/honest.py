"""Honest evidence without Kafka: the product's own gate and fold run in order, so that planting one fault has one cause.

Only for testing the checker; the checker itself never sees the product's code.
"""

from collections import defaultdict

from schemas.ledger import TICK_KEY, encode_frames, entries_of, partition_of, tick_frame
from schemas.rejected import rejected_headers
from schemas.roster import Roster
from schemas.ruleset import Ruleset
from schemas.topics import Topic
from streams.intake import ClockMode, Gate, Rejection
from streams.table import RiskTable
from tests.chaos.evidence import Evidence, Seen
from tests.chaos.traffic import Traffic

PARTITIONS = 3


class Log:
    """Topics as lists, offsets counted per partition."""

    def __init__(self) -> None:
        self.topics: dict[str, list[Seen]] = defaultdict(list)
        self._next: dict[tuple[str, int], int] = defaultdict(int)

    def append(self, topic: str, partition: int, key, value, headers=(), at_ms: int = 0) -> Seen:
        offset = self._next[topic, partition]
        self._next[topic, partition] = offset + 2  # markers of transactions take offsets too
        record = Seen(topic, partition, offset, key, value, dict(headers), at_ms)
        self.topics[topic].append(record)
        return record

    def evidence(self) -> Evidence:
        topics = {name: sorted(records, key=lambda r: (r.partition, r.offset)) for name, records in self.topics.items()}
        ends = {place: (end, end) for place, end in self._next.items()}
        return Evidence(PARTITIONS, topics, ends, dict(self._next))


def honest_evidence(seed: int, count: int) -> Evidence:
    """What an exact run over `count` messages of seeded traffic leaves behind."""
    roster, rules, log = Roster.default(), Ruleset.default(), Log()
    gate, traffic = Gate(roster, ClockMode.WALL), Traffic(seed, sorted(roster))
    tables = {p: RiskTable(p, PARTITIONS, roster, rules) for p in range(PARTITIONS)}
    now_ms = int(__import__("time").time() * 1000)
    waiting: list[Seen] = [log.append("ledger", p, TICK_KEY, tick_frame(0), (), now_ms) for p in range(PARTITIONS)]
    for number in range(count):
        now_ms += 7
        message = traffic.next()
        record = log.append(message.topic, number % PARTITIONS, message.key, message.value, message.headers, now_ms)
        decision = gate.admit(Topic(message.topic), record.value, message.headers, now_ms)
        if isinstance(decision, Rejection):
            headers = rejected_headers(decision.reason, decision.error, "p." + record.topic, record.partition, record.offset)
            log.append("rejected", record.partition, record.key, record.value, headers)
        else:
            [frame] = encode_frames([decision.entry])
            code = decision.regency
            waiting.append(log.append("ledger", partition_of(code, PARTITIONS), code.encode(), frame, (), now_ms))
        while waiting:
            waiting += _fold(log, tables, waiting.pop(0), now_ms)
    return log.evidence()


def _fold(log: Log, tables: dict[int, RiskTable], frame: Seen, now_ms: int) -> list[Seen]:
    table = tables[frame.partition]
    table.apply(frame.offset, frame.key, entries_of(frame.value, frame.at_ms))
    drained = table.drain()
    for topic, pairs in (("risk", drained.rows), ("escalations", drained.escalations)):
        for key, value in pairs:
            log.append(topic, frame.partition, key.encode(), value, (), now_ms)
    for key, value in drained.state:
        log.append("risk-state", frame.partition, key, value)
    told = []
    for target, entry in drained.notices:
        [value] = encode_frames([entry])
        told.append(log.append("ledger", partition_of(target, PARTITIONS), target.encode(), value))
    return told
