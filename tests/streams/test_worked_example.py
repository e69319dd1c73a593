"""The worked example of docs/risk-model.md, done by hand from its formulas and numbers, against the fold."""

from math import floor, log
from pathlib import Path

import pytest

from tests.streams.ledgers import COMPILED, EIGHT_MS, HOUR_MS, MINUTE_MS, PAGAR_ALAM, PALEMBANG, incident, run, tick

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "risk-model.md").read_text(encoding="utf-8")
TEN = EIGHT_MS + 2 * HOUR_MS
SHAPE = 40


def digits(seen: float, expected: float) -> float:
    return (seen * log(seen / expected) - (seen + SHAPE) * log((seen + SHAPE) / (expected + SHAPE))) / log(10)


def test_palembang_by_hand_is_palembang_by_the_fold():
    seen = round((1 - 1 / 2) / (1 - 2 ** (-1 / 12)), 1)
    expected = round(2264 * 0.00076, 2)
    security = floor((digits(seen, expected) - 1) * 30)
    assert (seen, expected, round(digits(seen, expected), 2), security) == (8.9, 1.72, 2.98, 59)
    for number in ("**8.9**", "**1.72**", "**2.98**", "**59**", "the score is 62, siaga"):
        assert number in DOCUMENT
    reports = [
        (PALEMBANG, [incident(n, EIGHT_MS + (65 + 5 * n) * MINUTE_MS, source=("polri", "bawaslu")[n % 2])])
        for n in range(12)
    ]
    row = run([tick(EIGHT_MS), *reports]).row(PALEMBANG)
    assert row["as_of"].startswith("2024-11-27T03:00:00")
    assert (row["components"]["security"], row["components"]["prior"], row["score"], row["level"]) == (
        59,
        3,
        62,
        "siaga",
    )


@pytest.mark.parametrize("place", [PALEMBANG, PAGAR_ALAM])
def test_one_single_report_scores_nothing(place):
    row = run([tick(EIGHT_MS), (place, [incident("a", TEN)])]).row(place)
    assert row["components"]["security"] == 0
    assert digits(1, 0.19) == pytest.approx(0.37, abs=0.01)


def test_the_expectation_per_station_is_the_documents():
    ten_oclock = COMPILED.local_ms(TEN) // (15 * MINUTE_MS)
    assert round(COMPILED.expected[0][ten_oclock], 5) == 0.00076
