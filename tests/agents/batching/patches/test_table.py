"""The table of patches: it names what the code touches, nothing else does, and the pinned versions have it all."""

import ast
import functools
import importlib
import inspect
import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from agents.batching.patches.table import PATCHES, VERSIONS, Patch

ROOT = Path(__file__).parents[4]
PATCHED = ROOT / "agents" / "batching" / "patches"
FOREIGN = ("faust", "aiokafka", "mode")
#: Public in spite of their names: of named tuples, and of `os`.
PUBLIC = {"_replace", "_asdict", "_fields", "_make", "_exit"}
NAMES = {patch.symbol.rpartition(":")[2].rpartition(".")[2] for patch in PATCHES}


def sources(*folders: Path) -> Iterator[tuple[Path, ast.Module]]:
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name not in PUBLIC


def touched_on_others(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Private names read, called or set on anything but `self` and `cls`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            is_own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            if not is_own:
                yield node.attr, node.lineno


def classes(*modules: str) -> Iterator[type]:
    for name in modules:
        module = importlib.import_module(name)
        yield from (made for made in vars(module).values() if inspect.isclass(made) and made.__module__ == name)


def module_names(folder: Path) -> list[str]:
    return [".".join(path.relative_to(ROOT).with_suffix("").parts) for path, _ in sources(folder)]


@functools.cache
def foreign_privates(made: type) -> set[str]:
    """Private names of the Faust and aiokafka classes that a class inherits from."""
    return set().union(*map(used_by, foreign_bases(made)))


def foreign_bases(made: type) -> list[type]:
    return [base for base in made.__mro__[1:] if base.__module__.partition(".")[0] in FOREIGN]


@functools.cache
def used_by(made: type) -> set[str]:
    """Private names that a class defines, or touches on `self`."""
    found = re.findall(
        r"\b(?:self\.|super\(\)\.|def )(_[a-z]\w*)|^    (_[a-z]\w*)\b", inspect.getsource(made), re.MULTILINE
    )
    return {one or other for one, other in found}


def test_no_private_name_of_others_is_touched_outside_of_patches():
    """kafka-python's are the exceptions, in two files of `agents/kafka`; it has no part in exactly once."""
    allowed = {ROOT / "agents" / "kafka" / name for name in ("quotas.py", "bounded_fetching.py")}
    wrong = [
        f"{path.relative_to(ROOT)}:{line} touches {name}"
        for path, tree in sources(ROOT / "agents", ROOT / "apps")
        if not path.is_relative_to(PATCHED) and path not in allowed
        for name, line in touched_on_others(tree)
    ]
    assert not wrong, "\n".join(wrong)


def test_no_class_outside_of_patches_uses_what_it_inherits_in_private():
    modules = [name for name in module_names(ROOT / "agents") if ".patches" not in name]
    wrong = {
        f"{made.__module__}.{made.__name__}": names
        for made in classes(*modules)
        if (names := used_by(made) & foreign_privates(made))
    }
    assert not wrong


def test_no_module_outside_of_patches_replaces_a_name_of_others():
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno} replaces {target.value.id}.{target.attr}"
        for path, tree in sources(ROOT / "agents")
        if not path.is_relative_to(PATCHED)
        for imported in [{name for name, module in imports(tree) if module.partition(".")[0] in FOREIGN}]
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id in imported
    ]
    assert not wrong, "\n".join(wrong)


def imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Names that a module imports, and from where."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.asname or alias.name.partition(".")[0], alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((alias.asname or alias.name, node.module) for alias in node.names)


def test_every_private_name_that_patches_touch_is_in_the_table():
    touched = {name for _, tree in sources(PATCHED) for name, _ in touched_on_others(tree)}
    inherited = set()
    for made in classes(*module_names(PATCHED)):
        inherited |= used_by(made) & foreign_privates(made)
    assert touched | inherited <= NAMES, (touched | inherited) - NAMES


def test_every_name_of_the_table_is_touched_by_patches():
    text = "".join(path.read_text(encoding="utf-8") for path, _ in sources(PATCHED) if path.name != "table.py")
    assert not [name for name in sorted(NAMES) if not re.search(rf"\b{name}\b", text)]


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.symbol)
def test_the_installed_version_has_it(patch: Patch):
    module_name, _, path = patch.symbol.partition(":")
    module = importlib.import_module(module_name)
    owner, _, name = path.rpartition(".")
    if not owner:
        assert hasattr(module, name)
        return
    made = getattr(module, owner)
    bases = [made, *foreign_bases(made)]
    is_assigned = any(re.search(rf"\bself\.{name}\b[^=\n]*=", inspect.getsource(base)) for base in bases)
    assert hasattr(made, name) or is_assigned


@pytest.mark.parametrize("distribution", VERSIONS)
def test_the_installed_version_is_the_one_the_patches_were_written_for(distribution: str):
    assert version(distribution) == VERSIONS[distribution]


@pytest.mark.parametrize("distribution", VERSIONS)
def test_the_project_pins_that_version(distribution: str):
    pinned = re.search(rf'"{distribution}==([\d.]+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert pinned and pinned[1] == VERSIONS[distribution]


def test_every_defect_is_a_chapter_of_the_document_on_upstream():
    document = (ROOT / "docs" / "upstream.md").read_text(encoding="utf-8")
    chapters = set(re.findall(r"^## (.*)$", document, re.MULTILINE))
    reasons = {patch.reason for patch in PATCHES if patch.reason.defect}
    assert {reason.defect for reason in reasons} <= chapters
    assert all(f"https://github.com/{reason.issue}" in document for reason in reasons if reason.issue)
