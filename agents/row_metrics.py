"""Risk rows as gauges: those of one ledger partition's regencies, removed when this worker loses the partition."""

from contextlib import suppress

from prometheus_client import Gauge

from agents import metrics
from schemas.vocabulary import DATA_STATUSES
from streams.table import Figures

_STATUSES = {name: number for number, name in enumerate(DATA_STATUSES)}
_GAUGES = (
    metrics.LEVEL,
    metrics.SCORE,
    metrics.DATA_STATUS,
    metrics.STATIONS_REPORTED,
    metrics.STATIONS_EXPECTED,
    metrics.VOTED,
    metrics.REGISTERED,
    metrics.STATIONS_CONFLICTING,
    metrics.STATIONS_UNLISTED,
    metrics.CANDIDATES,
)


def _values(row: Figures) -> tuple[float, ...]:
    return (row.level, row.score, _STATUSES[row.data_status], *row[5:])


class RowGauges:
    """The gauges of one partition's rows.

    A clock tick brings a row of every regency, nearly all of them unchanged; setting ten labelled gauges costs more
    than folding the row. So only gauges whose value changed are set."""

    def __init__(self) -> None:
        self._current: dict[tuple[str, str], tuple[float, ...]] = {}

    def update(self, row: Figures) -> None:
        """Set the gauges that differ from the last row of the same regency."""
        labels, values = (row.regency, row.name), _values(row)
        before = self._current.get(labels)
        if values == before:
            return
        self._current[labels] = values
        for index, gauge in enumerate(_GAUGES):
            if before is None or before[index] != values[index]:
                gauge.labels(*labels).set(values[index])

    def remove(self) -> None:
        """Drop all series: another worker exposes these regencies now, and a level kept here would never change."""
        for labels in self._current:
            for gauge in _GAUGES:
                remove_series(gauge, *labels)
        self._current = {}


def remove_series(gauge: Gauge, *labels: str) -> None:
    """Drop one series, if it was ever set."""
    with suppress(KeyError):
        gauge.remove(*labels)
