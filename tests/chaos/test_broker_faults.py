"""A short seeded slice of `python -m tests.chaos --brokers 3`, and how its recovery is read."""

import pytest

from tests.chaos.recovery import resumed
from tests.chaos.run import Plan, run
from tests.chaos.scene import Struck
from tests.recount.records import Evidence, Record

PLAN = Plan(
    25, 0, ("one_killed", "leaders_moved", "brokers_cut_mute"), pause_s=2, rate_per_s=15, is_whole=True, brokers=3
)


@pytest.mark.timeout(1_200)  # each fault has deadlines of its own
async def test_nothing_is_lost_doubled_or_torn_when_one_of_three_brokers_fails(tmp_path):
    result = await run(PLAN, tmp_path)
    assert result.violations == []
    assert result.inputs > 500 and result.escalations > 0
    assert {struck.fault for struck in result.struck} >= set(PLAN.faults), "asked for and never struck"
    assert None not in result.resumed_s


def appended(*times_ms: int, partition: int = 0) -> list[Record]:
    return [Record("ledger", partition, offset, b"*", b"", {}, at) for offset, at in enumerate(times_ms)]


def evidence(*records: Record, partitions: int = 1, folded: list[Record] | None = None) -> Evidence:
    """What was appended to the ledger, and to the state: as the ledger, unless given."""
    return Evidence(partitions, {"ledger": list(records), "risk-state": list(records) if folded is None else folded})


STEADY = range(0, 20_000, 500)


@pytest.mark.parametrize(
    ("gone", "fault", "away"),
    [
        (range(5_000, 9_000), Struck("x", "", 4_900, 4_900), 4.1),
        (range(5_000, 9_000), Struck("x", "", 4_900, 8_000), 1.0),
        (range(8_000, 12_000), Struck("x", "", 4_900, 4_900), 4.5),
        (range(5_000, 6_000), Struck("x", "", 4_900, 4_900), 0.0),
        (range(1_000, 4_000), Struck("x", "", 4_900, 4_900), 0.0),
    ],
    ids=["from the fault on", "once service was possible", "later", "no pause", "before it"],
)
def test_recovery_is_the_longest_pause_of_a_partition_after_the_fault(gone: range, fault: Struck, away: float):
    left = appended(*(at for at in STEADY if at not in gone))
    assert resumed(evidence(*left), [fault]) == [away]
    both = [*left, *appended(*STEADY, partition=1)]
    assert resumed(evidence(*both, partitions=2), [fault]) == [away]


def test_a_partition_that_is_written_and_not_folded_has_not_recovered():
    steady, late = appended(*STEADY), appended(*(at for at in STEADY if not 5_000 <= at < 9_000))
    assert resumed(evidence(*steady, folded=late), [Struck("x", "", 4_900, 4_900)]) == [4.1]


def test_a_partition_without_an_append_after_the_fault_has_not_recovered():
    fault = Struck("x", "", 4_900, 4_900)
    assert resumed(evidence(*appended(1_000, 2_000)), [fault]) == [None]
    assert resumed(evidence(*appended(*STEADY), partitions=2), [fault]) == [None]


def test_a_pause_right_before_the_next_fault_is_the_next_ones():
    left = appended(*(at for at in STEADY if not 10_000 < at < 14_000))
    faults = [Struck("x", "", 4_900, 4_900), Struck("y", "", 10_100, 10_100)]
    assert resumed(evidence(*left), faults) == [0.0, 3.9]
