"""The threshold at which the reference job raises about as often as asked. Shares no code with Siaga."""

from collections import defaultdict
from collections.abc import Iterator

from tests.recount.rolling_sum import MINUTE_MS, HourSum

PERCENTILES = (50, 60, 70, 75, 80, 85, 90, 93, 95, 97, 98, 99, 99.5)


def calibrate(events: list[tuple[str, int, int]], target: int) -> tuple[int, int]:
    """(threshold, times it is reached): of the sum's percentiles the one reached nearest to `target` times.

    `events` are (regency, time in ms, weight).
    """
    steps = list(_steps(events))
    sums = sorted(after for _, after in steps)
    counted = []
    for percent in PERCENTILES:
        threshold = sums[int(len(sums) * percent / 100)]
        count = sum(1 for before, after in steps if before < threshold <= after)
        counted.append((abs(count - target), threshold, count))
    _, threshold, count = min(counted)
    return threshold, count


def _steps(events: list[tuple[str, int, int]]) -> Iterator[tuple[int, int]]:
    """The hour's sum of a regency before and after each event, all regencies, in the order of event time."""
    hours: dict[str, HourSum] = defaultdict(HourSum)
    clock: dict[str, int] = {}
    for regency, occurred_ms, weight in sorted(events, key=lambda event: event[1]):
        hour, before = hours[regency], hours[regency].total
        if occurred_ms // MINUTE_MS != clock.get(regency):
            clock[regency] = occurred_ms // MINUTE_MS
            hour.pass_to(occurred_ms)
            before = hour.total
        hour.add(occurred_ms, weight)
        yield before, hour.total
