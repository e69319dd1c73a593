"""Digests of everything Siaga writes for fixed inputs, offline: builds with the same decisions print the same lines.

    python -m benchmarks.outputs [--events 1000000]

Two inputs: the reference job of the comparison (`benchmarks.peers`) and a simulated election day with ticks, both with
the wall clock and with the event clock. State records are left out: their format is not a decision.
Prints a SHA-256 and a record count for each topic, and microseconds of processor time per event of both folds."""

import argparse
import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from aiokafka import TopicPartition

from agents.batching import Batch, Output
from agents.intake import IntakeFold
from agents.risk import RiskFold
from apps.simulation.day import Plan, simulate_day
from benchmarks.micro import FAR_MS, NAMES, Recorded
from benchmarks.peers.ruleset import reference_ruleset
from benchmarks.stream import START_MS, past_day
from benchmarks.system import load_regencies
from schemas.ledger import TICK_KEY, tick_frame
from schemas.ledger_form import LedgerForm, shard_names
from schemas.roster import Roster
from schemas.ruleset import Ruleset
from schemas.topics import Topic
from schemas.vocabulary import MINUTE_MS
from streams.admission import ClockMode, Gate
from streams.event_time.sequencer import Sequencer
from streams.rules import Rules
from streams.table import RiskTable

BATCH = 5_000
#: Records per batch of a live day: few, so that ticks and levels change between batches.
LIVE_BATCH = 20
TICK_MS = MINUTE_MS
IDLE_AFTER_MS = 3_000
THRESHOLD = 4_500
LOG_APPEND_TIME = 1


class Digest:
    """One SHA-256 and a count for each topic."""

    def __init__(self) -> None:
        self._hashes: dict[str, hashlib._Hash] = defaultdict(hashlib.sha256)
        self._counts: dict[str, int] = defaultdict(int)

    def add(self, output: Output) -> None:
        record = (output.partition, output.key, output.value, tuple(output.headers))
        self._hashes[output.topic].update(repr(record).encode())
        self._counts[output.topic] += 1

    def lines(self, name: str) -> Iterator[str]:
        for topic in sorted(self._hashes):
            if topic != NAMES[Topic.STATE]:
                yield f"{name} {topic} {self._counts[topic]} {self._hashes[topic].hexdigest()}"


class Stamped(Recorded):
    """A record whose timestamp is the broker's append time."""

    timestamp_type = LOG_APPEND_TIME


def fold(
    inputs: list[tuple[Topic, int, str, bytes]], ruleset: Ruleset, clock: ClockMode, size: int, digest: Digest
) -> tuple[float, float]:
    """Fold (topic, append time in ms, key, value) in that order; seconds of processor time of intake and of risk."""
    wall = [inputs[0][1]]
    roster = Roster.default()
    started = time.process_time()
    ledger = list(_intake(inputs, roster, clock, size, wall))
    between = time.process_time()
    for output in ledger:
        digest.add(output)
    sequencer, shards = (Sequencer(2), shard_names((), 1)) if clock is ClockMode.EVENT else (None, None)
    table = RiskTable(0, 1, roster, Rules(ruleset))
    risk = RiskFold(
        TopicPartition(NAMES[Topic.LEDGER], 0), table, NAMES, 1, sequencer, LedgerForm(roster, 0, 1, shards)
    )
    frames = [output for output in ledger if output.topic == NAMES[Topic.LEDGER]]
    seconds = _risk(risk, frames, size, digest)
    return between - started, seconds


def _intake(
    inputs: list[tuple[Topic, int, str, bytes]], roster: Roster, clock: ClockMode, size: int, wall: list[int]
) -> Iterator[Output]:
    gate, event = Gate(roster, clock), clock is ClockMode.EVENT
    folds = {
        topic: IntakeFold(TopicPartition(NAMES[topic], 0), topic, gate, NAMES, 1, lambda: wall[0], event, IDLE_AFTER_MS)
        for topic in (Topic.INCIDENTS, Topic.TURNOUT)
    }
    ticked = wall[0]
    for start in range(0, len(inputs), size):
        part = inputs[start : start + size]
        for topic, intake in folds.items():
            records = [
                Stamped(start + n, at_ms, key.encode(), value)
                for n, (of, at_ms, key, value) in enumerate(part)
                if of is topic
            ]
            wall[0] = part[-1][1]
            if records:
                yield from intake.fold(_batch(records))
                intake.committed()
        if not event and wall[0] - ticked >= TICK_MS:
            ticked = wall[0]
            yield Output(NAMES[Topic.LEDGER], 0, TICK_KEY, tick_frame(ticked))
    wall[0] += 10 * IDLE_AFTER_MS
    for intake in folds.values():
        yield from intake.idle()
        intake.committed()


def _risk(risk: RiskFold, frames: list[Output], size: int, digest: Digest) -> float:
    """Fold frames, and then the entries that the fold itself writes to the ledger."""
    offset, seconds = 0, 0.0
    queue = list(frames)
    while queue:
        part, queue = queue[:size], queue[size:]
        records = [
            Stamped(offset + n, _tick_ms(frame), frame.key, frame.value, tuple(frame.headers))
            for n, frame in enumerate(part)
        ]
        offset += len(part)
        started = time.process_time()
        outputs = list(risk.fold(_batch(records)))
        seconds += time.process_time() - started
        for output in outputs:
            digest.add(output)
            if output.topic == NAMES[Topic.LEDGER]:
                queue.append(output)
    return seconds


def _tick_ms(frame: Output) -> int:
    """A tick's own time as its append time; of other frames one that is after everything in them."""
    if frame.key != TICK_KEY:
        return FAR_MS
    entries = json.loads(frame.value or b"[]")
    return max((entry[1] for entry in entries if isinstance(entry[1], int)), default=1)


def _batch(records: list[Stamped]) -> Batch:
    return Batch(records, records[0].offset, records[-1].offset + 1, records[-1].offset + 1)


def reference_job(events: int) -> tuple[list[tuple[Topic, int, str, bytes]], Ruleset]:
    """`events` incidents, each appended two minutes after it occurred, and the comparison's ruleset."""
    day = past_day(events, load_regencies())
    inputs = [(Topic.INCIDENTS, START_MS + 120_000 + 50 * n, key, value) for n, (key, value) in enumerate(day)]
    return inputs, Ruleset.parse(reference_ruleset(THRESHOLD))


def simulated_day() -> tuple[list[tuple[Topic, int, str, bytes]], Ruleset]:
    """Incidents and turnout of one simulated election day of Sumsel, and the packaged ruleset."""
    day = simulate_day(Roster.default(), Plan(seed=20_241_127, per_day=12, hoax_chance=1.0))
    inputs = [
        (Topic(message.topic), message.at_ms, message.regency, json.dumps(message.body).encode())
        for message in day.messages
    ]
    return inputs, Ruleset.default()


def digests(events: int, say: Callable[[str], None] = print) -> None:
    """Print the digests of both inputs with both clocks."""
    for name, size, (inputs, ruleset) in (("job", BATCH, reference_job(events)), ("day", LIVE_BATCH, simulated_day())):
        for clock in (ClockMode.WALL, ClockMode.EVENT):
            digest = Digest()
            intake_s, risk_s = fold(inputs, ruleset, clock, size, digest)
            for line in digest.lines(f"{name} {clock.value}"):
                say(line)
            of = len(inputs) / 1e6
            say(f"# {name} {clock.value}: intake {intake_s / of:.2f} us, risk {risk_s / of:.2f} us an event")


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000, help="of the reference job")
    digests(parser.parse_args(arguments).events)


if __name__ == "__main__":
    main()
