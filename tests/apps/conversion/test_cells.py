"""Cells: what people write becomes the field's value, or is refused with a reason; nothing is guessed."""

from datetime import UTC, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.conversion.cells import CellError, Number, flag, folded, id_part, moment, whole_number, word

WIB = timezone(timedelta(hours=7))
FORM = "%d/%m/%Y %H.%M"


@pytest.mark.parametrize(
    ("text", "number", "value"),
    [
        ("407", None, 407),
        ("1.024", "id", 1024),
        ("1.024.000", "id", 1024000),
        ("1024", "id", 1024),
        ("131,00", "id", 131),
        ("-5", "id", -5),
        ("1,024", "en", 1024),
        ("131.0", "en", 131),
    ],
)
def test_a_whole_number_is_read_in_the_form_the_mapping_names(text: str, number: Number | None, value: int):
    assert whole_number(text, number) == value


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7,5", "id"),
        ("7.5", "en"),
        ("1,024", "id"),  # a decimal comma: 1.024 voters
        ("1.024", "en"),
        ("1.02", "id"),
        ("1.0240", "id"),
        ("1.024", None),
        ("12 orang", "id"),
        ("1e3", None),
        ("0x10", None),
        ("٣", None),  # a digit, but of another script
        ("9" * 5000, "id"),
    ],
)
def test_what_is_no_whole_number_in_that_form_is_refused(text: str, number: Number | None):
    with pytest.raises(CellError, match="not a whole number"):
        whole_number(text, number)


def test_separators_without_a_form_are_refused_with_the_key_to_write():
    with pytest.raises(CellError, match='number = "id"'):
        whole_number("1.024", None)


@given(st.integers(0, 10**17))
def test_any_number_with_indonesian_points_is_itself(number: int):
    assert whole_number(f"{number:,}".replace(",", "."), "id") == whole_number(f"{number:,}", "en") == number


@pytest.mark.parametrize(
    ("text", "form", "value"),
    [
        ("27/11/2024 08.00", FORM, "2024-11-27T08:00:00+07:00"),
        ("7/1/2024 8.05", FORM, "2024-01-07T08:05:00+07:00"),
        ("27/11/2024 08.00 +0900", FORM + " %z", "2024-11-27T08:00:00+09:00"),
        ("2024-11-27 08:00", None, "2024-11-27T08:00:00+07:00"),
        ("2024-11-27T08:00:10.500", None, "2024-11-27T08:00:10.500000+07:00"),
        ("2024-11-27T08:00:00Z", None, "2024-11-27T08:00:00Z"),
    ],
)
def test_a_time_is_written_in_rfc_3339_with_its_own_offset_or_the_given_one(text: str, form: str | None, value: str):
    assert moment(text, form, WIB) == value


@pytest.mark.parametrize("text", ["27/11/2024 24.00", "31/11/2024 08.00", "11/27/2024 08.00", "08.00", "kemarin"])
def test_what_is_no_time_of_the_form_is_refused(text: str):
    with pytest.raises(CellError, match="is not a time of the form %d/%m/%Y %H.%M"):
        moment(text, FORM, WIB)


@pytest.mark.parametrize(("text", "form"), [("27/11/2024 08.00", FORM), ("2024-11-27T08:00:00", None)])
def test_a_time_without_an_offset_is_taken_only_where_one_is_given(text: str, form: str | None):
    with pytest.raises(CellError, match="--utc-offset"):
        moment(text, form, None)
    assert moment(text, form, UTC).endswith("+00:00")


def test_a_word_is_found_in_any_case_and_an_unknown_one_is_refused():
    words = {"politik uang": "money_politics"}
    assert word(" Politik   UANG", words) == "money_politics"
    with pytest.raises(CellError, match="'Lainnya' is not among"):
        word("Lainnya", words)


def test_a_flag_is_true_or_false_and_nothing_else():
    assert flag("TRUE") is True and flag("false") is False
    with pytest.raises(CellError):
        flag("ya")


@given(st.text())
def test_any_cell_is_a_part_of_an_id(text: str):
    assert len(id_part(text)) == len(text)
    assert id_part(text).isascii() and " " not in id_part(text) and id_part(id_part(text)) == id_part(text)


def test_names_are_compared_without_case_and_width_of_blanks():
    assert folded("Kode\nWilayah ") == folded("KODE  wilayah")


@given(st.text())
def test_the_reason_of_a_refused_cell_is_printable_and_short(text: str):
    for refuse in (lambda: word(text, {}), lambda: moment(text, FORM, WIB), lambda: whole_number(text + "x", None)):
        with pytest.raises(CellError) as refused:
            refuse()
        assert str(refused.value).isprintable() and len(str(refused.value)) < 600
