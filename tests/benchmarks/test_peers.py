"""The comparison's judge of Siaga agrees with an exact fold, and finds each planted fault."""

import json
import random
from dataclasses import replace
from datetime import datetime

import pytest

from benchmarks.peers.calibration import calibrate
from benchmarks.peers.ruleset import reference_ruleset
from benchmarks.peers.verdict import Written, judge
from benchmarks.stream import past_day
from schemas.ledger import Frame, encode_frames, partition_of, watermark_frame
from schemas.roster import Roster
from schemas.ruleset import Ruleset
from schemas.topics import Topic
from streams.admission import Admitted, ClockMode, Gate
from streams.event_time.sequencer import Sequencer
from streams.table import RiskTable
from tests.recount.records import Record

PARTITIONS = 2
CODES = ["16.01", "16.02", "16.71"]
ROSTER = Roster.parse("regency,name,stations,registered\n" + "".join(f"{code},N,9,9\n" for code in CODES))
EVENTS = 4_000


def parse(value: bytes) -> tuple[dict, float] | None:
    message = json.loads(value)
    return None if message["severity"] == 9 else (message, datetime.fromisoformat(message["occurred_at"]).timestamp())


@pytest.fixture(scope="module")
def inputs() -> list[Record]:
    """4,000 messages over nearly four hours, so that the hour's sum rises and falls."""
    stream = past_day(EVENTS, CODES, step_ms=3_400)
    return [
        Record("incidents", n % PARTITIONS, n, regency.encode(), value) for n, (regency, value) in enumerate(stream)
    ]


@pytest.fixture(scope="module")
def threshold(inputs: list[Record]) -> int:
    events = []
    for message, at in filter(None, (parse(record.value) for record in inputs)):
        events.append((message["regency"], round(at * 1000), 1 << (message["severity"] - 1)))
    return calibrate(events, 40)[0]


def ledger_of(inputs: list[Record]) -> tuple[list[Record], list[Record]]:
    """(ledger, rejected) as intake writes them, in small batches; one input partition runs ahead of the other."""
    rnd, gate, records, rejected = random.Random(1), Gate(ROSTER, ClockMode.EVENT), [], []
    queues = [[record for record in inputs if record.partition == partition] for partition in range(PARTITIONS)]
    newest = [0] * PARTITIONS

    def put(partition: int, key: str, value: bytes) -> None:
        records.append(Record("ledger", partition, len(records), key.encode(), value))

    def watermark(source: str, at_ms: int, is_idle: bool) -> None:
        for partition in range(PARTITIONS):
            put(partition, "*", watermark_frame(at_ms, source, is_idle))

    for partition in range(PARTITIONS):
        watermark(f"turnout-{partition}", 0, True)
    while any(queues):
        partition = rnd.choices(range(PARTITIONS), (3, 1))[0]
        batch, queues[partition] = queues[partition][:70], queues[partition][70:]
        frames: dict[str, list] = {}
        for record in batch:
            admitted = gate.admit(Topic.INCIDENTS, record.value, (), newest[partition], 2**42)
            if not isinstance(admitted, Admitted):
                where = {"siaga.source.partition": b"%d" % partition, "siaga.source.offset": b"%d" % record.offset}
                rejected.append(replace(record, headers=where))
                continue
            newest[partition] = max(newest[partition], admitted.event_ms)
            frames.setdefault(admitted.regency, []).append(admitted.entry)
        for regency, entries in frames.items():
            for value in encode_frames(entries):
                put(partition_of(regency, PARTITIONS), regency, value)
        watermark(f"incidents-{partition}", newest[partition], False)
    for partition in range(PARTITIONS):
        watermark(f"incidents-{partition}", newest[partition], True)
    return records, rejected


@pytest.fixture(scope="module")
def written(inputs: list[Record], threshold: int) -> Written:
    """What Siaga's own fold makes of it."""
    ledger, rejected = ledger_of(inputs)
    ruleset = Ruleset.parse(reference_ruleset(threshold))
    result = Written(ledger, rejected, [], [], [])
    for partition in range(PARTITIONS):
        table, sequencer = RiskTable(partition, PARTITIONS, ROSTER, ruleset), Sequencer(2 * PARTITIONS)
        for record in ledger:
            if record.partition == partition:
                table.apply_in_order(sequencer, record.key, Frame(record.offset, record.value, 0))
        drained = table.drain()
        for pairs, records in ((drained.escalations, result.escalations), (drained.rows, result.rows)):
            records += [Record("", partition, n, code.encode(), value) for n, (code, value) in enumerate(pairs)]
        following = b'{"offset": %d}' % len(ledger)
        result.state.append(Record("risk-state", partition, 0, b"@next", following))
    return result


def test_an_exact_fold_is_found_exact(inputs: list[Record], written: Written, threshold: int) -> None:
    seen = judge(inputs, parse, written, threshold, PARTITIONS)
    assert seen["ok"], seen
    assert seen["raised"] >= 10 and seen["want"] > seen["raised"] and seen["duplicates"] > 50 and seen["dead_want"] > 1


def without(records: list[Record], number: int) -> list[Record]:
    return records[:number] + records[number + 1 :]


PLANTED = {
    "an escalation is missing": lambda w: w._replace(escalations=without(w.escalations, 5)),
    "an escalation is there twice": lambda w: w._replace(escalations=[*w.escalations, w.escalations[5]]),
    "a rejected record is missing": lambda w: w._replace(rejected=w.rejected[1:]),
    "a rejected record is there twice": lambda w: w._replace(rejected=[*w.rejected, w.rejected[0]]),
    "a rejected record is not as it came": lambda w: w._replace(
        rejected=[replace(w.rejected[0], value=b"{}"), *w.rejected[1:]]
    ),
    "a ledger frame is missing": lambda w: w._replace(ledger=without(w.ledger, 50)),
    "a ledger frame is there twice": lambda w: w._replace(ledger=[*w.ledger[:50], w.ledger[49], *w.ledger[50:]]),
    "a row counts one too many": lambda w: w._replace(
        rows=[replace(w.rows[0], value=w.rows[0].value.replace(b'"duplicate":', b'"duplicate":1')), *w.rows[1:]]
    ),
    "a row is missing": lambda w: w._replace(rows=w.rows[1:]),
    "the end of the ledger is not folded": lambda w: w._replace(state=w.state[1:]),
}


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_fault_is_found(what: str, inputs: list[Record], written: Written, threshold: int) -> None:
    assert not judge(inputs, parse, PLANTED[what](written), threshold, PARTITIONS)["ok"]


def test_the_ruleset_is_one_and_scaled_exactly() -> None:
    ruleset = Ruleset.parse(reference_ruleset(14_406))
    weights = [ruleset.severity[str(severity)].value for severity in range(1, 6)]
    assert [round(weight * 1000) for weight in weights] == [32, 64, 128, 256, 512]
    assert round(ruleset.rolling_sum.threshold.value * 1000) == 32 * 14_406
    assert ruleset.categories["protest"].group == "process" and ruleset.ladder.step.value == 60
