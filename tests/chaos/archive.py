"""Copies of topics from before they are deleted or cut, so that the laws know what was there."""

from dataclasses import replace

from aiokafka import TopicPartition

from tests.chaos.cluster import Cluster
from tests.recount.intake import notes
from tests.recount.records import INPUTS, Cut, Evidence, Record


class Archive:
    """Exact: offsets below a cut never change, and publishers are idle while an input is deleted.

    What a client gave up waiting for may still be appended between the copy and the deletion. If Siaga read that, it
    would be judged doubled; nothing lost would pass for vanished.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int, int, int], Record] = {}
        self._cuts: list[Cut] = []
        self._recreated: dict[tuple[str, int], tuple[int, ...]] = {}
        self._lost_states: list[list[Record]] = []
        #: Words that a worker's log must hold beyond the size that each log had before.
        self._expected_lines: list[tuple[str, dict[str, int]]] = []

    async def keep_input(self, cluster: Cluster, topic: str) -> dict[int, int]:
        """Keep all that an input holds; the offset after the last record of each partition that has any."""
        records = await cluster.read(topic)
        self._keep(records)
        return {record.partition: record.offset + 1 for record in records}

    async def keep_state(self, cluster: Cluster) -> None:
        self._lost_states.append(await cluster.read("risk-state"))

    async def cut(self, cluster: Cluster, topic: str, kept_from: dict[int, int]) -> None:
        """Remove offsets before `kept_from` from partitions of an input."""
        noted_to = await cluster.ends("intake-state")
        for partition, offset in kept_from.items():
            at = noted_to[TopicPartition(cluster.prefix + "intake-state", partition)]
            self._cuts.append(Cut(topic, partition, self._incarnation(topic, partition), offset, at))
        await cluster.delete_records(topic, kept_from)

    async def recreate_input(self, cluster: Cluster, topic: str) -> dict[TopicPartition, int]:
        """What intake notes of an input from now on is of its next incarnation; returns where its notes end.

        Call it when the topic is deleted and not yet created: nobody can note the old one any more.
        """
        noted_to = await cluster.ends("intake-state")
        for tp, offset in noted_to.items():
            self._recreated[topic, tp.partition] = (*self._recreated.get((topic, tp.partition), ()), offset)
        return noted_to

    def expect_line(self, cluster: Cluster, word: str) -> None:
        """From now on one of the workers must log this."""
        sizes = {name: cluster.log(name).stat().st_size for name in cluster.workers}
        self._expected_lines.append((word, sizes))

    def missing_lines(self, cluster: Cluster, evidence: Evidence) -> list[str]:
        """What no worker's log holds and should: what `expect_line` was called with, and a line for each noted gap."""
        logs = {name: cluster.log(name).read_bytes() for name in cluster.workers}
        lines = [
            f"{len(note.gone)} offsets are gone from the source before they were read: "
            f"{cluster.prefix}{topic}[{partition}] continues at {note.gone.stop}, expected {note.gone.start}"
            for (topic, partition, _), some in notes(evidence).items()
            for note in some
            if note.gone
        ]
        return [
            word
            for word, sizes in (*self._expected_lines, *((line, {}) for line in lines))
            if not any(word.encode() in text[sizes.get(name, 0) :] for name, text in logs.items())
        ]

    def complete(self, evidence: Evidence) -> None:
        """Add to the evidence what is no longer in the topics."""
        for topic in INPUTS:
            self._keep(evidence.topics[topic])
            own = [record for record in self._kept.values() if record.topic == topic]
            evidence.topics[topic] = sorted(own, key=lambda r: (r.partition, r.incarnation, r.offset))
        evidence.cuts, evidence.recreated, evidence.lost_states = self._cuts, self._recreated, self._lost_states

    def _incarnation(self, topic: str, partition: int) -> int:
        return len(self._recreated.get((topic, partition), ()))

    def _keep(self, records: list[Record]) -> None:
        for record in records:
            record = replace(record, incarnation=self._incarnation(record.topic, record.partition))
            place = record.topic, record.partition, record.incarnation, record.offset
            if self._kept.setdefault(place, record) != record:
                raise AssertionError(f"{place} held two records: this run proves nothing")
