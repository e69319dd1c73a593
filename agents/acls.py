"""Least privilege: what each role may do on the broker, granted to principals and held against what they have.

Four roles, one principal or more each. Write and Read carry Describe in Kafka, and a Write on any topic carries the idempotent
producer's right (KIP-679, Kafka 2.8 and later), so neither is granted apart. Nobody here may create or delete a topic: that is
the cluster administrator's, who also runs this.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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

from agents.settings import Settings
from schemas.topics import SPECS, Direction, Topic

_READ, _WRITE, _DESCRIBE = ACLOperation.READ, ACLOperation.WRITE, ACLOperation.DESCRIBE
_OPERATOR = (_READ, ACLOperation.DESCRIBE_CONFIGS, ACLOperation.ALTER_CONFIGS)
_PREFIXED, _LITERAL = ACLResourcePatternType.PREFIXED, ACLResourcePatternType.LITERAL


class Role(StrEnum):
    PUBLISHER = "publisher"
    PROCESSOR = "processor"
    READER = "reader"
    OPERATOR = "operator"


class State(StrEnum):
    OK = "ok"
    CREATED = "created"
    MISSING = "missing"
    #: A right on Siaga's topics that the role does not need. Told, never taken away: someone may have given it on purpose.
    SURPLUS = "surplus"

    @property
    def good(self) -> bool:
        return self in (State.OK, State.CREATED)


@dataclass(frozen=True)
class Right:
    """One operation on one resource, from any host."""

    kind: ResourceType
    name: str
    operation: ACLOperation
    pattern: ACLResourcePatternType = _LITERAL
    permission: ACLPermissionType = ACLPermissionType.ALLOW

    def __str__(self) -> str:
        many = "*" if self.pattern is _PREFIXED else ""
        deny = "deny " if self.permission is ACLPermissionType.DENY else ""
        return f"{deny}{_words(self.operation)} {_words(self.kind)} {self.name}{many}"


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
            | {Right(ResourceType.TRANSACTIONAL_ID, f"{settings.group}-", _WRITE, _PREFIXED)}
        )
    if role is Role.READER:
        # What was rejected may hold what the schema keeps out, a name or a telephone number: not for every reader.
        outputs = [name for name in of[Direction.OUT] if name != names[Topic.REJECTED]]
        return _topics(outputs, _READ) | {Right(ResourceType.GROUP, f"{settings.group}-reader-", _READ, _PREFIXED)}
    return (
        _topics([names[spec.topic] for spec in SPECS], *_OPERATOR)
        | {Right(ResourceType.GROUP, settings.group, _DESCRIBE)}
        | {Right(ResourceType.TRANSACTIONAL_ID, f"{settings.group}-", _DESCRIBE, _PREFIXED)}
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
        surplus = {right for right in held - wanted if _touches_siaga(right, settings)}
        findings += [Finding(principal, right, State.SURPLUS) for right in _sorted(surplus)]
    return findings


def _topics(names: Iterable[str], *operations: ACLOperation) -> frozenset[Right]:
    return frozenset(Right(ResourceType.TOPIC, name, operation) for name in names for operation in operations)


def _sorted(rights: Iterable[Right]) -> list[Right]:
    return sorted(rights, key=lambda right: (right.kind, right.name, right.operation, right.permission))


def _held(admin: KafkaAdminClient, principal: str) -> set[Right]:
    anything = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)
    every = ACLFilter(f"User:{principal}", None, ACLOperation.ANY, ACLPermissionType.ANY, anything)
    try:
        acls, _ = admin.describe_acls(every)
    except (SecurityDisabledError, ClusterAuthorizationFailedError) as error:
        raise AclError(f"cannot read the rights of {principal}: {_said(type(error))}") from None
    return {_right(acl) for acl in acls if acl.host == "*"}


def _right(acl: ACL) -> Right:
    pattern = acl.resource_pattern
    return Right(pattern.resource_type, pattern.resource_name, acl.operation, pattern.pattern_type, acl.permission_type)


def _grant(admin: KafkaAdminClient, principal: str, rights: Iterable[Right]) -> None:
    acls = [
        ACL(
            f"User:{principal}",
            "*",
            right.operation,
            right.permission,
            ResourcePattern(right.kind, right.name, right.pattern),
        )
        for right in _sorted(rights)
    ]
    failed = admin.create_acls(acls)["failed"]
    if failed:
        raise AclError(f"cannot grant rights to {principal}: {_said(failed[0])}")


def _touches_siaga(right: Right, settings: Settings) -> bool:
    if right.kind is not ResourceType.TOPIC:
        return False
    names = [settings.topics[spec.topic] for spec in SPECS]
    if right.pattern is _PREFIXED:
        return any(name.startswith(right.name) for name in names)
    return right.name == "*" or right.name in names


def _said(error: type[KafkaError]) -> str:
    if error is SecurityDisabledError:
        return "the broker has no authorizer (authorizer.class.name), so it keeps no rights"
    if error is ClusterAuthorizationFailedError:
        return "it takes Alter and Describe on the cluster; sign in as its administrator"
    return error.__name__


def _words(value: ACLOperation | ResourceType) -> str:
    return value.name.lower().replace("_", " ")
