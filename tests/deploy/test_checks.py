"""The scripts of deploy/check, which CI does not run: they can be started, and say what they need and prove."""

import copy
import os
from pathlib import Path

import pytest

from deploy.check.wrong_objects import WRONG, Wrong

HERE = Path(__file__).resolve().parents[2] / "deploy" / "check"
SCRIPTS = sorted(path for path in HERE.iterdir() if path.is_file() and not path.suffix)
PROGRAMS = sorted(HERE.glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_starts_and_has_no_syntax_error(script, run):
    assert os.access(script, os.X_OK)
    run("bash", "-n", str(script))


@pytest.mark.parametrize("script", [s for s in SCRIPTS if s.name != "go_programs"], ids=lambda script: script.name)
def test_a_check_says_what_it_needs_and_proves_and_is_in_the_docs(script, repo):
    head = script.read_text(encoding="utf-8").split("set -euo pipefail")[0]
    assert all(word in head for word in ("# Needs:", "# Proves:", "# Does not prove:"))
    docs = (repo / "docs" / "operating" / "deployment.md").read_text(encoding="utf-8")
    assert f"deploy/check/{script.name}" in docs


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.stem)
def test_a_program_beside_the_scripts_is_run_by_a_script_or_imported(program):
    run_by_one = any(f"deploy/check/{program.name} " in f"{_text(script)} ".replace('"', " ") for script in SCRIPTS)
    assert run_by_one or any(f"from deploy.check.{program.stem} import" in _text(other) for other in PROGRAMS)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def ours(deploy) -> dict[tuple[str, str], dict]:
    """The objects of deploy/kubernetes by kind and name."""
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed (pip install 'siaga[deploy]')")
    files = [path for path in (deploy / "kubernetes").rglob("*.yaml") if path.stem != "kustomization"]
    documents = [document for file in files for document in yaml.safe_load_all(_text(file))]
    return {(document["kind"], document["metadata"]["name"]): document for document in documents}


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.what)
def test_a_wrong_object_is_one_of_ours_with_a_fault(wrong: Wrong, ours):
    """An object that is not there, or the same after all, would prove nothing on a real server."""
    if wrong.kind == "Pod":
        workload = ours.get(("StatefulSet", wrong.name)) or ours["Deployment", wrong.name]
        given = workload["spec"]["template"]
    else:
        given = ours[wrong.kind, wrong.name]
    spoilt = copy.deepcopy(given)
    wrong.spoil(spoilt)
    assert spoilt != given and wrong.words
