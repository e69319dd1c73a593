"""aiokafka's fetcher: it hands out some partitions and not others, and its state says how far they are read."""

import inspect
from types import SimpleNamespace

from aiokafka import TopicPartition
from aiokafka.consumer import fetcher

from agents.batching import Progress
from agents.batching.patches.fetching import Available, progress_of

A, B = TopicPartition("t", 0), TopicPartition("t", 1)


def test_a_partition_in_flight_is_not_available_until_it_is_released():
    in_flight = {A}
    available = Available({A, B}, in_flight)
    assert A not in available and B in available
    in_flight.clear()
    assert A in available


def test_the_fetcher_asks_only_membership_and_truth_of_the_partitions():
    source = inspect.getsource(fetcher.Fetcher.fetched_records)
    assert "if partitions and tp not in partitions" in source
    assert "_wait_consume_future" in source


def consumer(**state) -> SimpleNamespace:
    """aiokafka's consumer with one partition of this state; none of these: it is not assigned."""
    assignment = SimpleNamespace(state_value=lambda tp: SimpleNamespace(**state) if state else None)
    return SimpleNamespace(_subscription=SimpleNamespace(subscription=SimpleNamespace(assignment=assignment)))


def test_progress_is_known_from_the_first_fetch_on():
    at = {"has_valid_position": True, "position": 5}
    assert progress_of(consumer(**at, lso=7, highwater=9), A) == Progress(5, 7)
    assert progress_of(consumer(**at, lso=None, highwater=None), A) is None
    assert progress_of(consumer(has_valid_position=False, lso=7, highwater=9), A) is None
    assert progress_of(consumer(), A) is None
