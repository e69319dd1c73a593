"""Whether an event costs the same after a month of events: both folds in event order, as multiples of `json.loads`.

The multiple is of processor time in the same process, so that machines can be compared. At this low rate most of the
cost is passing time: every regency's row is updated each minute, with or without events."""

import json
from collections.abc import Iterator

from agents.intake import IntakeFold
from agents.risk import RiskFold
from benchmarks.micro import FAR_MS, NAMES, Recorded, batches, intake_fold, recorded, risk_fold, timed
from benchmarks.stream import past_day
from benchmarks.system import load_regencies
from schemas.topics import Topic
from schemas.vocabulary import DAY_MS
from streams.event_time.sequencer import Sequencer


def by_days(days: int = 30, step_ms: int = 60_000, parts: int = 6) -> Iterator[dict[str, float]]:
    """One ledger with an event every `step_ms` for `days`, measured in `parts` of equal length on the same state."""
    stream = list(past_day(days * DAY_MS // step_ms, load_regencies(), step_ms=step_ms))
    intake, risk, length = intake_fold(), risk_fold(Sequencer(1)), len(stream) // parts
    position = 0
    for part in range(parts):
        slice_ = stream[part * length : (part + 1) * length]
        frames: list[Recorded] = []
        took = timed(lambda: frames.extend(_admitted(intake, slice_, part * length, position)))  # noqa: B023
        position += len(frames)
        took += timed(lambda: _folded(risk, frames))  # noqa: B023
        yield {
            "to_day": round((part + 1) * days / parts, 1),
            "events": length,
            "of_json": round(took / _reference(slice_), 2),
        }


def _admitted(fold: IntakeFold, day: list[tuple[str, bytes]], first: int, position: int) -> list[Recorded]:
    """The ledger records, from offset `position`, of messages from offset `first`."""
    records = [Recorded(first + record.offset, 1, record.key, record.value) for record in recorded(day)]
    written = [output for part in batches(records) for output in fold.fold(part)] + list(fold.idle())
    frames = [output for output in written if output.topic == NAMES[Topic.LEDGER]]
    return [Recorded(position + n, FAR_MS, frame.key, frame.value, frame.headers) for n, frame in enumerate(frames)]


def _folded(fold: RiskFold, frames: list[Recorded]) -> None:
    for part in batches(frames):
        for _ in fold.fold(part):
            pass


def _reference(day: list[tuple[str, bytes]]) -> float:
    return min(timed(lambda: [json.loads(value) for _, value in day]) for _ in range(3))
