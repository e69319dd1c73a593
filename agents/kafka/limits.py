"""The limits of topics and brokers that Siaga depends on: what each must be, compared with what a broker says.

A limit is `exactly`, `at least` or `at most` a value. What breaks Siaga is a difference; what only may, a note. Limits
that do not bind are left out: `message.max.bytes` gives way to the topic's own, and `replica.fetch.max.bytes` does not
stop a larger batch from being copied (KIP-74)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from agents.batching.options import MIB, BatchingOptions
from schemas.topics import Direction, TopicSpec
from schemas.vocabulary import DAY_MS

#: Replicas of each topic where nothing else is set and so many brokers are there.
REPLICAS = 3
#: Not a setting of a topic, but compared like one.
REPLICATION = "replication"
_MINUTE_MS = 60_000
_OPTIONS = BatchingOptions()
#: One request brings a broker what a transaction writes to all partitions that it leads: rejected records come in
#: whole, so as much as a transaction reads, and their headers.
REQUEST_BYTES_MIN = _OPTIONS.batch_bytes_max + 4 * MIB
#: A worker that was frozen for less must still be fenced by its transactional id.
TRANSACTIONAL_ID_MS_MIN = DAY_MS
#: Of compacted topics. Kafka compacts no segment that it still writes to, 1 GiB by default, and a worker that starts
#: reads all of it.
COMPACTED_SEGMENT_BYTES = 64 * MIB
#: Topics of Kafka's own, each with the broker's settings for its replicas.
GROUP_TOPIC, TRANSACTION_TOPIC = "__consumer_offsets", "__transaction_state"


class Bound(StrEnum):
    EXACTLY = ""
    AT_LEAST = "at least "
    AT_MOST = "at most "


@dataclass(frozen=True)
class Limit:
    """What a setting of Kafka's must be. `is_note`: Siaga works without, until something else happens."""

    name: str
    value: str
    bound: Bound = Bound.EXACTLY
    is_note: bool = False

    def holds(self, found: str | None) -> bool:
        if found is None or self.bound is Bound.EXACTLY:
            return found == self.value
        if self.bound is Bound.AT_LEAST:
            return int(found) >= int(self.value)
        return int(found) <= int(self.value)

    def difference(self, found: str | None) -> str:
        """`name is X, must be Y`; a note says `should`."""
        must = "should" if self.is_note else "must"
        return f"{self.name} is {found}, {must} be {self.bound}{self.value}"


def min_insync(replicas: int, wanted: int | None) -> int:
    """Replicas that must have a record before it counts: what is set, else 2 of 3 or more, so that one may be away.

    Never more than there are: nothing could be written."""
    return min(wanted, replicas) if wanted is not None else max(1, min(2, replicas - 1))


def topic_limits(spec: TopicSpec, min_insync: int) -> tuple[Limit, ...]:
    """What the configuration of this topic must be; `value` is what it is created with."""
    bounds = {"segment.bytes": Bound.AT_MOST}
    if spec.direction is not Direction.IN:  # of inputs it is a rule for publishers
        bounds["max.message.bytes"] = Bound.AT_LEAST
    wanted = spec.config | {
        "compression.type": "producer",  # the publisher chooses the codec; the broker must not recompress
        "min.insync.replicas": str(min_insync),
        # A replica that lacks records must not lead: they would be lost although they counted.
        "unclean.leader.election.enable": "false",
    }
    if spec.retention_ms is None:
        wanted["segment.bytes"] = str(COMPACTED_SEGMENT_BYTES)
    else:
        wanted["retention.bytes"] = "-1"  # a limit by size would delete before the time is over
    return tuple(Limit(name, value, bounds.get(name, Bound.EXACTLY)) for name, value in wanted.items())


def broker_limits(retention_days: int) -> tuple[Limit, ...]:
    """What every broker's own configuration must be."""
    at_least, at_most = Bound.AT_LEAST, Bound.AT_MOST
    minutes = retention_days * DAY_MS // _MINUTE_MS
    return (
        Limit("transaction.max.timeout.ms", str(_OPTIONS.transaction_timeout_ms), at_least),
        Limit("transactional.id.expiration.ms", str(TRANSACTIONAL_ID_MS_MIN), at_least),
        Limit("group.min.session.timeout.ms", str(_OPTIONS.session_timeout_ms), at_most),
        Limit("group.max.session.timeout.ms", str(_OPTIONS.session_timeout_ms), at_least),
        Limit("socket.request.max.bytes", str(REQUEST_BYTES_MIN), at_least),
        # A sender that pauses for longer forgets what it has sent.
        Limit("offsets.retention.minutes", str(minutes), at_least, is_note=True),
        # A topic deleted by mistake comes back with other partitions and other settings.
        Limit("auto.create.topics.enable", "false", is_note=True),
    )


def internal_limits(replicas: int, min_insync: int) -> dict[str, tuple[Limit, ...]]:
    """By topic of Kafka's own: what the brokers' settings must be by which it is created."""
    return {
        GROUP_TOPIC: (Limit("offsets.topic.replication.factor", str(replicas), Bound.AT_LEAST),),
        TRANSACTION_TOPIC: (
            Limit("transaction.state.log.replication.factor", str(replicas), Bound.AT_LEAST),
            Limit("transaction.state.log.min.isr", str(min_insync), Bound.AT_LEAST),
        ),
    }


def existing_limits(topic: str, replicas: int, min_insync: int) -> tuple[Limit, ...]:
    """What a topic of Kafka's own that exists must be, whatever the brokers say of new ones."""
    return (
        Limit(REPLICATION, str(replicas), Bound.AT_LEAST),
        # The group's offsets can be lost: intake's and risk's own notes count (decision 0006).
        Limit("min.insync.replicas", str(min_insync), Bound.AT_LEAST, is_note=topic == GROUP_TOPIC),
    )


def differing(limits: Iterable[Limit], found: Mapping[str, str | None]) -> list[Limit]:
    """The limits that do not hold."""
    return [limit for limit in limits if not limit.holds(found.get(limit.name))]
