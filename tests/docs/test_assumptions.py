"""The page of assumptions names tests that exist."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
PAGE = TESTS.parent / "docs" / "operating" / "assumptions.md"
NAMED = sorted(set(re.findall(r"[\w/]*\btest_\w+", PAGE.read_text(encoding="utf-8"))))


@pytest.mark.parametrize("name", NAMED)
def test_a_named_test_exists(name: str):
    assert [path for path in TESTS.rglob("test_*.py") if str(path.with_suffix("")).endswith(f"/{name}")], name


def test_every_line_of_its_tables_names_a_test_or_says_how_it_was_tried():
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    for row in rows:
        *_, tried = [cell.strip() for cell in row.strip("|").split("|")]
        assert re.search(r"test|agents/|batching/|chaos/|formats/|long runs|decision", tried), row
