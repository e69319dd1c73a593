"""Laws of what is shown of risk rows: the gauges say what the last row said, and nothing once the partition is gone."""

import pytest

from agents.metrics import LEVEL, REGISTRY
from agents.row_metrics import ShownRows
from streams.table import Figures

CODE = "99.01"
LABELS = {"regency": CODE, "name": "Tempat Uji"}


@pytest.fixture
def shown():
    shown = ShownRows()
    yield shown
    shown.forget()


def row(level: int = 0, score: int = 3, status: str = "live", reported: int = 0) -> Figures:
    return Figures(CODE, LABELS["name"], level, score, status, reported, 100, 0, 0)


def gauge(name: str) -> float | None:
    return REGISTRY.get_sample_value(name, LABELS)


def test_the_gauges_follow_the_row(shown):
    shown.show(row())
    assert gauge("siaga_regency_level") == 0 and gauge("siaga_regency_score") == 3
    shown.show(row(level=3, score=80, status="stale", reported=7))
    assert gauge("siaga_regency_level") == 3 and gauge("siaga_regency_score") == 80
    shown.show(row(level=3, score=79))
    assert gauge("siaga_regency_score") == 79


def test_a_row_like_the_last_one_sets_nothing(shown):
    shown.show(row())
    LEVEL.labels(*LABELS.values()).set(2)  # somebody else's value would be overwritten
    shown.show(row())
    assert gauge("siaga_regency_level") == 2


def test_nothing_is_left_standing_when_the_partition_leaves(shown):
    shown.show(row(level=3))
    shown.forget()
    assert gauge("siaga_regency_level") is None and gauge("siaga_regency_score") is None
    shown.show(row(level=3))
    assert gauge("siaga_regency_level") == 3
