"""docker-compose.yml: the real Compose reads it, every container is locked down, and its Kafka settings are Kafka's."""

import re

from agents.settings import Settings, unknown_variables

OURS = {"topics", "worker-1", "worker-2", "board"}
ONE_SHOT = {"topics"}


def test_the_services_are_those_of_the_contract(compose):
    assert compose["services"].keys() == OURS | {"kafka", "prometheus", "alertmanager", "grafana"}


def test_every_container_is_locked_down(compose):
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
        assert service["restart"] == ("on-failure:5" if name in ONE_SHOT else "unless-stopped"), name
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}, name


def test_every_service_tells_its_health(compose, repo):
    assert "HEALTHCHECK" in (repo / "Dockerfile").read_text(encoding="utf-8")
    for name, service in compose["services"].items():
        if name in ONE_SHOT:
            assert service["healthcheck"] == {"disable": True}
        elif not name.startswith("worker-"):  # workers use the image's own
            assert service["healthcheck"]["test"][0] == "CMD", name


def test_ports_are_published_on_loopback_only(compose):
    published = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert published and all(port["host_ip"] == "127.0.0.1" for port in published)


def test_images_are_pinned_to_a_full_version(compose):
    for name, service in compose["services"].items():
        tag = service["image"].rpartition(":")[2]
        assert re.fullmatch(r"v?\d+\.\d+\.\d+(@sha256:[0-9a-f]{64})?", tag), f"{name}: {service['image']}"


def test_data_lives_in_named_volumes(compose):
    mounts = {
        name: {m["source"] for m in service.get("volumes", []) if m["type"] == "volume"}
        for name, service in compose["services"].items()
    }
    assert set().union(*mounts.values()) == set(compose["volumes"])
    assert not any(mounts[name] for name in OURS), "Siaga's own containers keep nothing"


def test_every_siaga_variable_is_a_setting_with_a_valid_value(compose):
    for name in OURS:
        environment = compose["services"][name]["environment"]
        assert unknown_variables(environment) == []
        Settings.load(environment)


def test_workers_have_instance_ids_of_their_own(compose):
    ids = [compose["services"][name]["environment"]["SIAGA_INSTANCE"] for name in ("worker-1", "worker-2")]
    assert len(set(ids)) == len(ids)


def test_workers_and_board_wait_for_the_topics(compose):
    for name in OURS - ONE_SHOT:
        condition = compose["services"][name]["depends_on"]["topics"]["condition"]
        assert condition == "service_completed_successfully", name
    assert compose["services"]["topics"]["depends_on"]["kafka"]["condition"] == "service_healthy"


def test_prometheus_scrapes_what_compose_runs(compose, deploy, load_yaml):
    config = load_yaml(deploy / "prometheus" / "prometheus.yml")
    targets = {t for job in config["scrape_configs"] for c in job["static_configs"] for t in c["targets"]}
    targets |= {t for a in config["alerting"]["alertmanagers"] for c in a["static_configs"] for t in c["targets"]}
    hosts = {target.partition(":")[0] for target in targets} - {"127.0.0.1"}
    assert hosts == {"worker-1", "worker-2", "board", "alertmanager"}
    assert hosts <= compose["services"].keys()
    worker, board = Settings.load({}).metrics_port, Settings.load({}).board_port
    assert {f"worker-1:{worker}", f"worker-2:{worker}", f"board:{board}"} <= targets


def test_the_webhook_host_of_alertmanager_is_one_compose_resolves(compose, deploy, load_yaml):
    config = load_yaml(deploy / "alertmanager" / "alertmanager.yml")
    hosts = {re.match(r"http://([^:/]+)", w["url"])[1] for r in config["receivers"] for w in r["webhook_configs"]}
    known = {re.split("[=:]", entry)[0] for entry in compose["services"]["alertmanager"]["extra_hosts"]}
    assert hosts == known
