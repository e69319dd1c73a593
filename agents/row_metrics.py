"""Risk rows as gauges: the metrics of one ledger partition's regencies, set when they change and gone when it leaves
this worker.
"""

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
)


def _values(row: Figures) -> tuple[float, ...]:
    return (row.level, row.score, _STATUSES[row.data_status], *row[5:])


class ShownRows:
    """What is shown of the rows of one partition. A tick brings a row of every regency, of which hardly one has
    changed: setting seven labelled gauges costs more than folding it."""

    def __init__(self) -> None:
        self._shown: dict[tuple[str, str], tuple[float, ...]] = {}

    def show(self, row: Figures) -> None:
        labels, values = (row.regency, row.name), _values(row)
        before = self._shown.get(labels)
        if values == before:
            return
        self._shown[labels] = values
        for index, gauge in enumerate(_GAUGES):
            if before is None or before[index] != values[index]:
                gauge.labels(*labels).set(values[index])

    def forget(self) -> None:
        """Another worker shows these regencies from now on; a level left standing here would never fall."""
        for labels in self._shown:
            for gauge in _GAUGES:
                forget(gauge, *labels)
        self._shown = {}


def forget(gauge: Gauge, *labels: str) -> None:
    """Drop one series, if it was ever set."""
    with suppress(KeyError):
        gauge.remove(*labels)
