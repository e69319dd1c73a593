"""The rights of each role follow the settings, and no role shares what is another's alone."""

import pytest
from aiokafka import TopicPartition
from kafka.admin import ACLOperation, ACLResourcePatternType, ResourceType

from agents.app import WorkerStages
from agents.health import Health
from agents.kafka.acls import Role, rights_of
from agents.settings import Settings


@pytest.mark.parametrize("prefix", ["", "kota."])
def test_rights_follow_the_settings(prefix: str):
    settings = Settings.load({"SIAGA_GROUP": "lain", "SIAGA_TOPIC_PREFIX": prefix or "t."})
    rights = {right for role in Role for right in rights_of(role, settings)}
    groups = {right.name for right in rights if right.kind is ResourceType.GROUP}
    assert groups == {"lain", "lain-reader-", "lain-sender-"}
    topics = {right for right in rights if right.kind is ResourceType.TOPIC}
    assert all(
        right.name.startswith(prefix or "t.") and right.pattern is ACLResourcePatternType.LITERAL for right in topics
    )


def test_the_workers_transactional_ids_are_those_they_have_a_right_to():
    settings = Settings.load({"SIAGA_GROUP": "lain", "SIAGA_LANES": "3"})
    specs = [stage.spec for stage in WorkerStages(settings, Health("worker", "")).stages]
    fixed = {spec.fixed_id(TopicPartition("any", partition)) for spec in specs for partition in range(3)}
    used = fixed | {spec.new_id() for spec in specs}
    granted = [right for right in rights_of(Role.PROCESSOR, settings) if right.kind is ResourceType.TRANSACTIONAL_ID]
    assert len(used) == 8 and all(right.pattern is ACLResourcePatternType.PREFIXED for right in granted)
    for right in granted:
        assert len([name for name in used if name.startswith(right.name)]) == 4, right


def test_readers_and_senders_share_no_group_and_neither_the_workers():
    settings = Settings.load({})
    groups = {
        role: [
            right.name
            for right in rights_of(role, settings)
            if right.kind is ResourceType.GROUP and right.operation is ACLOperation.READ
        ]
        for role in Role
    }
    for role, names in groups.items():
        others = [name for other in Role if other is not role for name in groups[other]]
        assert not [other for other in others if other.startswith(tuple(names)) and role is not Role.PROCESSOR], role
    assert groups[Role.PROCESSOR] == [settings.group]  # literal


def test_nobody_creates_deletes_or_alters_and_no_right_is_for_everything():
    forbidden = {ACLOperation.ALL, ACLOperation.CREATE, ACLOperation.DELETE, ACLOperation.ALTER}
    for role in Role:
        for right in rights_of(role, Settings.load({})):
            assert right.operation not in forbidden and right.name not in ("*", "")
            assert right.kind is not ResourceType.CLUSTER
