"""Reading lines: none lost, none invented, with any line ending and from any start."""

import gzip
import io
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from apps.publishing import lines
from apps.publishing.lines import LINE_MAX_BYTES, InputError, open_input, read_lines, unpacked

BOM = b"\xef\xbb\xbf"
texts = st.lists(st.binary(max_size=12).map(lambda b: b.translate(None, b"\n")), max_size=12)


@given(texts, st.lists(st.sampled_from([b"\n", b"\r\n"]), min_size=12, max_size=12), st.booleans())
@example([BOM, BOM], [b"\n", b"\n"], False)
def test_every_line_that_is_not_blank_is_read_with_its_number(texts: list[bytes], ends: list[bytes], last: bool):
    data = b"".join(text + end for text, end in zip(texts, ends, strict=False))
    if not last and data:  # the newline of the last line is optional
        data = data.removesuffix(b"\n")
    given = list(read_lines(io.BytesIO(data)))
    texts = [text.removeprefix(BOM) if n == 0 else text for n, text in enumerate(texts)]
    expected = [(n, text.strip(b" \t\r")) for n, text in enumerate(texts, 1) if text.strip(b" \t\r")]
    assert [(line.number, line.value) for line in given] == expected
    for line in given:
        begun = line.start + len(BOM) * (line.start == 0 and data.startswith(BOM))
        assert data[begun : line.end].strip(b" \t\r\n") == line.value


@given(texts, st.integers(0, 11))
def test_reading_from_the_end_of_any_line_gives_the_rest(texts: list[bytes], after: int):
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


def test_a_byte_order_mark_before_the_first_line_is_no_part_of_it():
    assert [line.value for line in read_lines(io.BytesIO(b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n"))] == [
        b"a",
        b"\xef\xbb\xbfb",
    ]


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
