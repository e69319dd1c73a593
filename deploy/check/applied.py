"""Applies the objects of deploy/kubernetes to the API server of KUBECONFIG, and tries wrong ones. Prints a line for
each check; exit status 1 where one failed. Run by deploy/check/kubernetes, in its namespaces.

    python applied.py KUBECTL CRDS [CRD ...]    CRDS: a folder with those of the Prometheus operator; then Strimzi's
"""

import copy
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from deploy.check.wrong_objects import WRONG, Object, Wrong

ROOT = Path(__file__).resolve().parents[2]
NAMESPACE = "siaga"
#: On a machine that is busy with other work.
ANSWERS_WITHIN_S = 120
STRIMZI = {"KafkaTopic": "kafkatopics", "KafkaUser": "kafkausers"}


class Cluster:
    """The API server, by kubectl, and what is applied to it."""

    def __init__(self, program: str, operator: Path, strimzi: list[Path]) -> None:
        self._program, self.operator, self.strimzi = program, operator, strimzi
        self.objects: list[Object] = []

    def kubectl(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._program, *words], input=stdin, capture_output=True, text=True, timeout=ANSWERS_WITHIN_S, check=False
        )

    def create(self, given: Object, *options: str) -> subprocess.CompletedProcess[str]:
        return self.kubectl("create", "--validate=strict", *options, "-f", "-", stdin=json.dumps(given))

    def stored(self) -> dict[tuple[str, str], Object]:
        """What the server has of each object, by kind and name."""
        found = {}
        for given in self.objects:
            kind, name = given["kind"], given["metadata"]["name"]
            full = f"{kind}.{given['apiVersion'].split('/')[0]}" if "/" in given["apiVersion"] else kind
            answer = succeeded(self.kubectl("get", full, name, "-n", NAMESPACE, "-o", "json", "--show-managed-fields"))
            found[kind, name] = json.loads(answer.stdout)
        return found

    def templates(self) -> dict[str, Object]:
        """A pod of each template, with the template's labels."""
        return {
            given["metadata"]["name"]: pod(given)
            for given in self.objects
            if given["kind"] in ("Deployment", "StatefulSet")
        }


def pod(workload: Object) -> Object:
    """As its controller would create it."""
    name, template = workload["metadata"]["name"], copy.deepcopy(workload["spec"]["template"])
    metadata = template["metadata"] | {"name": f"{name}-0", "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def succeeded(done: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    """The same, when it ended with 0 and without a warning."""
    assert done.returncode == 0 and "Warning" not in done.stderr, done.stderr or done.stdout
    return done


def any_field(kind: str, plural: str) -> Object:
    """A CRD of ours for a kind of Strimzi's."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"kind": kind, "plural": plural, "singular": kind.lower()}
    spec = {"group": "kafka.strimzi.io", "scope": "Namespaced", "names": names, "versions": [version]}
    metadata = {"name": f"{plural}.kafka.strimzi.io"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": metadata,
        "spec": spec,
    }


def crds(cluster: Cluster) -> str:
    """The kinds that are not Kubernetes' own."""
    files = [*sorted(cluster.operator.glob("*.yaml")), *cluster.strimzi]
    documents = [document for file in files for document in yaml.safe_load_all(file.read_text(encoding="utf-8"))]
    if not cluster.strimzi:
        documents += [any_field(kind, plural) for kind, plural in STRIMZI.items()]
    succeeded(cluster.kubectl("apply", "--server-side", "-f", "-", stdin=yaml.safe_dump_all(documents)))
    names = [f"crd/{document['metadata']['name']}" for document in documents]
    succeeded(cluster.kubectl("wait", "--for=condition=Established", f"--timeout={ANSWERS_WITHIN_S}s", *names))
    return f"{len(names)} established; Strimzi's are {'the given ones' if cluster.strimzi else 'ours, with any field'}"


def apply(cluster: Cluster) -> list[str]:
    words = ("apply", "--server-side", "--validate=strict", "-f", "-")
    text = yaml.safe_dump_all(cluster.objects)
    return succeeded(cluster.kubectl(*words, stdin=text)).stdout.splitlines()


def accepted(cluster: Cluster) -> str:
    """As an overlay gives them, with the optional sender."""
    with tempfile.TemporaryDirectory() as overlay:
        base = os.path.relpath((ROOT / "deploy" / "kubernetes").resolve(), Path(overlay).resolve())
        file = Path(overlay) / "kustomization.yaml"
        file.write_text(yaml.safe_dump({"resources": [base], "components": [f"{base}/webhook"]}), encoding="utf-8")
        built = succeeded(cluster.kubectl("kustomize", overlay))
    cluster.objects = list(yaml.safe_load_all(built.stdout))
    lines = apply(cluster)
    assert len(lines) == len(cluster.objects) and all(line.endswith("serverside-applied") for line in lines), lines
    kinds = sorted({given["kind"] for given in cluster.objects})
    return f"{len(lines)} objects of {len(kinds)} kinds ({', '.join(kinds)}), no warning"


def unchanged(cluster: Cluster) -> str:
    """Not even a resource version."""
    before = cluster.stored()
    apply(cluster)
    after = cluster.stored()
    assert len(before) == len(cluster.objects), "two objects of a name"
    changed = [key for key in before if before[key] != after[key]]
    assert not changed, changed
    succeeded(cluster.kubectl("diff", "--server-side", "-f", "-", stdin=yaml.safe_dump_all(cluster.objects)))
    return f"a second apply leaves {len(after)} objects as they are, to the resource version; kubectl diff is empty"


def admitted(cluster: Cluster) -> str:
    """Pod security and the service account's admission judge a pod, not its template."""
    pods = cluster.templates()
    assert len(pods) == 4, list(pods)
    for given in pods.values():
        created = json.loads(succeeded(cluster.create(given, "-o", "json")).stdout)
        assert created["status"]["phase"] == "Pending" and created["spec"]["serviceAccountName"] != "default", created
        mounted = {mount["mountPath"] for mount in created["spec"]["containers"][0]["volumeMounts"]}
        assert "/var/run/secrets/kubernetes.io/serviceaccount" not in mounted, "a token is mounted"
        succeeded(cluster.kubectl("delete", "pod", "-n", NAMESPACE, created["metadata"]["name"], "--wait=false"))
    return f"a pod of each of {', '.join(pods)}, without a token of its account"


def refused(cluster: Cluster) -> str:
    """Each is first accepted without its fault."""
    tried = [wrong for wrong in WRONG if cluster.strimzi or not wrong.strimzi]
    failed = [f"{wrong.what}: {found}" for wrong in tried if (found := fault_of(cluster, wrong))]
    assert not failed, "; ".join(failed)
    return f"{len(tried)} wrong objects: {', '.join(wrong.what for wrong in tried)}"


def fault_of(cluster: Cluster, wrong: Wrong) -> str:
    """What is not as it must be; empty when nothing."""
    if wrong.kind == "Pod":
        given = cluster.templates()[wrong.name]
    else:
        given = copy.deepcopy(
            next(o for o in cluster.objects if (o["kind"], o["metadata"]["name"]) == (wrong.kind, wrong.name))
        )
    given["metadata"]["name"] = "wrong"
    # A dry run is judged in full and stores nothing.
    control = cluster.create(given, "--dry-run=server")
    if control.returncode != 0 or "Warning" in control.stderr:
        return f"refused without its fault: {control.stderr}"
    wrong.spoil(given)
    answer = cluster.create(given, "--dry-run=server")
    if (answer.returncode == 0) is not wrong.warned or not all(words in answer.stderr for words in wrong.words):
        return f"status {answer.returncode}, {answer.stdout}{answer.stderr}"
    return ""


CHECKS = (crds, accepted, unchanged, admitted, refused)


def main() -> int:
    """Run all checks; 1 where one failed."""
    program, operator, *strimzi = sys.argv[1:]
    cluster, failed = Cluster(program, Path(operator), [Path(name) for name in strimzi]), 0
    for check in CHECKS:
        try:
            print(f"ok      {check.__name__}: {check(cluster)}", flush=True)
        except (AssertionError, subprocess.SubprocessError, OSError, LookupError, ValueError) as error:
            failed += 1
            print(f"FAILED  {check.__name__}: {error}", flush=True)
            if check in (crds, accepted):
                break
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
