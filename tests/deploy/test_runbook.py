"""The runbook's commands exist, and the container that it names for them signs in as the operator.

Whether the broker allows them is tested in test_stack_live.py.
"""

import importlib
import re

import pytest

from apps.cli.main import COMMANDS, PACKAGE
from tests.deploy import runbook


@pytest.fixture(scope="module")
def toolbox(deploy, load_yaml) -> dict:
    """The pod of the deployment that the runbook execs into."""
    yaml = pytest.importorskip("yaml")
    (name,) = set(re.findall(r"kubectl -n siaga exec deploy/(\S+) --", runbook.text()))
    documents = yaml.safe_load_all((deploy / "kubernetes" / "toolbox.yaml").read_text(encoding="utf-8"))
    deployment = next(d for d in documents if (d["kind"], d["metadata"]["name"]) == ("Deployment", name))
    return deployment["spec"]["template"]["spec"]


def test_the_runbook_has_commands():
    assert {words[0] for words in runbook.commands()} >= {"topics", "tail", "explain"}


@pytest.mark.parametrize("words", runbook.commands(), ids=" ".join)
def test_each_command_is_one_that_siaga_takes(words):
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
    assert "entrypoint" not in service, "what follows its name is a command of siaga"
    assert service["environment"] == compose_services["topics"]["environment"]


def test_nobody_is_sent_into_a_worker_to_type(repo):
    for page in (repo / "docs").rglob("*.md"):
        assert not re.findall(r"exec (?:siaga-)?worker\S* ", page.read_text(encoding="utf-8")), page.name
