"""Wrong objects for applied.py: each is one of deploy/kubernetes with one fault, which an API server must refuse."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]


@dataclass(frozen=True)
class Wrong:
    """An object of deploy/kubernetes (`Pod`: of the template of that name), its fault and words of the refusal."""

    what: str
    kind: str
    name: str
    spoil: Callable[[Object], object]
    words: tuple[str, ...]
    #: Accepted, with the words as a warning: pod security judges pods and warns about templates.
    warned: bool = False
    #: Only the schema of Strimzi's own CRDs refuses it.
    strimzi: bool = False


def _first(given: Object) -> Object:
    spec = given["spec"]
    found: Object = spec.get("template", given)["spec"]["containers"][0]
    return found


def _security(**values: Any) -> Callable[[Object], object]:
    return lambda given: _first(given)["securityContext"].update(values)


def _pod_spec(**values: Any) -> Callable[[Object], object]:
    return lambda given: given["spec"].update(values)


def _spec(*path: str | int, **values: Any) -> Callable[[Object], object]:
    def spoil(given: Object) -> None:
        at = given["spec"]
        for step in path:
            at = at[step]
        at.update(values)

    return spoil


def _container(*path: str | int, **values: Any) -> Callable[[Object], object]:
    return _spec("containers", 0, *path, **values)


def _without_expression(given: Object) -> None:
    del given["spec"]["groups"][0]["rules"][0]["expr"]


def _without_seccomp(given: Object) -> None:
    del given["spec"]["securityContext"]["seccompProfile"]


def _host_path(given: Object) -> None:
    given["spec"]["volumes"][0] = {"name": "tmp", "hostPath": {"path": "/"}}


_RESTRICTED = 'violates PodSecurity "restricted:latest"'
_SECURITY = (
    Wrong(
        "a privileged container",
        "Pod",
        "siaga-worker",
        _security(privileged=True, allowPrivilegeEscalation=True),
        (_RESTRICTED, "privileged"),
    ),
    Wrong("root", "Pod", "siaga-worker", _spec("securityContext", runAsUser=0), (_RESTRICTED, "runAsUser=0")),
    Wrong(
        "perhaps root",
        "Pod",
        "siaga-board",
        _spec("securityContext", runAsNonRoot=False),
        (_RESTRICTED, "runAsNonRoot != true"),
    ),
    Wrong("hostPath", "Pod", "siaga-worker", _host_path, (_RESTRICTED, "hostPath")),
    Wrong("the host's network", "Pod", "siaga-board", _pod_spec(hostNetwork=True), (_RESTRICTED, "host namespaces")),
    Wrong(
        "a capability",
        "Pod",
        "siaga-toolbox",
        _security(capabilities={"drop": ["ALL"], "add": ["NET_RAW"]}),
        (_RESTRICTED, "NET_RAW"),
    ),
    Wrong(
        "rights to be gained",
        "Pod",
        "siaga-webhook",
        _security(allowPrivilegeEscalation=True),
        (_RESTRICTED, "allowPrivilegeEscalation != false"),
    ),
    Wrong("no seccomp profile", "Pod", "siaga-worker", _without_seccomp, (_RESTRICTED, "seccompProfile")),
    Wrong(
        "an account that is not there",
        "Pod",
        "siaga-worker",
        _pod_spec(serviceAccountName="siaga-wrkr"),
        ('serviceaccount "siaga-wrkr" not found',),
    ),
    Wrong(
        "a workload of such pods (accepted with a warning)",
        "Deployment",
        "siaga-board",
        _security(allowPrivilegeEscalation=True),
        ("would violate PodSecurity", "allowPrivilegeEscalation"),
        warned=True,
    ),
)
_FIELDS = (
    Wrong(
        "an unknown field",
        "Pod",
        "siaga-worker",
        _container("securityContext", readOnlyRootFileSystem=True),
        ("unknown field", "readOnlyRootFileSystem"),
    ),
    Wrong(
        "a probe's port name",
        "Pod",
        "siaga-worker",
        _container("readinessProbe", "httpGet", port="metrics_port"),
        ("readinessProbe.httpGet.port", "Invalid value"),
    ),
    Wrong(
        "a quantity",
        "Pod",
        "siaga-board",
        _container("resources", "limits", memory="512MB "),
        ("quantities must match",),
    ),
    Wrong(
        "a request above its limit",
        "Pod",
        "siaga-board",
        _container("resources", "requests", memory="2Gi"),
        ("must be less than or equal to memory limit",),
    ),
    Wrong(
        "a mount without its volume",
        "Pod",
        "siaga-worker",
        _container("volumeMounts", 1, name="users"),
        ("volumeMounts[1].name", "Not found"),
    ),
    Wrong(
        "a selector that its pods lack",
        "Deployment",
        "siaga-board",
        _spec("selector", "matchLabels", **{"app.kubernetes.io/name": "siaga-bord"}),
        ("`selector` does not match template `labels`",),
    ),
    Wrong(
        "a rollout that may do nothing",
        "Deployment",
        "siaga-board",
        _spec("strategy", "rollingUpdate", maxSurge=0),
        ("may not be 0 when `maxSurge` is 0",),
    ),
    Wrong(
        "a StatefulSet's unknown policy",
        "StatefulSet",
        "siaga-worker",
        _spec(podManagementPolicy="AllAtOnce"),
        ("podManagementPolicy",),
    ),
    Wrong(
        "a budget with both limits",
        "PodDisruptionBudget",
        "siaga-worker",
        _spec(minAvailable=1),
        ("minAvailable and maxUnavailable cannot be both set",),
    ),
    Wrong("a port beyond 65535", "Service", "siaga-board", _spec("ports", 0, port=80800), ("spec.ports[0].port",)),
    Wrong(
        "a policy's protocol",
        "NetworkPolicy",
        "siaga-board-from-viewers",
        _spec("ingress", 0, "ports", 0, protocol="TPC"),
        ("protocol", "Unsupported value"),
    ),
    Wrong(
        "a policy's range of addresses",
        "NetworkPolicy",
        "siaga-webhook-to-receiver",
        _spec("egress", 0, "to", 0, "ipBlock", cidr="192.0.2.1/33"),
        ("cidr", "Invalid value"),
    ),
)
_CUSTOM = (
    Wrong(
        "a PodMonitor's interval",
        "PodMonitor",
        "siaga-worker",
        _spec("podMetricsEndpoints", 0, interval="5 s"),
        ("podMetricsEndpoints[0].interval", "Invalid value"),
    ),
    Wrong(
        "a PodMonitor's unknown field", "PodMonitor", "siaga-worker", _spec(joblabel="x"), ("unknown field", "joblabel")
    ),
    Wrong("a rule without its expression", "PrometheusRule", "siaga", _without_expression, ("expr", "Required value")),
    Wrong(
        "a topic of no partition", "KafkaTopic", "siaga.ledger", _spec(partitions=0), ("spec.partitions",), strimzi=True
    ),
    Wrong(
        "a user's unknown right",
        "KafkaUser",
        "siaga-publisher",
        _spec("authorization", "acls", 0, operations=["Wright"]),
        ("Unsupported value", "Wright"),
        strimzi=True,
    ),
)
WRONG = _SECURITY + _FIELDS + _CUSTOM
