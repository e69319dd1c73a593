"""Input that was taken away before it was read, and state that was built again: an honest run passes, and each planted
fault is found.
"""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.chaos.checker import check
from tests.chaos.evidence import Evidence, Seen
from tests.chaos.oracle import entries as ledger_entries
from tests.chaos.oracle import print_of_entry, print_of_message, read_inputs
from tests.chaos.planting import PLACES, found
from tests.chaos.vanished import has_vanished, place_of, vanished


def gap(evidence: Evidence, change: Callable[[list[int]], list[int]], number: int = 0) -> None:
    """Change what a note says is gone."""
    notes = evidence.topics["intake-state"]
    index = [i for i, record in enumerate(notes) if "gone" in json.loads(record.value)][number]
    value = json.loads(notes[index].value)
    notes[index] = replace(notes[index], value=json.dumps(value | {"gone": change(value["gone"])}).encode())


def gone(evidence: Evidence, incarnation: int) -> list[Seen]:
    """Records of incidents[1] that nobody read, of one of its incarnations."""
    gaps = vanished(evidence)
    return [r for r in evidence.inputs if place_of(r) == ("incidents", 1, incarnation) and has_vanished(r, gaps)]


def read_after_all(evidence: Evidence, record: Seen) -> None:
    """Put a good record on the ledger, as if it had been read: with the entry of another one that is like it."""
    like = next(r for r in evidence.topics["ledger"] if [e[0] for e in json.loads(r.value)] == ["i"])
    m = json.loads(record.value)
    [entry] = json.loads(like.value)
    told = print_of_message("incidents", m)
    value = json.dumps([[*entry[:2], *told[2:]]]).encode()
    home = int(m["regency"].replace(".", "")) % 3
    entry_record = replace(like, key=m["regency"].encode(), partition=home, offset=10**6, value=value)
    assert print_of_entry(ledger_entries([entry_record])[0]) == told
    evidence.topics["ledger"].append(entry_record)


def test_an_honest_run_that_was_robbed_has_no_fault_and_much_that_vanished(bereft):
    assert check(bereft, PLACES) == []
    inputs = read_inputs(bereft, set(PLACES))
    assert len(inputs.vanished) == 30 + 3 * 20 + 10 + 5
    places = [(r.topic, r.partition, r.offset) for r, _ in inputs.rejected]
    assert len(set(places)) < len(places), "a bad record at the same offset of two incarnations"
    assert len(bereft.lost_states) == 2 and all(bereft.lost_states)


@pytest.mark.parametrize("incarnation", [0, 1])
def test_a_record_lost_beside_the_vanished_ones_is_found(bereft, incarnation):
    """One read right before others vanished, and one right after the topic was created anew."""
    ledger, accepted = bereft.topics["ledger"], read_inputs(bereft, set(PLACES)).accepted
    frames = [(index, ledger_entries([record])) for index, record in enumerate(ledger)]
    alone = {print_of_entry(some[0]): index for index, some in frames if [entry.fields[0] for entry in some] == ["i"]}
    prints = [print_of_message("incidents", m) for r, m in accepted if place_of(r) == ("incidents", 1, incarnation)]
    read_alone = [item for item in prints if item in alone]
    del ledger[alone[read_alone[0 if incarnation else -1]]]
    assert found(bereft, "A", "lost: 1 of input")


@pytest.mark.parametrize("incarnation", [0, 1])
def test_a_vanished_record_that_is_on_the_ledger_is_found(bereft, incarnation):
    """Of those that were cut off, and of those that went with their topic."""
    ids = {json.loads(r.value)["event_id"] for r, _ in read_inputs(bereft, set(PLACES)).accepted}
    good = [
        r
        for r in gone(bereft, incarnation)
        if r.value and r.value.startswith(b'{"event_id"') and r.value.endswith(b"}")
    ]
    record = next(
        r
        for r in good
        if b"note" not in r.value and b"twice" not in r.value and json.loads(r.value)["event_id"] not in ids
    )
    read_after_all(bereft, record)
    assert found(bereft, "A", "doubled: 1 of")


def test_a_vanished_record_that_was_rejected_is_found(bereft):
    rejected = bereft.topics["rejected"]
    source = {"topic": "p.incidents", "partition": 1, "offset": gone(bereft, 0)[3].offset}
    headers = {f"siaga.source.{name}": str(value).encode() for name, value in source.items()}
    rejected.append(replace(rejected[0], headers=headers | {"siaga.reason": b"schema"}))
    assert found(bereft, "A", "gone: ('incidents', 1,") or found(bereft, "A", "which was bad 1 times")


def test_a_bad_record_of_the_second_incarnation_that_was_not_rejected_is_found(bereft):
    """Though one of the first was, at the same offset."""
    inputs = read_inputs(bereft, set(PLACES)).rejected
    places = [(r.topic, r.partition, r.offset) for r, _ in inputs]
    twice = next(place for place in places if places.count(place) == 2)
    want = {f"siaga.source.{n}": str(v).encode() for n, v in zip(("topic", "partition", "offset"), twice, strict=True)}
    want["siaga.source.topic"] = b"p." + want["siaga.source.topic"]
    at = [i for i, r in enumerate(bereft.topics["rejected"]) if want.items() <= r.headers.items()]
    assert len(at) == 2
    del bereft.topics["rejected"][at[1]]
    assert found(bereft, "A", f"lost: {twice} is bad")


@pytest.mark.parametrize("change, word", [
    (lambda gone: [gone[0], gone[1] - 1], "ends where nothing was cut"),
    (lambda gone: [gone[0], gone[1] + 1], "ends where nothing was cut"),
    (lambda gone: [gone[0] + 1, gone[1]], "begins where nobody was"),
    (lambda gone: [gone[0] - 1, gone[1]], "begins where nobody was"),
    (lambda gone: [gone[0], 10**5], "goes beyond"),
    (lambda gone: [0, 0], "lost"),
])  # fmt: skip
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_miscounted_gap_is_found(bereft, change, word, number):
    gap(bereft, change, number)
    assert found(bereft, "A", word)


def test_a_gap_where_nothing_was_cut_yet_is_found(bereft):
    """A note that admits a loss before the driver took anything away was about something else."""
    cut = bereft.cuts[0]
    bereft.cuts[0] = cut._replace(noted_to=cut.noted_to + 100)
    assert found(bereft, "A", "ends where nothing was cut")


def test_a_gap_of_offsets_that_held_nothing_is_found(bereft):
    record = gone(bereft, 0)[5]
    bereft.topics["incidents"].remove(record)
    assert found(bereft, "A", "counts 1 offsets that held nothing")


def test_records_that_vanished_with_their_topic_though_they_were_noted_as_read_are_found(bereft):
    """As if a worker had noted a position and lost what it stands for."""
    notes, begun = bereft.topics["intake-state"], bereft.begun["incidents", 1][0]
    last = max(i for i, r in enumerate(notes) if (r.key, r.partition) == (b"p.incidents", 1) and r.offset < begun)
    value = json.loads(notes[last].value)
    notes[last] = replace(notes[last], value=json.dumps(value | {"offset": value["offset"] + 20}).encode())
    assert found(bereft, "A", "lost: ")


def test_a_note_that_goes_back_within_an_incarnation_is_found(bereft):
    notes, begun = bereft.topics["intake-state"], bereft.begun["incidents", 1][0]
    last = max(i for i, r in enumerate(notes) if (r.key, r.partition) == (b"p.incidents", 1) and r.offset < begun)
    notes[last] = replace(notes[last], value=json.dumps({"topic": "p.incidents", "offset": 1, "note": ""}).encode())
    assert found(bereft, "D", "goes back")


def test_a_note_that_the_group_contradicts_is_found_in_the_incarnation_that_is_there(bereft):
    bereft.committed["incidents", 1] += 1
    assert found(bereft, "D", "intake noted")


def test_an_input_created_anew_that_was_not_read_to_its_end_is_found(bereft):
    bereft.committed["turnout", 2] -= 1
    assert found(bereft, "D", "was read up to")


@pytest.mark.parametrize("more", [-1, 1])
@pytest.mark.parametrize("which", [0, 1])
def test_state_that_was_built_again_in_silence_too_short_or_too_long_is_found(bereft, more, which):
    state = [*bereft.lost_states, bereft.topics["risk-state"]][which + 1]
    index = next(i for i, record in enumerate(state) if record.key == b"@begin")
    quiet = json.loads(state[index].value)["quiet_until"]
    state[index] = replace(state[index], value=json.dumps({"quiet_until": quiet + more}).encode())
    assert found(bereft, "C", "was built again in silence up to")


def test_a_row_that_state_lost_since_had_told_of_is_missed(bereft):
    state = bereft.lost_states[1]
    heads = [r for r in state if r.key == b"16.71/h"]
    [begin] = [r for r in state if (r.key, r.partition) == (b"@begin", heads[0].partition)]
    quiet = json.loads(begin.value)["quiet_until"]
    at = next(o for o in (json.loads(r.value)["offset"] for r in heads) if o >= quiet)
    rows = bereft.topics["risk"]
    [index] = [i for i, r in enumerate(rows) if r.key == b"16.71" and json.loads(r.value)["ledger"]["offset"] == at]
    del rows[index]
    assert found(bereft, "C", f"16.71: lost: no row at ledger offsets [{at}]")
