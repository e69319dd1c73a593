"""Runs to plant faults in."""

import pytest

from tests.recount import sample_runs
from tests.recount.records import Evidence


@pytest.fixture
def exact() -> Evidence:
    """A run in which all is as it must be."""
    return sample_runs.copied(sample_runs.exact_run())


@pytest.fixture
def by_event_time() -> Evidence:
    """Another, under the event clock."""
    return sample_runs.copied(sample_runs.event_run())


@pytest.fixture
def paced() -> Evidence:
    """Another, in which a part of a province reports several times what is ordinary."""
    return sample_runs.copied(sample_runs.pace_run())


@pytest.fixture
def lossy() -> Evidence:
    """Another, from which input and state were taken away."""
    return sample_runs.copied(sample_runs.lossy_run())
