"""The event clock is recounted too: the order in which a ledger is folded, and all that follows from it."""

import pytest

from tests.recount.event_time import EventOrder
from tests.recount.laws import check
from tests.recount.records import Evidence
from tests.recount.sample_runs import PLACES, SHARDS, rewritten, where

MINUTE_MS, HOUR_MS = 60_000, 3_600_000


def laws_broken(run: Evidence) -> set[str]:
    return {violation.law for violation in check(run, PLACES, shards=SHARDS)}


def test_an_exact_run_breaks_no_law_and_holds_something_to_judge(by_event_time):
    assert check(by_event_time, PLACES, shards=SHARDS) == []
    changes = {record.json()["change"] for record in by_event_time.topics["escalations"]}
    assert changes >= {"raised", "lowered", "amended"}
    assert "future" not in {record.headers["siaga.reason"].decode() for record in by_event_time.topics["rejected"]}


def test_entries_folded_as_they_lie_break_the_laws(by_event_time):
    """Without the order of event time other escalations would come out."""
    assert "B" in {violation.law for violation in check(by_event_time, PLACES)}


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


def test_an_entry_waits_until_every_busy_shard_has_passed_it():
    order = EventOrder(shards=2)

    def watermark(at_ms: int, shard: str, is_idle: bool = False) -> list:
        return list(order.take(9, "*", [["w", at_ms, shard, is_idle]]))

    late, early = ["t", 90_000, "b", "TPS", 1, 1, 90_000, 1], ["t", 30_000, "a", "TPS", 1, 1, 30_000, 1]
    assert list(order.take(0, "16.71", [late, early])) == []
    assert watermark(90_000, "a") == []
    assert watermark(30_000, "b") == [("16.71", early)]
    assert watermark(60_000, "b", is_idle=True) == [("*", ["k", 60_000]), ("16.71", late)]
    assert watermark(90_000, "a", is_idle=True) == [("*", ["k", 90_000])]
    assert list(order.take(5, "16.71", [late])) == [("16.71", late)]


def test_over_a_gap_of_days_ticks_come_at_full_hours():
    order = EventOrder(shards=1)
    assert list(order.take(0, "*", [["w", HOUR_MS, "a", False]])) == []
    due = list(order.take(1, "*", [["w", 3 * 24 * HOUR_MS, "a", False]]))
    assert due[1][1][1] - due[0][1][1] == HOUR_MS and due[-1][1][1] - due[-2][1][1] == MINUTE_MS
