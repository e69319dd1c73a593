"""Each closed set of words is written down once: a second listing would drift from the first."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas import vocabulary
from schemas.vocabulary import (
    AUTHORITIES,
    CATEGORIES,
    COMPONENTS,
    DATA_STATUSES,
    GROUPS,
    LEVELS,
    MEMBERS,
    SEVERITIES,
    STATUSES,
    Change,
    Reason,
    RejectReason,
)

ROOT = Path(__file__).parents[2]
FLOORS = ("schemas", "streams", "agents", "apps", "benchmarks", "deploy")
#: The vocabulary itself, messages as they are on the wire, and what shares no code with Siaga on purpose.
EXEMPT = {
    ROOT / "schemas" / "vocabulary.py",
    ROOT / "schemas" / "examples.py",
    ROOT / "benchmarks" / "peers" / "replay.py",
}
SETS = {
    "categories": CATEGORIES,
    "statuses": STATUSES,
    "levels": LEVELS,
    "data statuses": DATA_STATUSES,
    "groups": GROUPS,
    "components": COMPONENTS,
    "member components": MEMBERS,
    "changes": tuple(Change),
    "reasons": tuple(Reason),
    "reject reasons": tuple(RejectReason),
    "authorities": AUTHORITIES,
}


def listings(tree: ast.AST) -> Iterator[tuple[int, set[str]]]:
    """Line and words of every literal collection and class body that lists strings."""
    for node in ast.walk(tree):
        match node:
            case ast.Dict():
                items: list[ast.expr | None] = list(node.keys)
            case ast.Tuple() | ast.List() | ast.Set():
                items = [item.elts[0] if isinstance(item, ast.Tuple) and item.elts else item for item in node.elts]
            case ast.ClassDef():
                items = [line.value for line in node.body if isinstance(line, ast.Assign)]
            case _:
                continue
        yield node.lineno, {item.value for item in items if isinstance(item, ast.Constant) and type(item.value) is str}


def repeated(words: set[str]) -> Iterator[str]:
    """The closed sets that a listing repeats: three or more members, and more than half of the set."""
    for name, members in SETS.items():
        if (found := len(words.intersection(members))) >= 3 and 2 * found > len(members):
            yield name


def test_no_closed_set_is_listed_a_second_time() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line} lists the {name}"
        for floor in FLOORS
        for path in sorted((ROOT / floor).rglob("*.py"))
        if path not in EXEMPT
        for line, words in listings(ast.parse(path.read_text(encoding="utf-8")))
        for name in repeated(words)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", ["SECOND_MS", "MINUTE_MS", "HOUR_MS", "DAY_MS"])
def test_no_unit_of_time_is_defined_a_second_time(name: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for floor in FLOORS
        for path in sorted((ROOT / floor).rglob("*.py"))
        if path not in EXEMPT
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id == name
    ]
    assert not found, "\n".join(found)


def test_every_word_of_the_vocabulary_is_a_plain_string() -> None:
    """The hot path compares and serializes them: an enum's member there costs time and a dependency on the enum."""
    for name, words in vars(vocabulary).items():
        if isinstance(words, tuple) and words is not SEVERITIES:
            assert all(type(word) is str for word in words), name
