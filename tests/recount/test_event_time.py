"""The event clock is recounted too: the order in which a ledger is folded, and all that follows from it."""

import pytest

from tests.recount.event_time import EventOrder
from tests.recount.records import Evidence
from tests.recount.sample_deployment import SHARDS
from tests.recount.sample_runs import PLACES, check, rewritten, where

MINUTE_MS, HOUR_MS = 60_000, 3_600_000


def laws_broken(run: Evidence) -> set[str]:
    return {violation.law for violation in check(run, PLACES, shards=SHARDS)}


def test_an_exact_run_breaks_no_law_and_holds_something_to_judge(by_event_time):
    assert check(by_event_time, PLACES, shards=SHARDS) == []
    changes = {record.json()["change"] for record in by_event_time.topics["escalations"]}
    assert changes >= {"raised", "lowered", "amended"}
    assert "future" in {record.headers["siaga.reason"].decode() for record in by_event_time.topics["rejected"]}


def test_entries_folded_as_they_lie_break_the_laws(by_event_time):
    """Without the order of event time other rows would come out, and other escalations."""
    assert "C" in {violation.law for violation in check(by_event_time, PLACES)}
    by_event_time.topics["risk"].clear()
    faults = [violation.text for violation in check(by_event_time, PLACES) if violation.law == "B"]
    assert any("missing: raised" in fault for fault in faults) and any("spurious: raised" in fault for fault in faults)


def test_a_lost_watermark_is_found(by_event_time):
    ledger = by_event_time.topics["ledger"]
    del ledger[[index for index, record in enumerate(ledger) if record.key == b"*"][-1]]
    assert laws_broken(by_event_time)


@pytest.mark.parametrize("topic, law", [("escalations", "B"), ("risk", "C")])
def test_a_wrong_score_is_found(by_event_time, topic, law):
    records = by_event_time.topics[topic]
    index = where(records, lambda record: record.json()["score"] > 10 and len(record.key) == 5)
    records[index] = rewritten(records[index], score=records[index].json()["score"] + 5)
    assert law in laws_broken(by_event_time)


def figure(at_ms: int, name: str, source: str) -> list:
    return ["t", at_ms, name, " TPS 001", 1, 1, at_ms, 1, source, False]


def test_an_entry_waits_until_every_busy_shard_has_passed_it():
    order = EventOrder(shards=2)

    def watermark(at_ms: int, shard: str, is_idle: bool = False) -> list:
        return list(order.take("*", [["w", at_ms, shard, is_idle]]))

    late, early = figure(90_000, "b", "kpu"), figure(30_000, "a", "kpu")
    assert list(order.take("16.71", [late, early])) == []
    assert watermark(90_001, "a") == []
    assert watermark(30_000, "b") == []
    assert watermark(30_001, "b") == [("16.71", early)]
    assert watermark(60_000, "b", is_idle=True) == [("*", ["k", 60_000]), ("16.71", late)]
    assert watermark(90_001, "a", is_idle=True) == [("*", ["k", 90_001])]
    assert list(order.take("16.71", [late])) == [("16.71", late)]


def test_entries_of_one_moment_come_by_id_and_source_before_its_tick():
    order, entries = EventOrder(shards=1), [figure(60_000, *which) for which in (("b", "kpu"), ("a", "polda"))]
    entries += [figure(60_000, "a", "kpu"), figure(59_000, "c", "kpu")]
    assert list(order.take("16.71", entries)) == []
    assert list(order.take("*", [["w", 60_000, "a", False]])) == [("16.71", entries.pop())]
    due = [*(("16.71", entry) for entry in reversed(entries)), ("*", ["k", 60_000])]
    assert list(order.take("*", [["w", 60_000, "a", True]])) == due


def test_over_a_gap_of_days_ticks_come_at_full_hours():
    order = EventOrder(shards=1)
    assert list(order.take("*", [["w", HOUR_MS, "a", False]])) == []
    due = list(order.take("*", [["w", 3 * 24 * HOUR_MS, "a", False]]))
    assert due[1][1][1] - due[0][1][1] == HOUR_MS and due[-1][1][1] - due[-2][1][1] == MINUTE_MS
