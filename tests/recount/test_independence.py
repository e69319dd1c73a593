"""The recount must not share a mistake with what it judges, so it shares no code with it."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
#: What others call; all that they import, on any way, is checked.
ENTRIES = ("laws", "rolling_sum")


def imported(tree: ast.Module) -> Iterator[str]:
    """Full names of the modules in import statements, wherever they stand."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from (f"{module}.{alias.name}" for alias in node.names) if module == "tests.recount" else (module,)


def test_the_recount_imports_only_itself_and_the_standard_library():
    wrong, seen, todo = [], set(), list(ENTRIES)
    while todo:
        name = todo.pop()
        seen.add(name)
        for module in imported(ast.parse((HERE / f"{name}.py").read_text(encoding="utf-8"))):
            own = module.removeprefix("tests.recount.")
            if own != module and own not in seen:
                todo.append(own)
            elif own == module and module.partition(".")[0] not in sys.stdlib_module_names:
                wrong.append(f"{name}.py imports {module}")
    assert not wrong, "\n".join(wrong)
    others = {path.stem for path in HERE.glob("*.py")} - seen
    tests = {name for name in others if name.startswith("test_")}
    of_tests = {"__init__", "conftest", "sample_deployment", "sample_entries", "sample_runs", "sample_traffic"}
    assert others - tests == of_tests, "a module of the recount that nobody calls"
