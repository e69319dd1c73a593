"""The checker is checked: an honest run has no fault, and each planted one is found and called by its law."""

import copy
import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.chaos import oracle
from tests.chaos.checker import check
from tests.chaos.evidence import Evidence, Seen
from tests.chaos.honest import honest_evidence
from tests.chaos.run import ROSTER

PLACES = oracle.roster(ROSTER)


@pytest.fixture(scope="module")
def honest() -> Evidence:
    return honest_evidence(seed=7, count=1500)


@pytest.fixture
def planted(honest) -> Evidence:
    return copy.deepcopy(honest)


def found(evidence: Evidence, law: str, word: str) -> bool:
    return any(violation.law == law and word in violation.text for violation in check(evidence, PLACES))


def where(records: list[Seen], wanted) -> int:
    """Index of a record in the middle of those wanted."""
    indices = [index for index, record in enumerate(records) if wanted(record)]
    return indices[len(indices) // 2]


def entries_of(record: Seen) -> list:
    return json.loads(record.value)


def is_report(record: Seen) -> bool:
    return entries_of(record)[0][0] in ("i", "t")


def is_applied_turnout(record: Seen) -> bool:
    return entries_of(record)[0][0] == "t" and not entries_of(record)[0][-1]


def rewritten(record: Seen, **changes: object) -> Seen:
    return replace(record, value=json.dumps(json.loads(record.value) | changes).encode())


def test_an_honest_run_has_no_fault_and_something_to_judge(honest):
    assert check(honest, PLACES) == []
    assert len(honest.topics["escalations"]) > 10
    assert len(honest.topics["rejected"]) > 30
    assert any(entries_of(record)[0][0] == "n" for record in honest.topics["ledger"])


def test_a_lost_input_is_found(planted):
    ledger = planted.topics["ledger"]
    del ledger[where(ledger, is_report)]
    assert found(planted, "A", "lost")


def test_a_doubled_input_is_found(planted):
    ledger = planted.topics["ledger"]
    index = where(ledger, is_report)
    ledger.insert(index, replace(ledger[index], offset=ledger[index].offset + 1))
    assert found(planted, "A", "doubled")


def test_a_changed_input_is_found(planted):
    ledger = planted.topics["ledger"]
    index = where(ledger, is_applied_turnout)
    [entry] = entries_of(ledger[index])
    entry[5] += 1
    ledger[index] = replace(ledger[index], value=json.dumps([entry]).encode())
    assert found(planted, "A", "lost") and found(planted, "A", "doubled")


def test_a_reorder_is_found(planted):
    inputs = planted.topics["incidents"]
    good = [i for i, r in enumerate(inputs) if r.value and b'"severity"' in r.value and b'"16.71"' in r.value]
    first = good[len(good) // 2]
    second = next(i for i in good if i > first + 10 and inputs[i].partition == inputs[first].partition)
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
    good = inputs[where(inputs, lambda r: r.value and b'"voted"' in r.value and b"99.99" not in r.value and len(r.value) < 300)]
    source = {"topic": "p.turnout", "partition": good.partition, "offset": good.offset}
    headers = {f"siaga.source.{name}": str(value).encode() for name, value in source.items()}
    rejected.append(replace(good, topic="rejected", headers=headers | {"siaga.reason": b"schema"}))
    assert found(planted, "A", "though good")


def test_a_lost_escalation_is_found(planted):
    escalations = planted.topics["escalations"]
    del escalations[where(escalations, lambda r: json.loads(r.value)["change"] == "raised")]
    assert found(planted, "C", "torn")
    assert found(planted, "B", "doubled")  # its neighbours were told of it


def test_an_escalation_that_never_came_is_found(planted):
    """As if the fold had been deaf to a grave incident: no escalation, no notice, and rows that say normal."""
    code = json.loads(planted.topics["escalations"][0].value)["regency"]
    planted.topics["escalations"] = [r for r in planted.topics["escalations"] if r.key != code.encode()]
    planted.topics["risk"] = [
        rewritten(r, level="normal") if r.key == code.encode() else r for r in planted.topics["risk"]
    ]
    assert found(planted, "B", "missing")


def test_a_doubled_escalation_is_found(planted):
    planted.topics["escalations"].append(planted.topics["escalations"][3])
    assert found(planted, "B", "published 2 times")


def test_an_episode_with_a_hole_is_found(planted):
    escalations = planted.topics["escalations"]
    index = where(escalations, lambda r: json.loads(r.value)["change"] == "raised")
    escalations[index] = rewritten(escalations[index], episode=9)
    assert found(planted, "B", "episode 9")


@pytest.mark.parametrize("word, change", [("was not told", list.pop), ("beyond", lambda told: told.append(told[0]))])
def test_a_notice_lost_or_doubled_is_found(planted, word, change):
    ledger = planted.topics["ledger"]
    notices = [r for r in ledger if entries_of(r)[0][0] == "n" and len(r.key) == 5 and entries_of(r)[0][5]]
    others = [r for r in ledger if r not in notices]
    change(notices)
    planted.topics["ledger"] = sorted(others + notices, key=lambda r: (r.partition, r.offset))
    assert found(planted, "B", word)


def last_row(evidence: Evidence, code: bytes = b"16.71") -> int:
    return max(index for index, record in enumerate(evidence.topics["risk"]) if record.key == code)


@pytest.mark.parametrize("part, name, value", [
    ("turnout", "voted", 1), ("turnout", "corrected", 999), ("excluded", "duplicate", 0), ("excluded", "late", 999),
    ("windows", "1h", {"incidents": 0, "weight": 0}),
])  # fmt: skip
def test_a_wrong_figure_in_a_row_is_found(planted, part, name, value):
    rows = planted.topics["risk"]
    index = last_row(planted)
    rows[index] = rewritten(rows[index], **{part: json.loads(rows[index].value)[part] | {name: value}})
    assert found(planted, "C", name)


def test_a_row_whose_clock_stood_still_is_found(planted):
    rows = planted.topics["risk"]
    index = last_row(planted)
    as_of = datetime.fromisoformat(json.loads(rows[index].value)["as_of"]) - timedelta(seconds=16)
    rows[index] = rewritten(rows[index], as_of=as_of.isoformat())
    assert found(planted, "C", "before the newest time")


def test_a_row_from_the_future_is_found(planted):
    rows = planted.topics["risk"]
    index = last_row(planted)
    hour_earlier = replace(rows[index], at_ms=rows[index].at_ms - 3_600_000)
    rows[index] = hour_earlier
    assert found(planted, "C", "ahead of its time")


def test_a_row_that_missed_the_last_batch_is_found(planted):
    rows = planted.topics["risk"]
    del rows[last_row(planted)]
    assert found(planted, "C", "its row stands at") and found(planted, "C", "torn: its state stands at")


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
    assert found(planted, "A", "doubled") and found(planted, "B", "published 2 times") and found(planted, "C", "goes back")


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
    assert [violation.law for violation in check(planted, PLACES)] == ["D"] * 4
