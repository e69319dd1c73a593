"""Records of a CSV: none lost, none invented, each with the number of its first line."""

import csv
import gzip
import io

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from apps.conversion import records
from apps.conversion.records import LINE_MAX_CHARS, Record, TextLines, decoded, read_record
from apps.publishing.lines import InputError, unpacked

BOM = b"\xef\xbb\xbf"
# Without what `strip` takes off cells, and without byte order marks, which are tested by themselves.
cells = st.text(st.characters(codec="utf-8", exclude_characters="\ufeff\x1a")).map(str.strip)


def read(data: bytes, delimiter: str = ";", width: int | None = None) -> list[Record]:
    lines = TextLines(decoded(io.BytesIO(data)))
    return list(iter(lambda: read_record(lines, delimiter, width), None))


def rows(data: bytes, delimiter: str = ";") -> list[list[str]]:
    return [record.cells for record in read(data, delimiter) if not record.is_blank]


@given(st.lists(st.lists(cells, min_size=2, max_size=4), max_size=5), st.sampled_from(";,\t"))
def test_what_the_csv_module_writes_is_read_back(table: list[list[str]], delimiter: str):
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(table)
    assume("\0" not in text.getvalue()[:2])  # refused as UTF-16 without a byte order mark
    assert [record.cells for record in read(text.getvalue().encode(), delimiter)] == table


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_every_encoding_that_excel_writes_is_read(encoding: str, pack):
    data = pack("Désa;TPS\r\nAir Itam;12\r\n".encode(encoding))
    lines = TextLines(decoded(unpacked(io.BytesIO(data))))
    assert [record.cells for record in iter(lambda: read_record(lines, ";"), None)] == [
        ["Désa", "TPS"],
        ["Air Itam", "12"],
    ]


def test_utf_16_without_a_byte_order_mark_is_one_error_that_says_so():
    with pytest.raises(InputError, match="UTF-16 without a byte order mark"):
        read("a;b\r\n".encode("utf-16-le"))


def test_half_a_character_at_the_end_of_utf_16_is_an_error_after_the_lines_before():
    with pytest.raises(InputError, match="after line 1: the text is not whole UTF-16"):
        read("a;b\n".encode("utf-16") + b"x")


def test_a_truncated_gzip_is_an_error_and_not_an_early_end():
    packed = gzip.compress(b"".join(b"%d;x\n" % n for n in range(50_000)))[:-100]
    lines = TextLines(decoded(unpacked(io.BytesIO(packed))))
    with pytest.raises(InputError, match="after line"):
        list(iter(lambda: read_record(lines, ";"), None))


def test_what_joining_files_leaves_between_and_after_them_is_no_part_of_a_cell():
    assert rows(BOM + b"a;b\r\n" + BOM + b"c;d\r\n\x1a") == [["a", "b"], ["c", "d"]]
    assert rows("a;b\n\ufeffc;d\n".encode("utf-16")) == [["a", "b"], ["c", "d"]]


def test_line_ends_within_quotes_belong_to_the_cell_and_numbers_count_lines():
    given = read(b'a;"b\r\nb"\r\nc;d\r\n')
    assert [(record.number, record.cells) for record in given] == [(1, ["a", "b\r\nb"]), (3, ["c", "d"])]


@pytest.mark.parametrize("first", [b'a;"never closed', b'a;"b"c', b'a;"b;c\n'])
def test_a_quote_that_is_not_closed_costs_its_own_line_alone(first: bytes):
    given = read(first + b'\nc;d\ne;"f"\n', width=2)
    good = [(record.cells, record.wrong) for record in given if record.cells == ["c", "d"] or record.cells[:1] == ["e"]]
    assert given[0].wrong and len(given[0].lines) == 1
    assert good == [(["c", "d"], ""), (["e", "f"], "")]


def test_a_quote_is_looked_for_in_a_bounded_number_of_lines(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(records, "RECORD_MAX_LINES", 3)
    given = read(b'"\n1\n2\n3\n"\n')
    assert [record.number for record in given if record.wrong] == [1, 5]
    assert [record.cells for record in given if not record.wrong] == [["1"], ["2"], ["3"]]


@pytest.mark.parametrize("line", [b"a", b"a;b;c", b"a;b;;c"])
def test_a_line_with_another_number_of_cells_than_the_header_is_wrong(line: bytes):
    (record,) = read(line, width=2)
    assert record.wrong == f"has {line.count(b';') + 1} cells, the header has 2"


def test_empty_cells_beyond_the_header_are_cut_off():
    assert [(record.cells, record.wrong) for record in read(b"a;b;;;\n", width=2)] == [(["a", "b"], "")]


@pytest.mark.parametrize("blank", [b"", b";;;;", b"  ;\t", b'""'])
def test_a_line_of_empty_cells_is_blank(blank: bytes):
    assert [record.is_blank for record in read(blank + b"\na;b\n", width=2)] == [True, False]


@pytest.mark.parametrize("length", [LINE_MAX_CHARS + 1, 3 * LINE_MAX_CHARS])
def test_a_line_too_long_is_wrong_and_the_next_one_is_complete(length: int):
    first, second = read(b"x" * length + b"\nc;d\n")
    assert "longer than" in first.wrong
    assert (second.number, second.cells, second.wrong) == (2, ["c", "d"], "")
