"""The architecture's rules, read from the source itself: who may import whom, what the core may never do, how long a
function is.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("schemas", "streams", "agents", "apps")
MAY_IMPORT = {
    "schemas": {"schemas"},
    "streams": {"streams", "schemas"},
    "agents": {"agents", "streams", "schemas"},
    "apps": set(PACKAGES),
}
CORE = ("schemas", "streams")
# Brokers, clocks, chance, threads, sockets: what would make the core's answer depend on more than its arguments.
NOT_IN_CORE = {
    *("aiokafka", "faust", "kafka", "mode", "aiohttp", "prometheus_client", "requests", "click"),
    *("asyncio", "threading", "multiprocessing", "socket", "subprocess", "signal"),
    *("random", "secrets", "uuid", "time", "zoneinfo"),
}
CLOCK_READS = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"), ("os", "urandom")}
FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 400
# In pieces, so that this file does not hold what it forbids.
HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("files", "pythonhosted", "org"),
        ("repo", "maven", "apache", "org"),
        ("repo1", "maven", "org"),
        ("registry", "npmjs", "org"),
        ("deb", "debian", "org"),
        ("proxy", "golang", "org"),
        ("static", "crates", "io"),
    )
)
MACHINE_PATHS = tuple("/" + path for path in ("work/main", "work/shared", "work/.library", "tmp/w/", "root/.pyenv"))
FOREIGN_ADDRESS = re.compile(
    r"(?<![\d.])(?:10\.\d+|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.\d+\.\d+(?![\d.])|://(?!127\.|0\.0\.0\.0)\d+\.\d+\.\d+\.\d+"
)


def sources(*packages: str) -> Iterator[tuple[Path, ast.Module]]:
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Top-level names of all imports, wherever in the file they stand."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0], node.lineno


def tracked_texts() -> Iterator[tuple[str, str]]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout: no list of tracked files")
    for name in filter(None, listed.stdout.decode().split("\0")):
        path = ROOT / name
        if path.is_file():
            content = path.read_bytes()
            if b"\0" not in content[:8192]:
                yield name, content.decode("utf-8", "replace")


def test_the_source_is_where_these_rules_look() -> None:
    for package in PACKAGES:
        assert len(list(sources(package))) >= 3, package


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_go_one_way(package: str) -> None:
    wrong = [
        f"{path}:{line} imports {name}"
        for path, tree in sources(package)
        for name, line in imported(tree)
        if name in (*PACKAGES, "tests") and name not in MAY_IMPORT[package]
    ]
    assert not wrong, "\n".join(wrong)


def test_the_part_another_faust_user_can_lift_out_knows_nothing_else_of_siaga() -> None:
    wrong = [
        f"{path} imports {module}"
        for path, tree in sources("agents")
        if path.parts[:2] == ("agents", "batching")
        for module in modules_imported(tree)
        if module.partition(".")[0] in PACKAGES and not module.startswith("agents.batching")
    ]
    assert not wrong, "\n".join(wrong)


def test_the_oracle_of_the_chaos_runs_shares_nothing_with_what_it_judges() -> None:
    """Whatever the checker imports, on any way, is the standard library or of the oracle itself."""
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
    assert seen >= {
        "checker",
        "contract",
        "evidence",
        "judging",
        "oracle",
        "policy",
        "province",
        "regency",
        "risk_laws",
        "scoring",
    }


def modules_imported(tree: ast.Module) -> Iterator[str]:
    """Full names of all modules that are imported, `from tests.chaos import oracle` as `tests.chaos.oracle`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from (f"{module}.{alias.name}" for alias in node.names) if module == "tests.chaos" else (module,)


def test_the_core_knows_no_broker_no_clock_and_no_chance() -> None:
    wrong = [
        f"{path}:{line} imports {name}"
        for path, tree in sources(*CORE)
        for name, line in imported(tree)
        if name in NOT_IN_CORE
    ]
    wrong += [
        f"{path}:{node.lineno} reads {node.value.id}.{node.attr}"
        for path, tree in sources(*CORE)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (node.value.id, node.attr) in CLOCK_READS
    ]
    assert not wrong, "\n".join(wrong)


def test_the_fold_opens_no_files() -> None:
    opening = {"open", "read_text", "read_bytes", "write_text", "write_bytes"}
    wrong = [
        f"{path}:{node.lineno}"
        for path, tree in sources("streams")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (getattr(node.func, "id", None) in opening or getattr(node.func, "attr", None) in opening)
    ]
    assert not wrong, "\n".join(wrong)


def test_every_function_fits_a_screen() -> None:
    long = [
        f"{path}:{node.lineno} {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for path, tree in sources(*PACKAGES)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno + 1 >= FUNCTION_LINES_MAX
    ]
    assert not long, "\n".join(long)


def test_every_file_holds_one_idea() -> None:
    counts = {path: (ROOT / path).read_bytes().count(b"\n") for path, _ in sources(*PACKAGES)}
    long = [f"{path} has {lines} lines" for path, lines in counts.items() if lines >= FILE_LINES_MAX]
    assert not long, "\n".join(long)


def test_nothing_tracked_names_a_registry_a_machine_or_a_foreign_address() -> None:
    wrong = []
    for name, text in tracked_texts():
        for number, line in enumerate(text.splitlines(), 1):
            found = [word for word in (*HOSTS, *MACHINE_PATHS) if word in line]
            found += FOREIGN_ADDRESS.findall(line)
            wrong += [f"{name}:{number} names {word}" for word in found]
    assert not wrong, "\n".join(wrong)
