"""What the linter and the import contracts (pyproject.toml) cannot say: the size of functions and files, and that
the contracts see every module.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("schemas", "streams", "agents", "apps")
FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 400


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))


def test_import_contracts_see_every_module() -> None:
    """import-linter skips a folder without __init__.py without a word."""
    hidden = {str(path.parent) for path, _ in sources() if not (ROOT / path.parent / "__init__.py").is_file()}
    assert not hidden


def test_every_function_fits_a_screen() -> None:
    long = [
        f"{path}:{node.lineno} {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno + 1 >= FUNCTION_LINES_MAX
    ]
    assert not long, "\n".join(long)


def test_every_file_holds_one_idea() -> None:
    counts = {path: (ROOT / path).read_bytes().count(b"\n") for path, _ in sources()}
    long = [f"{path} has {lines} lines" for path, lines in counts.items() if lines >= FILE_LINES_MAX]
    assert not long, "\n".join(long)


def test_no_wait_takes_a_cancellation_for_its_result() -> None:
    """Python 3.11's `asyncio.wait_for` returns a result that is there at the moment in which its task is cancelled, and
    the task goes on for ever. `asyncio.timeout` does not.
    """
    found = [
        f"{path}:{node.lineno}"
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "wait_for" and ast.unparse(node.value) == "asyncio"
    ]
    assert not found, "\n".join(found)
