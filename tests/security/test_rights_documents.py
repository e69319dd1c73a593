"""The rights in code are those that Kubernetes grants and those the page tells."""

from pathlib import Path

import pytest
from kafka.admin import ACLOperation, ACLResourcePatternType, ResourceType

from agents.acls import Right, Role, rights_of
from agents.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
KINDS = {"topic": ResourceType.TOPIC, "group": ResourceType.GROUP, "transactionalId": ResourceType.TRANSACTIONAL_ID}
PATTERNS = {"literal": ACLResourcePatternType.LITERAL, "prefix": ACLResourcePatternType.PREFIXED}


def granted_by_kubernetes() -> dict[str, set[Right]]:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed (pip install 'siaga[test]')")
    users = yaml.safe_load_all((ROOT / "deploy" / "kubernetes" / "users.yaml").read_text(encoding="utf-8"))
    return {
        user["metadata"]["name"].removeprefix("siaga-"): {
            Right(
                KINDS[rule["resource"]["type"]],
                rule["resource"]["name"],
                ACLOperation[operation.upper()],
                PATTERNS[rule["resource"]["patternType"]],
            )
            for rule in user["spec"]["authorization"]["acls"]
            for operation in rule["operations"]
            if operation != "DescribeConfigs"
        }
        for user in users
    }


@pytest.mark.parametrize("role", [Role.PUBLISHER, Role.PROCESSOR, Role.READER])
def test_kubernetes_grants_the_same(role: Role):
    assert granted_by_kubernetes()[role.value] == rights_of(role, Settings.load({}))


@pytest.mark.parametrize("prefix", ["", "kota."])
def test_rights_follow_the_settings(prefix: str):
    settings = Settings.load({"SIAGA_GROUP": "lain", "SIAGA_TOPIC_PREFIX": prefix or "t."})
    rights = {right for role in Role for right in rights_of(role, settings)}
    assert {right.name for right in rights if right.kind is ResourceType.GROUP} == {"lain", "lain-reader-"}
    topics = {right for right in rights if right.kind is ResourceType.TOPIC}
    assert all(
        right.name.startswith(prefix or "t.") and right.pattern is ACLResourcePatternType.LITERAL for right in topics
    )


def test_nobody_creates_deletes_or_alters_and_no_right_is_for_everything():
    forbidden = {ACLOperation.ALL, ACLOperation.CREATE, ACLOperation.DELETE, ACLOperation.ALTER}
    for role in Role:
        for right in rights_of(role, Settings.load({})):
            assert right.operation not in forbidden and right.name not in ("*", "")
            assert right.kind is not ResourceType.CLUSTER
