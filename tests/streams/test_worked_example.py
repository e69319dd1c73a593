"""The worked example of docs/risk-model.md, done by hand from its formulas and numbers, against the fold."""

from math import floor, log10
from pathlib import Path

from tests.streams.ledgers import COMPILED, EIGHT_MS, HOUR_MS, MINUTE_MS, PAGAR_ALAM, PALEMBANG, incident, run, tick

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "risk-model.md").read_text(encoding="utf-8")
TEN = EIGHT_MS + 2 * HOUR_MS
TEN_SLOT = 40  # quarter hours since local midnight


def test_palembang_by_hand_is_palembang_by_the_fold():
    size = (2264 / 800) ** 0.5
    nine, ten = (log10(1 + 1.5 * size / (2264 * 4.6 / 1000 * 0.6 * hour / 36.8)) for hour in (5.2, 4.8))
    told = ten + nine * sum(2 ** (-5 * n / 38) for n in range(1, 12))
    expected = round(COMPILED.place(2264).expected[0][TEN_SLOT], 2)
    security = floor((told - 1.7 * expected - 0.45) * 18)
    assert (round(nine, 2), round(ten, 2), round(told, 2), expected, security) == (0.59, 0.61, 4.5, 0.77, 49)
    for number in ("**0.59**", "**0.61**", "**4.5**", "**0.77**", "**49**", "the score is 52, siaga"):
        assert number in DOCUMENT
    reports = [
        (PALEMBANG, [incident(n, EIGHT_MS + (65 + 5 * n) * MINUTE_MS, source=("polri", "bawaslu")[n % 2])])
        for n in range(12)
    ]
    told = [tick(EIGHT_MS), *reports]
    row = run(told).row(PALEMBANG)
    assert row["as_of"].startswith("2024-11-27T03:00:00")
    assert row["components"]["security"] == 49 and row["components"]["prior"] == 3
    assert row["score"] == 52
    assert run([*told, tick(TEN + MINUTE_MS)]).row(PALEMBANG)["level"] == "siaga"  # it has held for a minute


def test_one_single_report_is_next_to_nothing():
    in_palembang = run([tick(EIGHT_MS), (PALEMBANG, [incident("a", TEN)])]).row(PALEMBANG)
    in_pagar_alam = run([tick(EIGHT_MS), (PAGAR_ALAM, [incident("a", TEN)])]).row(PAGAR_ALAM)
    assert in_palembang["components"]["security"] == 0
    assert in_pagar_alam["components"]["security"] == 6 and in_pagar_alam["level"] == "normal"
    assert "6 points" in DOCUMENT
