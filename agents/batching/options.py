"""The options of transport and lanes, each with the reason for its value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True)
class BatchingOptions:
    """Options of the batching transport and its lanes. Times in milliseconds, sizes in bytes."""

    #: Passed to every aiokafka client: bootstrap_servers, security_protocol, ssl_context, sasl_*.
    #: Not in the repr: it may hold a password.
    client: Mapping[str, Any] = field(default_factory=lambda: {"bootstrap_servers": "127.0.0.1:9092"}, repr=False)
    #: Lanes per stage of workers of release 0.9 that may be in the same group: their transactional ids follow from it.
    lanes: int = 1
    #: Records of a transaction, and of a partition's batch; as much is folded while it is committed. Smaller ones make
    #: smaller frames, more rows and state records; with 30,000 a national election day took 90 MiB more and 3 % less
    #: time (docs/decisions/0002-lanes.md).
    batch_records_max: int = 20_000
    #: Nor may it take more bytes of memory, objects included: one record of an intermediate topic may hold many events,
    #: and publishers may send records of up to 1 MiB, which are all copied when they are rejected. 20,000 reports take
    #: 10 MiB.
    batch_bytes_max: int = 12 * MIB
    #: A transaction ends after so much processor time of folding, and the rest of its batches waits for the next one.
    #: What arrives on another partition, of any lane in the thread, waits for a few folds: some five, through two
    #: stages in one worker. Processor time, because smaller transactions cost more: a busy machine must not cause them.
    fold_ms_max: int = 200
    #: A source waits while what it has written to one partition of a later stage of this worker would take its reader
    #: more processor time than half of this, shared by all that have written there; what it writes at once takes the
    #: reader no more than is left. So the reader always has the next transaction of `fold_ms_max`.
    ahead_ms_max: int = 300
    #: Of a reader that has folded nothing for so long it is not known that it ever will: nobody waits for it. Far
    #: longer than a transaction takes on a machine with ten programs for each core.
    still_ms: int = 30_000
    #: Size of a partition's first batch after a start or a rebalance, as a part of a full one; each further batch may
    #: be twice as large. So the first outputs of a backlog are committed sooner: lanes share one thread, and all fold
    #: before the first of them has committed.
    first_batch_part: float = 1 / 16
    #: What one fetch may bring per partition. Catch-up wants it large; two are held per partition, one folded, one
    #: waiting.
    partition_fetch_bytes_max: int = 4 * MIB
    #: How long the broker may hold a fetch with nothing to send. A partition released after its commit waits for the
    #: fetch in flight, which does not name it, so this adds straight to latency.
    fetch_wait_ms: int = 10
    session_timeout_ms: int = 10_000
    #: How soon a worker learns that another has joined or left: until then nobody works on the partitions that move.
    #: At this value workers that are started together need one rebalance.
    heartbeat_interval_ms: int = 200
    #: A dead owner's open transaction blocks read_committed readers at most this long, if no successor fences it
    #: sooner.
    transaction_timeout_ms: int = 10_000
    #: A broker that is mute (frozen, cut off) holds a request so long, and with it its lane. Longer than a session: the
    #: group answers a member that joins once all others have, or their session is over. Longer than a broker's own
    #: session (Kafka: 9 s), after which others lead and a produce is answered.
    request_timeout_ms: int = 12_000
    #: For a connection to be made and greeted. A broker that takes longer is mute: another one is asked.
    connect_ms_max: int = 3_000
    #: How often it is asked which brokers the cluster has. A broker that was given up may be waited for so much longer.
    watch_ms: int = 1_000
    #: How soon a topic that was deleted and recreated is found (aiokafka's default of 5 minutes left it unread that
    #: long).
    metadata_age_ms_max: int = 10_000
    #: Between retries, also while the broker still writes the markers of the previous transaction (aiokafka's default
    #: of 100, and a constant of 20 in its sender, made back-to-back transactions take 26 ms).
    transaction_backoff_ms: int = 3
    #: Between attempts to connect to a broker that does not answer.
    reconnect_pause_ms: int = 100
    #: From a commit to the next transaction of the lane. Begun at once it is rejected with CONCURRENT_TRANSACTIONS
    #: until the markers are written, and each rejection costs both sides: with this pause the p50 latency at 500
    #: events/s fell from 57 to 44 ms (docs/decisions/0002-lanes.md).
    settle_ms: int = 5
    #: How far the group's offsets may lag behind a stage's own state or notes, from which reading resumes: committing
    #: them takes two of a transaction's six requests (docs/decisions/0006-positions.md).
    offset_every_ms: int = 500
    #: One produced batch. Below the broker's message.max.bytes (1 MiB), above the largest frame.
    produce_batch_bytes_max: int = 900 * KIB
    #: zstd: aiokafka compresses lz4 at level 9, at a sixth of the speed and 0.7 of the ratio of zstd at level 3
    #: (docs/decisions/0010-compression.md).
    compression: str | None = "zstd"
    #: Of zstd: ledger frames in pieces of 800 kB are compressed 3.7 times at 610 MB/s by level 1, 3.4 times at 370 MB/s
    #: by level 3, aiokafka's (docs/decisions/0010-compression.md).
    zstd_level: int = 1
    #: After a failure: first and longest pause before a lane or shard is reopened.
    reopen_pause_ms: int = 100
    reopen_pause_ms_max: int = 5_000
    #: A coordinator that has no offset where there should be one is asked again after this: the wrong answers seen
    #: lasted 2 s.
    ask_again_pause_ms: int = 5_000
    #: After being fenced: time for the rebalance that takes the partitions away. Without it a worker that was suspended
    #: would fence the rightful owner back.
    fenced_pause_ms: int = 3_000

    @property
    def reader(self) -> dict[str, Any]:
        """Options of a client that reads state, notes (`partition_end.committed_reader`) and the group's offsets."""
        return {**self.client, "request_timeout_ms": self.request_timeout_ms}


def transactional_ids(group: str, stage: str) -> str:
    """The prefix of a stage's transactional ids, by which rights on them are granted.

    It matches no id of a deployment whose group name only begins with this one.
    """
    return f"{group}-{stage}-lane-"
