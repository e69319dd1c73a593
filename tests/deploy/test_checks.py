"""The scripts of deploy/check, which CI does not run: they can be started, and say what they need and prove."""

import os
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parents[2] / "deploy" / "check"
SCRIPTS = sorted(path for path in HERE.iterdir() if path.is_file() and not path.suffix)


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
