"""The worked example of docs/risk-model.md, done by hand from its formulas and numbers, against the fold."""

from math import floor, log10
from pathlib import Path

from tests.streams.ledgers import COMPILED, EIGHT_MS, HOUR_MS, MINUTE_MS, PAGAR_ALAM, PALEMBANG, incident, run, tick

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "risk-model.md").read_text(encoding="utf-8")
TEN = EIGHT_MS + 2 * HOUR_MS
TEN_SLOT = 40  # quarter hours since local midnight


def test_palembang_by_hand_is_palembang_by_the_fold():
    size = (2264 / 800) ** 0.5
    nine, ten = (log10(1 + 2.25 * size / (2264 * 4.6 / 1000 * 0.79 * hour / 36.8)) for hour in (5.2, 4.8))
    evidence = ten + nine * sum(2 ** (-5 * n / 38) for n in range(1, 12))
    expected = round(COMPILED.place(2264).expected[0][TEN_SLOT], 3)
    security = floor((evidence - 1.7 * expected - 0.45) * 16.5)
    assert (round(nine, 2), round(ten, 2), round(evidence, 2), expected, security) == (0.63, 0.66, 4.83, 0.896, 47)
    for number in (
        "**0.63**",
        "**0.66**",
        "**4.83**",
        "**0.896**",
        "**47**",
        "the score is 50, which is siaga's threshold",
    ):
        assert number in DOCUMENT
    reports = [
        (PALEMBANG, [incident(n, EIGHT_MS + (65 + 5 * n) * MINUTE_MS, source=("polri", "bawaslu")[n % 2])])
        for n in range(12)
    ]
    frames = [tick(EIGHT_MS), *reports]
    row = run(frames).row(PALEMBANG)
    assert row["as_of"].startswith("2024-11-27T03:00:00")
    assert row["components"]["security"] == 47 and row["components"]["prior"] == 3
    assert row["score"] == 50
    assert (
        run([*frames, tick(TEN + MINUTE_MS)]).row(PALEMBANG)["level"] == "waspada"
    )  # 50 for a moment is no minute of 50


def test_one_single_report_is_next_to_nothing():
    in_palembang = run([tick(EIGHT_MS), (PALEMBANG, [incident("a", TEN)])]).row(PALEMBANG)
    in_pagar_alam = run([tick(EIGHT_MS), (PAGAR_ALAM, [incident("a", TEN)])]).row(PAGAR_ALAM)
    assert in_palembang["components"]["security"] == 0
    assert in_pagar_alam["components"]["security"] == 6 and in_pagar_alam["level"] == "normal"
    assert "6 points" in DOCUMENT
