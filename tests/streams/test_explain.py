"""Explanations: both languages say the same, name what decided, and know every word the fold can use."""

import pytest

from schemas.escalation import CategoryName
from schemas.ruleset import Ruleset
from streams.decisions import Change, Reason
from streams.explain import explain_escalation, explain_row
from streams.rules import LEVELS
from streams.scoring import COMPONENTS, ROLLING
from streams.words import ENGLISH, INDONESIAN, LANGUAGES
from tests.streams.ledgers import EIGHT_MS, MINUTE_MS, PALEMBANG, incident, run, tick, turnout


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
    assert set(words["categories"]) == set(CategoryName.__args__)
    ruleset = Ruleset.default()
    routes = {route for rule in ruleset.categories.values() for route in rule.routes + rule.grave_routes}
    assert routes | set(ruleset.province.routes) <= set(words["routes"])


def test_a_level_is_explained_from_row_and_escalations(told):
    lines = explain_row(told.row(PALEMBANG), told.changes(PALEMBANG), "en", 420)
    text = "\n".join(lines)
    assert lines[0].startswith("Palembang (16.71) is at siaga (alert), score 20 of 100, since 2024-11-27 08:00:00+0700")
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


def test_an_escalation_explains_itself(told):
    lines = explain_escalation(told.changes(PALEMBANG)[0], "en", 420)
    assert lines[0] == (
        "2024-11-27 08:00:00+0700  Palembang raised to siaga (alert) (score 20, threshold 50): "
        "a grave incident was told; no second source has confirmed it yet."
    )


def test_silence_is_not_explained_as_safety():
    row = run([tick(EIGHT_MS)]).row(PALEMBANG)
    assert "never reported. That does not mean it is safe" in "\n".join(explain_row(row, [], "en"))
    assert "bukan berarti aman" in "\n".join(explain_row(row, [], "id"))
