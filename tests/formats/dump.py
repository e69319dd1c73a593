"""Make the dumps of a release: `python -m tests.formats.dump --release 0.9.0`.

Checks out the release beside this checkout for as long as it takes, and has `recorder.py` run on its code. Rosters,
ruleset and sources file of the dump lie beside it, so that a later change of the packaged ones changes no dump.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RELEASES = HERE / "releases"
#: The commit of each release; from 0.10 on a tag.
COMMITS = {"0.9.0": "9654913f"}
CLOCKS = ("wall", "event")


def dump(release: str) -> None:
    """Write the dumps of a release, with both clocks."""
    files = RELEASES / release
    with tempfile.TemporaryDirectory(prefix="siaga-release-") as directory:
        tree = checkout(release, Path(directory))
        for clock in CLOCKS:
            subprocess.run(
                [sys.executable, "-P", str(HERE / "recorder.py"), str(files), clock, release],
                env={**os.environ, "PYTHONPATH": str(tree)}, cwd=tree, check=True,
            )  # fmt: skip


def checkout(release: str, directory: Path) -> Path:
    """The files of a release. Raises CalledProcessError where this clone lacks its commit."""
    archive = subprocess.run(
        ["git", "-C", str(ROOT), "archive", COMMITS.get(release, f"v{release}")], check=True, capture_output=True
    )
    subprocess.run(["tar", "-x", "-C", str(directory)], input=archive.stdout, check=True)
    return directory


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--release", required=True)
    dump(parser.parse_args().release)
