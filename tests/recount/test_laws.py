"""The laws are tested: an exact run breaks none, and each planted fault is found under its law."""

import json
from collections import Counter
from dataclasses import replace

import pytest

from tests.recount.intake import read_inputs
from tests.recount.ledger import INPUT_HEADER
from tests.recount.records import Evidence, Record
from tests.recount.sample_runs import PLACES, Faults, check, fields_of, rewritten, where

fault = FAULTS = Faults()


def is_report(record: Record) -> bool:
    return fields_of(record)[0][0] in ("i", "t")


def test_an_exact_run_breaks_no_law_and_holds_something_to_judge(exact):
    assert check(exact, PLACES) == []
    assert len(exact.topics["rejected"]) > 15
    published = [record.json() for record in exact.topics["escalations"]]
    assert {e["change"] for e in published} == {"raised", "lowered", "cleared", "amended", "stale", "recovered"}
    assert {e["change"] for e in published if e["regency"] == "16"} >= {"raised", "lowered"}
    frames = [(len(record.key), fields_of(record)) for record in exact.topics["ledger"]]
    notices = {(length, entry[5] == "") for length, entries in frames for entry in entries if entry[0] == "n"}
    assert notices == {(5, True), (5, False), (2, True), (2, False)}
    assert any(len(entries) > 1 for _, entries in frames)


def append_tick(run: Evidence) -> Record:
    """A tick at the ledger's end that passes a time of the grid."""
    ledger = run.topics["ledger"]
    last = [record for record in ledger if record.key == b"*"][-1]
    end = max(record.offset for record in ledger if record.partition == last.partition)
    tick = replace(last, offset=end + 1, at_ms=max(record.at_ms for record in ledger) + 60_000)
    ledger.append(tick)
    return tick


def test_a_tick_that_came_after_the_last_worker_had_ended_is_no_fault(exact):
    append_tick(exact)
    assert check(exact, PLACES) == []


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(exact, name):
    assert FAULTS.unfound(name, exact) == []


@fault(("C", "lost: no row at ledger offsets ["))
def a_folded_tick_without_rows(run):
    tick = append_tick(run)
    state = run.topics["risk-state"]
    last = [record for record in state if (record.key, record.partition) == (b"@next", tick.partition)][-1]
    state.append(rewritten(last, offset=tick.offset + 1))


@fault(("C", "lost: no row at ledger offsets ["))
def an_entry_at_the_end_that_nobody_folded(run):
    ledger = run.topics["ledger"]
    last = [record for record in ledger if len(record.key) == 5][-1]
    end = max(record.offset for record in ledger if record.partition == last.partition)
    ledger.append(replace(last, offset=end + 1))


@fault(("A", "lost"))
def a_lost_input(run):
    del run.topics["ledger"][where(run.topics["ledger"], is_report)]


@fault(("A", "doubled"))
def a_doubled_input(run):
    ledger = run.topics["ledger"]
    index = where(ledger, is_report)
    ledger.insert(index, replace(ledger[index], offset=ledger[index].offset + 1))


@pytest.mark.parametrize("kind, field", [("t", 5), ("t", 6), ("i", 9), ("i", 10)])
def test_a_changed_field_of_an_input_is_found(exact, kind, field):
    ledger = exact.topics["ledger"]
    index = where(ledger, lambda record: [entry[0] for entry in fields_of(record)] == [kind])
    [entry] = fields_of(ledger[index])
    entry[field] += 1
    ledger[index] = replace(ledger[index], value=json.dumps([entry]).encode())
    assert {v.text.partition(":")[0] for v in check(exact, PLACES) if v.law == "A"} == {"lost", "doubled", "invented"}


@fault(("A", "invented"))
def an_entry_that_names_another_input(run):
    ledger = run.topics["ledger"]
    index = where(ledger, lambda record: is_report(record) and len(fields_of(record)) == 1)
    topic, partition, [offset] = json.loads(ledger[index].headers[INPUT_HEADER])
    other = json.dumps([topic, partition, [offset + 1]]).encode()
    ledger[index] = replace(ledger[index], headers={INPUT_HEADER: other})


@fault(("A", "ahead"))
def an_entry_that_is_later_than_its_input(run):
    ledger = run.topics["ledger"]
    index = where(ledger, is_report)
    entries = [[kind, at_ms + 60_000, *rest] for kind, at_ms, *rest in fields_of(ledger[index])]
    ledger[index] = replace(ledger[index], value=json.dumps(entries).encode())


@pytest.mark.parametrize(
    "value, headers",
    [(b"garbage", {}), (b"[[]]", {}), (b"{}", {}), (None, {}), (b'[["n", 1]]', {}), ("a report", {})],
)
def test_what_is_no_frame_is_folded_by_nobody(exact, value, headers):
    ledger = exact.topics["ledger"]
    index = where(ledger, is_report)
    value = ledger[index].value if value == "a report" else value
    ledger.insert(index + 1, replace(ledger[index], offset=ledger[index].offset + 1, value=value, headers=headers))
    assert check(exact, PLACES) == []


@fault(("A", "reordered"))
def two_inputs_of_a_regency_in_the_wrong_order(run):
    inputs = run.topics["incidents"]
    accepted = [(r, m["regency"]) for r, m in read_inputs(run, set(PLACES)).accepted if r.topic == "incidents"]
    once = Counter(record.value for record, _ in accepted)
    mine = [r for r, code in accepted if (r.partition, code) == (1, "16.71") and once[r.value] == 1]
    first, second = inputs.index(mine[0]), inputs.index(mine[-1])
    inputs[first], inputs[second] = (
        replace(inputs[second], offset=inputs[first].offset),
        replace(inputs[first], offset=inputs[second].offset),
    )


@fault(("A", "misplaced"))
def an_entry_in_another_partition(run):
    ledger = run.topics["ledger"]
    record = ledger.pop(where(ledger, is_report))
    ledger.append(replace(record, partition=(record.partition + 1) % 3, offset=10**6))


@fault(("A", "was not rejected"))
def a_bad_input_that_was_not_rejected(run):
    del run.topics["rejected"][5]


@fault(("A", "rejected 2 times"))
def a_bad_input_rejected_twice(run):
    run.topics["rejected"].append(run.topics["rejected"][5])


@fault(("A", "other bytes"))
def a_bad_input_rejected_with_other_bytes(run):
    run.topics["rejected"][5] = replace(run.topics["rejected"][5], value=b"other")


@fault(("A", "though good"))
def a_good_input_that_was_rejected(run):
    good = next(record for record, _ in read_inputs(run, set(PLACES)).accepted if record.topic == "turnout")
    source = {"topic": "p.turnout", "partition": good.partition, "offset": good.offset}
    headers = {f"siaga.source.{name}": str(value).encode() for name, value in source.items()}
    run.topics["rejected"].append(replace(good, topic="rejected", headers=headers | {"siaga.reason": b"schema"}))


@fault(("B", "published 2 times"))
def a_doubled_escalation(run):
    run.topics["escalations"].append(run.topics["escalations"][3])


@fault(("B", "episode 9"))
def an_episode_with_a_hole(run):
    escalations = run.topics["escalations"]
    index = where(escalations, lambda r: r.json()["change"] == "raised")
    escalations[index] = rewritten(escalations[index], episode=9)


def last_row(run: Evidence) -> int:
    return max(index for index, record in enumerate(run.topics["risk"]) if record.key == b"16.71")


@fault(("C", "ahead of its time"))
def a_row_from_the_future(run):
    rows, index = run.topics["risk"], last_row(run)
    rows[index] = replace(rows[index], at_ms=rows[index].at_ms - 3_600_000)


@fault(("C", "lost: no row"), ("C", "torn: its state is of"))
def a_row_that_missed_the_last_batch(run):
    del run.topics["risk"][last_row(run)]


@fault(("C", "goes back"))
def a_row_written_by_a_zombie(run):
    old = next(record for record in run.topics["risk"] if record.key == b"16.71")
    run.topics["risk"].append(replace(old, offset=10**6))


@fault(("C", "torn: escalation"))
def an_escalation_without_the_row_of_its_transaction(run):
    last = run.topics["escalations"][-1].json()
    code, at = last["regency"].encode(), last["ledger"]["offset"]
    run.topics["risk"] = [r for r in run.topics["risk"] if r.key != code or r.json()["ledger"]["offset"] < at]


@fault(("A", "doubled"), ("B", "published 2 times"), ("C", "goes back"))
def an_aborted_batch_that_can_be_read(run):
    for topic in ("ledger", "risk", "escalations"):
        records = run.topics[topic]
        again = [replace(record, offset=record.offset + 1) for record in records[-40:]]
        run.topics[topic] = sorted(records + again, key=lambda r: (r.partition, r.offset))


@fault(("C", "its state is of"))
def state_that_is_behind_its_row(run):
    state = run.topics["risk-state"]
    del state[[index for index, record in enumerate(state) if record.key == b"16.71/h"][-1]]


@pytest.mark.parametrize("topic", ["risk", "province", "escalations"])
def test_a_record_under_another_key_is_found(exact, topic):
    records = exact.topics[topic]
    records[5] = replace(records[5], key=b"16.99")
    assert any(v.law == "C" and v.text.startswith("misplaced") for v in check(exact, PLACES))


def test_a_group_that_does_not_settle_is_found(exact):
    exact.group_state = "PreparingRebalance"
    exact.open_transactions = ["siaga-risk-ledger-0"]
    for place in (("ledger", 1), ("risk", 1), ("province", 1), ("intake-state", 1)):
        exact.ends[place] = (exact.ends[place][1] - 3, exact.ends[place][1])
    exact.committed["turnout", 2] = 5
    exact.committed["incidents", 1] += 2
    assert [violation.law for violation in check(exact, PLACES)] == ["D"] * 9


@pytest.mark.parametrize("place, word", [(-1, "the group says"), (10, "goes back")])
def test_a_note_of_intake_that_is_behind_is_found(exact, place, word):
    notes = exact.topics["intake-state"]
    mine = [index for index, record in enumerate(notes) if record.partition == 1 and record.key == b"p.turnout"]
    notes[mine[place]] = rewritten(notes[mine[place]], offset=notes[mine[place]].json()["offset"] // 3)
    assert any(v.law == "D" and word in v.text for v in check(exact, PLACES))
