"""What the driver keeps of topics before it deletes or cuts them, so that the judge knows what was there."""

from dataclasses import replace

from aiokafka import TopicPartition

from tests.chaos.cluster import Cluster
from tests.chaos.evidence import INPUTS, Cut, Evidence, Seen
from tests.chaos.vanished import notes


class Archive:
    """Exact: offsets below a cut never change, and who deletes an input has its publishers at rest.

    Not seen is what a client gave up waiting for and the broker still takes between the last look and the deletion. If
    Siaga read that, the checker would call it doubled; nothing lost would pass for vanished."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int, int, int], Seen] = {}
        self._cuts: list[Cut] = []
        self._begun: dict[tuple[str, int], tuple[int, ...]] = {}
        self._lost_states: list[list[Seen]] = []
        #: Words that a worker's log must hold, and how long each log was when that began to be so.
        self.must_be_said: list[tuple[str, dict[str, int]]] = []

    async def keep_input(self, cluster: Cluster, topic: str) -> dict[int, int]:
        """Keep all that an input holds; the offset after the last record of each partition that has any."""
        records = await cluster.records(topic)
        self._keep(records)
        return {record.partition: record.offset + 1 for record in records}

    async def keep_state(self, cluster: Cluster) -> None:
        self._lost_states.append(await cluster.records("risk-state"))

    async def cut(self, cluster: Cluster, topic: str, kept_from: dict[int, int]) -> None:
        """Remove offsets before `kept_from` from partitions of an input."""
        noted_to = await cluster.ends("intake-state")
        for partition, offset in kept_from.items():
            at = noted_to[TopicPartition(cluster.prefix + "intake-state", partition)]
            self._cuts.append(Cut(topic, partition, self._incarnation(topic, partition), offset, at))
        await cluster.delete_records(topic, kept_from)

    async def begin_anew(self, cluster: Cluster, topic: str) -> dict[TopicPartition, int]:
        """What intake notes of an input from now on is of its next incarnation; where its notes end.

        Call it while nobody can note the old one any more.
        """
        noted_to = await cluster.ends("intake-state")
        for tp, offset in noted_to.items():
            self._begun[topic, tp.partition] = (*self._begun.get((topic, tp.partition), ()), offset)
        return noted_to

    def must_say(self, cluster: Cluster, word: str) -> None:
        """From now on one of the workers must say this."""
        sizes = {name: cluster.log(name).stat().st_size for name in cluster.workers}
        self.must_be_said.append((word, sizes))

    def unsaid(self, cluster: Cluster, evidence: Evidence) -> list[str]:
        """What no worker's log holds and should: what was told to `must_say`, and a line for each gap that was noted."""
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
            for word, sizes in (*self.must_be_said, *((line, {}) for line in lines))
            if not any(word.encode() in text[sizes.get(name, 0) :] for name, text in logs.items())
        ]

    def complete(self, evidence: Evidence) -> None:
        """Add to what is still there what no longer is."""
        for topic in INPUTS:
            self._keep(evidence.topics[topic])
            own = [record for record in self._kept.values() if record.topic == topic]
            evidence.topics[topic] = sorted(own, key=lambda r: (r.partition, r.incarnation, r.offset))
        evidence.cuts, evidence.begun, evidence.lost_states = self._cuts, self._begun, self._lost_states

    def _incarnation(self, topic: str, partition: int) -> int:
        return len(self._begun.get((topic, partition), ()))

    def _keep(self, records: list[Seen]) -> None:
        for record in records:
            record = replace(record, incarnation=self._incarnation(record.topic, record.partition))
            place = record.topic, record.partition, record.incarnation, record.offset
            if self._kept.setdefault(place, record) != record:
                raise AssertionError(f"{place} held two records: this run says nothing")
