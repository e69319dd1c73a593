"""A whole CSV: each record is a message or a line that says why it is none, and a second run gives the same."""

import io
import json
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.conversion.convert import Tally, convert
from apps.conversion.mapping import CsvMapping
from apps.publishing.lines import InputError
from schemas.wire import decode_turnout

WIB = timezone(timedelta(hours=7))
EXCEL = (Path(__file__).parent / "excel.csv").read_bytes()
MAPPING = """\
kind = "turnout"
ignore = ["Desa"]

[fields]
event_id = { template = "kpu-{Kode Wilayah}-{Desa}-{TPS}-{Waktu (WIB)}" }
regency = { column = "Kode Wilayah" }
station = { column = "TPS" }
registered = { column = "DPT", number = "id" }
voted = { column = "Pengguna Hak Pilih", number = "id" }
as_of = { column = "Waktu (WIB)", format = "%d/%m/%Y %H.%M" }
source = { value = "kpu" }
"""
HEADER, FIRST, *_ = EXCEL.decode("utf-8-sig").splitlines(keepends=True)


def run(
    data: bytes | str, mapping: str = MAPPING, offset: timezone | None = WIB
) -> tuple[list[dict[str, Any]], list[str], Tally]:
    """Messages, reports and counts of one conversion."""
    reports: list[str] = []
    tally = Tally()
    stream = io.BytesIO(data.encode() if isinstance(data, str) else data)
    values = list(convert(stream, CsvMapping.parse(mapping, "m.toml"), offset, tally, reports.append))
    assert (tally.converted, tally.read) == (len(values), len(values) + tally.rejected)
    return [json.loads(value) for value in values], reports, tally


def test_excels_csv_is_converted_and_a_line_refused_by_every_field_that_is_wrong():
    messages, reports, tally = run(EXCEL)
    assert [(message["registered"], message["voted"], message["as_of"]) for message in messages] == [
        (488, 176, "2024-11-27T09:00:00+07:00"),
        (1003, 612, "2024-11-27T09:00:00+07:00"),
    ]
    (report,) = reports
    assert report == (
        "line 4: voted (column 'Pengguna Hak Pilih'): '8,25' is not a whole number; as_of (column 'Waktu (WIB)'): "
        "'27/11/2024 24.30' is not a time of the form %d/%m/%Y %H.%M (hours are 00 to 23)"
    )
    assert tally == Tally(read=3, converted=2, rejected=1)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_encoding_and_delimiter_are_found_and_change_nothing(encoding: str, delimiter: str):
    messages, reports, _ = run((HEADER + FIRST).replace(";", delimiter).encode(encoding))
    assert (messages, reports) == (run(HEADER + FIRST)[0], [])


def test_the_delimiter_may_be_named_by_the_mapping_or_by_excels_line():
    text = (HEADER + FIRST).replace(";", "\t")
    assert run("sep=\t\r\n" + text)[0] == run(text, 'delimiter = "\\t"\n' + MAPPING)[0] == run(HEADER + FIRST)[0]
    with pytest.raises(InputError, match="line 1: the column 'Kode Wilayah' is missing"):
        run(text, 'delimiter = ";"\n' + MAPPING)


def test_a_second_run_gives_the_same_ids_and_each_line_an_id_of_its_own():
    messages = run(EXCEL)[0]
    assert messages == run(EXCEL)[0]
    assert [message["event_id"] for message in messages] == [
        "kpu-16.07-16.07.12.2003-5-27-11-2024-09.00",
        "kpu-16.07-16.07.12.2004-5-27-11-2024-09.00",
    ]


def test_an_id_that_comes_again_for_another_message_is_refused():
    """Siaga counts an id once: the second message would be lost."""
    messages, reports, _ = run(EXCEL, MAPPING.replace("-{Desa}", ""))
    assert len(messages) == 1
    assert reports[0] == "line 3: event_id: is that of line 2, which is another message"


def test_a_repeated_line_is_converted_again_and_left_to_siaga_to_count_once():
    messages, reports, _ = run(HEADER + FIRST + FIRST)
    assert (messages[0], reports) == (messages[1], [])


def test_a_time_without_an_offset_is_refused_unless_one_is_given():
    messages, reports, _ = run(HEADER + FIRST, offset=None)
    assert messages == []
    (report,) = reports
    assert report.startswith("line 2: as_of (column 'Waktu (WIB)'): '27/11/2024 09.00' names no UTC offset; ")
    assert report.endswith("give it with --utc-offset, +07:00 for WIB")


def test_a_message_that_siaga_would_refuse_is_refused_with_field_and_column():
    _, reports, _ = run(HEADER + FIRST.replace("16.07;", "1607;").replace("488", "0"))
    assert reports[0].startswith("line 2: regency (column 'Kode Wilayah'): String should match pattern")
    assert reports[0].endswith("(1 more)")


def test_every_message_is_one_that_intake_reads():
    for message in run(EXCEL)[0]:
        assert decode_turnout(json.dumps(message).encode()).regency == "16.07"


def test_an_empty_cell_leaves_an_optional_field_out_and_is_refused_for_another():
    text = HEADER + FIRST.replace(";488;", ";;") + FIRST
    mapping = MAPPING + 'revision = { column = "Desa", words = { "" = 7 } }\n'
    assert run(text)[1] == ["line 2: registered (column 'DPT'): is empty"]
    messages, _, _ = run(HEADER + FIRST.replace("16.07.12.2003", ""), mapping)
    assert messages[0]["revision"] == 7
    optional = MAPPING + 'revision = { column = "Desa" }\n'
    assert "revision" not in run(HEADER + FIRST.replace("16.07.12.2003", ""), optional)[0][0]


def test_columns_that_are_neither_read_nor_ignored_are_named_once():
    text = HEADER.replace("TPS", "TPS;Petugas") + FIRST.replace(";5;", ";5;NN;") + HEADER.replace("TPS", "TPS;Petugas")
    _, reports, _ = run(text)
    assert reports[0] == "not converted, since the mapping neither reads nor ignores it: 'Petugas'"
    assert [report for report in reports[1:] if "Petugas" in report] == []
    assert run(text, MAPPING.replace('["Desa"]', '["Petugas"]'))[1] == reports[1:]


def test_a_column_that_is_missing_or_there_twice_is_one_error():
    with pytest.raises(InputError, match="line 1: the column 'DPT' is missing; the header has 'Kode Wilayah', 'Desa'"):
        run(HEADER.replace("DPT", "Pemilih") + FIRST)
    with pytest.raises(InputError, match="line 1: the column 'DPT' is there 2 times"):
        run(HEADER.replace("DPT", "DPT;dpt") + FIRST)
    with pytest.raises(InputError, match="the text is empty"):
        run("\r\n;;\r\n")


def test_a_header_that_is_not_utf_8_says_so():
    with pytest.raises(InputError, match="line 1: the header is not UTF-8; in Excel save as"):
        run(HEADER.replace("DPT", "DPTé").encode("latin-1"))


def test_bytes_that_are_not_utf_8_are_refused_in_the_cell_that_has_them():
    _, reports, tally = run((HEADER + FIRST.replace(";5;", ";5é;") + FIRST).encode("latin-1"))
    assert reports[0].endswith("station (column 'TPS'): is not UTF-8; in Excel save as `CSV UTF-8`")
    assert (tally.converted, tally.rejected) == (1, 1)


def test_files_joined_one_after_another_are_all_converted_whatever_the_order_of_their_columns():
    turned = [
        ";".join(reversed(line.strip().split(";"))) + "\r\n" for line in (HEADER, FIRST.replace("09.00", "10.00"))
    ]
    joined = HEADER.encode("utf-8-sig") + FIRST.encode() + turned[0].encode("utf-8-sig") + turned[1].encode() + b"\x1a"
    messages, reports, _ = run(joined)
    assert [(message["voted"], message["as_of"][11:16]) for message in messages] == [(176, "09:00"), (176, "10:00")]
    assert reports == ["line 3: a header again, as in joined files; it is the header of what follows"]


def test_a_template_of_two_columns_is_one_time():
    mapping = MAPPING.replace('column = "Waktu (WIB)", format', 'template = "{Tanggal} {Jam}", format')
    text = HEADER.replace("Waktu (WIB)", "Tanggal;Jam") + FIRST.replace("2024 09.00", "2024;09.00")
    messages, _, _ = run(text, mapping.replace("{Waktu (WIB)}", "{Tanggal}-{Jam}"))
    assert messages[0]["as_of"] == "2024-11-27T09:00:00+07:00"


def test_a_line_with_a_broken_quote_is_refused_alone():
    _, reports, tally = run(HEADER + '16.07;"a;6;1;1;x\r\n' + FIRST)
    assert reports == ["line 2: a quote is not closed, or text follows a closing quote"]
    assert (tally.converted, tally.rejected) == (1, 1)


@given(st.binary(), st.lists(st.sampled_from([b";", b'"', b"\r\n", b"16.07", b"7", b"27/11/2024 09.00", b"\xff"])))
def test_any_bytes_below_the_header_are_converted_or_refused_and_never_an_exception(noise: bytes, parts: list[bytes]):
    messages, reports, tally = run(HEADER.encode() + noise + b"\r\n" + b"".join(parts) + b"\r\n" + FIRST.encode())
    assert len(reports) == tally.rejected + sum("a header again" in report for report in reports)
    assert all(report.isprintable() for report in reports)
    assert messages or b'"' in noise + b"".join(parts)
