"""A flame graph's boxes, from a profile's lines."""

import pytest

from benchmarks.flame import boxes, stacks, without_trunk

START = "<module> (apps/cli/main.py:73);run (asyncio/runners.py:1)"
RAW = f"""{START};_run (asyncio/base_events.py:2);fold (agents/risk.py:60);step (streams/risk/regency.py:141) 6
{START};fold (agents/risk.py:61);step (streams/risk/regency.py:150) 2
{START};send (aiokafka/client.py:5) 2
"""


def test_a_function_is_one_box_whatever_its_lines_and_so_is_a_library():
    assert stacks(RAW) == {
        ("apps: <module>", "asyncio", "agents: fold", "streams: step"): 8,
        ("apps: <module>", "asyncio", "aiokafka"): 2,
    }


def test_a_box_is_above_its_caller_and_as_wide_as_its_share():
    placed = {name: (height, left, width) for height, left, width, name in boxes(stacks(RAW))}
    assert placed["apps: <module>"] == (0, 0.0, 1.0)
    assert placed["agents: fold"] == (2, 0.0, pytest.approx(0.8))
    assert placed["streams: step"] == (3, 0.0, pytest.approx(0.8))
    assert placed["aiokafka"] == (2, pytest.approx(0.8), pytest.approx(0.2))


def test_frames_that_nearly_all_samples_start_with_are_left_out():
    assert without_trunk(stacks(RAW)) == {(): 8, ("aiokafka",): 2}
    assert without_trunk(stacks(RAW), least=0.9) == {("agents: fold", "streams: step"): 8, ("aiokafka",): 2}
