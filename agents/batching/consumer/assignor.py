"""Which partitions share a lane, and an assignor that never splits one.

A lane is a fixed set of source partitions of one stage that commit together, in one transaction under one transactional
id. What a small transaction costs hardly depends on how much is in it, so a lane, not a partition, is the unit of work;
and because the set is fixed, whoever takes a lane over fences its earlier owner by its id.
"""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass

from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.protocol import (
    ConsumerProtocol,
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)


def lane_of(partition: int, lanes: int) -> int:
    """The lane of a partition number, within a stage: consecutive numbers are spread over all of them."""
    return partition % lanes


@dataclass(frozen=True)
class Lanes:
    """`count` lanes in each stage. `stages`: the source topics of each stage."""

    count: int
    stages: tuple[frozenset[str], ...] = ()

    def number(self, topic: str, partition: int) -> int:
        """The number of a partition's lane, counted over all stages; members get lanes in turn by it. With one lane per
        stage and two workers each has one stage; with two lanes per stage each has one lane of both stages.
        """
        stage = next((n for n, topics in enumerate(self.stages) if topic in topics), 0)
        return stage * self.count + lane_of(partition, self.count)


class NoTopicKnown(Exception):
    """No partition of any topic is known: all members would be assigned none, and the group would be stable."""


@functools.cache
def lane_assignor(lanes: Lanes) -> type[RoundRobinPartitionAssignor]:
    """An assignor for these lanes. Its name carries their number: Kafka refuses a member with another number
    (INCONSISTENT_GROUP_PROTOCOL), for two members that divide the partitions differently would fence each other for
    ever.
    """

    class LaneAssignor(RoundRobinPartitionAssignor):  # type: ignore[misc]  # aiokafka has no types
        name = f"stage-lanes-{lanes.count}"

        @classmethod
        def assign(
            cls, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
        ) -> dict[str, ConsumerProtocolMemberAssignment]:
            """Whole lanes in turn to the members in order of their ids; members beyond the number of lanes get none.
            Each assignment carries how many partitions of each topic were assigned in total (patches/membership.py).

            Raises NoTopicKnown; the member then joins again (patches/membership.py).
            """
            order = sorted(members)
            topics = sorted({topic for metadata in members.values() for topic in metadata.subscription})
            known = {topic: sorted(cluster.partitions_for_topic(topic) or ()) for topic in topics}
            if not any(known.values()):
                raise NoTopicKnown(f"the broker returned no partitions of {', '.join(topics)}")
            given: dict[str, dict[str, list[int]]] = {member: {} for member in order}
            for topic, partitions in known.items():
                for partition in partitions:
                    member = order[lanes.number(topic, partition) % len(order)]
                    given[member].setdefault(topic, []).append(partition)
            counts = json.dumps({topic: len(partitions) for topic, partitions in known.items()}).encode()
            return {
                member: ConsumerProtocolMemberAssignment(cls.version, sorted(partitions.items()), counts)
                for member, partitions in given.items()
            }

    return LaneAssignor


def assigned_counts(assignment: bytes) -> dict[str, int]:
    """How many partitions of each topic were assigned to all members, as one member's assignment says."""
    counts: dict[str, int] = json.loads(ConsumerProtocol.ASSIGNMENT.decode(assignment).user_data or b"{}")
    return counts
