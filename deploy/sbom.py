"""The bill of materials of what Siaga runs, as CycloneDX 1.6 JSON, from its two locks.

    python deploy/sbom.py > siaga.cdx.json

Python packages with the hashes that pip checks, and the jars of the embedded broker. The same locks give the same file:
no clock, no random serial number. Not committed; make it from the commit that is deployed."""

import json
import re
import sys
import tomllib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

ROOT = Path(__file__).resolve().parents[1]
PYTHON_LOCK = ROOT / "requirements-local.lock"
JARS_LOCK = ROOT / "apps" / "embedded" / "jars.lock"
_REQUIREMENT = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>\S+)(?: *; *(?P<marker>[^\\]*\S))?")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_NAMESPACE = uuid.UUID("8a2f9d43-6b6a-5a0e-9c55-3f1f0c1d7a11")
Component = dict[str, Any]


def python_components(lock: str) -> Iterator[Component]:
    """One component per requirement. Its hashes are properties, since each platform's wheel has its own."""
    for block in re.split(r"\n(?=\S)", lock.replace("\\\n", " ")):
        found = _REQUIREMENT.match(block)
        if found is None:
            continue
        name, version = re.sub(r"[-_.]+", "-", found["name"]).lower(), found["version"]
        properties = [{"name": "siaga:wheel:sha256", "value": digest} for digest in _HASH.findall(block)]
        if found["marker"]:
            properties.insert(0, {"name": "siaga:marker", "value": found["marker"]})
        yield _component(name, version, f"pkg:pypi/{quote(name)}@{quote(version)}") | {"properties": properties}


def jar_components(lock: str) -> Iterator[Component]:
    """One component per jar: each has exactly one hash."""
    for line in lock.splitlines():
        if line and not line.startswith("#"):
            group, artifact, version, _size, digest = line.split()
            component = _component(artifact, version, f"pkg:maven/{quote(group)}/{quote(artifact)}@{quote(version)}")
            yield component | {"group": group, "hashes": [{"alg": "SHA-256", "content": digest}]}


def bill() -> dict[str, Any]:
    """The whole document."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    locks = [path.read_text(encoding="utf-8") for path in (PYTHON_LOCK, JARS_LOCK)]
    components = [*python_components(locks[0]), *jar_components(locks[1])]
    subject = _component(project["name"], project["version"], f"pkg:pypi/{project['name']}@{project['version']}")
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, ''.join(locks) + project['version'])}",
        "version": 1,
        "metadata": {"component": subject | {"type": "application", "description": project["description"]}},
        "components": components,
        "dependencies": [{"ref": subject["bom-ref"], "dependsOn": [part["bom-ref"] for part in components]}],
    }


def _component(name: str, version: str, purl: str) -> Component:
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


if __name__ == "__main__":
    json.dump(bill(), sys.stdout, indent=2)
    sys.stdout.write("\n")
