"""Jars that are there are checked against the lock at each start, not only when they are downloaded."""

import hashlib
import os
import re
from pathlib import Path

import pytest

from apps.embedded import BrokerError, EmbeddedBroker, home, jars
from apps.embedded.jars import Jar, fetch_jars

CONTENT = b"a jar" * 1000
JAR = Jar("org.example", "thing", "1.0", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with the one jar of the lock."""
    monkeypatch.setattr(jars, "locked_jars", lambda: (JAR,))
    monkeypatch.setenv(home.HOME_VARIABLE, str(tmp_path))
    found = tmp_path / "jars"
    found.mkdir()
    (found / JAR.filename).write_bytes(CONTENT)
    return found


def replace(directory: Path, content: bytes) -> str:
    """Put other content in the jar's place; the line that is expected, as a pattern."""
    path = directory / JAR.filename
    path.write_bytes(content)
    found = hashlib.sha256(content).hexdigest()
    return (
        f"^{re.escape(str(path))} is not the jar of jars.lock: SHA-256 {JAR.sha256} expected, {found} found;"
        " delete the file[^\n]*$"
    )


def test_the_jars_of_the_lock_are_taken_as_they_are(directory: Path) -> None:
    assert fetch_jars(directory) == [directory / JAR.filename]


@pytest.mark.parametrize("content", [b"B" + CONTENT[1:], CONTENT[:-1], b""], ids=["same size", "shorter", "empty"])
def test_another_file_is_one_line_with_both_checksums_and_what_to_do(directory: Path, content: bytes) -> None:
    line = replace(directory, content)
    with pytest.raises(BrokerError, match=line):
        fetch_jars(directory)
    assert (directory / JAR.filename).read_bytes() == content, "kept: who put it there is worth a look"


def test_a_jar_changed_after_it_was_checked_is_found_at_the_next_start(directory: Path, tmp_path: Path) -> None:
    path = directory / JAR.filename
    fetch_jars(directory)
    times = path.stat()
    line = replace(directory, b"B" + CONTENT[1:])
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # as old as the one that was checked
    with pytest.raises(BrokerError, match=line):
        EmbeddedBroker(tmp_path / "broker").start()
    assert not (tmp_path / "broker").exists(), "nothing is written before the jars are checked"


def test_a_jar_that_cannot_be_read_is_one_line(directory: Path) -> None:
    (directory / JAR.filename).unlink()
    (directory / JAR.filename).mkdir()
    with pytest.raises(BrokerError, match="^cannot read [^\n]*thing-1.0.jar: is a directory$"):
        fetch_jars(directory)
