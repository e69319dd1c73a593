"""The compared form of stations and their keys."""

import sys
from unicodedata import category, normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.stations import STATION_MAX_CHARS, canonical_station, station_key, station_of, village_of

REFUSED = ("Cc", "Cf", "Cs", "Zl", "Zp")
#: Upper case makes three characters of one at most.
PRINTABLE = st.text(st.characters(exclude_categories=REFUSED), max_size=STATION_MAX_CHARS // 3).filter(str.strip)
BLANKS = st.text(" \u00a0\u2003\u3000", max_size=3)


@pytest.mark.parametrize("text", ["TPS 001", "TPS 1", "tps 01", " TPS  1 ", "1", "TPS001", "\u00a0Tps\u20031\u3000"])
def test_spellings_of_one_number_are_one_station(text: str):
    assert canonical_station(text) == "TPS 001"


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("tps 012", "TPS 012"),
        ("TPS 00012", "TPS 012"),
        ("1234", "TPS 1234"),
        ("01234", "TPS 1234"),
        ("999999", "TPS 999999"),
        ("tps 0", "TPS 000"),
        ("0" * STATION_MAX_CHARS, "TPS 000"),
    ],
)
def test_a_number_has_three_digits_or_those_it_needs(text: str, form: str):
    assert canonical_station(text) == form


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (" tps  khusus 1", "TPS KHUSUS 1"),
        ("Lapas a", "LAPAS A"),
        ("TPS-12", "TPS-12"),
        ("TPS.012", "TPS.012"),
        ("No. 12", "NO. 12"),
        ("TPS 12A", "TPS 12A"),
        ("TPS", "TPS"),
        ("tps ١٢", "TPS ١٢"),  # Arabic digits
        ("１２", "１２"),  # full width
        ("1000000", "1000000"),
        ("1671011001012", "1671011001012"),
        ("e\u0301", "\u00c9"),
    ],
)
def test_what_is_no_tps_number_stays_a_name_of_its_own(text: str, form: str):
    assert canonical_station(text) == form


@pytest.mark.parametrize(
    "character", ["\x00", "\t", "\n", "\x7f", "\x85", "\u00ad", "\u200b", "\u202e", "\u2028", "\u2029", "\ufeff"]
)
def test_control_and_invisible_characters_are_refused_by_code(character: str):
    for text in (f"TPS {character}1", f"1{character}"):
        with pytest.raises(ValueError, match=rf"control or invisible characters \(U\+{ord(character):04X}\)$"):
            canonical_station(text)


@pytest.mark.parametrize("text", ["", "  ", "\u00a0", "x" * 65, "ß" * 33])
def test_nothing_and_more_than_64_characters_are_refused(text: str):
    with pytest.raises(ValueError, match="^must be 1 to 64 characters"):
        canonical_station(text)


def test_blanks_beyond_the_limit_do_not_count():
    assert canonical_station(" " * 100 + "tps" + " " * 100 + "7") == "TPS 007"
    assert canonical_station("x" * 32 + "  " + "y" * 31) == "X" * 32 + " " + "Y" * 31


def test_every_character_has_a_form_that_stays_or_is_refused():
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if category(character) not in REFUSED:
            form = canonical_station(f"a{character}b")
            assert canonical_station(form) == form, hex(code)


@given(PRINTABLE)
def test_printable_text_has_a_form_and_the_form_is_its_own(text: str):
    form = canonical_station(text)
    assert canonical_station(form) == form
    assert 1 <= len(form) <= STATION_MAX_CHARS


@given(PRINTABLE, BLANKS)
def test_case_composition_and_outer_blanks_change_nothing(text: str, blanks: str):
    form = canonical_station(text)
    assert canonical_station(blanks + normalize("NFD", text) + blanks) == form
    assert canonical_station(normalize("NFC", text).upper()) == form


@given(
    st.integers(0, 999_999),
    st.integers(0, 999_999),
    st.sampled_from(["", "TPS", "tps ", "Tps  ", " tPS\u00a0"]),
    st.integers(1, 9),
)
def test_numbers_are_one_station_exactly_when_equal(first: int, second: int, prefix: str, digits: int):
    assert canonical_station(f"{prefix}{first:0{digits}d} ") == canonical_station(str(first))
    assert (canonical_station(f"{prefix}{first}") == canonical_station(f"TPS {second:03d}")) == (first == second)


@given(st.sampled_from(["", "16.71.01.1001"]), st.sampled_from(["", "TPS 012", "LAPAS A 1"]))
def test_a_key_gives_back_its_village_and_station(village: str, station: str):
    key = station_key(village, station)
    assert (village_of(key), station_of(key)) == (village, station)


def test_one_number_in_two_villages_is_two_keys():
    assert station_key("16.71.01.1001", "TPS 012") == "16.71.01.1001 TPS 012"
    assert len({station_key(village, "TPS 012") for village in ("", "16.71.01.1001", "16.71.01.1002")}) == 3
