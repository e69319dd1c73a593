"""The runbook's commands exist, and their container signs in as the operator.

test_stack_live.py tests that the broker allows them.
"""

import importlib
import re

import pytest

from apps.cli.main import COMMANDS, PACKAGE
from tests.deploy import runbook


@pytest.fixture(scope="module")
def toolbox(deploy, load_yaml) -> dict:
    """The pod template of the deployment in which the runbook runs commands."""
    yaml = pytest.importorskip("yaml")
    (name,) = set(re.findall(r"kubectl -n siaga exec deploy/(\S+) --", runbook.text()))
    documents = yaml.safe_load_all((deploy / "kubernetes" / "toolbox.yaml").read_text(encoding="utf-8"))
    deployment = next(d for d in documents if (d["kind"], d["metadata"]["name"]) == ("Deployment", name))
    return deployment["spec"]["template"]["spec"]


def test_the_runbook_has_commands():
    assert {words[0] for words in runbook.commands()} >= {"topics", "tail", "explain"}


@pytest.mark.parametrize("words", runbook.commands(), ids=" ".join)
def test_siaga_accepts_each_command(words):
    assert words[0] in COMMANDS
    command = importlib.import_module(f"{PACKAGE}.{words[0]}").command
    command.make_context(words[0], list(words[1:]))


def test_on_kubernetes_the_toolbox_signs_in_as_the_operator(toolbox):
    (container,) = toolbox["containers"]
    environment = {entry["name"]: entry["value"] for entry in container["env"]}
    assert environment == {"SIAGA_SASL_USERNAME": "siaga-operator"}
    secrets = {volume["name"]: volume["secret"]["secretName"] for volume in toolbox["volumes"] if "secret" in volume}
    assert secrets == {"user": "siaga-operator", "kafka-ca": "siaga-cluster-ca-cert"}
    assert container["command"][0] == "sleep"


def test_in_compose_commands_run_in_the_toolbox(compose_services):
    names = set(re.findall(r"docker compose run --rm (\w+)", runbook.text()))
    assert names == {"toolbox"}
    service = compose_services["toolbox"]
    assert "entrypoint" not in service, "the words after the service name must be a command of siaga"
    assert service["environment"]["SIAGA_SASL_USERNAME"] == "siaga-operator"
    who = {"SIAGA_SASL_USERNAME", "SIAGA_SASL_PASSWORD_FILE"}
    others = compose_services["topics"]["environment"]
    assert service["environment"].keys() == others.keys()
    assert {name for name, value in others.items() if service["environment"][name] != value} == who


def test_no_page_runs_commands_inside_a_worker(repo):
    for page in (repo / "docs").rglob("*.md"):
        assert not re.findall(r"exec (?:siaga-)?worker\S* ", page.read_text(encoding="utf-8")), page.name
