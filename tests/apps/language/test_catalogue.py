"""The catalogue: every word in both languages, a word for every member of a closed set, and no words anywhere else."""

import ast
import re
import string
from pathlib import Path

import pytest

from apps.board.static_files import TABLES, words_module
from apps.language.catalogue import LANGUAGES, capitalized, language_of_locale, read_catalogue, words_in
from schemas.risk import Confidence, Excluded
from schemas.ruleset import Ruleset
from schemas.vocabulary import (
    AUTHORITIES,
    CATEGORIES,
    COMPONENTS,
    DATA_STATUSES,
    LEVELS,
    MEMBERS,
    ROLLING,
    STATUSES,
    Change,
    EraseReason,
    JoinReason,
    Reason,
)

APPS = Path(__file__).parents[3] / "apps"
CATALOGUE = read_catalogue()
PAGE = [path for path in (APPS / "board" / "static").rglob("*") if path.suffix in (".js", ".html")]
SCRIPT = "".join(path.read_text(encoding="utf-8") for path in PAGE)
COVERED = {
    "level": LEVELS,
    "change": tuple(Change),
    "change_clause": tuple(Change),
    "reason": tuple(Reason),
    "component": (*COMPONENTS, *ROLLING, *MEMBERS),
    "component_in_full": (*COMPONENTS, *ROLLING, *MEMBERS),
    "category": CATEGORIES,
    "status": STATUSES,
    "data_status": DATA_STATUSES,
    "data_status_sentence": DATA_STATUSES,
    "authority": AUTHORITIES,
    "authority_in_full": AUTHORITIES,
    "excluded": tuple(Excluded.model_fields),
    "join_reason": tuple(JoinReason),
    "erase_reason": tuple(EraseReason),
    "cap_instruction": (*LEVELS, "silence"),
}
#: Fields of a row's confidence, which the page shows by name.
CONFIDENCE = set(Confidence.model_fields)
#: Parts of keys that the page puts together: theme_dark, staleFor, silentNote.
COMPOSED = re.compile(r"theme_|link_|banner_|trouble_|say_|For$|Note$")


def blanks(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_text_is_there_in_both_languages_with_the_same_blanks():
    for table, entries in CATALOGUE.items():
        for key, texts in entries.items():
            assert texts.keys() == set(LANGUAGES), (table, key)
            assert all(text.strip() == text != "" for text in texts.values()), (table, key)
            assert len({frozenset(blanks(text)) for text in texts.values()}) == 1, (table, key)


@pytest.mark.parametrize("table", COVERED)
def test_a_closed_set_has_a_word_for_each_member_and_no_other(table):
    assert CATALOGUE[table].keys() == set(COVERED[table])


def test_the_packaged_ruleset_notifies_only_authorities_that_have_a_name():
    ruleset = Ruleset.default()
    named = {route for rule in ruleset.categories.values() for route in rule.routes + rule.grave_routes}
    assert named | {*ruleset.province.routes, *ruleset.silence.routes, *ruleset.turnout.routes} <= set(AUTHORITIES)


def test_the_texts_of_the_page_are_those_that_it_asks_for():
    asked = set(re.findall(r"\bt\(\"(\w+)\"|data-(?:text|label|placeholder)=\"(\w+)\"", SCRIPT))
    assert {key for pair in asked for key in pair if key} <= CATALOGUE["page"].keys()
    quoted = set(re.findall(r"[\"'](\w+)[\"']", SCRIPT)) | CONFIDENCE
    assert not [key for key in CATALOGUE["page"] if key not in quoted and not COMPOSED.search(key)]


def test_the_page_gets_every_table_that_it_reads():
    assert set(re.findall(r"\b(?:text|word|label)\(\"(\w+)\"", SCRIPT)) <= set(TABLES) <= CATALOGUE.keys()
    assert "export const WORDS = {" in words_module()


def test_no_indonesian_stands_outside_the_catalogue():
    """Two words that every list of Indonesian texts would hold, in no string of a program."""
    found = [
        f"{path.relative_to(APPS)}:{node.lineno}"
        for path in sorted(APPS.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and re.search(r"\b(laporan|tingkat)\b", str(node.value))
    ]
    assert not found


@pytest.mark.parametrize("language, name", [("en", "siaga (alert)"), ("id", "siaga")])
def test_a_level_keeps_its_name_and_is_explained_where_it_is_foreign(language, name):
    assert words_in(language).level("siaga") == name and words_in(language).level("normal") == "normal"


def test_a_word_that_the_catalogue_lacks_is_shown_as_it_is():
    assert words_in("id").word("authority", "navy") == "navy"


def test_only_the_first_letter_is_capitalized():
    assert capitalized("unjuk rasa di KPU") == "Unjuk rasa di KPU" and capitalized("") == ""


@pytest.mark.parametrize(
    "variables, language",
    [
        ({"LANG": "id_ID.UTF-8"}, "id"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "C"}, "en"),
        ({}, "en"),
        ({"LANG": "id_ID", "LC_MESSAGES": "en_US.UTF-8"}, "en"),
        ({"LANG": "en_US", "LC_MESSAGES": "en_US", "LC_ALL": "id_ID.UTF-8"}, "id"),
        ({"LANG": "id_ID", "LC_ALL": ""}, "id"),
    ],
)
def test_the_locale_decides_the_language(monkeypatch, variables, language):
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    assert language_of_locale() == language
