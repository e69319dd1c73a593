"""The users of deploy/kubernetes/users.yaml with their ACLs, as Strimzi's operators would create them."""

from pathlib import Path

import yaml
from kafka import KafkaAdminClient
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ACLResourcePatternType, ResourcePattern, ResourceType

from agents.kafka.acls import Right
from tests.security.guarded import Guarded

_KINDS = {"topic": ResourceType.TOPIC, "group": ResourceType.GROUP, "transactionalId": ResourceType.TRANSACTIONAL_ID}
_PATTERNS = {"literal": ACLResourcePatternType.LITERAL, "prefix": ACLResourcePatternType.PREFIXED}
_OPERATIONS = {
    "Read": ACLOperation.READ,
    "Write": ACLOperation.WRITE,
    "Describe": ACLOperation.DESCRIBE,
    "DescribeConfigs": ACLOperation.DESCRIBE_CONFIGS,
}


def rights_by_user(file: Path) -> dict[str, set[Right]]:
    """Every right in the file, by the user's name."""
    users = yaml.safe_load_all(file.read_text(encoding="utf-8"))
    return {user["metadata"]["name"]: set(map(_right, _rules(user))) for user in users}


def _rules(user: dict) -> list[tuple[dict, str]]:
    acls = user["spec"]["authorization"]["acls"]
    return [(rule["resource"], operation) for rule in acls for operation in rule["operations"]]


def _right(rule: tuple[dict, str]) -> Right:
    resource, operation = rule
    kind, pattern = _KINDS[resource["type"]], _PATTERNS[resource["patternType"]]
    return Right(kind, resource["name"], _OPERATIONS[operation], pattern)


def create(kafka: Guarded, rights: dict[str, set[Right]]) -> None:
    """Create the users with these rights and no others."""
    kafka.add_users(*rights)
    allow = ACLPermissionType.ALLOW
    acls = [
        ACL(f"User:{user}", "*", right.operation, allow, ResourcePattern(right.kind, right.name, right.pattern))
        for user, some in rights.items()
        for right in some
    ]
    with KafkaAdminClient(bootstrap_servers=kafka.broker.bootstrap) as admin:
        assert not admin.create_acls(acls)["failed"]
