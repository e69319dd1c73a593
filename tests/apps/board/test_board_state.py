"""The board's state: what it keeps, and that a snapshot with the updates after it equals the next snapshot."""

from datetime import datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.board.board_state import ESCALATIONS_KEPT, ESCALATIONS_PER_REGENCY, BoardState, InvalidRecord
from tests.apps.board.records import at, escalation, put_escalation, put_row, row

CODES = st.sampled_from(["16.01", "16.02", "16.71"])
STEP = st.one_of(
    st.tuples(st.just("row"), CODES, st.integers(0, 100)),
    st.tuples(st.just("gone"), CODES, st.just(0)),
    st.tuples(st.just("escalation"), CODES, st.integers(0, 100)),
)


@given(st.lists(STEP, max_size=30), st.lists(STEP, max_size=30))
def test_a_snapshot_and_the_updates_after_it_make_the_next_snapshot(before, after):
    state = BoardState()
    _play(state, before)
    seen = state.snapshot()
    state.drain()
    for step in after:
        _play(state, [step])
        _follow(seen, state.drain())
    assert (seen["rows"], seen["escalations"]) == (state.snapshot()["rows"], state.snapshot()["escalations"])


def test_nothing_changed_gives_no_update():
    state = BoardState()
    assert state.drain() is None
    put_row(state)
    assert state.drain()["rows"][0]["regency"] == "16.71"
    assert state.drain() is None


def test_rows_keep_unknown_fields():
    state = BoardState()
    given_row = put_row(state, "16.02", score=33, extra="new field")
    assert state.rows == {"16.02": given_row}
    assert state.regency("16.02")["row"] == given_row
    assert state.regency("99.99")["row"] is None


def test_an_escalation_read_twice_counts_once():
    state = BoardState()
    value = orjson.dumps(escalation())
    state.put_escalation(value, 1, 0, 5)
    state.put_escalation(value, 1, 0, 5)
    assert len(state.escalations()) == 1


def test_escalations_are_ordered_by_append_time_across_partitions():
    state = BoardState()
    for appended_ms, partition in ((30, 0), (10, 1), (20, 2)):
        state.put_escalation(orjson.dumps(escalation(episode=appended_ms)), appended_ms, partition, 0)
    assert [item["episode"] for item in state.escalations()] == [30, 20, 10]


def test_only_the_newest_escalations_are_kept_but_each_regency_keeps_its_own():
    state = BoardState()
    mine = put_escalation(state, 1, regency="16.01")
    for number in range(ESCALATIONS_KEPT + 50):
        put_escalation(state, 2 + number, regency="16.71")
    assert len(state.escalations()) == len(state.snapshot()["escalations"]) == ESCALATIONS_KEPT
    assert len(state.regency("16.71")["escalations"]) == ESCALATIONS_PER_REGENCY
    assert state.regency("16.01")["escalations"] == [mine]


@pytest.mark.parametrize(
    "value", [b"", b"{", b"[]", b"{}", orjson.dumps(row(as_of="yesterday")), orjson.dumps(row(since=None))]
)
def test_an_invalid_row_is_rejected_and_the_last_valid_one_stays(value):
    state = BoardState()
    good = put_row(state)
    with pytest.raises(InvalidRecord):
        state.put_row("16.71", value)
    assert state.rows["16.71"] == good


def test_timeline_of_data_status():
    state = BoardState()
    for minute, status, change, gap_since in (
        (0, "silent", None, at(-60)),  # since its clock began
        (5, "live", None, None),
        (200, "stale", None, at(200)),  # the change was seen
        (210, "stale", None, at(200)),
        (220, "live", "recovered", None),
    ):
        put_row(state, minute=minute, data_status=status)
        if change:
            put_escalation(state, change=change, minute=minute)
        assert _gap_since_ms(state) == _ms(gap_since), minute


def test_after_a_restart_the_last_stale_escalation_dates_the_gap():
    state = BoardState()
    put_row(state, minute=500, data_status="stale")
    assert _gap_since_ms(state) == _ms(at(500))
    put_escalation(state, change="stale", minute=200)
    assert _gap_since_ms(state) == _ms(at(200))


def _gap_since_ms(state):
    return state.snapshot()["rows"][0]["quiet_since_ms"]


def _ms(text):
    return text and int(datetime.fromisoformat(text).timestamp() * 1000)


def _play(state, steps):
    for kind, code, score in steps:
        if kind == "row":
            put_row(state, code, score=score)
        elif kind == "gone":
            state.put_row(code, None)
        else:
            put_escalation(state, appended_ms=len(state.escalations()), regency=code, score=score)


def _follow(seen, update):
    """What a viewer does with an update."""
    rows = {item["regency"]: item for item in seen["rows"] if item["regency"] not in update["removed"]}
    rows |= {item["regency"]: item for item in update["rows"]}
    seen["rows"] = [rows[code] for code in sorted(rows)]
    seen["escalations"] += update["escalations"]
