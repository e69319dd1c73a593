"""Divides the source partitions among the members of a group: those of all stages in a row, in blocks of equal length.

The partitions of a stage that a member gets commit together, in one transaction: they are its lane of that stage. How
many lanes there are follows the members, so a worker more has work at once; in blocks, because the fewer lanes there
are, the less a message costs (docs/decisions/0028-ownership.md). What keeps that exact is not a fixed division but
ownership (commit/ownership.py).

`lane_assignor` is the division of release 0.9, fixed by a number of lanes. A group that still has a member of that
release uses it; it can go when none is left.
"""

import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.protocol import (
    ConsumerProtocol,
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)

#: The name by which members agree on how they divide; another way needs another name.
IN_BLOCKS = "stage-partitions-in-blocks"
_FIXED = "stage-lanes-"

Members = Mapping[str, ConsumerProtocolMemberMetadata]
Assignments = dict[str, ConsumerProtocolMemberAssignment]


class NoTopicKnown(Exception):
    """No partition of any topic is known: all members would be assigned none, and the group would be stable."""


@dataclass(frozen=True)
class Division:
    """`stages`: the source topics of each stage. `lanes`: of each stage, in the division of release 0.9."""

    lanes: int = 1
    stages: tuple[frozenset[str], ...] = ()

    def stage_of(self, topic: str) -> int:
        """The number of a topic's stage; a topic of no stage counts with the first one."""
        return next((number for number, topics in enumerate(self.stages) if topic in topics), 0)


def lane_of(partition: int, lanes: int) -> int:
    """The lane of a partition number in the division of release 0.9."""
    return partition % lanes


def lanes_of(protocol: str) -> int | None:
    """How many lanes each stage has by the name of a group's division; None where they follow the members."""
    return int(protocol.removeprefix(_FIXED)) if protocol.startswith(_FIXED) else None


class _Assignor(RoundRobinPartitionAssignor):  # type: ignore[misc]  # aiokafka has no types
    """Gives each partition to a member that subscribes to its topic. A deployment that has joined the group by mistake
    gets its own topics and disturbs nobody.
    """

    @classmethod
    def reader_of(cls, topic: str, partition: int, per_stage: int, readers: int) -> int:
        """Which of so many readers of a topic gets a partition. `per_stage`: the highest partition count known."""
        raise NotImplementedError

    @classmethod
    def assign(cls, cluster: ClusterMetadata, members: Members) -> Assignments:
        """Members in order of their ids. Each assignment carries how many partitions of each topic were assigned in
        total (patches/membership.py).

        Raises NoTopicKnown; the member then joins again (patches/membership.py).
        """
        topics = sorted({topic for metadata in members.values() for topic in metadata.subscription})
        known = {topic: sorted(cluster.partitions_for_topic(topic) or ()) for topic in topics}
        if not any(known.values()):
            raise NoTopicKnown(f"the broker returned no partitions of {', '.join(topics)}")
        given: dict[str, dict[str, list[int]]] = {member: {} for member in members}
        for member, topic, partition in cls._divided(known, members):
            given[member].setdefault(topic, []).append(partition)
        counts = json.dumps({topic: len(partitions) for topic, partitions in known.items()}).encode()
        return {
            member: ConsumerProtocolMemberAssignment(cls.version, sorted(partitions.items()), counts)
            for member, partitions in given.items()
        }

    @classmethod
    def _divided(cls, known: Mapping[str, list[int]], members: Members) -> Iterator[tuple[str, str, int]]:
        per_stage = max(map(len, known.values()))
        for topic, partitions in known.items():
            readers = sorted(member for member, metadata in members.items() if topic in metadata.subscription)
            for partition in partitions:
                yield readers[cls.reader_of(topic, partition, per_stage, len(readers))], topic, partition


@functools.cache
def block_assignor(division: Division) -> type[RoundRobinPartitionAssignor]:
    """An assignor of blocks. Equal partition numbers of the topics of one stage go to the same member."""

    class BlockAssignor(_Assignor):
        name = IN_BLOCKS

        @classmethod
        def reader_of(cls, topic: str, partition: int, per_stage: int, readers: int) -> int:
            place, places = division.stage_of(topic) * per_stage + partition, max(1, len(division.stages)) * per_stage
            return place * readers // places

    return BlockAssignor


@functools.cache
def lane_assignor(division: Division) -> type[RoundRobinPartitionAssignor]:
    """An assignor of whole lanes, as release 0.9 has it. Its name carries their number: Kafka refuses a member with
    another number (INCONSISTENT_GROUP_PROTOCOL).
    """

    class LaneAssignor(_Assignor):
        name = f"{_FIXED}{division.lanes}"

        @classmethod
        def reader_of(cls, topic: str, partition: int, per_stage: int, readers: int) -> int:
            return (division.stage_of(topic) * division.lanes + lane_of(partition, division.lanes)) % readers

    return LaneAssignor


def assigned_counts(assignment: bytes) -> dict[str, int]:
    """How many partitions of each topic were assigned to all members, as one member's assignment says."""
    counts: dict[str, int] = json.loads(ConsumerProtocol.ASSIGNMENT.decode(assignment).user_data or b"{}")
    return counts
