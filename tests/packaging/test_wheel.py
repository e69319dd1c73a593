"""The wheel as an image installs it: built offline, in an environment without the checkout, it runs a worker."""

import os
import re
import shutil
import site
import subprocess
import sys
import time
import tomllib
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.request import urlopen

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "schemas", "streams", "agents", "apps")
PACKAGES = ("schemas", "streams", "agents", "apps")
DEADLINE_S = 120


def run(command: Sequence[str | Path], cwd: Path) -> str:
    """What the command prints. Fails with all of its output."""
    done = subprocess.run(
        command, cwd=cwd, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def environment(**settings: str) -> dict[str, str]:
    """Of the machine's environment nothing that would lead Python or Siaga to the checkout."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SIAGA_"))}
    return kept | settings


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the files that the Dockerfile copies, without network."""
    pytest.importorskip("setuptools", reason="the environment has no setuptools")
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, source / name)
    offline = ["--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
    run([sys.executable, "-m", "pip", "wheel", *offline, "--wheel-dir", folder, source], cwd=folder)
    return next(folder.glob("siaga-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin directory of a new environment: the wheel in it, its dependencies by path, the checkout nowhere."""
    folder = tmp_path_factory.mktemp("installed")
    run([sys.executable, "-m", "venv", "--without-pip", folder], cwd=folder)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--disable-pip-version-check"]
    run([*pip, "--no-deps", "--no-index", wheel], cwd=folder)
    own = Path(run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], cwd=folder).strip())
    # A plain path and not site.addsitedir: the .pth files behind it, of an editable install too, are not read.
    (own / "dependencies.pth").write_text("\n".join(site.getsitepackages()) + "\n", encoding="utf-8")
    return folder / "bin"


def test_the_wheel_holds_data_types_and_licence(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"{package}/py.typed" for package in PACKAGES} <= names
    shipped = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".md"
    }
    assert shipped <= names
    metadata = zipfile.ZipFile(wheel).read(next(name for name in names if name.endswith("/METADATA"))).decode()
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    for line in (f"Version: {version}", "License-Expression: Apache-2.0", "Classifier: Private :: Do Not Upload"):
        assert line in metadata.splitlines()


def test_the_installed_packages_are_not_the_checkout(installed: Path) -> None:
    code = f"import {', '.join(PACKAGES)}; print(*[module.__file__ for module in ({', '.join(PACKAGES)})], sep='\\n')"
    files = run([installed / "python", "-c", code], cwd=installed).splitlines()
    assert len(files) == len(PACKAGES)
    assert all(Path(file).is_relative_to(installed.parent) for file in files), files


def test_the_installed_command_prints_its_help(installed: Path) -> None:
    assert "Usage: siaga" in run([installed / "siaga", "--help"], cwd=installed)


def test_the_installed_worker_opens_its_shards(installed: Path, broker, fresh_prefix, free_port, tmp_path) -> None:
    settings = environment(
        SIAGA_BROKER=broker.bootstrap,
        SIAGA_TOPIC_PREFIX=fresh_prefix,
        SIAGA_GROUP=fresh_prefix + "worker",
        SIAGA_DATA_DIR=str(tmp_path),
        SIAGA_METRICS_PORT=str(free_port),
    )
    subprocess.run([installed / "siaga", "topics"], cwd=tmp_path, env=settings, check=True)
    log = tmp_path / "worker.log"
    with log.open("wb") as output:
        worker = subprocess.Popen(
            [installed / "siaga", "worker"], cwd=tmp_path, env=settings, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        for page in pages(f"http://127.0.0.1:{free_port}/metrics", worker):
            if re.search(r"^siaga_shards_open\{[^}]*\} [1-9]", page, re.MULTILINE):
                break
        else:
            pytest.fail(f"no shard open after {DEADLINE_S} s\n{log.read_text(errors='replace')}")
    finally:
        worker.terminate()
        status = worker.wait(DEADLINE_S)
    assert status == 0, log.read_text(errors="replace")


def pages(url: str, process: subprocess.Popen) -> Iterator[str]:
    """The page again and again while the process runs, until the deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(url, timeout=5) as answer:
                yield answer.read().decode()
        except OSError:
            pass
        time.sleep(0.2)
