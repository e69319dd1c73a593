"""Reads the catalogue of words, `catalogue.toml` beside this file, and gives it out by language."""

import functools
import os
import tomllib
from collections.abc import Mapping
from importlib import resources

LANGUAGES = ("en", "id")

#: The words of one language: by table, then by key.
Tables = Mapping[str, Mapping[str, str]]


class Words:
    """The catalogue in one language."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    def text(self, table: str, key: str, **values: object) -> str:
        """The text under a key, with its `{...}` filled in. Raises KeyError for a key that the catalogue lacks."""
        return self.tables[table][key].format(**values)

    def word(self, table: str, key: str) -> str:
        """The word for a key; the key itself where a ruleset names what the catalogue lacks, such as an authority."""
        return self.tables[table].get(key, key)

    def decimal(self, value: float) -> str:
        """A number with two decimals as the language writes it."""
        return f"{value:.2f}".replace(".", self.tables["number"]["decimal_point"])

    def level(self, level: str) -> str:
        """A level's name with its meaning, where that is another word: `siaga (alert)`."""
        meaning = self.tables["level"][level]
        return level if meaning == level else f"{level} ({meaning})"


@functools.cache
def words_in(language: str) -> Words:
    """The catalogue in one of LANGUAGES. Raises KeyError for any other."""
    return Words(
        {table: {key: texts[language] for key, texts in entries.items()} for table, entries in read_catalogue().items()}
    )


@functools.cache
def read_catalogue() -> dict[str, dict[str, dict[str, str]]]:
    """The whole catalogue: texts by table, key and language."""
    return tomllib.loads(resources.files(__package__).joinpath("catalogue.toml").read_text(encoding="utf-8"))


def capitalized(text: str) -> str:
    """A text as it begins a sentence or a label. Unlike str.capitalize it leaves the rest as it is."""
    return text[:1].upper() + text[1:]


def language_of_locale() -> str:
    """The language that the environment asks for (LC_ALL, LC_MESSAGES, LANG, in this order); English if another."""
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(variable):
            name = value[:2].lower()
            return name if name in LANGUAGES else LANGUAGES[0]
    return LANGUAGES[0]
