"""`siaga publish --check` on files as Windows programs save and join them. No broker."""

import gzip
from pathlib import Path

import pytest

from tests.apps.cli.siaga import Siaga, incident, json_lines

BOM = b"\xef\xbb\xbf"


def crlf(number: int) -> bytes:
    """A message as a line of a file saved by Windows."""
    return json_lines([incident(number)]).replace(b"\n", b"\r\n")


def test_every_line_of_joined_files_with_byte_order_marks_is_sent(tmp_path: Path):
    file = tmp_path / "joined.jsonl"
    file.write_bytes(BOM + crlf(1) + BOM + crlf(2) + b"\x1a")
    done = Siaga()("publish", "incidents", "--check", str(file))
    assert (done.status, done.error_lines) == (0, ["2 read, 2 would be sent, 0 rejected"])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
@pytest.mark.parametrize("option", ["--check", "--no-validate"])
def test_a_utf_16_file_is_one_error_and_no_line_of_it_is_rejected(tmp_path: Path, encoding: str, option: str):
    text = b"".join(map(crlf, range(5))).decode().encode(encoding)
    for file, content in (tmp_path / "plain", text), (tmp_path / "packed.gz", gzip.compress(text)):
        file.write_bytes(content)
        done = Siaga()("publish", "incidents", "--check", option, str(file))
        assert (done.status, len(done.error_lines)) == (2, 1)
        assert "the text is UTF-16" in done.err and "iconv" in done.err


def test_utf_16_from_standard_input_is_one_error_too():
    done = Siaga()("publish", "incidents", "--check", stdin=crlf(1).decode().encode("utf-16"))
    assert (done.status, len(done.error_lines)) == (2, 1)
    assert "the text is UTF-16" in done.err
