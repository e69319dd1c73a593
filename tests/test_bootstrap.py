"""The `./siaga` script: it uses a current environment, notices a stale one, and says in one line why it cannot make
one.

That it makes one is shown by every run of `./siaga test` on a clean clone, CI's included.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements-local.lock", "requirements-test.lock", "requirements-mutation.lock")
# A port nothing listens on, so that pip fails as it does without a network.
NO_NETWORK = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_NO_CACHE_DIR": "1", "PIP_CONFIG_FILE": os.devnull}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the script needs of a checkout."""
    path = tmp_path / "checkout"
    path.mkdir()
    for name in ("siaga", "pyproject.toml", *LOCKS):
        shutil.copy2(ROOT / name, path / name)
    return path


def run(
    checkout: Path, *arguments: str, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "SIAGA_"))}
    return subprocess.run(
        [sys.executable, str(checkout / "siaga"), *arguments],
        cwd=cwd or checkout.parent,
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def assert_one_line(done: subprocess.CompletedProcess[str], text: str) -> None:
    """Status 1; the last line says it, and what came before is progress, not a traceback."""
    lines = done.stderr.splitlines()
    assert done.returncode == 1, done.stderr
    assert all(line.startswith("siaga: ") for line in lines), done.stderr
    assert text in lines[-1], done.stderr


def loaded(path: Path) -> ModuleType:
    """The script as a module. Leaves no bytecode beside it."""
    loader = SourceFileLoader("siaga_script", str(path))
    module = module_from_spec(spec_from_loader(loader.name, loader))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "dont_write_bytecode", True)
        loader.exec_module(module)
    return module


@pytest.fixture
def script(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script of the copied checkout."""
    monkeypatch.delenv("SIAGA_VENV", raising=False)
    return loaded(checkout / "siaga")


def stamp(script: ModuleType, locks: list[str]) -> None:
    files, place = script.fingerprint(locks)
    Path(script.PYTHON).parent.mkdir(parents=True, exist_ok=True)
    Path(script.PYTHON).touch()
    Path(script.STAMP).write_text(json.dumps({"files": files, "place": place}))


def test_a_current_environment_is_ready_and_needs_no_writing(script: ModuleType) -> None:
    assert not script.ready([script.LOCK])
    stamp(script, [script.LOCK])
    assert script.ready([script.LOCK])


@pytest.mark.parametrize("name", ["requirements-local.lock", "pyproject.toml"])
def test_a_changed_lock_or_project_makes_the_environment_stale(script: ModuleType, checkout: Path, name: str) -> None:
    stamp(script, [script.LOCK])
    with (checkout / name).open("a") as handle:
        handle.write("# another line\n")
    assert not script.ready([script.LOCK])


@pytest.mark.parametrize(
    ("command", "holds"),
    [
        (None, 1),
        ("up", 1),
        ("test", 2),
        ("lint", 2),
        ("types", 2),
        ("contracts", 2),
        ("mutate", 3),
    ],
)
def test_a_command_is_ready_where_its_locks_and_all_before_are_installed(
    script: ModuleType, command: str | None, holds: int
) -> None:
    chain = [script.LOCK, script.TEST_LOCK, script.MUTATION_LOCK]
    for installed in range(1, len(chain) + 1):
        stamp(script, chain[:installed])
        assert script.ready(script.locks_of(command)) == (installed >= holds)


def test_arguments_of_test_go_to_pytest_and_fast_leaves_the_broker_out(script: ModuleType) -> None:
    assert script.pytest_arguments([]) == script.ALL_TESTS
    assert script.pytest_arguments(["-k", "levels"]) == ["-k", "levels"]
    fast = script.pytest_arguments(["--fast", "-x"])
    assert fast[-1] == "-x" and "not broker and not slow" in fast


def test_an_environment_whose_python_is_gone_is_stale(script: ModuleType, checkout: Path) -> None:
    stamp(script, [script.LOCK])
    Path(script.PYTHON).unlink()
    Path(script.PYTHON).symlink_to(checkout / "upgraded-away")
    assert not script.ready([script.LOCK])


def test_an_environment_of_a_checkout_that_was_moved_is_stale(script: ModuleType, checkout: Path) -> None:
    stamp(script, [script.LOCK])
    path = Path(script.STAMP)
    path.write_text(path.read_text().replace(str(checkout), "/elsewhere"))
    assert not script.ready([script.LOCK])


@pytest.mark.parametrize("text", ["", "{", "[]", '{"files": 1}'])
def test_a_damaged_stamp_is_no_environment(script: ModuleType, text: str) -> None:
    stamp(script, [script.LOCK])
    Path(script.STAMP).write_text(text)
    assert not script.ready([script.LOCK])


def test_no_network_is_one_line_and_half_an_environment_is_none(checkout: Path) -> None:
    for _ in range(2):
        assert_one_line(run(checkout, "--version", **NO_NETWORK), "no network")


def test_a_directory_that_is_no_environment_is_not_overwritten(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.txt").write_text("years")
    done = run(checkout, "--version", SIAGA_VENV=str(tmp_path / "precious"), **NO_NETWORK)
    assert_one_line(done, "is not a Python environment")
    assert (tmp_path / "precious" / "thesis.txt").read_text() == "years"


def test_a_place_that_cannot_be_written_is_one_line(checkout: Path) -> None:
    done = run(checkout, "--version", SIAGA_VENV="/proc/nowhere/venv", **NO_NETWORK)
    assert_one_line(done, "/proc/nowhere")


def test_a_python_that_is_not_there_is_one_line(checkout: Path) -> None:
    assert_one_line(run(checkout, "--version", SIAGA_PYTHON="no-such-python"), "SIAGA_PYTHON: no such program")


def test_of_two_runs_at_once_the_second_waits_for_the_first(checkout: Path) -> None:
    with (checkout / ".venv.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with subprocess.Popen(
            [sys.executable, str(checkout / "siaga"), "--version"],
            env={"PATH": os.environ["PATH"]} | NO_NETWORK,
            stderr=subprocess.PIPE,
            text=True,
        ) as second:
            assert second.stderr is not None
            try:
                assert "waiting for another run" in second.stderr.readline()
                assert not (checkout / ".venv").exists()
            finally:
                second.terminate()


def is_own_environment() -> bool:
    """Whether these tests run in an environment that ./siaga made and would not make again."""
    script = loaded(ROOT / "siaga")
    script.PYTHON, script.STAMP = sys.executable, str(Path(sys.prefix) / "siaga.json")
    return bool(script.ready([script.LOCK]))


@pytest.mark.skipif(not is_own_environment(), reason="not run by ./siaga test: no environment of its own")
def test_it_becomes_the_command_from_any_directory_with_its_exit_status(tmp_path: Path) -> None:
    for arguments, status in ((["--help"], 0), (["no-such-command"], 2)):
        done = run(ROOT, *arguments, cwd=tmp_path, SIAGA_VENV=sys.prefix)
        assert done.returncode == status, done.stderr
        assert "preparing" not in done.stderr and "Usage: siaga" in done.stdout + done.stderr
