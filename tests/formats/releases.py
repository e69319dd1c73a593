"""The code of released versions, as far as a worker needs it: what the current one is upgraded from, and back to.

Made once at a release, with xz -9e, of `git archive COMMIT agents streams schemas apps/__init__.py` and of apps/cli
`__init__.py main.py worker.py options.py`.
"""

import tarfile
from pathlib import Path

RELEASES = Path(__file__).parent / "releases"


def unpacked(version: str, directory: Path) -> Path:
    """The folder of a release's code, to be first on PYTHONPATH."""
    with tarfile.open(RELEASES / f"{version}.tar.xz") as archive:
        archive.extractall(directory, filter="data")
    return directory
