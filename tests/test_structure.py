"""What the linter and the import contracts (pyproject.toml) cannot say: the oracle's independence, the size of
functions and files, and that the contracts see every module.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("schemas", "streams", "agents", "apps")
FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 400
ORACLE = {
    "checker", "contract", "evidence", "judging", "oracle", "policy", "province", "regency", "risk_laws", "scoring",
}  # fmt: skip


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))


def modules_imported(tree: ast.Module) -> Iterator[str]:
    """Full names of all imported modules, `from tests.chaos import oracle` as `tests.chaos.oracle`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from (f"{module}.{alias.name}" for alias in node.names) if module == "tests.chaos" else (module,)


def test_import_contracts_see_every_module() -> None:
    """import-linter skips a folder without __init__.py without a word."""
    hidden = {str(path.parent) for path, _ in sources() if not (ROOT / path.parent / "__init__.py").is_file()}
    assert not hidden


def test_the_chaos_oracle_imports_only_itself_and_the_standard_library() -> None:
    wrong, seen, todo = [], set(), ["checker"]
    while todo:
        name = todo.pop()
        seen.add(name)
        tree = ast.parse((ROOT / "tests" / "chaos" / f"{name}.py").read_text(encoding="utf-8"))
        for module in modules_imported(tree):
            own = module.removeprefix("tests.chaos.")
            if own != module and own not in seen:
                todo.append(own)
            elif own == module and module.partition(".")[0] not in sys.stdlib_module_names:
                wrong.append(f"tests/chaos/{name}.py imports {module}")
    assert not wrong, "\n".join(wrong)
    assert seen >= ORACLE


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
