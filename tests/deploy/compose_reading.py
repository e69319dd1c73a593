"""docker-compose.yml resolved without Compose: variables at their defaults, short forms expanded.

Supports only what the file uses and the tests read. Where Compose is installed the fixtures use its output instead,
and a test compares both."""

import re
from pathlib import Path
from typing import Any

_VARIABLE = re.compile(r"\$\{\w+:-([^}]*)\}")


def resolved(document: dict[str, Any]) -> dict[str, Any]:
    """Services, volumes and secrets without anchors (merged by YAML) and extension fields."""
    found = _with_defaults({key: value for key, value in document.items() if not key.startswith("x-")})
    for service in found["services"].values():
        if "ports" in service:
            service["ports"] = [_port(text) for text in service["ports"]]
        if "volumes" in service:
            service["volumes"] = [_mount(text) for text in service["volumes"]]
        if isinstance(service.get("depends_on"), list):
            service["depends_on"] = {name: {"condition": "service_started"} for name in service["depends_on"]}
        if isinstance(service.get("networks"), list):
            service["networks"] = dict.fromkeys(service["networks"])
        if "secrets" in service:
            service["secrets"] = [{"source": name, "target": f"/run/secrets/{name}"} for name in service["secrets"]]
    return found


def secrets_of(service: dict[str, Any]) -> dict[str, str]:
    """Path in the container of each secret of a resolved service; some versions of Compose print the name alone."""
    paths = {entry["source"]: entry.get("target") or entry["source"] for entry in service.get("secrets", [])}
    return {name: path if path.startswith("/") else f"/run/secrets/{path}" for name, path in paths.items()}


def outside(text: str, document: dict[str, Any], directory: Path) -> str:
    """`text` with the path of each secret in a container replaced by that of its file in `directory`."""
    files = {name: Path(secret["file"]).name for name, secret in document["secrets"].items()}
    for name in sorted(files, key=len, reverse=True):  # one name may begin with another
        text = text.replace(f"/run/secrets/{name}", str(directory / files[name]))
    return text


def _with_defaults(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_defaults(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_defaults(item) for item in value]
    return _VARIABLE.sub(r"\1", value) if isinstance(value, str) else value


def _port(text: str) -> dict[str, Any]:
    host_ip, _, rest = text.rpartition(":")[0].rpartition(":")
    return {"host_ip": host_ip, "published": rest, "target": int(text.rpartition(":")[2])}


def _mount(text: str) -> dict[str, Any]:
    source, target, *mode = text.split(":")
    kind = "bind" if source[0] in "./~" else "volume"
    return {"type": kind, "source": source, "target": target, "read_only": mode == ["ro"]}
