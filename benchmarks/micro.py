"""The folds alone: processor time per event in microseconds and as a multiple of `json.loads`, and function calls.

The multiple can be compared between machines and runs. The number of calls (of Python functions, and of C functions by
Python code) is the same on every machine for one version of Python, so `tests/agents/test_cost.py` checks it without a
clock."""

import gc
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiokafka import TopicPartition
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch

from agents.batching import Batch, BatchingOptions, Output
from agents.intake import IntakeFold
from agents.risk import RiskFold
from benchmarks.stream import past_day
from benchmarks.system import load_regencies
from schemas.ledger_form import LedgerForm, shard_names
from schemas.rejected import Rejected
from schemas.roster import Roster
from schemas.ruleset import Ruleset
from schemas.topics import Topic, TopicNames
from schemas.wire import read_incident
from streams.admission import ClockMode, Gate
from streams.event_time.sequencer import Sequencer
from streams.rules import Rules
from streams.table import RiskTable

BATCH = 5_000
IDLE_AFTER_MS = 3_000
#: Append time of the ledger's records: after every event of the day.
FAR_MS = 2 * 10**12
NAMES = TopicNames("siaga.")


@dataclass
class Recorded:
    """A record with what a fold reads of it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


def micro(count: int = 40_000, rounds: int = 3) -> dict[str, dict[str, float]]:
    """{part: {"us": microseconds of processor time per event, "of_json": multiple of json.loads}}; best of `rounds`."""
    best: dict[str, float] = {}
    for _ in range(rounds):
        for name, seconds in _once(count).items():
            best[name] = min(seconds, best.get(name, seconds))
    reference = best["json.loads"]
    return {
        name: {"us": round(seconds / count * 1e6, 2), "of_json": round(seconds / reference, 2)}
        for name, seconds in best.items()
    }


def calls(count: int = 4_000) -> dict[str, float]:
    """{part: function calls per event}. The stream is seeded and nothing is timed."""
    day = list(past_day(count, load_regencies()))
    # Fill the caches first.
    _risk([output for output in _intake(day) if output.topic == NAMES[Topic.LEDGER]], None)
    ledger, counted = _counted(lambda: _intake(day))
    frames = [output for output in ledger if output.topic == NAMES[Topic.LEDGER]]
    folded, risk = _counted(lambda: _risk(frames, None))
    _, ordered = _counted(lambda: _risk(frames, Sequencer(1)))
    parts = {"intake fold": counted, "risk fold": risk, "risk fold, event order": ordered}
    return {name: round(number / count, 2) for name, number in parts.items()} | {
        "records written": round((len(ledger) + len(folded)) / count, 3)
    }


def _counted(work: Callable[[], list[Output]]) -> tuple[list[Output], int]:
    number = 0

    def count_calls(_frame: object, event: str, _argument: object) -> None:
        nonlocal number
        number += event in ("call", "c_call")

    gc.collect()
    gc.disable()  # a collection would run others' finalizers
    sys.setprofile(count_calls)
    try:
        done = work()
    finally:
        sys.setprofile(None)
        gc.enable()
    return done, number


def _once(count: int) -> dict[str, float]:
    day = list(past_day(count, load_regencies()))
    values = [value for _, value in day]
    took = {"json.loads": timed(lambda: [json.loads(value) for value in values])}
    took["decode"] = timed(lambda: _decode(values))
    ledger: list[Output] = []
    took["intake fold"] = timed(lambda: ledger.extend(_intake(day)))
    frames = [output for output in ledger if output.topic == NAMES[Topic.LEDGER]]
    wall: list[Output] = []
    took["risk fold"] = timed(lambda: wall.extend(_risk(frames, None)))
    took["risk fold, event order"] = timed(lambda: _risk(frames, Sequencer(1)))
    took["produce"] = timed(lambda: _produce([*ledger, *wall]))
    return took


def timed(work: Callable[[], object]) -> float:
    """Seconds of processor time."""
    gc.collect()
    started = time.process_time()
    work()
    return time.process_time() - started


def _decode(values: list[bytes]) -> None:
    for value in values:
        try:
            read_incident(value)
        except Rejected:
            continue


def _intake(day: list[tuple[str, bytes]]) -> list[Output]:
    fold = intake_fold()
    return [output for part in batches(recorded(day)) for output in fold.fold(part)] + list(fold.idle())


def intake_fold() -> IntakeFold:
    """One shard of incidents, event clock."""
    source = TopicPartition(NAMES[Topic.INCIDENTS], 0)
    gate = Gate(Roster.default(), ClockMode.EVENT)
    # Each reading of the clock is that much later, so the shard soon becomes idle.
    wall = iter(range(2 * 10**12, 3 * 10**12, IDLE_AFTER_MS))
    return IntakeFold(source, Topic.INCIDENTS, gate, NAMES, 1, lambda: next(wall), True, IDLE_AFTER_MS)


def recorded(day: list[tuple[str, bytes]]) -> list[Recorded]:
    """(regency, message) as an input's records."""
    return [Recorded(n, 1, key.encode(), value) for n, (key, value) in enumerate(day)]


def _risk(frames: list[Output], sequencer: Sequencer | None) -> list[Output]:
    fold = risk_fold(sequencer)
    records = [Recorded(n, FAR_MS, frame.key, frame.value, frame.headers) for n, frame in enumerate(frames)]
    if sequencer is None:
        records = [record for record in records if record.key != b"*"]
    return [output for part in batches(records) for output in fold.fold(part)]


def risk_fold(sequencer: Sequencer | None) -> RiskFold:
    """One ledger partition; with a sequencer in event order."""
    table = RiskTable(0, 1, Roster.default(), Rules(Ruleset.default()))
    shards = None if sequencer is None else shard_names((), 1)
    return RiskFold(
        TopicPartition(NAMES[Topic.LEDGER], 0), table, NAMES, 1, sequencer, LedgerForm(Roster.default(), 0, 1, shards)
    )


def batches(records: Sequence[Recorded]) -> list[Batch]:
    """The records in batches of `BATCH`, as a lane makes them in catch-up."""
    parts = [records[start : start + BATCH] for start in range(0, len(records), BATCH)]
    return [Batch(part, part[0].offset, part[-1].offset + 1, part[-1].offset + 1) for part in parts]


def _produce(outputs: list[Output]) -> None:
    options = BatchingOptions(client={})
    builder = _builder(options)
    for output in outputs:
        if builder.append(timestamp=None, key=output.key, value=output.value, headers=[]) is None:
            builder.close()
            builder._build()
            builder = _builder(options)
            builder.append(timestamp=None, key=output.key, value=output.value, headers=[])
    builder.close()
    builder._build()


def _builder(options: BatchingOptions) -> BatchBuilder:
    codec = {"zstd": DefaultRecordBatch.CODEC_ZSTD, "lz4": DefaultRecordBatch.CODEC_LZ4, None: 0}[options.compression]
    return BatchBuilder(options.produce_batch_bytes_max, codec, is_transactional=False)
