"""Laws of explanations: they name the level, the reason, the parts of the score, the evidence, and who is notified."""

import pytest

from apps.history.explain import explain_escalation, explain_province, explain_row
from schemas.province import ProvinceRow
from tests.streams.ledgers import EIGHT_MS, MINUTE_MS, OKI, PALEMBANG, ROSTER, incident, run, tick, turnout


@pytest.fixture
def fold():
    reports = [(PALEMBANG, [incident("a", EIGHT_MS, "fatality", 5, source="polri")])]
    frames = [tick(EIGHT_MS - MINUTE_MS), *reports, (PALEMBANG, [turnout("b", EIGHT_MS, "TPS 1", 120)])]
    return run(frames)


def test_a_level_is_explained_from_row_and_escalations(fold):
    lines = explain_row(fold.row(PALEMBANG), fold.changes(PALEMBANG), "en", 420)
    text = "\n".join(lines)
    assert lines[0].startswith("Palembang (16.71) is at siaga (alert), score 6 of 100, since 2024-11-27 08:00:00+0700")
    assert "3 from structural risk known before the day" in text
    assert "The score alone is below this level's threshold." in text
    assert "This rests on one agency and is not verified." in text
    assert "fatality, severity 5, reported (polri/i-a); told by polri" in text
    assert "a grave incident, no second agency yet" in text
    assert "Notified: KPU, Bawaslu, Gakkumdu, police, BPBD, governor, Kominda." in text
    assert "1 of 2264 stations reported, 120 of 500 voted (24.0%)" in text


def test_a_level_is_explained_in_indonesian_too(fold):
    text = "\n".join(explain_row(fold.row(PALEMBANG), fold.changes(PALEMBANG), "id", 420))
    assert "berada di tingkat siaga" in text and "belum terverifikasi" in text and "korban jiwa, keparahan 5" in text


@pytest.mark.parametrize("language, name", [("en", "Province 16"), ("id", "Provinsi 16")])
def test_a_province_has_its_name_in_the_language(fold, language, name):
    item = fold.changes(PALEMBANG)[0] | {"regency": "16", "name": "Province 16"}
    assert f"  {name} " in explain_escalation(item, language, 420)[0]


def test_an_escalation_explains_itself(fold):
    lines = explain_escalation(fold.changes(PALEMBANG)[0], "en", 420)
    assert lines[0] == (
        "2024-11-27 08:00:00+0700  Palembang raised to siaga (alert) (score 6, threshold 50): "
        "a grave incident, no second agency yet."
    )


@pytest.mark.parametrize(("language", "said"), [("en", "simulated days: 0.07."), ("id", "simulasi: 0,07.")])
def test_the_odds_are_told_where_there_are_any(fold, language, said):
    item = fold.changes(PALEMBANG)[0] | {"odds": 0.07}
    assert said in "\n".join(explain_escalation(item, language))
    earlier = {name: value for name, value in item.items() if name != "odds"}  # of a version that knew none
    assert explain_escalation(earlier, language) == explain_escalation(item | {"odds": None}, language)
    assert said not in "\n".join(explain_escalation(earlier, language))


def test_a_regency_that_never_reported_is_not_called_safe():
    row = run([tick(EIGHT_MS)]).row(PALEMBANG)
    assert "never reported. That does not mean it is safe" in "\n".join(explain_row(row, [], "en"))
    assert "bukan berarti aman" in "\n".join(explain_row(row, [], "id"))


@pytest.mark.parametrize(
    "language, expected",
    [
        (
            "en",
            ["Province 16 is at waspada", "25 from regencies at awas", "awas (danger)", "No reports come in"],
        ),
        ("id", ["Provinsi 16 berada di tingkat waspada", "Palembang (16.71): awas", "Tidak ada laporan masuk"]),
    ],
)
def test_a_province_is_explained_by_its_regencies(language, expected):
    row = {
        "schema": "siaga.province/2", "province": "16", "level": "waspada", "score": 25,
        "since": "2024-11-27T01:00:00.000Z", "as_of": "2024-11-27T01:10:00.000Z",
        "regencies": {"normal": 16, "waspada": 0, "siaga": 0, "awas": 1},
        "elevated": [{"regency": PALEMBANG, "level": "awas"}], "not_live": [OKI],
        "components": {"members_awas": 25, "members_siaga": 0, "members_waspada": 0},
        "ruleset": "sumsel-pilkada-2024@5", "ledger": {"partition": 0, "offset": 9},
    }  # fmt: skip
    names = {code: entry.name for code, entry in ROSTER.items()}
    text = "\n".join(
        explain_province(
            ProvinceRow.model_validate(row).model_dump(mode="json", by_alias=True), [], names, language, 420
        )
    )
    for words in expected:
        assert words in text


def test_a_province_without_a_raised_regency_is_explained_as_such():
    row = {
        "province": "16", "level": "normal", "score": 0,
        "since": "2024-11-27T01:00:00.000Z", "as_of": "2024-11-27T01:10:00.000Z",
        "elevated": [], "not_live": [], "components": {"members_awas": 0, "members_siaga": 0, "members_waspada": 0},
        "ruleset": "sumsel-pilkada-2024@5", "ledger": {"partition": 0, "offset": 9},
    }  # fmt: skip
    text = "\n".join(explain_province(row, [], {}, "en"))
    assert "None of its regencies is above normal." in text and "No reports" not in text


@pytest.mark.parametrize("score, is_below", [(28, False), (20, True)])
def test_after_a_fall_the_score_is_compared_with_the_present_levels_threshold(fold, score, is_below):
    raised = fold.changes(PALEMBANG)[0]
    history = [
        raised | {"level": "waspada", "threshold": 25},
        raised | {"previous_level": "waspada"},
        raised
        | {"change": "lowered", "level": "waspada", "previous_level": "siaga", "threshold": 38, "reason": "calm"},
    ]
    row = fold.row(PALEMBANG) | {"level": "waspada", "score": score}
    assert ("below this level's threshold" in "\n".join(explain_row(row, history, "en"))) == is_below
