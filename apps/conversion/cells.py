"""The text of one cell, as people and Excel write it, as the value of a message's field."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Literal

#: How whole numbers are written: Indonesian `1.024,0`, English `1,024.0`.
Number = Literal["id", "en"]
#: What a mapping may give in place of a word: a JSON value that a message can hold.
Constant = str | int | bool

_PLAIN = re.compile(r"[+-]?[0-9]{1,18}")
_GROUPED = {
    "id": re.compile(r"([+-]?(?:[0-9]{1,3}(?:\.[0-9]{3}){1,5}|[0-9]{1,18}))(?:,([0-9]+))?"),
    "en": re.compile(r"([+-]?(?:[0-9]{1,3}(?:,[0-9]{3}){1,5}|[0-9]{1,18}))(?:\.([0-9]+))?"),
}
_WRITTEN = {"id": "Indonesian form (1.024)", "en": "English form (1,024)"}
_SEPARATED = re.compile(r"[+-]?[0-9][0-9.,]*")
# A local time of ISO 8601. One with an offset is left to the message's own check.
_LOCAL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?")
_SHOWN_CHARS = 40


class CellError(ValueError):
    """A cell that cannot be the field's value. One line, printable; it may show the cell's beginning."""


def shown(text: str) -> str:
    """The beginning of a text in quotes, with what is not printable escaped."""
    return repr(text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "...")


def folded(text: str) -> str:
    """The form in which names of columns and words are compared: case and the width of blanks do not matter."""
    return " ".join(unicodedata.normalize("NFC", text).split()).casefold()


def check_encoding(text: str) -> None:
    """Raise CellError for text with bytes that are not UTF-8, which the reader keeps as lone surrogates."""
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        raise CellError("is not UTF-8; in Excel save as `CSV UTF-8`")


def whole_number(text: str, number: Number | None) -> int:
    """The whole number that a cell holds. Without `number` it has no separators. Raises CellError."""
    if number is None:
        if _PLAIN.fullmatch(text):
            return int(text)
        more = '; the mapping says with number = "id" or "en" how numbers are written' if _SEPARATED.match(text) else ""
        raise CellError(f"{shown(text)} is not a whole number in digits alone{more}")
    match = _GROUPED[number].fullmatch(text)
    if match is None:
        raise CellError(f"{shown(text)} is not a whole number in {_WRITTEN[number]}")
    if (match[2] or "").strip("0"):
        raise CellError(f"{shown(text)} is not a whole number")
    return int(match[1].replace("." if number == "id" else ",", ""))


def moment(text: str, form: str | None, offset: tzinfo | None) -> str:
    """A time in RFC 3339. `form` is strptime's, None for ISO 8601; `offset` is that of a time which names none.

    Raises CellError. Without `form` a text that names an offset, or is no time, is returned as it is."""
    if form is None and not _LOCAL.fullmatch(text):
        return text
    try:
        found = datetime.fromisoformat(text.upper()) if form is None else datetime.strptime(text, form)
    except ValueError:
        kind = f"of the form {form}" if form else "of the calendar"
        raise CellError(f"{shown(text)} is not a time {kind} (hours are 00 to 23)") from None
    if found.tzinfo is None and offset is None:
        raise CellError(f"{shown(text)} names no UTC offset; give it with --utc-offset, +07:00 for WIB")
    return (found if found.tzinfo else found.replace(tzinfo=offset)).isoformat()


def word(text: str, words: Mapping[str, Constant]) -> Constant:
    """The value of a cell in `words`, whose keys are folded. Raises CellError."""
    try:
        return words[folded(text)]
    except KeyError:
        raise CellError(f"{shown(text)} is not among the mapping's words") from None


def flag(text: str) -> bool:
    """`true` or `false`. Raises CellError."""
    if (given := folded(text)) in ("true", "false"):
        return given == "true"
    raise CellError(f"{shown(text)} is neither true nor false; the mapping's words can translate it")


def id_part(text: str) -> str:
    """A cell as a part of an id: every character but letters, digits, `.`, `_`, `:` and `-` is written as `-`."""
    return re.sub(r"[^A-Za-z0-9._:-]", "-", text)
