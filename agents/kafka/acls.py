"""Least privilege: what each role may do on the broker, granted to principals and held against what they have.

Five roles, one principal or more each. Write and Read carry Describe in Kafka, and a Write on any topic carries the
idempotent producer's right (KIP-679, Kafka 2.8 and later), so neither is granted apart. Nobody here may create or
delete a topic: that is the cluster administrator's, who also runs this."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
)
from kafka.errors import ClusterAuthorizationFailedError, KafkaError, SecurityDisabledError

from agents.batching import transactional_ids
from agents.kafka.groups import STAGES, earlier_webhook_groups, reader_groups, sender_groups
from agents.settings import Settings
from schemas.topics import SPECS, Direction, Topic

_READ, _WRITE, _DESCRIBE = ACLOperation.READ, ACLOperation.WRITE, ACLOperation.DESCRIBE
_OPERATOR = (_READ, ACLOperation.DESCRIBE_CONFIGS, ACLOperation.ALTER_CONFIGS)
_PREFIXED, _LITERAL = ACLResourcePatternType.PREFIXED, ACLResourcePatternType.LITERAL
_ANYWHERE = "*"
#: Kafka's name for whoever signs in, or need not.
EVERYBODY = "*"


class Role(StrEnum):
    PUBLISHER = "publisher"
    PROCESSOR = "processor"
    READER = "reader"
    SENDER = "sender"
    OPERATOR = "operator"


class State(StrEnum):
    OK = "ok"
    CREATED = "created"
    MISSING = "missing"
    #: A right on what is Siaga's that the role does not need. Told, never taken away: someone may have given it on
    #: purpose.
    SURPLUS = "surplus"

    @property
    def good(self) -> bool:
        return self in (State.OK, State.CREATED)


@dataclass(frozen=True)
class Right:
    """One operation on one resource."""

    kind: ResourceType
    name: str
    operation: ACLOperation
    pattern: ACLResourcePatternType = _LITERAL
    permission: ACLPermissionType = ACLPermissionType.ALLOW
    host: str = _ANYWHERE

    def __str__(self) -> str:
        many = "*" if self.pattern is _PREFIXED else ""
        deny = "deny " if self.permission is ACLPermissionType.DENY else ""
        where = "" if self.host == _ANYWHERE else f" from {self.host}"
        return f"{deny}{_words(self.operation)} {_words(self.kind)} {self.name}{many}{where}"


@dataclass(frozen=True)
class Finding:
    """What became of one right of one principal."""

    principal: str
    right: Right
    state: State


class AclError(Exception):
    """The broker does not keep or change rights. One line."""


def rights_of(role: Role, settings: Settings) -> frozenset[Right]:
    """What a role needs under these settings (topic prefix, consumer group), and nothing else."""
    names = settings.topics
    of = {way: [names[spec.topic] for spec in SPECS if spec.direction is way] for way in Direction}
    if role is Role.PUBLISHER:
        return _topics(of[Direction.IN], _WRITE)
    if role is Role.PROCESSOR:
        return (
            _topics(of[Direction.IN], _READ)
            | _topics(of[Direction.INTERNAL], _READ, _WRITE)
            | _topics(of[Direction.OUT], _WRITE)
            | {Right(ResourceType.GROUP, settings.group, _READ)}
            | _transactions(settings, _WRITE)
        )
    if role is Role.SENDER:
        return _topics([names[Topic.ESCALATIONS]], _READ) | {
            Right(ResourceType.GROUP, sender_groups(settings.group), _READ, _PREFIXED),
            # To go on, on its first start, where a webhook of a build before stopped: to see, not to write.
            Right(ResourceType.GROUP, earlier_webhook_groups(settings.group), _DESCRIBE, _PREFIXED),
        }
    if role is Role.READER:
        # What was rejected may hold what the schema keeps out, a name or a telephone number: not for every reader.
        outputs = [name for name in of[Direction.OUT] if name != names[Topic.REJECTED]]
        return _topics(outputs, _READ) | {Right(ResourceType.GROUP, reader_groups(settings.group), _READ, _PREFIXED)}
    return (
        _topics([names[spec.topic] for spec in SPECS], *_OPERATOR)
        | {Right(ResourceType.GROUP, settings.group, _DESCRIBE)}
        | _transactions(settings, _DESCRIBE)
    )


def ensure_acls(
    admin: KafkaAdminClient, settings: Settings, roles: Mapping[str, Iterable[Role]], *, create: bool = True
) -> list[Finding]:
    """Grant each principal (a user's name, without `User:`) what its roles need, unless only asked to look.

    Raises AclError or a KafkaError. Running it again changes nothing.
    """
    findings = []
    for principal, its_roles in roles.items():
        wanted = frozenset().union(*(rights_of(role, settings) for role in its_roles))
        held = _held(admin, principal)
        missing = wanted - held
        if create and missing:
            _grant(admin, principal, missing)
        state = State.CREATED if create else State.MISSING
        findings += [Finding(principal, right, state if right in missing else State.OK) for right in _sorted(wanted)]
        findings += _surplus(principal, held, wanted, settings)
    return findings + _surplus(EVERYBODY, _held(admin, EVERYBODY), frozenset(), settings)


def _topics(names: Iterable[str], *operations: ACLOperation) -> frozenset[Right]:
    return frozenset(Right(ResourceType.TOPIC, name, operation) for name in names for operation in operations)


def _transactions(settings: Settings, operation: ACLOperation) -> frozenset[Right]:
    names = (transactional_ids(settings.group, stage) for stage in STAGES)
    return frozenset(Right(ResourceType.TRANSACTIONAL_ID, name, operation, _PREFIXED) for name in names)


def _sorted(rights: Iterable[Right]) -> list[Right]:
    return sorted(rights, key=lambda right: (right.kind, right.name, right.operation, right.permission, right.host))


def _held(admin: KafkaAdminClient, principal: str) -> set[Right]:
    anything = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)
    every = ACLFilter(f"User:{principal}", None, ACLOperation.ANY, ACLPermissionType.ANY, anything)
    try:
        acls, _ = admin.describe_acls(every)
    except (SecurityDisabledError, ClusterAuthorizationFailedError) as error:
        raise AclError(f"cannot read the rights of {principal}: {_said(type(error))}") from None
    return {_right(acl) for acl in acls}


def _right(acl: ACL) -> Right:
    pattern = acl.resource_pattern
    name, kind = pattern.resource_name, pattern.resource_type
    return Right(kind, name, acl.operation, pattern.pattern_type, acl.permission_type, acl.host)


def _grant(admin: KafkaAdminClient, principal: str, rights: Iterable[Right]) -> None:
    acls = [
        ACL(
            f"User:{principal}",
            right.host,
            right.operation,
            right.permission,
            ResourcePattern(right.kind, right.name, right.pattern),
        )
        for right in _sorted(rights)
    ]
    failed = admin.create_acls(acls)["failed"]
    if failed:
        raise AclError(f"cannot grant rights to {principal}: {_said(failed[0])}")


def _surplus(principal: str, held: Iterable[Right], wanted: frozenset[Right], settings: Settings) -> list[Finding]:
    """What a principal has beyond its roles. A right of its roles that holds from one host only is not beyond them."""
    theirs = (right for right in held if replace(right, host=_ANYWHERE) not in wanted)
    beyond = _sorted(right for right in theirs if _touches_siaga(right, settings))
    return [Finding(principal, right, State.SURPLUS) for right in beyond]


def _touches_siaga(right: Right, settings: Settings) -> bool:
    """Whether it is on something of this deployment. A right on the cluster, on its users or their tokens is on all
    there is.
    """
    exact, prefixes = _names(right.kind, settings)
    if right.kind not in (ResourceType.TOPIC, ResourceType.GROUP, ResourceType.TRANSACTIONAL_ID):
        return True
    if right.pattern is _PREFIXED:
        return right.name.startswith(prefixes) or any(name.startswith(right.name) for name in (*exact, *prefixes))
    return right.name == "*" or right.name in exact or right.name.startswith(prefixes)


def _names(kind: ResourceType, settings: Settings) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of this deployment's resources of a kind, and what further ones begin with."""
    group = settings.group
    if kind is ResourceType.TOPIC:
        return tuple(settings.topics[spec.topic] for spec in SPECS), ()
    if kind is ResourceType.GROUP:
        return (group,), (reader_groups(group), sender_groups(group))
    return (), tuple(transactional_ids(group, stage) for stage in STAGES)


def _said(error: type[KafkaError]) -> str:
    if error is SecurityDisabledError:
        return "the broker has no authorizer (authorizer.class.name), so it keeps no rights"
    if error is ClusterAuthorizationFailedError:
        return "it takes Alter and Describe on the cluster; sign in as its administrator"
    return error.__name__


def _words(value: ACLOperation | ResourceType) -> str:
    return value.name.lower().replace("_", " ")
