"""Least privilege: the ACLs each role needs, granted to principals and compared with the ACLs they have.

Six roles, each with one or more principals. In Kafka, Write and Read imply Describe, and Write on any topic implies
the idempotent producer's right (KIP-679, Kafka 2.8 and later), so neither is granted separately. No role may create or
delete a topic: the cluster administrator does, who also runs this."""

from collections.abc import Collection, Iterable, Mapping
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
from agents.settings import Settings
from agents.topology import STAGES
from schemas.topics import Direction, Topic, specs_with

_READ, _WRITE, _DESCRIBE = ACLOperation.READ, ACLOperation.WRITE, ACLOperation.DESCRIBE
_OPERATOR = (_READ, ACLOperation.DESCRIBE_CONFIGS, ACLOperation.ALTER_CONFIGS)
_PREFIXED, _LITERAL = ACLResourcePatternType.PREFIXED, ACLResourcePatternType.LITERAL
_ANYWHERE = "*"
#: Kafka's name for every principal, also those that are not authenticated.
EVERYBODY = "*"


class Role(StrEnum):
    PUBLISHER = "publisher"
    PROCESSOR = "processor"
    READER = "reader"
    SENDER = "sender"
    DECIDER = "decider"
    OPERATOR = "operator"


class AclState(StrEnum):
    OK = "ok"
    CREATED = "created"
    MISSING = "missing"
    #: A right on a resource of Siaga beyond the role's. Reported, never revoked: it may have been granted on purpose.
    SURPLUS = "surplus"

    @property
    def good(self) -> bool:
        return self in (AclState.OK, AclState.CREATED)


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
class AclFinding:
    """The state of one right of one principal."""

    principal: str
    right: Right
    state: AclState


class AclError(Exception):
    """The broker does not return or change ACLs. One line."""


def rights_of(role: Role, settings: Settings, inputs: Collection[str] = (), user: str = "") -> frozenset[Right]:
    """The rights a role needs under these settings (topic prefix, consumer group), and no others.

    `inputs` are the publishers' own inputs (the sources file's). `user` is who publishes: the user of an input writes
    its topics alone, every other publisher the common ones."""
    names, specs = settings.topics, specs_with(inputs)
    log = names[Topic.NOTIFICATIONS]
    of = {way: [names.of(spec) for spec in specs if spec.direction is way] for way in Direction}
    if role is Role.PUBLISHER:
        own = user if user in inputs else ""
        return _topics(
            [names.of(spec) for spec in specs if spec.direction is Direction.IN and spec.input == own], _WRITE
        )
    if role is Role.PROCESSOR:
        return (
            _topics(of[Direction.IN], _READ)
            | _topics(of[Direction.INTERNAL], _READ, _WRITE)
            # A worker without a position reads its outputs: were there any, it must not start at the end.
            | _topics([name for name in of[Direction.OUT] if name != log], _READ, _WRITE)
            | _topics([log], _DESCRIBE)  # a worker checks at its start that every topic exists
            | {Right(ResourceType.GROUP, settings.group, _READ)}
            | _transactions(settings, _WRITE)
        )
    if role is Role.SENDER:
        group = Right(ResourceType.GROUP, settings.sender_group_prefix, _READ, _PREFIXED)
        # Its state is in the log of notifications: who may write there can keep an alert from going out.
        written = _topics([log], _READ, _WRITE) | _topics([names[Topic.STATUS]], _WRITE)
        return _topics([names[Topic.ESCALATIONS]], _READ) | written | {group}
    if role is Role.DECIDER:
        # A decision is an entry of the ledger: who may write there can write any entry, and so change any level.
        return _topics([names[Topic.RISK], names[Topic.STATE]], _READ) | _topics([names[Topic.LEDGER]], _WRITE)
    if role is Role.READER:
        # A rejected record may hold what the schema does not allow, a name or a telephone number: not for every reader.
        # The log of notifications says whom the house informs: for senders and operators.
        outputs = [name for name in of[Direction.OUT] if name not in (names[Topic.REJECTED], log)]
        group = Right(ResourceType.GROUP, settings.reader_group_prefix, _READ, _PREFIXED)
        # The board and `cap` say in the status how they are; nothing but `siaga status` reads it.
        return _topics(outputs, _READ) | _topics([names[Topic.STATUS]], _WRITE) | {group}
    return (
        _topics([names.of(spec) for spec in specs], *_OPERATOR)
        | {Right(ResourceType.GROUP, settings.group, _DESCRIBE)}
        | _transactions(settings, _DESCRIBE)
    )


def ensure_acls(
    admin: KafkaAdminClient, settings: Settings, roles: Mapping[str, Iterable[Role]], *, create: bool = True
) -> list[AclFinding]:
    """Grant each principal (a user's name, without `User:`) what its roles need; without `create` only compare.

    Idempotent. Raises AclError, a KafkaError or SettingsError."""
    inputs = settings.load_sources().inputs
    topics = frozenset(settings.topics.of(spec) for spec in specs_with(inputs))
    findings = []
    for principal, its_roles in roles.items():
        wanted = frozenset().union(*(rights_of(role, settings, inputs, principal) for role in its_roles))
        held = _held(admin, principal)
        missing = wanted - held
        if create and missing:
            _grant(admin, principal, missing)
        state = AclState.CREATED if create else AclState.MISSING
        findings += [
            AclFinding(principal, right, state if right in missing else AclState.OK) for right in _sorted(wanted)
        ]
        findings += _surplus(principal, held, wanted, settings, topics)
    return findings + _surplus(EVERYBODY, _held(admin, EVERYBODY), frozenset(), settings, topics)


def _topics(names: Iterable[str], *operations: ACLOperation) -> frozenset[Right]:
    return frozenset(Right(ResourceType.TOPIC, name, operation) for name in names for operation in operations)


def _transactions(settings: Settings, operation: ACLOperation) -> frozenset[Right]:
    names = (transactional_ids(settings.group, stage.name) for stage in STAGES)
    return frozenset(Right(ResourceType.TRANSACTIONAL_ID, name, operation, _PREFIXED) for name in names)


def _sorted(rights: Iterable[Right]) -> list[Right]:
    return sorted(rights, key=lambda right: (right.kind, right.name, right.operation, right.permission, right.host))


def _held(admin: KafkaAdminClient, principal: str) -> set[Right]:
    anything = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)
    every = ACLFilter(f"User:{principal}", None, ACLOperation.ANY, ACLPermissionType.ANY, anything)
    try:
        acls, _ = admin.describe_acls(every)
    except (SecurityDisabledError, ClusterAuthorizationFailedError) as error:
        raise AclError(f"cannot read the rights of {principal}: {_reason(type(error))}") from None
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
        raise AclError(f"cannot grant rights to {principal}: {_reason(failed[0])}")


def _surplus(
    principal: str, held: Iterable[Right], wanted: frozenset[Right], settings: Settings, topics: Collection[str]
) -> list[AclFinding]:
    """Rights of a principal beyond its roles. A right of its roles restricted to one host is not beyond them."""
    candidates = (right for right in held if replace(right, host=_ANYWHERE) not in wanted)
    beyond = _sorted(right for right in candidates if _touches_siaga(right, settings, topics))
    return [AclFinding(principal, right, AclState.SURPLUS) for right in beyond]


def _touches_siaga(right: Right, settings: Settings, topics: Collection[str]) -> bool:
    """Whether a right covers a resource of this deployment. One on the cluster, users or tokens covers all of them."""
    exact, prefixes = _names(right.kind, settings, topics)
    if right.kind not in (ResourceType.TOPIC, ResourceType.GROUP, ResourceType.TRANSACTIONAL_ID):
        return True
    if right.pattern is _PREFIXED:
        return right.name.startswith(prefixes) or any(name.startswith(right.name) for name in (*exact, *prefixes))
    return right.name == "*" or right.name in exact or right.name.startswith(prefixes)


def _names(kind: ResourceType, settings: Settings, topics: Collection[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of this deployment's resources of a kind, and prefixes of others."""
    group = settings.group
    if kind is ResourceType.TOPIC:
        return tuple(topics), ()
    if kind is ResourceType.GROUP:
        return (group,), (settings.reader_group_prefix, settings.sender_group_prefix)
    return (), tuple(transactional_ids(group, stage.name) for stage in STAGES)


def _reason(error: type[KafkaError]) -> str:
    if error is SecurityDisabledError:
        return "the broker has no authorizer (authorizer.class.name), so it keeps no rights"
    if error is ClusterAuthorizationFailedError:
        return "it takes Alter and Describe on the cluster; sign in as its administrator"
    return error.__name__


def _words(value: ACLOperation | ResourceType) -> str:
    name: str = value.name
    return name.lower().replace("_", " ")
