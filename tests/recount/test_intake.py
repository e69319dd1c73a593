"""Input that was taken away before it was read, and state that was rebuilt: faults planted beside are found."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.recount.intake import fingerprints, has_vanished, read_inputs, vanished
from tests.recount.ledger import entries, fingerprint_of_entry, home
from tests.recount.records import Evidence, Record
from tests.recount.sample_runs import PLACES, Faults, check, fields_of, found, rewritten

fault = FAULTS = Faults()


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(lossy, name):
    assert FAULTS.unfound(name, lossy) == []


def test_an_exact_run_that_lost_input_and_state_breaks_no_law(lossy):
    assert check(lossy, PLACES) == []
    inputs = read_inputs(lossy, set(PLACES))
    assert len(inputs.vanished) == 30 + 3 * 20 + 10 + 5
    places = [(r.topic, r.partition, r.offset) for r, _ in inputs.rejected]
    assert len(set(places)) < len(places), "a bad record at the same offset of two incarnations"
    assert len(lossy.lost_states) == 2 and all(lossy.lost_states)


def gone(run: Evidence, incarnation: int) -> list[Record]:
    """Records of incidents[1] that nobody read, of one of its incarnations."""
    gaps = vanished(run)
    return [r for r in run.inputs if r.place == ("incidents", 1, incarnation) and has_vanished(r, gaps)]


@pytest.mark.parametrize("incarnation", [0, 1])
def test_a_record_lost_beside_the_vanished_ones_is_found(lossy, incarnation):
    """One read right before others vanished, and one right after the topic was created again."""
    ledger, inputs = lossy.topics["ledger"], read_inputs(lossy, set(PLACES))
    alone = {
        fingerprint_of_entry(next(entries([record]))): index
        for index, record in enumerate(ledger)
        if [entry[0] for entry in fields_of(record)] == ["i"]
    }
    accepted = zip(inputs.accepted, fingerprints(inputs), strict=True)
    prints = [fingerprint for (r, _), fingerprint in accepted if r.place == ("incidents", 1, incarnation)]
    read_alone = [item for item in prints if item in alone]
    del ledger[alone[read_alone[0 if incarnation else -1]]]
    assert found(lossy, "A", "lost: 1 of input")


@pytest.mark.parametrize("incarnation", [0, 1])
def test_a_vanished_record_that_is_on_the_ledger_is_found(lossy, incarnation):
    """Of those that were cut off, and of those that were deleted with their topic."""
    ids = {message["event_id"] for _, message in read_inputs(lossy, set(PLACES)).accepted}
    everything = read_inputs(replace(lossy, topics=lossy.topics | {"intake-state": []}, recreated={}), set(PLACES))
    lost = gone(lossy, incarnation)
    fingerprint = next(
        fingerprint
        for (record, m), fingerprint in zip(everything.accepted, fingerprints(everything), strict=True)
        if record in lost and m["event_id"] not in ids
    )
    ledger, code = lossy.topics["ledger"], fingerprint[1]
    like = next(record for record in ledger if [entry[0] for entry in fields_of(record)] == ["i"])
    value = json.dumps([[*fields_of(like)[0][:2], *fingerprint[2:]]]).encode()
    ledger.append(replace(like, key=code.encode(), partition=home(code, 3), offset=10**6, value=value))
    assert found(lossy, "A", "doubled: 1 of")


def test_a_vanished_record_that_was_rejected_is_found(lossy):
    rejected = lossy.topics["rejected"]
    source = {"topic": "p.incidents", "partition": 1, "offset": gone(lossy, 0)[3].offset}
    headers = {f"siaga.source.{name}": str(value).encode() for name, value in source.items()}
    rejected.append(replace(rejected[0], headers=headers | {"siaga.reason": b"schema"}))
    assert found(lossy, "A", "gone: ('incidents', 1,") or found(lossy, "A", "which was bad 1 times")


def test_a_bad_record_not_rejected_is_found_though_its_offset_was_before(lossy):
    """One of the second incarnation, with the offset of a bad one of the first."""
    places = [(r.topic, r.partition, r.offset) for r, _ in read_inputs(lossy, set(PLACES)).rejected]
    twice = next(place for place in places if places.count(place) == 2)
    source = zip(("topic", "partition", "offset"), ("p." + twice[0], *twice[1:]), strict=True)
    want = {f"siaga.source.{name}": str(value).encode() for name, value in source}
    at = [i for i, r in enumerate(lossy.topics["rejected"]) if want.items() <= r.headers.items()]
    assert len(at) == 2
    del lossy.topics["rejected"][at[1]]
    assert found(lossy, "A", f"lost: {twice} is bad")


GAP_FAULTS: list[tuple[str, Callable[[int, int], list[int]]]] = [
    ("ends where nothing was cut", lambda start, stop: [start, stop - 1]),
    ("ends where nothing was cut", lambda start, stop: [start, stop + 1]),
    ("does not begin at", lambda start, stop: [start + 1, stop]),
    ("does not begin at", lambda start, stop: [start - 1, stop]),
    ("goes beyond", lambda start, stop: [start, 10**5]),
    ("lost", lambda start, stop: [0, 0]),
]


@pytest.mark.parametrize("word, change", GAP_FAULTS)
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_miscounted_gap_is_found(lossy, change, word, number):
    notes = lossy.topics["intake-state"]
    index = [i for i, record in enumerate(notes) if "gone" in record.json()][number]
    notes[index] = rewritten(notes[index], gone=change(*notes[index].json()["gone"]))
    assert found(lossy, "A", word)


@fault(("A", "ends where nothing was cut"))
def a_gap_noted_before_anything_was_cut(run):
    run.cuts[0] = run.cuts[0]._replace(noted_to=run.cuts[0].noted_to + 100)


@fault(("A", "counts 1 offsets that held nothing"))
def a_gap_over_an_offset_that_held_nothing(run):
    run.topics["incidents"].remove(gone(run, 0)[5])


def last_note(run: Evidence) -> int:
    """Of incidents[1] before it was created again."""
    recreated = run.recreated["incidents", 1][0]
    notes = enumerate(run.topics["intake-state"])
    return max(i for i, r in notes if (r.key, r.partition) == (b"p.incidents", 1) and r.offset < recreated)


@fault(("A", "lost: "))
def a_note_ahead_of_what_was_read_before_the_topic_was_deleted(run):
    notes, last = run.topics["intake-state"], last_note(run)
    notes[last] = rewritten(notes[last], offset=notes[last].json()["offset"] + 20)


@fault(("D", "goes back"))
def a_note_that_goes_back_within_an_incarnation(run):
    notes, last = run.topics["intake-state"], last_note(run)
    notes[last] = rewritten(notes[last], offset=1)


@fault(("D", "intake noted"))
def a_note_that_the_group_contradicts(run):
    run.committed["incidents", 1] += 1


@fault(("D", "was read up to"))
def a_recreated_input_that_was_not_read_to_its_end(run):
    run.committed["turnout", 2] -= 1


@pytest.mark.parametrize("more", [-1, 1])
@pytest.mark.parametrize("which", [0, 1])
def test_state_rebuilt_without_publishing_too_little_or_too_much_is_found(lossy, more, which):
    state = [*lossy.lost_states, lossy.topics["risk-state"]][which + 1]
    index = next(i for i, record in enumerate(state) if record.key == b"@begin")
    state[index] = rewritten(state[index], quiet_until=state[index].json()["quiet_until"] + more)
    assert found(lossy, "C", "was rebuilt without publishing up to")


def test_a_lost_row_is_found_by_a_state_that_was_lost_afterwards(lossy):
    state = lossy.lost_states[1]
    heads = [r for r in state if r.key == b"16.71/h"]
    [begin] = [r for r in state if (r.key, r.partition) == (b"@begin", heads[0].partition)]
    quiet = begin.json()["quiet_until"]
    at = next(offset for offset in (head.json()["offset"] for head in heads) if offset >= quiet)
    rows = lossy.topics["risk"]
    [index] = [i for i, r in enumerate(rows) if r.key == b"16.71" and r.json()["ledger"]["offset"] == at]
    del rows[index]
    assert found(lossy, "C", f"16.71: lost: no row at ledger offsets [{at}]")
