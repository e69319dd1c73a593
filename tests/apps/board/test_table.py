"""What the board keeps, and that updates on top of a snapshot equal the next snapshot."""

from datetime import datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.board.table import ESCALATIONS_KEPT, ESCALATIONS_PER_REGENCY, BoardTable, Unreadable
from tests.apps.board.examples import at, escalation, give_escalation, give_row, row

CODES = st.sampled_from(["16.01", "16.02", "16.71"])
STEP = st.one_of(
    st.tuples(st.just("row"), CODES, st.integers(0, 100)),
    st.tuples(st.just("gone"), CODES, st.just(0)),
    st.tuples(st.just("escalation"), CODES, st.integers(0, 100)),
)


@given(st.lists(STEP, max_size=30), st.lists(STEP, max_size=30))
def test_a_snapshot_and_the_updates_after_it_make_the_next_snapshot(before, after):
    table = BoardTable()
    _play(table, before)
    seen = table.snapshot()
    table.drain()
    for step in after:
        _play(table, [step])
        _follow(seen, table.drain())
    assert (seen["rows"], seen["escalations"]) == (table.snapshot()["rows"], table.snapshot()["escalations"])


def test_nothing_changed_gives_no_update():
    table = BoardTable()
    assert table.drain() is None
    give_row(table)
    assert table.drain()["rows"][0]["regency"] == "16.71"
    assert table.drain() is None


def test_rows_are_kept_as_they_came():
    table = BoardTable()
    given_row = give_row(table, "16.02", score=33, extra="new field")
    assert table.rows == {"16.02": given_row}
    assert table.regency("16.02")["row"] == given_row
    assert table.regency("99.99")["row"] is None


def test_an_escalation_read_twice_counts_once():
    table = BoardTable()
    value = orjson.dumps(escalation())
    table.take_escalation(value, 1, 0, 5)
    table.take_escalation(value, 1, 0, 5)
    assert len(table.escalations()) == 1


def test_escalations_of_several_partitions_stand_in_the_order_the_broker_got_them():
    table = BoardTable()
    for appended_ms, partition in ((30, 0), (10, 1), (20, 2)):
        table.take_escalation(orjson.dumps(escalation(episode=appended_ms)), appended_ms, partition, 0)
    assert [item["episode"] for item in table.escalations()] == [30, 20, 10]


def test_only_the_newest_escalations_are_kept_and_a_regency_keeps_its_own_through_a_storm_elsewhere():
    table = BoardTable()
    mine = give_escalation(table, 1, regency="16.01")
    for number in range(ESCALATIONS_KEPT + 50):
        give_escalation(table, 2 + number, regency="16.71")
    assert len(table.escalations()) == len(table.snapshot()["escalations"]) == ESCALATIONS_KEPT
    assert len(table.regency("16.71")["escalations"]) == ESCALATIONS_PER_REGENCY
    assert table.regency("16.01")["escalations"] == [mine]


@pytest.mark.parametrize(
    "value", [b"", b"{", b"[]", b"{}", orjson.dumps(row(as_of="yesterday")), orjson.dumps(row(since=None))]
)
def test_an_unreadable_row_is_refused_and_the_last_good_one_stays(value):
    table = BoardTable()
    good = give_row(table)
    with pytest.raises(Unreadable):
        table.take_row("16.71", value)
    assert table.rows["16.71"] == good


def test_timeline_of_quiet():
    table = BoardTable()
    for minute, status, told, quiet_since in (
        (0, "silent", None, at(-60)),  # since its clock began
        (5, "live", None, None),
        (200, "stale", None, at(200)),  # the change was seen
        (210, "stale", None, at(200)),
        (220, "live", "recovered", None),
    ):
        give_row(table, minute=minute, data_status=status)
        if told:
            give_escalation(table, change=told, minute=minute)
        assert _quiet(table) == _ms(quiet_since), minute


def test_after_a_restart_the_last_stale_escalation_tells_since_when():
    table = BoardTable()
    give_row(table, minute=500, data_status="stale")
    assert _quiet(table) == _ms(at(500))
    give_escalation(table, change="stale", minute=200)
    assert _quiet(table) == _ms(at(200))


def _quiet(table):
    return table.snapshot()["rows"][0]["quiet_since_ms"]


def _ms(text):
    return text and int(datetime.fromisoformat(text).timestamp() * 1000)


def _play(table, steps):
    for kind, code, score in steps:
        if kind == "row":
            give_row(table, code, score=score)
        elif kind == "gone":
            table.take_row(code, None)
        else:
            give_escalation(table, appended_ms=len(table.escalations()), regency=code, score=score)


def _follow(seen, update):
    """What a viewer does with an update."""
    rows = {item["regency"]: item for item in seen["rows"] if item["regency"] not in update["removed"]}
    rows |= {item["regency"]: item for item in update["rows"]}
    seen["rows"] = [rows[code] for code in sorted(rows)]
    seen["escalations"] += update["escalations"]
