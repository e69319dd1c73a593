"""Progress: saved atomically, and rejected for another file, topic or broker."""

import io
from pathlib import Path

import pytest

from apps.publishing import progress
from apps.publishing.lines import read_lines
from apps.publishing.progress import Progress, ProgressError, progress_path

TEXT = b"one\n\ntwo\nthree\n"


@pytest.fixture
def kept(tmp_path: Path) -> Progress:
    """Progress after line 3, `two`."""
    line = list(read_lines(io.BytesIO(TEXT)))[1]
    progress.save(tmp_path / "a" / "b.json", "t.incidents", "k:1", line, sent=2)
    kept = progress.load(tmp_path / "a" / "b.json")
    assert kept is not None
    return kept


def test_a_resumed_run_continues_after_the_saved_line(kept: Progress):
    stream = io.BytesIO(TEXT)
    progress.resume_at(stream, kept, "t.incidents", "k:1")
    assert (kept.line, kept.sent) == (3, 2)
    assert stream.read() == b"three\n"


@pytest.mark.parametrize("text", [b"", b"one\n\ntw0\nthree\n", b"one\n\ntwo and more\n", b"one\ntwo\nthree\n"])
def test_other_content_does_not_resume(kept: Progress, text: bytes):
    with pytest.raises(ProgressError, match="line 3"):
        progress.resume_at(io.BytesIO(text), kept, "t.incidents", "k:1")


@pytest.mark.parametrize("target", [("u.incidents", "k:1"), ("t.incidents", "k:2")])
def test_another_target_does_not_resume(kept: Progress, target: tuple[str, str]):
    with pytest.raises(ProgressError, match="last run sent to t.incidents at k:1"):
        progress.resume_at(io.BytesIO(TEXT), kept, *target)


def test_missing_progress_is_none_and_a_damaged_file_an_error(tmp_path: Path):
    assert progress.load(tmp_path / "none.json") is None
    (tmp_path / "bad.json").write_text('{"topic":')
    with pytest.raises(ProgressError, match="delete it"):
        progress.load(tmp_path / "bad.json")


def test_each_file_and_topic_has_its_own_progress(tmp_path: Path):
    paths = {progress_path(tmp_path, Path(file), topic) for file in ("a", "b") for topic in ("x", "y")}
    assert len(paths) == 4


def test_saving_leaves_nothing_but_the_file(tmp_path: Path, kept: Progress):
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.json"]
