"""Every private name of Faust and aiokafka that this package touches: how, why, and when it can go.

`python -m agents.batching.patches.table` prints the tables of README.md. Tests hold it against the code and against the
installed versions. When a pin moves, read again what changed there, then set VERSIONS.
"""

from typing import NamedTuple

#: The versions all entries were written for; pyproject.toml pins them.
VERSIONS = {"faust-streaming": "0.15.3", "aiokafka": "0.14.0"}


class PatchReason(NamedTuple):
    """Why a name is touched, and until what changes upstream. `defect` is the chapter on it in
    docs/upstream.md, '' where the name is no defect, only private; `issue` the project's issue or pull request on it.
    """

    name: str
    why: str
    until: str
    defect: str = ""
    issue: str = ""


class Patch(NamedTuple):
    """One touched name: `module:attribute` or `module:Class.attribute`, and what is done with it."""

    symbol: str
    touched: str
    reason: PatchReason

    @property
    def distribution(self) -> str:
        """What installs it, as in VERSIONS."""
        return "faust-streaming" if self.symbol.startswith("faust.") else "aiokafka"


_CONSUME = PatchReason(
    "batches", "a consumer that hands out batches", "Faust lets a transport bring its own consumer thread"
)
_ACKS = PatchReason("commits", "offsets travel in transactions, not in acks", "Faust lets a consumer commit by itself")
_CONNECT = PatchReason(
    "connections", "the app's connection options; a broker that is away at the start", "Faust passes options on"
)
_APP = PatchReason("app", "a transport of our own; a worker that writes no file", "Faust takes a transport object")
_TABLES = PatchReason("tables", "a second of each restart without tables", "Faust waits only for tables there are")
_FETCH = PatchReason(
    "fetch", "batches: take what is fetched, wait for more", "aiokafka can fetch some partitions and not others"
)
_POSITION = PatchReason(
    "positions", "how far a partition is read, without waiting", "aiokafka has `position` without await"
)
_COPY = PatchReason("copies", "no copy of each record", "aiokafka hands out records without a copy")
_STANDSTILL = PatchReason(
    "standstill",
    "a standstill of 10 instead of 200 ms",
    "the defect is fixed",
    "aiokafka: 200 ms without a fetch",
)
_MEMORY = PatchReason(
    "memory",
    "bounded memory, whatever a batch inflates to",
    "the defect is fixed",
    "aiokafka: a compressed batch is inflated without a limit",
    "apache/kafka/pull/23429",
)
_EMPTY = PatchReason(
    "empty markers",
    "read past a marker that compaction emptied",
    "the defect is fixed",
    "aiokafka and kafka-python: a marker that compaction emptied cannot be read past",
)
_LEVEL = PatchReason("compression", "zstd at level 1", "aiokafka has an option for the level")
_FENCING = PatchReason(
    "fencing",
    "a worker replaced under its static name ends",
    "heartbeats carry that name",
    "aiokafka: static members fence each other for ever",
    "robinhood/aiokafka/pull/21",
)
_REJOIN = PatchReason(
    "rejoin",
    "join again after an error of the group",
    "the defect is fixed",
    "aiokafka: an unexpected error of the group ends membership",
    "aio-libs/aiokafka/issues/294",
)
_CLOSE = PatchReason(
    "close",
    "connections closed where `stop` fails",
    "the defect is fixed",
    "aiokafka: a CancelledError that nobody sent",
    "aio-libs/aiokafka/issues/974",
)
_JOIN = PatchReason(
    "join",
    "one request that names every division",
    "the defect is fixed",
    "aiokafka: a member with two assignors joins twice",
)
_TOPICS = PatchReason(
    "topics",
    "every member watches the topics",
    "aiokafka speaks JoinGroup 9 (KIP-814)",
    "aiokafka: after the leader came back under its static name, nobody watches the topics",
)
_SENDER_END = PatchReason(
    "sender",
    "raise what ended the sender instead of waiting for ever",
    "the defect is fixed",
    "aiokafka: a batch handed over as the sender ends is never delivered",
)
_MARKERS = PatchReason(
    "markers",
    "a transaction that only leaves markers",
    "Kafka's defect is fixed",
    "Apache Kafka: a stopping broker calls a transaction committed and writes no marker",
    "apache/kafka/pull/3130",
)
_BACKOFF = PatchReason("back-off", "26 ms between two transactions", "aiokafka has an option for the pause")
_MUTE = PatchReason(
    "mute",
    "a broker that greets nobody is given up after 3 s, one that has left the cluster at once",
    "aiokafka has a timeout for connecting alone, and closes connections to brokers that the metadata lack",
)
_RECONNECT = PatchReason(
    "reconnect",
    "a pause after a failed connection",
    "aiokafka has `reconnect_backoff_ms`",
    "aiokafka: a broker that is away is called as often as retries come",
    "aio-libs/aiokafka/pull/1014",
)

PATCHES = (
    Patch("faust.transport.drivers.aiokafka:AIOKafkaConsumerThread._create_worker_consumer", "overridden", _CONSUME),
    Patch("faust.transport.drivers.aiokafka:AIOKafkaConsumerThread._fetch_records", "overridden", _CONSUME),
    Patch("faust.transport.drivers.aiokafka:AIOKafkaConsumerThread._ensure_consumer", "called", _CONSUME),
    Patch("faust.transport.drivers.aiokafka:Consumer._new_consumer_thread", "overridden", _CONSUME),
    Patch("faust.transport.drivers.aiokafka:Consumer._thread", "read", _CONSUME),
    Patch("faust.transport.consumer:Consumer._wait_next_records", "called", _CONSUME),
    Patch("faust.transport.consumer:Consumer._read_offset", "replaced", _CONSUME),
    Patch("faust.transport.drivers.aiokafka:Consumer._commit", "overridden", _ACKS),
    Patch("faust.transport.consumer:Consumer._unacked_messages", "changed", _ACKS),
    Patch("faust.transport.consumer:Consumer._waiting_for_ack", "notified", _ACKS),
    Patch("faust.transport.drivers.aiokafka:Producer._settings_auth", "overridden", _CONNECT),
    Patch("faust.transport.drivers.aiokafka:Producer._ensure_producer", "called", _CONNECT),
    Patch("faust.app.base:App._new_transport", "overridden", _APP),
    Patch("faust.app.base:App._new_producer_transport", "overridden", _APP),
    Patch("faust.app.base:App._create_directories", "overridden", _APP),
    Patch("faust.tables.manager:TableManager._update_channels", "called", _TABLES),
    Patch("aiokafka.consumer.consumer:AIOKafkaConsumer._fetcher", "read", _FETCH),
    Patch("aiokafka.consumer.consumer:AIOKafkaConsumer._closed", "read", _FETCH),
    Patch("aiokafka.consumer.fetcher:Fetcher._closed", "read", _FETCH),
    Patch("aiokafka.consumer.fetcher:Fetcher._records", "read", _FETCH),
    Patch("aiokafka.consumer.fetcher:Fetcher.fetched_records", "called", _FETCH),
    Patch("aiokafka.consumer.fetcher:Fetcher._subscriptions", "read", _FETCH),
    Patch("aiokafka.consumer.fetcher:Fetcher._create_fetch_waiter", "called", _FETCH),
    Patch("aiokafka.consumer.fetcher:Fetcher._fetch_waiters", "read", _FETCH),
    Patch("aiokafka.consumer.fetcher:Fetcher._notify", "called", _FETCH),
    Patch("aiokafka.consumer.fetcher:Fetcher._prefetch_backoff", "set", _FETCH),
    Patch("aiokafka.consumer.fetcher:Fetcher._fetcher_timeout", "set", _STANDSTILL),
    Patch("aiokafka.consumer.consumer:AIOKafkaConsumer._subscription", "read", _POSITION),
    Patch("aiokafka.consumer.subscription_state:TopicPartitionState.position", "read", _POSITION),
    Patch("aiokafka.consumer.subscription_state:TopicPartitionState.has_valid_position", "read", _POSITION),
    Patch("aiokafka.consumer.subscription_state:TopicPartitionState.lso", "read", _POSITION),
    Patch("aiokafka.consumer.subscription_state:TopicPartitionState.highwater", "read", _POSITION),
    Patch("aiokafka.consumer.fetcher:PartitionRecords", "replaced", _COPY),
    Patch("aiokafka.consumer.fetcher:PartitionRecords._consumer_record", "overridden", _COPY),
    Patch("aiokafka.consumer.fetcher:PartitionRecords._records_iterator", "read", _COPY),
    Patch("aiokafka.consumer.fetcher:MemoryRecords", "replaced", _MEMORY),
    Patch("aiokafka.consumer.fetcher:FetchResult", "replaced", _MEMORY),
    Patch("aiokafka.consumer.fetcher:FetchResult._topic_partition", "read", _MEMORY),
    Patch("aiokafka.consumer.fetcher:FetchResult._partition_records", "set", _MEMORY),
    Patch("aiokafka.consumer.fetcher:FetchResult._update_position", "called", _MEMORY),
    Patch("aiokafka.consumer.fetcher:PartitionRecords._records", "read", _MEMORY),
    Patch("aiokafka.consumer.fetcher:PartitionRecords._contains_abort_marker", "replaced", _EMPTY),
    Patch("aiokafka.record._crecords.default_records:zstd_encode", "replaced", _LEVEL),
    Patch("aiokafka.consumer.consumer:AIOKafkaConsumer._coordinator", "read", _FENCING),
    Patch("aiokafka.consumer.group_coordinator:GroupCoordinator._send_req", "wrapped", _FENCING),
    Patch("aiokafka.consumer.consumer:AIOKafkaConsumer._client", "read", _CLOSE),
    Patch("aiokafka.consumer.group_coordinator:GroupCoordinator._assignors", "read", _JOIN),
    Patch("aiokafka.protocol.group:JoinGroupRequest._group_protocols", "set", _JOIN),
    Patch("aiokafka.consumer.group_coordinator:GroupCoordinator._push_error_to_user", "replaced", _REJOIN),
    Patch("aiokafka.consumer.group_coordinator:GroupCoordinator._closing", "awaited", _REJOIN),
    Patch("aiokafka.consumer.group_coordinator:GroupCoordinator._on_join_complete", "wrapped", _TOPICS),
    Patch("aiokafka.consumer.group_coordinator:GroupCoordinator._group_subscription", "set", _TOPICS),
    Patch("aiokafka.consumer.group_coordinator:GroupCoordinator._metadata_snapshot", "set", _TOPICS),
    Patch("aiokafka.consumer.group_coordinator:GroupCoordinator._get_metadata_snapshot", "called", _TOPICS),
    Patch("aiokafka.consumer.group_coordinator:GroupCoordinator._subscription", "read", _TOPICS),
    Patch("aiokafka.consumer.group_coordinator:GroupCoordinator._client", "read", _TOPICS),
    Patch("aiokafka.client:AIOKafkaClient._maybe_wait_metadata", "called", _TOPICS),
    Patch("aiokafka.producer.producer:AIOKafkaProducer._sender", "read", _SENDER_END),
    Patch("aiokafka.producer.sender:Sender.sender_task", "awaited", _SENDER_END),
    Patch("aiokafka.producer.sender:Sender._do_add_offsets_to_txn", "called", _MARKERS),
    Patch("aiokafka.producer.producer:AIOKafkaProducer._txn_manager", "read", _MARKERS),
    Patch("aiokafka.producer.transaction_manager:TransactionManager.maybe_add_partition_to_txn", "called", _MARKERS),
    Patch("aiokafka.producer.sender:BACKOFF_OVERRIDE", "set", _BACKOFF),
    Patch("aiokafka.client:AIOKafkaClient._get_conn", "wrapped", _RECONNECT),
    Patch("aiokafka.client:create_conn", "wrapped", _MUTE),
)


def markdown() -> str:
    """The tables of README.md: the names, then the reasons."""
    versions = " and ".join(f"{distribution} {version}" for distribution, version in VERSIONS.items())
    lines = [f"Of {versions}:", "", "| name | touched | reason |", "|---|---|---|"]
    for patch in PATCHES:
        module, _, name = patch.symbol.partition(":")
        lines.append(f"| `{module}` `{name}` | {patch.touched} | {patch.reason.name} |")
    lines += ["", "| reason | what for | defect (docs/upstream.md) | can go when |", "|---|---|---|---|"]
    for reason in dict.fromkeys(patch.reason for patch in PATCHES):
        defect = "no" if not reason.defect else reason.issue or "no issue found"
        lines.append(f"| {reason.name} | {reason.why} | {defect} | {reason.until} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(markdown(), end="")
