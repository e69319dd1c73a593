"""The two languages say the same things, and have a word for everything that an escalation can say."""

import string

import pytest

from apps.integrations.cap.sentences import EVIDENCE_IN_WORDS, description, headline
from apps.language.outward_words import ENGLISH, INDONESIAN, LANGUAGES, Words
from schemas.ruleset import Ruleset
from schemas.vocabulary import COMPONENTS, LEVELS, ROLLING, Category, Change, Reason
from tests.apps.integrations.escalations import parsed


def test_both_languages_hold_the_same_keys_and_the_same_blanks():
    for field in Words._fields:
        ours, theirs = getattr(INDONESIAN, field), getattr(ENGLISH, field)
        if isinstance(ours, dict):
            assert ours.keys() == theirs.keys(), field
            assert {k: blanks(v) for k, v in ours.items()} == {k: blanks(v) for k, v in theirs.items()}, field


def blanks(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("words", LANGUAGES.values(), ids=LANGUAGES)
def test_there_is_a_word_for_everything(words: Words):
    assert words.changes.keys() == {change.value for change in Change}
    assert words.reasons.keys() == {reason.value for reason in Reason}
    assert words.levels.keys() == set(LEVELS)
    assert words.categories.keys() == {category.value for category in Category}
    assert words.parts.keys() >= {*COMPONENTS, *ROLLING}


@pytest.mark.parametrize("words", LANGUAGES.values(), ids=LANGUAGES)
def test_the_packaged_ruleset_s_authorities_have_names(words: Words):
    ruleset = Ruleset.default()
    named = {route for category in ruleset.categories.values() for route in (*category.routes, *category.grave_routes)}
    assert named <= words.routes.keys()


def test_a_word_that_the_lists_do_not_hold_is_shown_as_it_is():
    text = description(ENGLISH, parsed(routes=["navy"], components={"novelty": 45}))
    assert "for navy" in text and "novelty 45" in text


def test_a_headline_is_short_and_an_unverified_one_says_so():
    for status in ("Exercise", "Test", "Actual"):
        for change in Change:
            for level in LEVELS:
                text = headline(ENGLISH, parsed(change=change.value, level=level, unverified=True), status)
                assert text.endswith("(unverified)") and len(text) <= 160


def test_long_evidence_is_counted_not_cut_in_silence():
    item = {"incident_id": "x", "category": "clash", "severity": 3, "status": "reported", "weight": 4}
    text = description(ENGLISH, parsed(evidence=[item] * 20))
    assert text.count("clash") == EVIDENCE_IN_WORDS and "and 15 more" in text
