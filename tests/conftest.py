"""Fixtures for all tests: one embedded broker per session, a topic prefix and ports of one's own per test."""

import itertools
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch

from agents.batching.transport import bound_inflating
from apps.embedded import EmbeddedBroker
from apps.embedded.ports import free_port as a_free_port

ROOT = Path(__file__).resolve().parents[1]
# Test modules that start a broker of their own instead of using the fixture.
OWN_BROKER = {
    "tests/apps/devstack/test_up.py",
    "tests/apps/embedded/test_broker.py",
    "tests/apps/embedded/test_stopping.py",
}
_COUNTER = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that uses a broker, so that `-m "not broker"` needs neither Java nor Kafka."""
    for item in items:
        module = item.path.relative_to(ROOT).as_posix()
        if "broker" in getattr(item, "fixturenames", ()) or module in OWN_BROKER:
            item.add_marker("broker")


@pytest.fixture(scope="session")
def broker() -> Iterator[EmbeddedBroker]:
    """One Apache Kafka for the whole session. A test that stops or kills a broker starts its own instead."""
    with tempfile.TemporaryDirectory(prefix="siaga-test-broker-") as directory, EmbeddedBroker(directory) as running:
        yield running


@pytest.fixture
def fresh_prefix() -> str:
    """A topic prefix no other test of this session uses, so that tests share a broker and nothing else."""
    return f"t{next(_COUNTER)}."


@pytest.fixture
def bounded_inflating() -> Iterator[None]:
    """aiokafka reads as in a worker, for this test alone: what is cut is not what tests that judge bytes want to see."""
    records = sys.modules[DefaultRecordBatch.__module__]
    names = [name for name in dir(records) if name.endswith("_decode")]
    before, kept = fetcher.MemoryRecords, {name: getattr(records, name) for name in names}
    bound_inflating.cache_clear()
    bound_inflating()
    yield
    fetcher.MemoryRecords = before
    for name, function in kept.items():
        setattr(records, name, function)
    bound_inflating.cache_clear()


@pytest.fixture
def free_port() -> int:
    """A loopback port free now. For several, call `apps.embedded.ports.free_port`."""
    return a_free_port()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The public data beside the checkout; tests that read it skip where it is absent."""
    path = ROOT.parent / "shared" / "data"
    if not path.is_dir():
        pytest.skip("../shared/data is not beside this checkout")
    return path
