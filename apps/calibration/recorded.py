"""Where recorded reports come from: the broker's ledger, or incidents as JSON lines. Only reading."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from kafka import TopicPartition

from agents.kafka.topic_reader import TopicReader
from agents.settings import Settings
from apps.calibration.reports import Reports
from apps.history.ledger_frames import LedgerFrames
from apps.publishing.lines import InputError, open_input, read_lines
from schemas.roster import Roster
from schemas.sources import Sources
from schemas.topics import Topic
from streams.admission import ClockMode, Gate, Rejection

#: Shows on which of how many items a run is: items, their number, what they are.
Progress = Callable[[Iterable[Any], int, str], Iterable[Any]]
#: Takes one line for people.
Say = Callable[[str], None]
#: So many refused lines of a file are named one by one, and of records that are no frames.
NAMED_MOST = 5


def read_ledger(
    settings: Settings, roster: Roster, reports: Reports, connect_s: float, progress: Progress, say: Say
) -> None:
    """All committed entries of the ledger, partition after partition.

    Raises KafkaError, TopicMissing, and ValueError where the ledger shows that the workers use other settings."""
    with TopicReader(settings, connect_s) as reader:
        partitions = reader.partitions(Topic.LEDGER)
        for partition in progress(partitions, len(partitions), "ledger partitions"):
            frames = LedgerFrames(settings, roster, partition.partition)
            for record in _records(reader, partition):
                if (entries := frames.entries(record)) is not None:
                    for entry in entries:
                        reports.take(record.key.decode(), entry)
            frames.close()
            _say_some(frames.quarantined, say)


def _records(reader: TopicReader, partition: TopicPartition) -> Iterator[Any]:
    reader.start_at_beginning([partition])
    for records in reader.read_to_end():
        yield from records


def read_files(
    files: Iterable[Path], roster: Roster, sources: Sources, reports: Reports, wall_ms: int, say: Say
) -> None:
    """Incidents as JSON lines, gzip or not, through the gate of intake, by the event clock. Raises InputError."""
    gate = Gate(roster, ClockMode.EVENT, sources)
    for path in files:
        refused, newest_ms = list[str](), 0
        try:
            with open_input(path) as stream:
                for line in read_lines(stream):
                    decision = gate.admit(Topic.INCIDENTS, line.value, (), newest_ms, wall_ms)
                    if isinstance(decision, Rejection):
                        refused.append(f"{path} line {line.number}: {decision.reason.value}: {decision.error}")
                        continue
                    newest_ms = max(newest_ms, decision.event_ms)
                    reports.take(decision.regency, decision.entry)
        except InputError as error:
            raise InputError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from None
        _say_some(refused, say)


def _say_some(lines: list[str], say: Say) -> None:
    for line in lines[:NAMED_MOST]:
        say(line)
    if len(lines) > NAMED_MOST:
        say(f"and {len(lines) - NAMED_MOST} more like these")
