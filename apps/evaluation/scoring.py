"""How a detector is scored against the truth. One rule for Siaga and for every baseline.

A *raise* is a regency's rise from below siaga to siaga or above. It is

- *true* between the onset of a flare-up in its regency and `GRACE_MS` after the flare-up's end,
- *tolerated* when it is not true but falls into a real incident of severity 4-5 (truth `serious`, grace included),
- *false* otherwise, also during hoaxes and exercises.

A flare-up is detected by the first raise that is true for it; the delay counts from its onset. A spill-over counts as a
flare-up of its own. A regency already at siaga at the onset detects nothing without a new raise; such a flare-up is
marked `already`, so that it can be distinguished from one that nobody was woken for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from apps.simulation.truth import FlareUp, OtherEvent, Truth
from schemas.vocabulary import MINUTE_MS

GRACE_MS = 60 * MINUTE_MS  # reports still arrive after the last incident
SLOW_MS = 150 * MINUTE_MS  # a flare-up that lasts longer is slow
NEVER_MS = 2**63 - 1  # after every time: a level that did not fall
# What a false raise is put down to, the first that fits.
_EXPLAINS_FALSE = ("hoax", "exercise", "doubled")

Verdict = Literal["true", "tolerated", "false"]


class Raise(NamedTuple):
    """When a regency rose to siaga or above, and when it fell below siaga again, milliseconds.

    `until_ms` is NEVER_MS when it did not fall, None when that is not known (baselines)."""

    regency: str
    at_ms: int
    until_ms: int | None = None


class Detection(NamedTuple):
    """A flare-up with its delay in minutes, None when nothing was raised for it.

    `already`: its regency was at siaga or above at the onset; None when it had been before and the end of that is not
    known (baselines). `seed` is its day's."""

    flareup: FlareUp
    delay_min: float | None
    already: bool | None = False
    seed: int | None = None


class JudgedRaise(NamedTuple):
    """A raise with its verdict. `of`: the flare-up's id, or the kind of the other event; None when there is none."""

    item: Raise
    verdict: Verdict
    of: str | None
    seed: int | None


@dataclass
class DetectorScore:
    """The results of a detector on some days. `regency_days` is the exposure to false raises.

    `judged`: every raise in order of time within its day. `hoaxes_raised` of `hoaxes` waves had a false raise."""

    detections: list[Detection] = field(default_factory=list)
    false: list[Raise] = field(default_factory=list)
    tolerated: list[Raise] = field(default_factory=list)
    regency_days: int = 0
    false_by_day: list[int] = field(default_factory=list)
    judged: list[JudgedRaise] = field(default_factory=list)
    hoaxes: int = 0
    hoaxes_raised: int = 0

    @property
    def delays_min(self) -> list[float]:
        """Delays of the detected flare-ups, shortest first."""
        return sorted(item.delay_min for item in self.detections if item.delay_min is not None)

    @property
    def slow(self) -> list[Detection]:
        """Flare-ups that last longer than SLOW_MS."""
        return [item for item in self.detections if item.flareup.end_ms - item.flareup.onset_ms > SLOW_MS]

    @property
    def detected(self) -> int:
        """The number of detected flare-ups."""
        return len(self.delays_min)

    @property
    def detection_rate(self) -> float | None:
        """Share of the flare-ups that was detected; None when there were none."""
        return self.detected / len(self.detections) if self.detections else None

    @property
    def false_per_100_regency_days(self) -> float:
        """The rate of false raises; 0 without exposure."""
        return 100 * len(self.false) / self.regency_days if self.regency_days else 0.0

    def delay_min(self, share: float) -> float | None:
        """Quantile of the delay among the detected, minutes; None when nothing was detected."""
        return quantile(self.delays_min, share)

    def add(self, other: "DetectorScore") -> None:
        """Add the days of another score."""
        self.detections += other.detections
        self.false += other.false
        self.tolerated += other.tolerated
        self.regency_days += other.regency_days
        self.false_by_day += other.false_by_day
        self.judged += other.judged
        self.hoaxes += other.hoaxes
        self.hoaxes_raised += other.hoaxes_raised


def score_day(truth: Truth, raises: Iterable[Raise], grace_ms: int = GRACE_MS) -> DetectorScore:
    """Score one day's raises against its truth."""
    ordered = sorted(raises, key=lambda item: item.at_ms)
    score = DetectorScore(regency_days=len(truth.regencies) * truth.days)
    for flareup in truth.flareups:
        first = next((item for item in ordered if _within(item, flareup, grace_ms)), None)
        delay = None if first is None else (first.at_ms - flareup.onset_ms) / MINUTE_MS
        score.detections.append(Detection(flareup, delay, _already(ordered, flareup), truth.seed))
    for item in ordered:
        verdict, of = _judge(item, truth, grace_ms)
        score.judged.append(JudgedRaise(item, verdict, of, truth.seed))
        if verdict != "true":
            (score.tolerated if verdict == "tolerated" else score.false).append(item)
    score.false_by_day.append(len(score.false))
    hoaxes = [event for event in truth.others if event.kind == "hoax"]
    score.hoaxes = len(hoaxes)
    score.hoaxes_raised = sum(any(_within(item, event, grace_ms) for item in score.false) for event in hoaxes)
    return score


def _judge(item: Raise, truth: Truth, grace_ms: int) -> tuple[Verdict, str | None]:
    """The verdict of a raise, and of what."""
    for flareup in truth.flareups:
        if _within(item, flareup, grace_ms):
            return "true", flareup.id
    around = {event.kind for event in truth.others if _within(item, event, grace_ms)}
    if "serious" in around:
        return "tolerated", "serious"
    return "false", next((kind for kind in _EXPLAINS_FALSE if kind in around), None)


def score_days(truths: Sequence[Truth], raises: Sequence[Iterable[Raise]], grace_ms: int = GRACE_MS) -> DetectorScore:
    """Score several days together."""
    total = DetectorScore()
    for truth, day in zip(truths, raises, strict=True):
        total.add(score_day(truth, day, grace_ms))
    return total


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """Quantile of sorted values as `interpolated_quantile` defines it; None when there are none."""
    return interpolated_quantile(ordered, share) if ordered else None


def interpolated_quantile(ordered: Sequence[float], share: float) -> float:
    """Linear-interpolated quantile of at least one sorted value (Hyndman and Fan's type 7)."""
    position = share * (len(ordered) - 1)
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)


def _within(item: Raise, span: FlareUp | OtherEvent, grace_ms: int) -> bool:
    return item.regency == span.regency and span.onset_ms <= item.at_ms <= span.end_ms + grace_ms


def _already(ordered: Sequence[Raise], flareup: FlareUp) -> bool | None:
    before = [item for item in ordered if item.regency == flareup.regency and item.at_ms < flareup.onset_ms]
    if any(item.until_ms is not None and flareup.onset_ms < item.until_ms for item in before):
        return True
    return None if any(item.until_ms is None for item in before) else False
