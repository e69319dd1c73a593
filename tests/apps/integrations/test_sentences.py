"""Laws of the sentences of a CAP message."""

from apps.integrations.cap.sentences import EVIDENCE_IN_WORDS, description, headline
from apps.language.catalogue import words_in
from schemas.vocabulary import LEVELS, Change
from tests.apps.integrations.escalations import evidence, parsed

ENGLISH = words_in("en")


def test_a_name_that_the_catalogue_lacks_is_shown_as_it_is():
    text = description(ENGLISH, parsed(routes=["navy"], components={"novelty": 45}))
    assert "for Navy" in text and "novelty 45" in text


def test_every_headline_is_short_and_says_if_it_is_unverified():
    for status in ("Exercise", "Test", "Actual"):
        for change in Change:
            for level in LEVELS:
                text = headline(ENGLISH, parsed(change=change.value, level=level, unverified=True), status)
                assert text.endswith("(unverified)") and len(text) <= 160


def test_evidence_beyond_the_limit_is_counted():
    text = description(ENGLISH, parsed(evidence=[evidence()] * 20))
    assert text.count("clash") == EVIDENCE_IN_WORDS and "and 15 more" in text


def test_the_odds_are_told_where_there_are_any_as_the_language_writes_them():
    assert "Odds that a flare-up is behind it: 0.70." in description(ENGLISH, parsed(odds=0.7))
    assert "Peluang nyata: 0,70." in description(words_in("id"), parsed(odds=0.7))
    assert "Odds" not in description(ENGLISH, parsed(odds=None)) + description(ENGLISH, parsed())
