"""A short seeded slice of the long run (`python -m tests.chaos`): each fault once, in groups with a broker each."""

import pytest

from tests.chaos.launcher import POINTS
from tests.chaos.run import Plan, run

CRASHES = tuple(f"kill_at_{point}" for point in POINTS)
#: What a fault reports under another name than it is asked for.
REPORTED = {"clock_ahead": "clock_off_+3600_s", "clock_behind": "clock_off_-3600_s"}


def slice_of(seed: int, *faults: str, pause_s: float = 2, **more: float) -> Plan:
    """Each of these faults once, at a rate that leaves the processor to the other tests."""
    return Plan(seed, 0, faults, pause_s, rate_per_s=20, is_whole=True, **more)


PLANS = {
    "workers killed at random and at named points": slice_of(11, "kill", *CRASHES, pause_s=3),
    "the broker killed, frozen and its disk full, a clock an hour ahead": slice_of(
        12, "broker_kill", "broker_freeze", "clock_ahead", "disk_full", long_s=6
    ),
    "connections cut, refused, mute and slow, the end of transactions held back": slice_of(
        13, "proxy_cut", "proxy_refuse", "proxy_mute", "proxy_hold_end_txn", "proxy_delay"
    ),
    "a zombie, workers that come and go, ten times the load, compacted state, malformed and giant records": slice_of(
        14, "zombie", "term", "churn", "overload", "state_compacted", "poison", "giants", "bombs"
    ),
}


@pytest.mark.timeout(1_200)  # five faults, each with a deadline of its own
@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
async def test_nothing_is_lost_doubled_or_torn(plan, tmp_path):
    result = await run(plan, tmp_path)
    assert result.violations == []
    assert result.inputs > 500 and result.escalations > 0
    struck = {struck.fault for struck in result.struck}
    assert struck >= {REPORTED.get(fault, fault) for fault in plan.faults}, "asked for and never struck"
