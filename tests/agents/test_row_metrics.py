"""Gauges of risk rows: they hold the values of the last row, and disappear with the partition."""

import pytest

from agents.metrics import LEVEL, REGISTRY, touch_counters
from agents.row_metrics import RowGauges
from streams.table import Figures

CODE = "99.01"
LABELS = {"regency": CODE, "name": "Tempat Uji"}


@pytest.fixture
def gauges():
    gauges = RowGauges()
    yield gauges
    gauges.remove()


def row(level: int = 0, score: int = 3, status: str = "live", reported: int = 0, **told: int) -> Figures:
    more = {"conflicting": 0, "unlisted": 0, "candidates": 0} | told
    return Figures(CODE, LABELS["name"], level, score, status, reported, 100, 0, 0, **more)


def gauge(name: str) -> float | None:
    return REGISTRY.get_sample_value(name, LABELS)


def test_the_gauges_follow_the_row(gauges):
    gauges.update(row())
    assert gauge("siaga_regency_level") == 0 and gauge("siaga_regency_score") == 3
    gauges.update(row(level=3, score=80, status="stale", reported=7))
    assert gauge("siaga_regency_level") == 3 and gauge("siaga_regency_score") == 80
    gauges.update(row(level=3, score=79))
    assert gauge("siaga_regency_score") == 79


def test_what_people_have_to_decide_is_a_gauge_of_each_kind(gauges):
    gauges.update(row(conflicting=4, unlisted=5, candidates=6))
    names = ("siaga_regency_stations_conflicting", "siaga_regency_stations_unlisted", "siaga_regency_candidate_pairs")
    assert [gauge(name) for name in names] == [4, 5, 6]
    gauges.update(row())
    assert [gauge(name) for name in names] == [0, 0, 0]


def test_a_reused_id_is_exposed_before_the_first(gauges):
    touch_counters()
    for kind in ("i", "t"):
        labels = {"kind": kind, "outcome": "id_reused"}
        assert REGISTRY.get_sample_value("siaga_ledger_entries_total", labels) is not None


def test_an_unchanged_row_sets_no_gauge(gauges):
    gauges.update(row())
    LEVEL.labels(*LABELS.values()).set(2)  # an update would overwrite it
    gauges.update(row())
    assert gauge("siaga_regency_level") == 2


def test_no_series_is_left_when_the_partition_leaves(gauges):
    gauges.update(row(level=3))
    gauges.remove()
    assert gauge("siaga_regency_level") is None and gauge("siaga_regency_score") is None
    gauges.update(row(level=3))
    assert gauge("siaga_regency_level") == 3
