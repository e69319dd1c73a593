"""Reading lines: none lost, none invented, with any line ending and from any start."""

import gzip
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from apps.publishing import lines
from apps.publishing.lines import LINE_MAX_BYTES, InputError, open_input, read_lines, unpacked

BOM = b"\xef\xbb\xbf"
BLANKS = b" \t\r\x1a"
UTF16 = (b"\xff\xfe", b"\xfe\xff", b"{\0", b"\0{")
texts = st.lists(st.binary(max_size=12).map(lambda b: b.translate(None, b"\n")), max_size=12)


def bare(text: bytes) -> bytes:
    """A line without what joining files put before and after it."""
    value = text.strip(BLANKS)
    return bare(value.removeprefix(BOM)) if value.startswith(BOM) else value


@given(texts, st.lists(st.sampled_from([b"\n", b"\r\n"]), min_size=12, max_size=12), st.booleans())
@example([BOM + b"a", BOM + BOM + b" b", BOM], [b"\r\n", b"\n", b"\n"], False)
def test_every_line_that_is_not_blank_is_read_with_its_number(texts: list[bytes], ends: list[bytes], last: bool):
    data = b"".join(text + end for text, end in zip(texts, ends, strict=False))
    assume(not data.startswith(UTF16))
    if not last and data:  # the newline of the last line is optional
        data = data.removesuffix(b"\n")
    given = list(read_lines(io.BytesIO(data)))
    expected = [(n, bare(text)) for n, text in enumerate(texts, 1) if bare(text)]
    assert [(line.number, line.value) for line in given] == expected
    for line in given:
        assert bare(data[line.start : line.end].removesuffix(b"\n")) == line.value


@given(texts, st.integers(0, 11))
def test_reading_from_the_end_of_any_line_gives_the_rest(texts: list[bytes], after: int):
    assume(not b"\n".join(texts).startswith(UTF16))
    stream = io.BytesIO(b"\n".join(texts))
    all_lines = list(read_lines(stream))
    if after < len(all_lines):
        at = all_lines[after]
        stream.seek(at.end)
        assert list(read_lines(stream, at.number, at.end)) == all_lines[after + 1 :]


@pytest.mark.parametrize("length", [LINE_MAX_BYTES - 1, LINE_MAX_BYTES, LINE_MAX_BYTES + 1, 3 * LINE_MAX_BYTES])
def test_a_line_too_long_is_cut_and_the_next_one_is_complete(length: int):
    first, second = read_lines(io.BytesIO(b"x" * length + b"\nnext\n"))
    assert first.whole == (length <= LINE_MAX_BYTES)
    assert len(first.value) <= LINE_MAX_BYTES
    assert (second.number, second.value, second.end) == (2, b"next", length + 6)


def test_a_byte_order_mark_at_the_beginning_of_any_line_is_no_part_of_it():
    """Files joined by `cat` or `copy a+b` have one at each seam, and two where a file was empty."""
    joined = BOM + b"a\r\n" + BOM + b"b\n" + BOM + BOM + b"c\n" + BOM + b"\n"
    assert [(line.number, line.value) for line in read_lines(io.BytesIO(joined))] == [(1, b"a"), (2, b"b"), (3, b"c")]


def test_the_ctrl_z_that_copy_appends_is_no_line():
    assert [line.value for line in read_lines(io.BytesIO(b"a\r\nb\r\n\x1a"))] == [b"a", b"b"]
    assert [line.value for line in read_lines(io.BytesIO(b"a\r\nb\x1a"))] == [b"a", b"b"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_utf_16_is_one_error_that_says_so_and_how_to_convert_it(encoding: str, pack: Callable[[bytes], bytes]):
    text = '{"event_id": "u1"}\r\n{"event_id": "u2"}\r\n'.encode(encoding)
    with pytest.raises(InputError, match="UTF-16.*iconv -f UTF-16 -t UTF-8"):
        list(read_lines(unpacked(io.BytesIO(pack(text)))))


def test_gzip_is_recognized_by_its_first_bytes(tmp_path: Path):
    file = tmp_path / "plain.jsonl"
    file.write_bytes(gzip.compress(b"a\nb\n"))
    with open_input(file) as stream:
        assert [line.value for line in read_lines(stream)] == [b"a", b"b"]


def test_a_truncated_gzip_is_an_error_after_the_lines_before():
    packed = gzip.compress(b"".join(b"%d\n" % n for n in range(50_000)))[:-100]
    given = []
    with pytest.raises(InputError, match=r"^after line \d+: "):
        given.extend(read_lines(unpacked(io.BytesIO(packed))))


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(InputError, match="nothing.jsonl: No such file"):
        open_input(tmp_path / "nothing.jsonl")


def test_a_huge_line_is_never_in_memory_as_a_whole(monkeypatch: pytest.MonkeyPatch):
    asked: list[int] = []

    class Counting(io.BytesIO):
        def readline(self, size: int | None = -1) -> bytes:
            asked.append(size or -1)
            return super().readline(size)

    list(lines.read_lines(Counting(b"x" * 1_000_000)))
    assert set(asked) == {LINE_MAX_BYTES}
