"""A short seeded slice of the long run (`python -m tests.chaos`): each group of faults once, on a broker of its own."""

import pytest

from tests.chaos.launcher import POINTS
from tests.chaos.run import Plan, run

CRASHES = tuple(f"kill_at_{point}" for point in POINTS)


@pytest.mark.parametrize("plan", [
    pytest.param(Plan(11, 18, ("kill", *CRASHES), pause_s=3), id="workers killed at random and at named points"),
    pytest.param(
        Plan(12, 18, ("broker_kill", "broker_freeze", "proxy_cut", "clock_ahead"), pause_s=2, long_s=6),
        id="the broker killed and frozen, connections cut, a clock an hour ahead",
    ),
])  # fmt: skip
async def test_nothing_is_lost_doubled_or_torn(plan, tmp_path):
    result = await run(plan, tmp_path)
    assert result.violations == []
    assert result.inputs > 500 and result.escalations > 0 and result.struck
