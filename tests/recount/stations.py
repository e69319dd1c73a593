"""Polling stations: one form of their names, villages, and the station roster."""

import csv
import re
import unicodedata
from collections import defaultdict

#: The station keys of each regency of which the file names any.
StationRoster = dict[str, set[str]]
_NUMBERED = re.compile(r"(?:TPS ?)?0*([0-9]{1,6})")
_VILLAGE = re.compile(r"[0-9]{2}\.[0-9]{2}\.[0-9]{2}\.[0-9]{4}")
_DIGITS_LEAST = 3


def has_control(text: str) -> bool:
    """Whether any character controls how others are shown, or cannot be seen itself."""
    return any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in text)


def canonical(station: str) -> str:
    """One form: composed characters, single blanks, upper case; a number is `TPS` and at least three digits."""
    text = " ".join(unicodedata.normalize("NFC", unicodedata.normalize("NFC", station).upper()).split())
    numbered = _NUMBERED.fullmatch(text)
    if not numbered:
        return text
    return "TPS " + numbered[1].rjust(_DIGITS_LEAST, "0")


def station_key(village: str | None, station: str | None) -> str | None:
    """`village station`, either of which may be empty; None when the message has neither."""
    if village is None and station is None:
        return None
    return f"{village or ''} {canonical(station) if station else ''}"


def village_of(key: str) -> str:
    """The village of a key; empty when none was told."""
    return key.partition(" ")[0]


def is_village(text: str) -> bool:
    return bool(_VILLAGE.fullmatch(text))


def station_roster(text: str) -> StationRoster:
    """The station keys of a CSV file `regency,village,station,registered`."""
    found: StationRoster = defaultdict(set)
    for row in csv.DictReader(text.splitlines()):
        key = station_key(row["village"], row["station"])
        assert key is not None
        found[row["regency"]].add(key)
    return found
