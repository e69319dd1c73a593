"""Applies objects to a Kubernetes API server on 127.0.0.1 and tries what it refuses. Prints a line for each check; exit
status 1 where one failed. Run by deploy/check/kubernetes, in its namespaces.

    python applied.py HOME CRD_FILE ...    HOME: objects.yaml, tokens, server/apiserver.crt
"""

import copy
import json
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]
SERVER = "https://127.0.0.1:6443"
NAMESPACE = "siaga"
#: On a machine that is busy with other work.
READY_WITHIN_S = 120
ACCEPTED = (200, 201)
WORKLOADS = ("Deployment", "StatefulSet")
STRIMZI = {"KafkaTopic": "kafkatopics", "KafkaUser": "kafkausers"}


@dataclass(frozen=True)
class Answer:
    """What the server says: the object or its reason, and its warnings."""

    status: int
    body: Object
    warnings: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        return str(self.body.get("message", ""))


class Server:
    """The API server, as user of the group system:masters."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._token = (home / "tokens").read_text(encoding="utf-8").split(",")[0]
        self._plurals: dict[tuple[str, str], str] = {}

    def call(self, method: str, path: str, body: Object | None = None, kind: str = "application/json") -> Answer:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": kind}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(SERVER + path, data, headers, method=method)
        trust = ssl.create_default_context(cafile=str(self._home / "server" / "apiserver.crt"))
        try:
            with urllib.request.urlopen(request, timeout=30, context=trust) as answer:
                text = answer.read()
                body = json.loads(text) if text.startswith(b"{") else {"message": text.decode()}
                return Answer(answer.status, body, tuple(answer.headers.get_all("Warning", ())))
        except urllib.error.HTTPError as error:
            text = error.read()
            return Answer(error.code, json.loads(text) if text.startswith(b"{") else {"message": text.decode()})

    def wait_until_ready(self) -> float:
        began = time.monotonic()
        while True:
            try:
                if (answer := self.call("GET", "/readyz")).status == 200:
                    return time.monotonic() - began
                why = answer.reason
            except OSError as error:
                why = str(error)
            assert time.monotonic() < began + READY_WITHIN_S, why
            time.sleep(0.5)

    def apply(self, document: Object) -> Answer:
        """Server-side apply, unknown and doubled fields forbidden."""
        query = "?fieldManager=check&force=true&fieldValidation=Strict"
        path = f"{self._collection(document)}/{document['metadata']['name']}{query}"
        return self.call("PATCH", path, document, "application/apply-patch+yaml")

    def create(self, document: Object) -> Answer:
        return self.call("POST", self._collection(document) + "?fieldValidation=Strict", document)

    def _collection(self, document: Object) -> str:
        version, kind = document["apiVersion"], document["kind"]
        base = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if (version, kind) not in self._plurals:
            deadline = time.monotonic() + READY_WITHIN_S
            while not (found := [one for one in self._served(base) if one["kind"] == kind and "/" not in one["name"]]):
                assert time.monotonic() < deadline, f"{version} {kind} is not served"
                time.sleep(0.2)
            self._plurals[version, kind] = found[0]["name"]
        namespace = document["metadata"].get("namespace")
        return f"{base}/{f'namespaces/{namespace}/' if namespace else ''}{self._plurals[version, kind]}"

    def _served(self, base: str) -> list[Object]:
        found: list[Object] = self.call("GET", base).body.get("resources", [])
        return found


class Check:
    """The server, and the objects of deploy/kubernetes."""

    def __init__(self, home: Path, definitions: list[Path]) -> None:
        self.server, self.definitions = Server(home), definitions
        self.objects: list[Object] = list(yaml.safe_load_all((home / "objects.yaml").read_text(encoding="utf-8")))
        self.objects.sort(key=lambda one: str(one["kind"]) != "Namespace")

    def of(self, kind: str, name: str) -> Object:
        """A copy that may be changed."""
        return copy.deepcopy(
            next(one for one in self.objects if (one["kind"], one["metadata"]["name"]) == (kind, name))
        )

    def pods(self) -> Iterator[Object]:
        """A pod of each template."""
        for one in self.objects:
            if one["kind"] in WORKLOADS:
                yield _pod(one)


def _pod(workload: Object) -> Object:
    template = copy.deepcopy(workload["spec"]["template"])
    name = {"name": f"check-{workload['metadata']['name']}", "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": template["metadata"] | name, "spec": template["spec"]}


def _any_fields(kind: str, plural: str) -> Object:
    """A definition that accepts any field."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"}
    spec = {"group": "kafka.strimzi.io", "names": names, "scope": "Namespaced", "versions": [version]}
    metadata = {"name": f"{plural}.kafka.strimzi.io"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": metadata, "spec": spec
    }  # fmt: skip


def definitions(check: Check) -> str:
    took = check.server.wait_until_ready()
    given = [one for path in check.definitions for one in yaml.safe_load_all(path.read_text(encoding="utf-8")) if one]
    kinds = {one["spec"]["names"]["kind"] for one in given}
    ours = [_any_fields(kind, plural) for kind, plural in STRIMZI.items() if kind not in kinds]
    for one in given + ours:
        answer = check.server.apply(one)
        assert answer.status in ACCEPTED, (one["metadata"]["name"], answer.reason)
    without = [one["spec"]["names"]["kind"] for one in ours]
    return f"ready after {took:.0f} s; {', '.join(sorted(kinds))} by their own schema, {without} by none"


def accepted(check: Check) -> str:
    for one in check.objects:
        answer = check.server.apply(one)
        assert answer.status in ACCEPTED and not answer.warnings, (one["metadata"]["name"], answer)
    return f"{len(check.objects)} objects applied, no warning"


def repeated(check: Check) -> str:
    for one in check.objects:
        first, second = check.server.apply(one), check.server.apply(one)
        versions = {answer.body["metadata"]["resourceVersion"] for answer in (first, second)}
        assert second.status == 200 and len(versions) == 1, (one["metadata"]["name"], versions)
    return "applied again: no object changes"


def admitted(check: Check) -> str:
    names = []
    for pod in check.pods():
        answer = check.server.create(pod)
        assert answer.status == 201 and not answer.warnings, (pod["metadata"]["name"], answer.reason, answer.warnings)
        names.append(pod["metadata"]["name"])
    return f"admitted under the restricted standard: {', '.join(names)}"


def _wrong_pods(pod: Object) -> Iterator[tuple[str, Object, str]]:
    """What is wrong, the pod, and a word of the reason that it must be refused for."""

    def changed(change: Callable[[Object, Object], object]) -> Object:
        wrong = copy.deepcopy(pod)
        wrong["metadata"]["name"] = "wrong"
        change(wrong["spec"], wrong["spec"]["containers"][0])
        return wrong

    root = {"runAsNonRoot": False, "runAsUser": 0}
    yield "root", changed(lambda spec, _: spec["securityContext"].update(root)), "runAsNonRoot"
    yield "privileged", changed(lambda _, c: c["securityContext"].update(privileged=True)), "privileged"
    yield (
        "host path",
        changed(lambda spec, _: spec["volumes"].append({"name": "h", "hostPath": {"path": "/"}})),
        "hostPath",
    )
    yield "host network", changed(lambda spec, _: spec.update(hostNetwork=True)), "host"
    yield (
        "capability",
        changed(lambda _, c: c["securityContext"].update(capabilities={"add": ["NET_ADMIN"]})),
        "capabilities",
    )
    yield (
        "escalation",
        changed(lambda _, c: c["securityContext"].pop("allowPrivilegeEscalation")),
        "allowPrivilegeEscalation",
    )
    yield "no seccomp", changed(lambda spec, _: spec["securityContext"].pop("seccompProfile")), "seccompProfile"
    yield "no such volume", changed(lambda spec, _: spec["volumes"].clear()), "volumeMounts"
    yield "limit below request", changed(lambda _, c: c["resources"]["limits"].update(memory="1Mi")), "memory"
    yield "name of a port", changed(lambda _, c: c["ports"][0].update(name="much-too-long-a-name")), "ports"


def _wrong_objects(check: Check) -> Iterator[tuple[str, Object, str]]:
    def changed(kind: str, name: str, change: Callable[[Object], object]) -> Object:
        wrong = check.of(kind, name)
        wrong["metadata"]["name"] = "wrong"
        change(wrong["spec"])
        return wrong

    worker = "StatefulSet", "siaga-worker"
    yield "unknown field", changed(*worker, lambda spec: spec.update(replica=3)), "replica"
    other = {"matchLabels": {"app.kubernetes.io/name": "other"}}
    yield "selector of others", changed(*worker, lambda spec: spec.update(selector=other)), "selector"
    both = {"minAvailable": 1}
    yield "two budgets", changed("PodDisruptionBudget", "siaga-worker", lambda spec: spec.update(both)), "minAvailable"
    block = [{"to": [{"ipBlock": {"cidr": "203.0.113.7"}}]}]
    policy = "NetworkPolicy", "siaga-webhook-to-receiver"
    yield "not a CIDR", changed(*policy, lambda spec: spec.update(egress=block)), "cidr"
    rule = [{"name": "g", "rules": [{"alert": "A"}]}]
    yield "alert without expression", changed("PrometheusRule", "siaga", lambda spec: spec.update(groups=rule)), "expr"
    yield (
        "unknown field of a custom resource",
        changed("PodMonitor", "siaga-worker", lambda s: s.update(path="/x")),
        "path",
    )


def refused(check: Check) -> str:
    pod = _pod(check.of("StatefulSet", "siaga-worker"))
    names = []
    for wrong, send in ((_wrong_pods(pod), check.server.create), (_wrong_objects(check), check.server.apply)):
        for name, document, word in wrong:
            answer = send(document)
            assert answer.status in (400, 403, 422, 500), (name, answer.status)
            assert word in answer.reason, (name, answer.reason)
            names.append(name)
    return f"{len(names)} wrong objects: {', '.join(names)}"


CHECKS = (definitions, accepted, repeated, admitted, refused)


def main() -> int:
    """Run all checks; 1 where one failed."""
    check, failed = Check(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]]), 0
    for one in CHECKS:
        try:
            print(f"ok      {one.__name__}: {one(check)}", flush=True)
        except (AssertionError, OSError, LookupError, ValueError) as error:
            failed += 1
            print(f"FAILED  {one.__name__}: {error!r}", flush=True)
            if one is definitions:
                break
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
