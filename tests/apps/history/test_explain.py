"""Explanations: both languages say the same, name what decided, and know every word the fold can use."""

import pytest

from apps.history.explain import explain_escalation, explain_province, explain_row
from apps.language.words import ENGLISH, INDONESIAN, LANGUAGES
from schemas.province import ProvinceRow
from schemas.ruleset import Ruleset
from schemas.vocabulary import CATEGORIES, COMPONENTS, LEVELS, ROLLING, Change, Reason
from tests.streams.ledgers import EIGHT_MS, MINUTE_MS, OKI, PALEMBANG, ROSTER, incident, run, tick, turnout


@pytest.fixture
def told():
    reports = [(PALEMBANG, [incident("a", EIGHT_MS, "fatality", 5, source="polri")])]
    frames = [tick(EIGHT_MS - MINUTE_MS), *reports, (PALEMBANG, [turnout("b", EIGHT_MS, "TPS 1", 120)])]
    return run(frames)


def shape(words: dict) -> dict:
    return {key: shape(value) if isinstance(value, dict) else None for key, value in words.items()}


def test_both_languages_have_the_same_words():
    assert shape(ENGLISH) == shape(INDONESIAN)


@pytest.mark.parametrize("words", LANGUAGES.values(), ids=LANGUAGES)
def test_every_word_of_the_fold_is_known(words):
    assert set(words["reasons"]) == {reason.value for reason in Reason}
    assert set(words["changes"]) == {change.value for change in Change}
    assert set(words["levels"]) == set(LEVELS)
    assert {*COMPONENTS, *ROLLING} <= set(words["components"])
    assert set(words["categories"]) == set(CATEGORIES)
    ruleset = Ruleset.default()
    routes = {route for rule in ruleset.categories.values() for route in rule.routes + rule.grave_routes}
    assert routes | set(ruleset.province.routes) <= set(words["routes"])


def test_a_level_is_explained_from_row_and_escalations(told):
    lines = explain_row(told.row(PALEMBANG), told.changes(PALEMBANG), "en", 420)
    text = "\n".join(lines)
    assert lines[0].startswith("Palembang (16.71) is at siaga (alert), score 25 of 100, since 2024-11-27 08:00:00+0700")
    assert "3 from structural risk known before the day" in text
    assert "The score alone is below this level's threshold." in text
    assert "This rests on one source and is not verified." in text
    assert "fatality, severity 5, reported (i-a)" in text
    assert "a grave incident was told; no second source has confirmed it yet" in text
    assert "To be told: KPU, Bawaslu, Gakkumdu, police, BPBD, governor, Kominda." in text
    assert "1 of 2264 stations told, 120 of 500 voted (24.0%)" in text


def test_it_is_explained_in_indonesian_too(told):
    text = "\n".join(explain_row(told.row(PALEMBANG), told.changes(PALEMBANG), "id", 420))
    assert "berada di tingkat siaga" in text and "belum terverifikasi" in text and "korban jiwa, keparahan 5" in text


@pytest.mark.parametrize("language, name", [("en", "Province 16"), ("id", "Provinsi 16")])
def test_a_province_has_its_name_in_the_language(told, language, name):
    item = told.changes(PALEMBANG)[0] | {"regency": "16", "name": "Province 16"}
    assert f"  {name} " in explain_escalation(item, language, 420)[0]


def test_an_escalation_explains_itself(told):
    lines = explain_escalation(told.changes(PALEMBANG)[0], "en", 420)
    assert lines[0] == (
        "2024-11-27 08:00:00+0700  Palembang raised to siaga (alert) (score 25, threshold 50): "
        "a grave incident was told; no second source has confirmed it yet."
    )


def test_silence_is_not_explained_as_safety():
    row = run([tick(EIGHT_MS)]).row(PALEMBANG)
    assert "never reported. That does not mean it is safe" in "\n".join(explain_row(row, [], "en"))
    assert "bukan berarti aman" in "\n".join(explain_row(row, [], "id"))


@pytest.mark.parametrize(
    "language, expected",
    [
        ("en", ["Province 16 is at waspada", "25 from regencies at awas", "Palembang (16.71): awas", "Not heard", "Ogan Komering Ilir (16.02)"]),
        ("id", ["Provinsi 16 berada di tingkat waspada", "Palembang (16.71): awas", "Tidak terdengar", "Ogan Komering Ilir (16.02)"]),
    ],
)  # fmt: skip
def test_a_province_is_explained_by_its_regencies(language, expected):
    row = {
        "schema": "siaga.province/1", "province": "16", "level": "waspada", "score": 25,
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


def test_a_quiet_province_says_so():
    row = {
        "province": "16", "level": "normal", "score": 0, "since": "2024-11-27T01:00:00.000Z", "as_of": "2024-11-27T01:10:00.000Z",
        "elevated": [], "not_live": [], "components": {"members_awas": 0, "members_siaga": 0, "members_waspada": 0},
        "ruleset": "sumsel-pilkada-2024@5", "ledger": {"partition": 0, "offset": 9},
    }  # fmt: skip
    text = "\n".join(explain_province(row, [], {}, "en"))
    assert "None of its regencies is above normal." in text and "Not heard" not in text


@pytest.mark.parametrize("score, is_below", [(28, False), (20, True)])
def test_after_a_fall_the_score_is_held_against_the_level_that_stands(told, score, is_below):
    raised = told.changes(PALEMBANG)[0]
    history = [
        raised | {"level": "waspada", "threshold": 25},
        raised | {"previous_level": "waspada"},
        raised
        | {"change": "lowered", "level": "waspada", "previous_level": "siaga", "threshold": 38, "reason": "calm"},
    ]
    row = told.row(PALEMBANG) | {"level": "waspada", "score": score}
    assert ("below this level's threshold" in "\n".join(explain_row(row, history, "en"))) == is_below
