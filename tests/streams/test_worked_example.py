"""The worked example of docs/risk-model.md, done by hand from its formulas and numbers, against the fold."""

from math import floor, log10, sqrt
from pathlib import Path

from tests.streams.ledgers import COMPILED, EIGHT_MS, HOUR_MS, MINUTE_MS, PAGAR_ALAM, PALEMBANG, incident, run, tick

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "risk-model.md").read_text(encoding="utf-8")
TEN = EIGHT_MS + 2 * HOUR_MS
TEN_SLOT = 40  # quarter hours since local midnight


def test_palembang_by_hand_is_palembang_by_the_fold():
    size, graver = (2264 / 800) ** 0.5, 0.5 * 0.79 + 0.5 * 0.4831
    hours = (0.3 * hour / 36.8 + 0.7 / 24 for hour in (5.2, 4.8))
    nine, ten = (log10(1 + 2.25 * size / (2264 * 4.6 / 1000 * graver * hour)) for hour in hours)
    evidence = ten + nine * sum(2 ** (-5 * n / 55) for n in range(1, 8))
    mean, variance = (round(value, 3) for value in COMPILED.weighing(2264).ordinary(TEN_SLOT)[0])
    bar = mean + 1.5 * sqrt(variance + 1.2 * mean**2) + 0.45
    security = floor((evidence - bar) * 16.5)
    by_hand = *(round(value, 2) for value in (nine, ten, evidence, bar)), mean, variance, security
    assert by_hand == (0.95, 0.97, 6.2, 3.03, 0.849, 0.465, 52)
    for number in (*by_hand, "the score is 55, above siaga's threshold of 50"):
        assert (number if isinstance(number, str) else f"**{number}**") in DOCUMENT
    reports = [
        (PALEMBANG, [incident(n, TEN - (35 - 5 * n) * MINUTE_MS, source=("polri", "bawaslu")[n % 2])]) for n in range(8)
    ]
    frames = [tick(EIGHT_MS), *reports]
    row = run(frames).row(PALEMBANG)
    assert row["as_of"].startswith("2024-11-27T03:00:00")
    assert row["components"]["security"] == 52 and row["components"]["prior"] == 3
    assert row["score"] == 55
    assert run([*frames, tick(TEN + MINUTE_MS)]).row(PALEMBANG)["level"] == "siaga"


def test_one_single_report_is_next_to_nothing():
    in_palembang = run([tick(EIGHT_MS), (PALEMBANG, [incident("a", TEN)])]).row(PALEMBANG)
    in_pagar_alam = run([tick(EIGHT_MS), (PAGAR_ALAM, [incident("a", TEN)])]).row(PAGAR_ALAM)
    assert in_palembang["components"]["security"] == 0
    assert in_pagar_alam["components"]["security"] == 6 and in_pagar_alam["level"] == "normal"
    assert "6 points" in DOCUMENT
