"""Whether a worker's parts make progress: its shards, its ticks and its membership of the group.

`Progress` gets what happens to the shards, and looks at them once a second: what has work and moved nothing since the
last look is reported as blocked, with the latest reason (agents/health.py).
"""

from collections.abc import Callable
from time import monotonic

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from agents.health import Health

LOOK_EVERY_S = 1.0
#: Heartbeats are sent five times a second.
GROUP_SILENT_S = 2.0

_RESTORES = "its state is being restored"
_NOTHING = "nothing of it was committed"
_BROKER = "check the brokers and `siaga topics --check`"
_DEFECT = "a defect of Siaga or a record it cannot read: keep the log, see SiagaShardFailing in the runbook"
_WAIT = "wait; when it lasts, check the brokers and the log"


class Progress:
    """Of one worker. `part` names are `STAGE TOPIC/PARTITION`, `ticks TOPIC/PARTITION` and `group`."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._open: set[tuple[str, TopicPartition]] = set()
        self._moved: set[tuple[str, TopicPartition]] = set()
        self._errors: dict[tuple[str, TopicPartition], BaseException] = {}
        self._seen: set[tuple[str, TopicPartition]] = set()

    def opened(self, stage: str, source: TopicPartition) -> None:
        """A shard is restored."""
        self._open.add((stage, source))

    def closed(self, stage: str, source: TopicPartition) -> None:
        """A shard is closed."""
        self._open.discard((stage, source))

    def failed(self, stage: str, source: TopicPartition, error: BaseException) -> None:
        """A shard, or its lane, has failed."""
        self._errors[stage, source] = error

    def committed(self, stage: str, source: TopicPartition) -> None:
        """Something of a source was committed."""
        self._errors.pop((stage, source), None)
        self._moved.add((stage, source))

    def look_at_shards(
        self, owned: set[tuple[str, TopicPartition]], is_caught_up: Callable[[TopicPartition], bool]
    ) -> None:
        """`owned`: what this worker is assigned, as (stage, source)."""
        for stage, source in self._seen - owned:
            self._health.works(_part(stage, source))
            self._errors.pop((stage, source), None)
        for shard in owned:
            stage, source = shard
            is_done = shard in self._open and is_caught_up(source)
            if is_done or shard in self._moved:
                self._health.works(_part(stage, source))
            else:
                self._health.blocked(_part(stage, source), *self._why(shard))
        self._seen = set(owned)
        self._moved.clear()

    def look_at_group(self, silent_s: float, is_rebalancing: bool) -> None:
        """`silent_s`: since the group answered a heartbeat."""
        if silent_s > GROUP_SILENT_S:
            self._health.blocked("group", "no broker answers for the group of the workers", _BROKER)
        elif is_rebalancing:
            self._health.blocked("group", "the partitions are being divided among the workers", _WAIT)
        else:
            self._health.works("group")

    def _why(self, shard: tuple[str, TopicPartition]) -> tuple[str, str]:
        error = self._errors.get(shard)
        if error is None:
            return (_NOTHING, _WAIT) if shard in self._open else (_RESTORES, _WAIT)
        return f"{type(error).__name__}: {error}", _BROKER if isinstance(error, (KafkaError, OSError)) else _DEFECT


class Ticks:
    """The clock ticks of the ledger partitions that this worker reads: one under way for each."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._since: dict[TopicPartition, float] = {}

    def may_send(self, source: TopicPartition) -> bool:
        """Whether no earlier tick is under way. A broker that is away must not find hundreds of old ones later."""
        return source not in self._since

    def sent(self, source: TopicPartition) -> None:
        """A tick is under way."""
        self._since[source] = monotonic()

    def delivered(self, source: TopicPartition, error: BaseException | None) -> None:
        """A tick was written, or given up."""
        if error is None:
            self._health.works(_part("ticks", source))
        else:
            self._health.blocked(_part("ticks", source), f"{type(error).__name__}: {error}", _BROKER)
        self._since.pop(source, None)

    def look(self, owned: frozenset[TopicPartition]) -> None:
        """Report the ticks that are not written; forget partitions that are no longer here."""
        for source in list(self._since):
            if source not in owned:
                self._health.works(_part("ticks", source))
            elif monotonic() - self._since[source] >= LOOK_EVERY_S:
                self._health.blocked(_part("ticks", source), "no broker takes a clock tick", _BROKER)


def _part(stage: str, source: TopicPartition) -> str:
    return f"{stage} {source.topic}/{source.partition}"
