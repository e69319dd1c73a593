"""deploy/kubernetes against the schemas of Kubernetes and against the code, without a cluster."""

import importlib.util
import ipaddress
import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from kafka.admin import ACLOperation, ResourceType

from agents.kafka.acls import Right, Role, rights_of
from agents.kafka.topics import wanted_config
from agents.settings import Settings, unknown_variables
from agents.start_checks import BROKER_WITHIN_S
from agents.topology import STAGES
from apps.board.allowed_hosts import AllowedHosts
from schemas.topics import SPECS, Direction, Topic, TopicNames

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed (pip install 'siaga[deploy]')")

from tests.deploy.kafka_users import rights_by_user

CUSTOM = {
    "kafka.strimzi.io/v1",
    "monitoring.coreos.com/v1",
    "kustomize.config.k8s.io/v1beta1",
    "kustomize.config.k8s.io/v1alpha1",
}
KUBERNETES_VERSIONS = ("1.30", "1.34")
# A shell for operators: it has no port to probe, discover or scrape.
WITHOUT_PORTS = {"siaga-toolbox"}
NAMES = TopicNames()
SETTINGS = Settings.load({})


@pytest.fixture(scope="module")
def kubernetes(deploy) -> Path:
    return deploy / "kubernetes"


@pytest.fixture(scope="module")
def kustomization(kubernetes) -> dict:
    return yaml.safe_load((kubernetes / "kustomization.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def component(kubernetes) -> dict:
    """The component with the webhook sender, which an overlay adds."""
    return yaml.safe_load((kubernetes / "webhook" / "kustomization.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def manifests(kubernetes, kustomization, component) -> list[dict]:
    """The manifests of the kustomization and of the component."""
    files = [kubernetes / name for name in kustomization["resources"]]
    files += [kubernetes / "webhook" / name for name in component["resources"]]
    texts = [file.read_text(encoding="utf-8") for file in files]
    return [document for text in texts for document in yaml.safe_load_all(text)]


@pytest.fixture(scope="module")
def of(manifests):
    """Manifests of a kind by name."""
    return lambda kind: {m["metadata"]["name"]: m for m in manifests if m["kind"] == kind}


@pytest.fixture(scope="module")
def rights(kubernetes) -> dict[str, set[Right]]:
    """Kafka rights by user."""
    return rights_by_user(kubernetes / "users.yaml")


@pytest.fixture(scope="module")
def workloads(of) -> dict[str, dict]:
    """Pod templates by the name of their StatefulSet or Deployment."""
    return {name: m["spec"]["template"] for kind in ("StatefulSet", "Deployment") for name, m in of(kind).items()}


def test_generated_manifests_are_current(run):
    run(sys.executable, "-m", "deploy.kubernetes.build", "--check")


def test_the_kustomization_names_every_file(kubernetes, kustomization, component):
    for directory, found in ((kubernetes, kustomization), (kubernetes / "webhook", component)):
        files = {path.name for path in directory.glob("*.yaml")} - {"kustomization.yaml"}
        assert set(found["resources"]) == files


def test_kustomize_builds_it_and_the_component_as_the_docs_say(kubernetes, repo, run, tmp_path):
    command = next(
        ([p, *a] for n, a in (("kustomize", ["build"]), ("kubectl", ["kustomize"])) if (p := shutil.which(n))), None
    )
    if command is None:
        pytest.skip("neither kustomize nor kubectl is installed here")
    base = os.path.relpath(kubernetes.resolve(), tmp_path.resolve())
    page = (repo / "docs" / "operating" / "deployment.md").read_text(encoding="utf-8")
    documented = re.search(r"```yaml\n(patches:.*?)```", page, re.DOTALL)
    overlay = {"resources": [base], "components": [f"{base}/webhook"]} | yaml.safe_load(documented[1])
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(overlay), encoding="utf-8")
    assert "siaga-webhook" not in run(*command, kubernetes), "the sender is optional"
    documents = list(yaml.safe_load_all(run(*command, tmp_path)))
    egress_policy = next(d for d in documents if d["metadata"]["name"] == "siaga-webhook-to-receiver")
    assert egress_policy["spec"]["egress"][0]["to"] == [{"ipBlock": {"cidr": "203.0.113.7/32"}}]
    settings = next(d["metadata"]["name"] for d in documents if d["kind"] == "ConfigMap")
    pods = {
        d["metadata"]["name"]: d["spec"]["template"] for d in documents if d["kind"] in ("StatefulSet", "Deployment")
    }
    assert pods.keys() == {"siaga-worker", "siaga-board", "siaga-webhook", "siaga-toolbox"}
    for name, template in pods.items():
        assert template["metadata"]["labels"]["app.kubernetes.io/part-of"] == "siaga", name
        assert template["spec"]["containers"][0]["envFrom"] == [{"configMapRef": {"name": settings}}], name
    for document in documents:
        if document["kind"] != "Namespace":
            assert document["metadata"]["namespace"] == "siaga"


@pytest.mark.skipif(
    importlib.util.find_spec("kubernetes_validate") is None,
    reason="kubernetes-validate is not installed (pip install 'siaga[deploy]')",
)
@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
def test_manifests_satisfy_the_schemas_of_kubernetes(manifests, version):
    import kubernetes_validate

    own = [manifest for manifest in manifests if manifest["apiVersion"] not in CUSTOM]
    assert len(own) >= 12
    for manifest in own:
        kubernetes_validate.validate(manifest, version, strict=True)


def test_topics_are_those_of_the_code(of):
    topics = of("KafkaTopic")
    assert topics.keys() == {NAMES[spec.topic] for spec in SPECS}
    for spec in SPECS:
        found = topics[NAMES[spec.topic]]["spec"]
        assert found["config"] == wanted_config(spec, 2)
        assert found["partitions"] == SETTINGS.partitions
        assert found["replicas"] > int(found["config"]["min.insync.replicas"])


def test_users_have_the_rights_of_their_roles(rights):
    """Without AlterConfigs: retention is changed in the KafkaTopic, and Strimzi would revert any other change."""
    assert rights.keys() == {f"siaga-{role}" for role in Role}
    for role in Role:
        wanted = {right for right in rights_of(role, SETTINGS) if right.operation is not ACLOperation.ALTER_CONFIGS}
        assert rights[f"siaga-{role}"] == wanted, role


def test_publishers_only_write_and_readers_read_no_rejected_record(rights):
    topics = {
        user: {(right.name, right.operation) for right in some if right.kind is ResourceType.TOPIC}
        for user, some in rights.items()
    }
    inputs = {NAMES[spec.topic] for spec in SPECS if spec.direction is Direction.IN}
    assert topics["siaga-publisher"] == {(topic, ACLOperation.WRITE) for topic in inputs}
    read = {name for name, operation in topics["siaga-reader"] if operation is ACLOperation.READ}
    assert topics["siaga-reader"] - {(name, ACLOperation.READ) for name in read} == {
        (NAMES[Topic.STATUS], ACLOperation.WRITE)
    }
    assert read.isdisjoint(inputs | {NAMES[Topic.REJECTED], NAMES[Topic.LEDGER]})
    log = NAMES[Topic.NOTIFICATIONS]
    assert topics["siaga-sender"] == {
        (NAMES[Topic.ESCALATIONS], ACLOperation.READ),
        (log, ACLOperation.READ),
        (log, ACLOperation.WRITE),
        (NAMES[Topic.STATUS], ACLOperation.WRITE),
    }
    assert (log, ACLOperation.WRITE) not in topics["siaga-processor"] and log not in read


def test_a_worker_may_read_what_it_writes(rights):
    """Without a position of its own a stage reads whether its outputs hold anything: refused, it stands still."""
    read = {r.name for r in rights["siaga-processor"] if r.operation is ACLOperation.READ}
    assert {NAMES[topic] for stage in STAGES for topic in stage.outputs} <= read


def test_pods_are_restricted(workloads):
    assert workloads.keys() == {"siaga-worker", "siaga-board", "siaga-webhook", "siaga-toolbox"}
    for name, template in workloads.items():
        spec = template["spec"]
        assert spec["automountServiceAccountToken"] is False, name
        pod = spec["securityContext"]
        assert pod["runAsNonRoot"] is True and pod["runAsUser"] > 0, name
        assert pod["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in spec["containers"]:
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False, name
            assert security["readOnlyRootFilesystem"] is True, name
            assert security["capabilities"] == {"drop": ["ALL"]}, name
            assert container["resources"]["limits"].keys() == {"cpu", "memory"}, name
            if name in WITHOUT_PORTS:
                assert not container.keys() & {"ports", "startupProbe", "readinessProbe", "livenessProbe"}, name
                continue
            ports = {port["name"] for port in container["ports"]}
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                assert next(v for k, v in container[probe].items() if k in ("httpGet", "tcpSocket"))["port"] in ports


def test_settings_of_the_pods_are_settings_of_siaga(workloads, kustomization, tmp_path):
    literals = dict(entry.split("=", 1) for entry in kustomization["configMapGenerator"][0]["literals"])
    for name, template in workloads.items():
        container = template["spec"]["containers"][0]
        environment = literals | {entry["name"]: entry.get("value", f"{name}-0") for entry in container["env"]}
        mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
        for variable, value in environment.items():
            if value.startswith("/"):
                assert any(value.startswith(mount + "/") for mount in mounts), f"{name}: {variable}"
                environment[variable] = str(tmp_path / Path(value).name)
                (tmp_path / Path(value).name).write_text("anything")
        assert unknown_variables(environment) == []
        settings = Settings.load(environment)
        assert settings.partitions == SETTINGS.partitions
        assert settings.metrics_port == 9464 and settings.board_port == 8080


def test_the_board_answers_to_the_names_of_its_service_and_lets_the_ingress_limit(of):
    environment = of("Deployment")["siaga-board"]["spec"]["template"]["spec"]["containers"][0]["env"]
    values = {entry["name"]: entry["value"] for entry in environment}
    names = of("Service")["siaga-board"]["metadata"]
    hosts, here = AllowedHosts(values["SIAGA_BOARD_HOSTS"], "0.0.0.0"), ("10.1.2.3", 8080)
    full = f"{names['name']}.siaga.svc.cluster.local"
    assert all(hosts.admits(name, here) for name in (names["name"], full, "10.1.2.3:8080", "localhost:8080"))
    assert not hosts.admits("evil.example", here) and values["SIAGA_BOARD_PER_ADDRESS"] == "0"


def test_workers_take_their_instance_id_from_their_stable_name(of):
    environment = of("StatefulSet")["siaga-worker"]["spec"]["template"]["spec"]["containers"][0]["env"]
    instance = next(entry for entry in environment if entry["name"] == "SIAGA_INSTANCE")
    assert instance["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"


def test_a_worker_may_wait_for_kafka_and_restore_before_it_is_killed(of):
    """Killed earlier, it would not come to print its line that Kafka is not there."""
    (worker,) = of("StatefulSet")["siaga-worker"]["spec"]["template"]["spec"]["containers"]
    probe = worker["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= BROKER_WITHIN_S + 60


def test_pods_use_the_secret_of_their_user(workloads, of):
    for name, template in workloads.items():
        spec = template["spec"]
        user = next(e["value"] for e in spec["containers"][0]["env"] if e["name"] == "SIAGA_SASL_USERNAME")
        secret = next(v["secret"]["secretName"] for v in spec["volumes"] if v["name"] == "user")
        assert user == secret and user in of("KafkaUser"), name


def test_selectors_match_their_pods(workloads, of):
    for kind, path in (("Service", ()), ("PodDisruptionBudget", ("matchLabels",)), ("PodMonitor", ("matchLabels",))):
        selectors = {name: m["spec"]["selector"] for name, m in of(kind).items()}
        unneeded = set() if kind == "PodDisruptionBudget" else WITHOUT_PORTS
        assert selectors.keys() == workloads.keys() - unneeded, kind
        for name, selector in selectors.items():
            for step in path:
                selector = selector[step]
            assert selector.items() <= workloads[name]["metadata"]["labels"].items(), f"{kind} {name}"


def test_the_sender_has_the_secret_that_the_docs_create(of, repo):
    spec = of("StatefulSet")["siaga-webhook"]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    secret = next(v["secret"] for v in spec["volumes"] if v["name"] == "receiver")
    mounted = next(m["mountPath"] for m in container["volumeMounts"] if m["name"] == "receiver")
    files = {
        e["value"] for e in container["env"] if e["name"] in ("SIAGA_WEBHOOK_URL_FILE", "SIAGA_WEBHOOK_SECRET_FILE")
    }
    assert files == {f"{mounted}/{item['path']}" for item in secret["items"]}
    text = (repo / "docs" / "operating" / "deployment.md").read_text(encoding="utf-8")
    assert f"create secret generic {secret['secretName']} --from-file=" in text
    assert all(f"--from-file={item['key']}=" in text for item in secret["items"])


def test_no_pod_has_a_secret_on_its_command_line_or_in_its_environment(workloads):
    for name, template in workloads.items():
        (container,) = template["spec"]["containers"]
        words = [*container.get("command", []), *container.get("args", [])]
        assert not [word for word in words if "$(" in word or "://" in word], name
        assert not [entry for entry in container["env"] if "secretKeyRef" in entry.get("valueFrom", {})], name


def test_prometheus_jobs_have_the_same_names_as_in_compose(of, workloads, deploy, load_yaml):
    jobs = {job["job_name"] for job in load_yaml(deploy / "prometheus" / "prometheus.yml")["scrape_configs"]}
    for name, monitor in of("PodMonitor").items():
        label = monitor["spec"]["jobLabel"]
        assert workloads[name]["metadata"]["labels"][label] in jobs
        ports = {port["name"] for port in workloads[name]["spec"]["containers"][0]["ports"]}
        assert {endpoint["port"] for endpoint in monitor["spec"]["podMetricsEndpoints"]} <= ports


def test_network_policies_deny_all_connections_but_the_named_ones(of):
    policies = of("NetworkPolicy")
    closed = policies["siaga-default-deny"]["spec"]
    assert closed["policyTypes"] == ["Ingress", "Egress"] and "ingress" not in closed and "egress" not in closed
    egress = [rule for policy in policies.values() for rule in policy["spec"].get("egress", [])]
    assert {port["port"] for rule in egress for port in rule["ports"]} == {9093, 53, 443}
    assert all(rule["to"] for rule in egress)


def test_only_the_sender_has_outside_egress_and_an_overlay_sets_its_address(of):
    outside = {
        name: policy["spec"]
        for name, policy in of("NetworkPolicy").items()
        if any("ipBlock" in peer for rule in policy["spec"].get("egress", []) for peer in rule["to"])
    }
    assert outside.keys() == {"siaga-webhook-to-receiver"}
    spec = outside["siaga-webhook-to-receiver"]
    assert spec["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "siaga-webhook"}
    (rule,) = spec["egress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": 443}]
    (peer,) = rule["to"]
    documentation = ipaddress.ip_network("192.0.2.0/24")  # RFC 5737
    assert ipaddress.ip_network(peer["ipBlock"]["cidr"]).subnet_of(documentation)
