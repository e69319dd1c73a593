"""`evaluate --live`: one day through a real broker and real workers, compared with the offline fold.

It checks two things: the ledger that the workers wrote holds the day's admitted messages, each once, each regency's in
the order in which they were sent; and folding that ledger offline gives the published escalations, byte for byte. The
written ledger is folded, because clock ticks fall differently in every live run."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from agents.kafka.connection import kafka_python_options
from agents.kafka.topic_reader import read_all
from agents.settings import Settings, variable_of
from apps.evaluation.cases import Arrival
from apps.history.audit import Audit, audit
from apps.publishing.messages import Message as Record
from apps.publishing.sender import Sender
from apps.simulation.play import play
from schemas.ledger import INCIDENT, TICK_KEY, TURNOUT, Entry, decode_frame
from schemas.roster import Roster
from schemas.ruleset import Ruleset
from schemas.sources import Sources
from schemas.topics import SPECS, Topic
from streams.admission import ClockMode, Gate, Rejection

Entries = dict[tuple[str, str], list[Entry]]
"""By (regency, kind)."""

WORKERS = 2
# Simulated seconds per second: a day in 27 s. Slow enough for ticks, batches and notices to fall between messages, as
# in real time. Results must not depend on the speed (streams/event_time/sequencer.py); this run checks that.
SPEED = 3600.0
CONNECT_S = 10.0
SETTLED_WITHIN_S = 300.0
STOP_GRACE_S = 15.0


class LiveError(Exception):
    """The live run could not be finished. One line."""


@dataclass
class LiveComparison:
    """The result of the live run. `differences` are sentences; none means exact agreement."""

    published: int
    admitted: int = 0
    audit: Audit = field(default_factory=Audit)
    differences: list[str] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        """Whether ledger, rows and escalations are exactly those of the offline fold."""
        return not (self.differences or self.audit.findings or self.audit.truncated)


def run_live(settings: Settings, messages: Sequence[Arrival], roster: Roster, ruleset: Ruleset) -> LiveComparison:
    """Publish, run workers, compare. `settings` must name topics of this run alone. Raises LiveError, KafkaError."""
    result = LiveComparison(len(messages))
    with _workers(settings) as workers:
        # The first message causes the first tick, and a tick gives every regency its row once all shards run. Messages
        # sent before that would only form a backlog.
        _publish(settings, messages[:1])
        _await(lambda: len(_rows(settings)) == len(roster), workers, "no row of every regency")
        _publish(settings, messages[1:])
        ledger = _settled(settings, len(messages), workers)
    expected = admitted(messages, roster, settings.load_sources())
    result.admitted = sum(map(len, expected.values()))
    result.differences = compare(expected, entries_by_regency(ledger))
    result.audit = audit(settings, roster, ruleset)
    return result


def admitted(messages: Iterable[Arrival], roster: Roster, sources: Sources | None = None) -> Entries:
    """What intake must write to the ledger on the event clock: entries by (regency, kind), in order. `sources`: the
    workers' sources file; None is the packaged one.
    """
    gate, clock_ms, wall_ms = Gate(roster, ClockMode.EVENT, sources), 0, time.time_ns() // 1_000_000
    entries: Entries = {}
    for message in messages:
        decision = gate.admit(Topic(message.topic), message.value, (), clock_ms, wall_ms)
        if not isinstance(decision, Rejection):
            clock_ms = max(clock_ms, decision.event_ms)
            entries.setdefault((decision.regency, decision.entry[0]), []).append(decision.entry)
    return entries


def entries_by_regency(frames: Iterable[tuple[bytes, list[Entry]]]) -> Entries:
    """Incident and turnout entries of a ledger by (regency, kind), in order."""
    entries: Entries = {}
    for key, frame in frames:
        for entry in frame if key != TICK_KEY else ():
            if entry[0] in (INCIDENT, TURNOUT):
                entries.setdefault((key.decode(), entry[0]), []).append(entry)
    return entries


def compare(expected: Entries, found: Entries) -> list[str]:
    """A sentence for every (regency, kind) whose ledger entries are not exactly those expected, in order."""
    differences = []
    for regency, kind in sorted(expected.keys() | found.keys()):
        want, have = expected.get((regency, kind), []), found.get((regency, kind), [])
        if want == have:
            continue
        unequal = (at for at, (a, b) in enumerate(zip(want, have, strict=False)) if a != b)
        first = next(unequal, min(len(want), len(have)))
        counts = f"{len(have)} entries on the ledger, {len(want)} expected"
        differences.append(f"{regency}, kind {kind}: {counts}, first difference at {first}")
    return differences


def _publish(settings: Settings, messages: Sequence[Arrival]) -> None:
    topics = {topic.value: settings.topics[topic] for topic in (Topic.INCIDENTS, Topic.TURNOUT)}
    sender = Sender(kafka_python_options(settings), None, CONNECT_S)

    def send(message: Arrival) -> None:
        key = orjson.loads(message.value)["regency"].encode()
        sender.send(topics[message.topic], Record(key, message.value))

    try:
        play(messages, messages[0].at_ms if messages else 0, SPEED, send, threading.Event())
        sender.drain()
    finally:
        sender.close()


def _settled(
    settings: Settings, published: int, workers: Sequence[subprocess.Popen[bytes]]
) -> list[tuple[bytes, list[Entry]]]:
    """The ledger, once it holds every message and every regency's row covers its last entry. Raises LiveError."""
    ledger: list[tuple[int, bytes, bytes]] = []

    def settled() -> bool:
        ledger[:] = _read(settings, Topic.LEDGER)
        rejected = sum(1 for _ in _read(settings, Topic.REJECTED))
        entries = sum(entry[0] in (INCIDENT, TURNOUT) for _, _, value in ledger for entry in decode_frame(value))
        ends = {key.decode(): offset for offset, key, _ in ledger if key != TICK_KEY and b"." in key}
        rows = _rows(settings)
        return entries + rejected >= published and all(rows.get(code, -1) >= offset for code, offset in ends.items())

    _await(settled, workers, f"{published} messages are not all on the ledger and in the rows")
    return [(key, decode_frame(value)) for _, key, value in ledger]


def _await(condition: Callable[[], bool], workers: Sequence[subprocess.Popen[bytes]], failure: str) -> None:
    """Return once the condition holds. Raises LiveError when a worker ends or SETTLED_WITHIN_S pass."""
    deadline = time.monotonic() + SETTLED_WITHIN_S
    while not condition():
        if ended := [worker.returncode for worker in workers if worker.poll() is not None]:
            raise LiveError(f"a worker ended with status {ended[0]}")
        if time.monotonic() >= deadline:
            raise LiveError(f"{failure} within {SETTLED_WITHIN_S:.0f} s")
        time.sleep(0.5)


def _rows(settings: Settings) -> dict[str, int]:
    """The ledger offset in each regency's newest row."""
    return {key.decode(): orjson.loads(value)["ledger"]["offset"] for _, key, value in _read(settings, Topic.RISK)}


def _read(settings: Settings, topic: Topic) -> Iterator[tuple[int, bytes, bytes]]:
    """Committed records of a topic up to its present end: (offset, key, value)."""
    for record in read_all(settings, topic, CONNECT_S):
        yield record.offset, record.key, record.value


@contextmanager
def _workers(settings: Settings) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Workers on the event clock; they log to temporary files."""
    with tempfile.TemporaryDirectory(prefix="siaga-live-") as folder, ExitStack() as stack:
        running = [stack.enter_context(_worker(settings, number, Path(folder))) for number in range(WORKERS)]
        yield running


@contextmanager
def _worker(settings: Settings, number: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    # Simulated sources are not those of a deployment's file: "" is the packaged one, whatever the environment says.
    mine = {"metrics_port": "0", "instance": f"live-{number}", "sources_file": ""}
    names = ("broker", "topic_prefix", "partitions", "roster", "rules", "clock", "group")
    shared = {name: getattr(settings, name) for name in names}
    values = {variable_of(name): str(value) for name, value in (shared | mine).items() if value is not None}
    with (folder / f"worker-{number}.log").open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "apps.cli.main", "worker"], env=os.environ | values, stdout=log, stderr=log
        )
        try:
            yield worker
        finally:
            worker.send_signal(signal.SIGTERM)
            try:
                worker.wait(STOP_GRACE_S)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()


def own_topics(settings: Settings, run: str) -> Settings:
    """The same settings on the event clock, with a topic prefix and a group of this run alone, and packaged sources."""
    mine = {"topic_prefix": f"{settings.topic_prefix}live-{run}.", "group": f"live-{run}", "clock": ClockMode.EVENT}
    return settings.model_copy(update=mine | {"sources_file": None})


def topic_names(settings: Settings) -> list[str]:
    """All topics of a run, which are deleted after it."""
    return [settings.topics[spec.topic] for spec in SPECS]
