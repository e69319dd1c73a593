"""The one form in which stations (TPS) are compared, and the key of a station within its regency.

A TPS number counts within its village (desa, kelurahan): the key holds both. Publishers write the number in many ways;
`canonical_station` gives what all of them mean. What it does not know to be the same stays different: two stations
shown apart can be corrected, two counted as one lose voters.
"""

import re
from functools import lru_cache
from unicodedata import category, normalize

STATION_MAX_CHARS = 64
NUMBER_MIN_DIGITS = 3

_KEPT = 16_384  # spellings; a regency has some 1,500 stations, named alike in all of them
# Six digits number all 823,220 stations of a country; what is longer is another system's code and not a TPS number.
_NUMBER = re.compile(r"(?:TPS ?)?0*([0-9]{1,6})")
# Control and invisible characters (zero width, direction of writing), line and paragraph separators, half characters.
_REFUSED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def canonical_station(text: str) -> str:
    """The compared form of a station's name, 1 to 64 characters; the compared form of that is itself.

    Unicode's NFC, upper case, no blanks outside, one blank for each run of them inside (any white space of Unicode that
    is no control character). A number of at most six digits after leading zeros, alone or after `TPS` with or without a
    blank, becomes `TPS` and at least three digits: `12`, `tps 012`, `TPS00012` are `TPS 012`; `1234` is `TPS 1234`, `0`
    is `TPS 000`.

    Everything else is a name of its own, as `TPS KHUSUS 1`: also numbers with a sign between (`TPS-12`, `TPS.012`,
    `NO. 12`), with a letter (`TPS 12A`), and in digits other than 0 to 9 (full width, Arabic).

    Raises ValueError, whose text does not repeat the station: for control characters and invisible ones (categories Cc,
    Cf, Cs, Zl and Zp, so tabs and line ends too), and for nothing or more than 64 characters in the compared form.
    """
    # A text of many blanks would fill the memory of the cache.
    return _cached(text) if len(text) <= STATION_MAX_CHARS else _canonical(text)


def station_key(village: str, station: str) -> str:
    """The key of a station within its regency, `16.71.01.1001 TPS 012`; without a village ` TPS 012`.

    `village` is a code or empty, `station` the compared form, or empty where only the village is known."""
    return f"{village} {station}"


def village_of(key: str) -> str:
    """The village of a station key, empty when it has none."""
    return key.partition(" ")[0]


def station_of(key: str) -> str:
    """The station of a station key in the compared form, empty when it names only a village."""
    return key.partition(" ")[2]


def _canonical(text: str) -> str:
    if not text.isprintable():  # true of the usual text, and known in a tenth of the time of the next line
        _refuse_control(text)
    # Upper case of a combined character may be two that NFC combines again; combining first puts marks in order.
    name = " ".join(normalize("NFC", normalize("NFC", text).upper()).split())
    if number := _NUMBER.fullmatch(name):
        return f"TPS {number[1].zfill(NUMBER_MIN_DIGITS)}"
    if not 1 <= len(name) <= STATION_MAX_CHARS:
        raise ValueError(f"must be 1 to {STATION_MAX_CHARS} characters, without outer and repeated blanks")
    return name


_cached = lru_cache(_KEPT)(_canonical)


def _refuse_control(text: str) -> None:
    for character in text:
        if category(character) in _REFUSED:
            raise ValueError(f"must not hold control or invisible characters (U+{ord(character):04X})")
