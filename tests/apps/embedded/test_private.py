"""What Siaga keeps on a disk is for its owner only, whatever the umask and the modes of an earlier run."""

import os
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.devstack.run_directory import RunDirectory
from apps.embedded import EmbeddedBroker, private
from apps.embedded.process import end, spawn


@pytest.fixture(autouse=True)
def wide_umask() -> Iterator[None]:
    """The umask that lets everybody read and write."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def open_to_others(root: Path) -> list[str]:
    """Paths under and with `root` that anybody but the owner may use in any way."""
    return [str(path) for path in (root, *root.rglob("*")) if mode(path) & 0o077]


def test_a_directory_of_an_earlier_run_is_closed(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir(mode=0o755)
    for name in ("old", "new"):
        private.make_directory(tmp_path / name)
        assert mode(tmp_path / name) == 0o700


def test_a_file_of_an_earlier_run_is_closed_and_replaced(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_text("longer than before")
    for path in (old, tmp_path / "new"):
        private.write_text(path, "new")
        assert (mode(path), path.read_text()) == (0o600, "new")


def test_a_child_writes_for_its_owner_only(tmp_path: Path) -> None:
    private.make_directory(tmp_path)
    written = "import os; os.makedirs('made/below'); open('made/below/file', 'w').close()"
    process = spawn([sys.executable, "-c", written], tmp_path / "child.log", cwd=tmp_path)
    assert process.wait(60) == 0
    assert open_to_others(tmp_path) == []
    end(process, 1)


def test_the_directories_and_the_lock_of_a_run_are_closed(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "up")
    with directory.locked():
        directory.prepare(fresh=False)
    assert mode(tmp_path / "up.lock") == 0o600
    assert open_to_others(tmp_path / "up") == []


def test_all_that_a_broker_keeps_is_closed(tmp_path: Path) -> None:
    directory = tmp_path / "broker"
    directory.mkdir(mode=0o755)
    with EmbeddedBroker(directory) as broker:
        deadline = time.monotonic() + 60
        while not list((broker.directory / "data").glob("*/*.log")):
            assert time.monotonic() < deadline, "no log of the metadata"
            time.sleep(0.05)
        assert open_to_others(directory) == []
    assert open_to_others(directory) == []
