"""Limits of topics and brokers: the values follow from the code, and each comparison can fail."""

import pytest

from agents.batching.options import BatchingOptions
from agents.kafka.limits import Bound, Limit, broker_limits, differing, min_insync, topic_limits
from schemas.topics import SPECS, Direction, Topic

OPTIONS = BatchingOptions()
BATCH_OVERHEAD = 61 + 1024  # header of a batch, and what compression may add to bytes that it cannot compress


@pytest.mark.parametrize(
    ("bound", "holds", "fails"),
    [(Bound.EXACTLY, "10", "11"), (Bound.AT_LEAST, "11", "9"), (Bound.AT_MOST, "9", "11")],
)
def test_a_limit_holds_for_its_value_and_on_its_side(bound: Bound, holds: str, fails: str):
    limit = Limit("x", "10", bound)
    assert limit.holds("10") and limit.holds(holds) and not limit.holds(fails)


def test_a_setting_that_a_broker_does_not_have_differs():
    for bound in Bound:
        assert differing([Limit("x", "10", bound)], {}) == [Limit("x", "10", bound)]


def test_a_difference_names_what_is_and_what_must_be():
    assert Limit("x", "10", Bound.AT_LEAST).difference("9") == "x is 9, must be at least 10"
    assert Limit("x", "10", is_note=True).difference("9") == "x is 9, should be 10"


@pytest.mark.parametrize(
    ("replicas", "wanted", "found"), [(1, None, 1), (2, None, 1), (3, None, 2), (5, None, 2), (3, 3, 3), (2, 3, 2)]
)
def test_one_replica_may_be_away_and_no_topic_needs_more_than_it_has(replicas: int, wanted: int | None, found: int):
    assert min_insync(replicas, wanted) == found


@pytest.mark.parametrize("spec", [spec for spec in SPECS if spec.direction is not Direction.IN], ids=lambda s: s.topic)
def test_every_topic_that_workers_write_takes_their_largest_batch(spec):
    limits = {limit.name: limit for limit in topic_limits(spec, 1)}
    taken = limits["max.message.bytes"]
    assert int(taken.value) >= OPTIONS.produce_batch_bytes_max + BATCH_OVERHEAD
    assert taken.bound is Bound.AT_LEAST


def test_what_is_kept_for_a_time_has_no_limit_by_size_and_what_is_compacted_small_segments():
    for spec in SPECS:
        names = {limit.name for limit in topic_limits(spec, 1)}
        assert ("retention.bytes" in names, "segment.bytes" in names) == (
            spec.retention_ms is not None,
            spec.retention_ms is None,
        )
        assert {"min.insync.replicas", "unclean.leader.election.enable", "cleanup.policy"} <= names
    assert {Topic.LEDGER, Topic.ESCALATIONS, Topic.REJECTED} <= {s.topic for s in SPECS if s.retention_ms is not None}


def test_the_brokers_limits_admit_what_workers_ask_for():
    """A transaction's and a session's time-out of the options must not be refused by a broker that the check passes."""
    limits = {limit.name: limit for limit in broker_limits(180)}
    assert int(limits["transaction.max.timeout.ms"].value) == OPTIONS.transaction_timeout_ms
    session = str(OPTIONS.session_timeout_ms)
    assert limits["group.min.session.timeout.ms"].holds(session) and limits["group.max.session.timeout.ms"].holds(
        session
    )
    assert int(limits["socket.request.max.bytes"].value) > OPTIONS.batch_bytes_max
    assert limits["offsets.retention.minutes"].value == str(180 * 24 * 60)
