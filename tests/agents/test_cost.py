"""What an event may cost, counted in function calls and state records: the same on every machine, so no clock decides.

The bounds lie a tenth above what was counted when they were last set (CPython 3.11; later versions need fewer calls). A
change that makes every event dearer trips them; `python -m benchmarks micro` shows which part."""

import pytest

from benchmarks.micro import calls

MOST_CALLS_PER_EVENT = {"intake fold": 19, "risk fold": 182, "risk fold, event order": 185}
#: State, rows and ledger frames together: what comes in one batch for one regency is written as one record each.
MOST_RECORDS_PER_EVENT = 0.05


@pytest.fixture(scope="module")
def cost() -> dict[str, float]:
    return calls()


@pytest.mark.parametrize("part", MOST_CALLS_PER_EVENT)
def test_an_event_costs_no_more_calls_than_it_did(cost, part):
    assert 0 < cost[part] <= MOST_CALLS_PER_EVENT[part]


def test_what_is_written_grows_with_batches_and_not_with_events(cost):
    assert 0 < cost["records written"] <= MOST_RECORDS_PER_EVENT


def test_the_count_is_the_same_every_time(cost):
    """To one in a thousand: caches of the interpreter fill once."""
    assert calls() == pytest.approx(cost, rel=1e-3)
