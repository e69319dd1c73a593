"""Make the dumps of a release, and keep the code of its worker: `python -m tests.formats.dump --release 0.9.0`.

Checks out the release beside this checkout for as long as it takes, and has `recorder.py` run on its code. Rosters,
ruleset and sources file of the dump lie beside it, so that a later change of the packaged ones changes no dump.
"""

import argparse
import lzma
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RELEASES = HERE / "releases"
#: The commit of each release; from 0.10 on a tag.
COMMITS = {"0.9.0": "9654913f"}
CLOCKS = ("wall", "event")


#: What a worker needs of a checkout: a later release is upgraded from it, and back, in clones without its commit too.
CODE = ("agents", "streams", "schemas", "apps/__init__.py")
CODE += tuple(f"apps/cli/{name}.py" for name in ("__init__", "main", "worker", "options"))


def dump(release: str) -> None:
    """Write the dumps of a release, with both clocks, and its code."""
    files = RELEASES / release
    (files / "code.tar.xz").write_bytes(lzma.compress(_archive(release, *CODE), preset=9 | lzma.PRESET_EXTREME))
    with tempfile.TemporaryDirectory(prefix="siaga-release-") as directory:
        tree = checkout(release, Path(directory))
        for clock in CLOCKS:
            subprocess.run(
                [sys.executable, "-P", str(HERE / "recorder.py"), str(files), clock, release],
                env={**os.environ, "PYTHONPATH": str(tree)}, cwd=tree, check=True,
            )  # fmt: skip


def checkout(release: str, directory: Path) -> Path:
    """The files of a release. Raises CalledProcessError where this clone lacks its commit."""
    subprocess.run(["tar", "-x", "-C", str(directory)], input=_archive(release), check=True)
    return directory


def unpacked(release: str, directory: Path) -> Path:
    """The folder of a release's code, to be first on PYTHONPATH."""
    with tarfile.open(RELEASES / release / "code.tar.xz") as archive:
        # Python before 3.11.4 has no filters; the archive is ours.
        archive.extractall(directory, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    return directory


def _archive(release: str, *paths: str) -> bytes:
    commit = COMMITS.get(release, f"v{release}")
    return subprocess.run(["git", "-C", str(ROOT), "archive", commit, *paths], check=True, capture_output=True).stdout


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--release", required=True)
    dump(parser.parse_args().release)
