"""Fixtures for all tests: one embedded broker per session, a topic prefix and ports of one's own per test."""

import contextlib
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka.consumer import fetcher
from hypothesis import HealthCheck, settings

from agents.batching.consumer.bounded_records import BoundedRecords
from apps.embedded import BrokerError, EmbeddedBroker
from apps.embedded.ports import free_port as a_free_port
from apps.embedded.start_cache import make_start_cache

ROOT = Path(__file__).resolve().parents[1]
# Whoever imports a class or function of these modules starts a broker of its own.
STARTS_BROKER = {
    "apps.embedded.broker", "apps.embedded.cluster", "tests.chaos.cluster", "tests.chaos.run", "tests.security.guarded"
}  # fmt: skip
# Fixtures that run one.
RUNS_BROKER = {"broker", "guarded"}
# Folders, and last words of file names, whose tests start programs of others or recount whole runs.
SLOW = {"chaos", "recount", "security", "live", "maven"}
_COUNTER = itertools.count(1)

# No law is about time: on a busy machine an example may take as long as it likes, and so may making it.
settings.register_profile("siaga", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("siaga")


def pytest_configure(config: pytest.Config) -> None:
    """Make the brokers' start cache, once, in the process that starts the others. The tests do without it."""
    is_first = not hasattr(config, "workerinput")
    if is_first and "not broker" not in config.getoption("markexpr"):
        with contextlib.suppress(BrokerError):
            make_start_cache()


def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Mark tests that use a broker, and the slow ones: `./siaga test --fast` leaves them out."""
    for item in items:
        item._nodeid = item.nodeid  # for mutmut 3.7; pytest 9.2 no longer has it
        imported = {getattr(value, "__module__", None) for value in vars(item.getparent(pytest.Module).obj).values()}
        if RUNS_BROKER.intersection(item.fixturenames) or STARTS_BROKER & imported:
            item.add_marker("broker")
        if SLOW & {*item.path.relative_to(ROOT).parts, item.path.stem.rpartition("_")[2]}:
            item.add_marker("slow")


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
def bounded_inflating(monkeypatch: pytest.MonkeyPatch) -> None:
    """aiokafka reads as in a worker, with bounded memory, for this test alone: other tests compare whole records."""
    monkeypatch.setattr(fetcher, "MemoryRecords", BoundedRecords)


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
