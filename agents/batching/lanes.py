"""Which partitions share a lane, and an assignor that never splits one.

A lane is a fixed set of source partitions that commit together, in one transaction under one transactional id. What a small
transaction costs hardly depends on how much is in it, so a lane, not a partition, is the unit of work; and because the set is
fixed, whoever takes a lane over fences its earlier owner by its id, as a shard did for its one partition.
"""

import functools
from collections.abc import Mapping

from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata


def lane_of(partition: int, lanes: int) -> int:
    """The lane of a partition number, of whichever topic: regencies of consecutive codes spread over all of them."""
    return partition % lanes


class NoTopicKnown(Exception):
    """Nobody can share out partitions of which nothing is known: all members would have none, and look well."""


@functools.cache
def lane_assignor(lanes: int) -> type[RoundRobinPartitionAssignor]:
    """An assignor for `lanes` lanes. Its name carries the number: Kafka refuses a member that counts otherwise (INCONSISTENT_GROUP_
    PROTOCOL), for two members that cut the partitions differently would fence each other for ever."""

    class LaneAssignor(RoundRobinPartitionAssignor):
        name = f"lanes-{lanes}"

        @classmethod
        def assign(
            cls, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
        ) -> dict[str, ConsumerProtocolMemberAssignment]:
            """Whole lanes in turn to the members in order of their ids; what exceeds the lanes stands by.

            Raises NoTopicKnown; the member then joins again (membership.py).
            """
            order = sorted(members)
            topics = sorted({topic for metadata in members.values() for topic in metadata.subscription})
            if not any(cluster.partitions_for_topic(topic) for topic in topics):
                raise NoTopicKnown(f"the broker told nothing of {', '.join(topics)}")
            given: dict[str, dict[str, list[int]]] = {member: {} for member in order}
            for topic in topics:
                for partition in sorted(cluster.partitions_for_topic(topic) or ()):
                    member = order[lane_of(partition, lanes) % len(order)]
                    given[member].setdefault(topic, []).append(partition)
            return {
                member: ConsumerProtocolMemberAssignment(cls.version, sorted(partitions.items()), b"")
                for member, partitions in given.items()
            }

    return LaneAssignor
