"""The checker is checked: an honest run has no fault, and each planted one is found and called by its law."""

import json
from collections import Counter
from dataclasses import replace

import pytest

from tests.chaos.checker import check
from tests.chaos.evidence import Evidence, Seen
from tests.chaos.oracle import read_inputs
from tests.chaos.planting import PLACES, entries_of, found, rewritten, where


def is_report(record: Seen) -> bool:
    return entries_of(record)[0][0] in ("i", "t")


def is_single(kind: str, record: Seen) -> bool:
    return [entry[0] for entry in entries_of(record)] == [kind]


def test_an_honest_run_has_no_fault_and_something_to_judge(honest):
    assert check(honest, PLACES) == []
    assert len(honest.topics["rejected"]) > 15
    told = [json.loads(record.value) for record in honest.topics["escalations"]]
    assert {e["change"] for e in told} == {"raised", "lowered", "cleared", "amended", "stale", "recovered"}
    assert {e["change"] for e in told if e["regency"] == "16"} >= {"raised", "lowered"}
    told = [(len(r.key), entry[5] == "") for r in honest.topics["ledger"] for entry in entries_of(r) if entry[0] == "n"]
    assert set(told) == {(5, True), (5, False), (2, True), (2, False)}
    assert any(len(entries_of(record)) > 1 for record in honest.topics["ledger"])


def with_a_tick_at_the_end(evidence: Evidence) -> Seen:
    """One that passes a time of the grid, in the partition of the last tick."""
    ledger = evidence.topics["ledger"]
    last = [record for record in ledger if record.key == b"*"][-1]
    end = max(record.offset for record in ledger if record.partition == last.partition)
    late = replace(last, offset=end + 1, at_ms=max(record.at_ms for record in ledger) + 60_000)
    ledger.append(late)
    return late


def test_a_tick_that_came_when_the_last_worker_had_ended_is_nobodys_fault(planted):
    with_a_tick_at_the_end(planted)
    assert check(planted, PLACES) == []


def test_a_tick_that_was_folded_and_has_no_rows_is_found(planted):
    late = with_a_tick_at_the_end(planted)
    state = planted.topics["risk-state"]
    last = [record for record in state if (record.key, record.partition) == (b"@next", late.partition)][-1]
    state.append(rewritten(last, offset=late.offset + 1))
    assert found(planted, "C", f"no row at ledger offsets [{late.offset}]")


def test_an_entry_at_the_end_that_nobody_folded_is_found(planted):
    ledger = planted.topics["ledger"]
    last = [record for record in ledger if len(record.key) == 5][-1]
    end = max(record.offset for record in ledger if record.partition == last.partition)
    ledger.append(replace(last, offset=end + 1))
    assert found(planted, "C", f"no row at ledger offsets [{end + 1}]")


def test_a_lost_input_is_found(planted):
    ledger = planted.topics["ledger"]
    del ledger[where(ledger, is_report)]
    assert found(planted, "A", "lost")


def test_a_doubled_input_is_found(planted):
    ledger = planted.topics["ledger"]
    index = where(ledger, is_report)
    ledger.insert(index, replace(ledger[index], offset=ledger[index].offset + 1))
    assert found(planted, "A", "doubled")


@pytest.mark.parametrize("kind, field", [("t", 5), ("t", 6), ("i", 9), ("i", 10)])
def test_a_changed_input_is_found(planted, kind, field):
    ledger = planted.topics["ledger"]
    index = where(ledger, lambda record: is_single(kind, record))
    [entry] = entries_of(ledger[index])
    entry[field] += 1
    ledger[index] = replace(ledger[index], value=json.dumps([entry]).encode())
    assert found(planted, "A", "lost") and found(planted, "A", "doubled")


def test_a_reorder_is_found(planted):
    inputs = planted.topics["incidents"]
    accepted = [(r, m["regency"]) for r, m in read_inputs(planted, set(PLACES)).accepted if r.topic == "incidents"]
    once = Counter(r.value for r, _ in accepted)
    first, *_, second = (
        inputs.index(r) for r, code in accepted if (r.partition, code) == (1, "16.71") and once[r.value] == 1
    )
    inputs[first], inputs[second] = (
        replace(inputs[second], offset=inputs[first].offset),
        replace(inputs[first], offset=inputs[second].offset),
    )
    assert found(planted, "A", "reordered")


def test_a_misplaced_entry_is_found(planted):
    ledger = planted.topics["ledger"]
    index = where(ledger, is_report)
    ledger.append(replace(ledger.pop(index), partition=(ledger[index].partition + 1) % 3, offset=10**6))
    assert found(planted, "A", "misplaced")


@pytest.mark.parametrize("word, change", [
    ("was not rejected", lambda rejected: rejected.pop(5)),
    ("rejected 2 times", lambda rejected: rejected.append(rejected[5])),
    ("other bytes", lambda rejected: rejected.insert(5, replace(rejected.pop(5), value=b"other"))),
])  # fmt: skip
def test_a_wrong_rejection_is_found(planted, word, change):
    change(planted.topics["rejected"])
    assert found(planted, "A", word)


def test_a_good_input_that_was_rejected_is_found(planted):
    inputs, rejected = planted.topics["turnout"], planted.topics["rejected"]
    good = inputs[
        where(inputs, lambda r: r.value and b'"voted"' in r.value and b"99.99" not in r.value and len(r.value) < 300)
    ]
    source = {"topic": "p.turnout", "partition": good.partition, "offset": good.offset}
    headers = {f"siaga.source.{name}": str(value).encode() for name, value in source.items()}
    rejected.append(replace(good, topic="rejected", headers=headers | {"siaga.reason": b"schema"}))
    assert found(planted, "A", "though good")


def test_a_doubled_escalation_is_found(planted):
    planted.topics["escalations"].append(planted.topics["escalations"][3])
    assert found(planted, "B", "published 2 times")


def test_an_episode_with_a_hole_is_found(planted):
    escalations = planted.topics["escalations"]
    index = where(escalations, lambda r: json.loads(r.value)["change"] == "raised")
    escalations[index] = rewritten(escalations[index], episode=9)
    assert found(planted, "B", "episode 9")


def last_row(evidence: Evidence, code: bytes = b"16.71") -> int:
    return max(index for index, record in enumerate(evidence.topics["risk"]) if record.key == code)


def test_a_row_from_the_future_is_found(planted):
    rows = planted.topics["risk"]
    index = last_row(planted)
    hour_earlier = replace(rows[index], at_ms=rows[index].at_ms - 3_600_000)
    rows[index] = hour_earlier
    assert found(planted, "C", "ahead of its time")


def test_a_row_that_missed_the_last_batch_is_found(planted):
    rows = planted.topics["risk"]
    del rows[last_row(planted)]
    assert found(planted, "C", "lost: no row") and found(planted, "C", "torn: its state stands at")


def test_a_row_written_by_a_zombie_is_found(planted):
    rows = planted.topics["risk"]
    old = next(record for record in rows if record.key == b"16.71")
    rows.append(replace(old, offset=10**6))
    assert found(planted, "C", "goes back")


def test_a_torn_transaction_is_found(planted):
    """The escalation of a batch without its row: half a transaction."""
    escalation = json.loads(planted.topics["escalations"][-1].value)
    code, at = escalation["regency"], escalation["ledger"]["offset"]
    planted.topics["risk"] = [
        r for r in planted.topics["risk"] if r.key != code.encode() or json.loads(r.value)["ledger"]["offset"] < at
    ]
    assert found(planted, "C", "torn: escalation")


def test_aborted_data_that_shows_is_found(planted):
    """A batch that was aborted and folded again, read as if both counted."""
    for topic in ("ledger", "risk", "escalations"):
        records = planted.topics[topic]
        again = [replace(record, offset=record.offset + 1) for record in records[-40:]]
        planted.topics[topic] = sorted(records + again, key=lambda r: (r.partition, r.offset))
    assert (
        found(planted, "A", "doubled") and found(planted, "B", "published 2 times") and found(planted, "C", "goes back")
    )


def test_state_that_is_behind_its_row_is_found(planted):
    state = planted.topics["risk-state"]
    heads = [index for index, record in enumerate(state) if record.key == b"16.71/h"]
    del state[heads[-1]]
    assert found(planted, "C", "its state stands at")


def test_a_group_that_does_not_settle_is_found(planted):
    planted.group_state = "PreparingRebalance"
    planted.open_transactions = ["siaga-risk-ledger-0"]
    planted.ends["ledger", 1] = (planted.ends["ledger", 1][1] - 3, planted.ends["ledger", 1][1])
    planted.committed["turnout", 2] = 5
    planted.committed["incidents", 1] += 2
    assert [violation.law for violation in check(planted, PLACES)] == ["D"] * 6
