"""A flame graph's boxes, from a profile's lines."""

import pytest

from benchmarks.flame import boxes, stacks, without_trunk

RAW = """<module> (apps/cli/main.py:73);run (asyncio/runners.py:1);_run (asyncio/base_events.py:2);fold (agents/risk.py:60);step (streams/risk/regency.py:141) 6
<module> (apps/cli/main.py:73);run (asyncio/runners.py:1);fold (agents/risk.py:61);step (streams/risk/regency.py:150) 2
<module> (apps/cli/main.py:73);run (asyncio/runners.py:1);send (aiokafka/client.py:5) 2
"""


def test_a_function_is_one_box_whatever_its_lines_and_a_library_is_one_too():
    assert stacks(RAW) == {
        ("agents: <module>", "asyncio", "agents: fold", "streams: step"): 8,
        ("agents: <module>", "asyncio", "aiokafka"): 2,
    }


def test_boxes_stand_on_their_caller_and_are_as_wide_as_their_share():
    placed = {name: (height, left, width) for height, left, width, name in boxes(stacks(RAW))}
    assert placed["agents: <module>"] == (0, 0.0, 1.0)
    assert placed["agents: fold"] == (2, 0.0, pytest.approx(0.8))
    assert placed["streams: step"] == (3, 0.0, pytest.approx(0.8))
    assert placed["aiokafka"] == (2, pytest.approx(0.8), pytest.approx(0.2))


def test_what_nearly_all_samples_have_in_common_below_is_left_out():
    assert without_trunk(stacks(RAW)) == {(): 8, ("aiokafka",): 2}
    assert without_trunk(stacks(RAW), least=0.9) == {("agents: fold", "streams: step"): 8, ("aiokafka",): 2}
