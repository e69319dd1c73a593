"""Joins: two numbers are one incident until that is undone, and then all is as if they had never been joined."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.ledger import Entry
from streams.messages import row
from streams.risk.citations import cite
from streams.risk.record import is_confirmed, standing_of, words_of
from streams.risk.regency import RegencyState
from streams.risk.words import GRAVE
from streams.storage.segments import LARGEST
from tests.streams.ledgers import (
    COMPILED,
    EIGHT_MS,
    HOUR_MS,
    MINUTE_MS,
    PALEMBANG,
    RULES,
    Outputs,
    folded,
    fresh,
    incident,
    join,
    known,
    palembang,
    restored,
    run,
    tick,
)

A, B, C = "polda i-1", "bawaslu i-1", "kpu i-1"
PLACE = "16.71.01.1001 TPS 001"


def told(key: str, at_ms: int = EIGHT_MS, severity: int = 3, **fields) -> Entry:
    """What the origin of a number says of it."""
    origin, _, number = key.partition(" i-")
    named = {"source": origin, "incident": number, "place": PLACE} | fields
    event = f"{key}{fields.get('source', '')}{fields.get('revision', 1)}"
    return incident(event, at_ms, "clash", severity, origin=origin, **named)


THREE = [told(A, severity=3), told(B, severity=4), told(C, severity=2)]


def sums(state: RegencyState) -> tuple:
    held = state.incidents
    named = [(first.incident, second.incident) for first, second in held.candidates.newest_pairs(10)]
    pairs = held.candidates.pairs, held.candidates.doubles, named
    return held.totals, held.by_agency, held.counts, held.weights, held.verified, pairs


def judged(state: RegencyState) -> dict:
    """The row, without what tells how it came about."""
    of = row(state, 0)
    return {name: value for name, value in of.items() if name not in ("level", "since", "excluded", "ledger")}


def of_joins(outputs: Outputs) -> dict[str, int]:
    return {outcome: count for (kind, outcome), count in outputs.outcomes.items() if kind == "j"}


def test_two_numbers_that_are_joined_are_one_incident_of_both_agencies():
    state, outputs = folded(*THREE[:2], join(EIGHT_MS, A, B))
    row = outputs.row(PALEMBANG)
    assert row["windows"]["1h"] == {"incidents": 1, "weight": 8}
    assert (row["candidates"], row["confidence"]["sources"]) == (0, 2)
    assert of_joins(outputs) == {"applied": 1}
    [cited] = cite(state.rules, state.incidents, ())
    assert (cited.incident, cited.kind.severity, is_confirmed(cited)) == (A, 4, True)
    assert [word.source for word in standing_of(cited)] == ["bawaslu", "polda"]


def test_a_joined_incident_counts_in_full_and_once():
    alone, joined = folded(told(B, severity=4))[0], folded(*THREE[:2], join(EIGHT_MS, A, B))[0]
    assert joined.incidents.totals == alone.incidents.totals and joined.incidents.counts == alone.incidents.counts


def test_a_grave_incident_under_two_numbers_is_confirmed_by_the_join():
    grave = [told(A, severity=5), told(B, severity=5)]
    outputs = folded(*grave, join(EIGHT_MS, A, B))[1]
    changes = [(item["level"], item["unverified"], item["reason"]) for item in outputs.changes(PALEMBANG)]
    assert changes == [("siaga", True, "grave_incident"), ("awas", False, "grave_incident_confirmed")]
    [item] = outputs.changes(PALEMBANG)[-1]["evidence"]
    assert (item["origin"], item["incident_id"], item["agencies"]) == ("polda", "i-1", ["bawaslu", "polda"])


def test_numbers_of_one_agency_that_are_joined_are_not_confirmed():
    other = told("polres i-1", agency="polda")
    state, outputs = folded(THREE[0], other, join(EIGHT_MS, A, "polres i-1"))
    assert outputs.row(PALEMBANG)["windows"]["1h"]["incidents"] == 1
    assert not is_confirmed(state.incidents.records[A])


ORDERS = [[(A, B), (B, C)], [(A, B), (A, C)], [(B, C), (A, B)], [(B, C), (A, C)], [(A, C), (C, B)]]


@pytest.mark.parametrize("joins", ORDERS)
def test_a_chain_of_three_is_one_incident_whichever_two_are_joined_first(joins):
    state, outputs = folded(*THREE, *(join(EIGHT_MS, *pair) for pair in joins))
    assert outputs.row(PALEMBANG)["windows"]["1h"] == {"incidents": 1, "weight": 8}
    [root] = [record for record in state.incidents.records.values() if record.stands]
    assert {word.number for word in words_of(root)} == {A, B, C}
    assert {record.joined_to for key, record in known(state).items() if key != root.incident} == {root.incident}


@pytest.mark.parametrize("joins", ORDERS)
@pytest.mark.parametrize("number", [A, B, C])
def test_one_that_is_taken_out_of_three_is_its_own_incident_and_the_others_stay_one(joins, number):
    rest = [other for other in (A, B, C) if other != number]
    state, outputs = folded(*THREE, *(join(EIGHT_MS, *pair) for pair in joins), join(EIGHT_MS, rest[0], number, True))
    plain = folded(*THREE, join(EIGHT_MS, *rest))[0]
    assert sums(state)[:5] == sums(plain)[:5]
    assert outputs.row(PALEMBANG)["windows"]["1h"]["incidents"] == 2
    assert [word.number for word in words_of(state.incidents.records[number])] == [number]
    assert state.incidents.records[number].words == () and not state.incidents.records[number].joined_to


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("join"), st.sampled_from([A, B, C]), st.sampled_from([A, B, C])),
        st.tuples(st.just("undo"), st.sampled_from([A, B, C]), st.sampled_from([A, B, C])),
        st.tuples(
            st.just("word"), st.sampled_from([A, B, C]), st.sampled_from(["polda", "kpu", "bawaslu"]),
            st.integers(1, 5), st.sampled_from(["reported", "verified", "retracted"]),
        ),
    ),
    max_size=20,
)  # fmt: skip


def entries_of(steps: list[tuple]) -> list[Entry]:
    entries = list(THREE)
    for number, (name, key, other, *rest) in enumerate(steps):
        if name == "word":
            severity, status = rest
            entries.append(told(key, EIGHT_MS, severity, source=other, revision=number + 2, status=status))
        else:
            entries.append(join(EIGHT_MS, key, other, name == "undo"))
    return entries


UNDONE = [join(EIGHT_MS, one, other, True) for one, other in ((A, B), (A, C), (B, C), (B, A), (C, A), (C, B))]


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_all_undone_is_as_if_it_had_never_been_joined(steps):
    entries = entries_of(steps)
    undone = folded(*entries, *UNDONE)[0]
    never = folded(*(entry for entry in entries if entry[0] == "i"))[0]
    assert known(undone) == known(never)
    assert sums(undone) == sums(never)
    assert judged(undone) == judged(never)


@settings(max_examples=150, deadline=None)
@given(STEPS, st.integers(0, 24))
def test_joins_survive_a_restart(steps, cut):
    frames = [tick(EIGHT_MS), *((PALEMBANG, [entry]) for entry in entries_of(steps))]
    whole = fresh()
    outputs = run(frames, whole)
    before = run(frames[:cut])
    table = restored(before.state)
    after = run(frames[cut:], table, first_offset=len(frames[:cut]))
    assert before.escalations + after.escalations == outputs.escalations
    assert before.rows | after.rows == outputs.rows
    assert known(palembang(table)) == known(palembang(whole)) and sums(palembang(table)) == sums(palembang(whole))
    assert known(palembang(restored(outputs.state))) == known(palembang(whole))


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_an_incident_has_the_words_of_all_its_numbers_and_counts_once(steps):
    """Against a recount: groups of numbers, and the newest word of each source on each number."""
    state, outputs = folded(*entries_of(steps))
    groups, words = {key: {key} for key in (A, B, C)}, {(e[3], e[11]): e for e in THREE}
    for entry in entries_of(steps)[3:]:
        if entry[0] == "i":
            words[entry[3], entry[11]] = entry
            continue
        _, _, one, other, is_undone, _, _ = entry
        if not is_undone:
            merged = groups[one] | groups[other]
            groups |= dict.fromkeys(merged, merged)
        elif other in groups[one] and one != other:
            rest = groups[one] - {other}
            groups |= dict.fromkeys(rest, rest) | {other: {other}}
    for group in groups.values():
        expected = {(key, source) for key, source in words if key in group}
        [root] = [state.incidents.records[key] for key in group if not state.incidents.records[key].joined_to]
        assert {(word.number, word.source) for word in words_of(root)} == expected
        standing = [words[name] for name in expected if words[name][8] != "retracted"]
        behind = {entry[13] for entry in standing if entry[7] >= min(root.kind.severity - 1, GRAVE - 1)}  # all clashes
        assert root.stands is bool(standing) and is_confirmed(root) is (len(behind) > 1)
    standing = [group for group in set(map(frozenset, groups.values())) if _stands(group, words)]
    assert outputs.row(PALEMBANG)["windows"]["1h"]["incidents"] == len(standing)


def _stands(group: frozenset[str], words: dict) -> bool:
    return any(key in group and entry[8] != "retracted" for (key, _), entry in words.items())


@pytest.mark.parametrize("number", [A, B])
def test_a_word_on_a_joined_number_counts_for_the_incident(number):
    graver = told(number, severity=5, source="kpu")
    state, outputs = folded(*THREE[:2], join(EIGHT_MS, A, B), graver)
    assert outputs.row(PALEMBANG)["windows"]["1h"] == {"incidents": 1, "weight": 16}
    assert {word.source for word in standing_of(state.incidents.records[A])} == {"polda", "bawaslu", "kpu"}


def test_a_retraction_under_a_joined_number_takes_back_that_word():
    back = told(B, status="retracted", revision=2)
    state, outputs = folded(*THREE[:2], join(EIGHT_MS, A, B), back)
    assert outputs.row(PALEMBANG)["windows"]["1h"] == {"incidents": 1, "weight": 4}
    assert not is_confirmed(state.incidents.records[A])
    everything = folded(*THREE[:2], join(EIGHT_MS, A, B), back, told(A, status="retracted", revision=2))[1]
    assert everything.row(PALEMBANG)["windows"]["1h"]["incidents"] == 0


@pytest.mark.parametrize(
    ("decision", "outcome"),
    [
        (join(EIGHT_MS, A, B), "duplicate"),
        (join(EIGHT_MS, B, A), "duplicate"),
        (join(EIGHT_MS, A, A), "duplicate"),
        (join(EIGHT_MS, A, C, True), "duplicate"),
        (join(EIGHT_MS, A, A, True), "duplicate"),
        (join(EIGHT_MS, A, "kpu i-9"), "unknown_incident"),
        (join(EIGHT_MS, "kpu i-9", A), "unknown_incident"),
        (join(EIGHT_MS, A, "kpu i-9", True), "unknown_incident"),
        (join(EIGHT_MS, "polda i-01", A), "unknown_incident"),
    ],
)
def test_a_repeat_and_an_unknown_number_change_nothing_and_say_so(decision, outcome):
    before = [*THREE, join(EIGHT_MS, A, B)]
    state, outputs = folded(*before, decision)
    plain = folded(*before)[0]
    assert known(state) == known(plain) and sums(state) == sums(plain) and judged(state) == judged(plain)
    assert of_joins(outputs) == {"applied": 1, outcome: 1}


def test_a_cited_incident_that_is_joined_is_amended():
    """What was published names an incident that is another one's number now; the amendment names the one."""
    apart = [told(A, severity=4), told(B, EIGHT_MS + MINUTE_MS, severity=4)]
    at_ms = EIGHT_MS + 10 * MINUTE_MS
    frames = [
        tick(EIGHT_MS),
        (PALEMBANG, apart),
        tick(at_ms),
        (PALEMBANG, [join(at_ms, B, A)]),
        tick(at_ms + MINUTE_MS),
    ]
    changes = run(frames).changes(PALEMBANG)
    assert [item["change"] for item in changes] == ["raised", "raised"]  # two agencies confirm it
    assert [item["incident_id"] for item in changes[-1]["evidence"]] == ["i-1"]
    later = EIGHT_MS + 20 * MINUTE_MS
    outputs = run([*frames, (PALEMBANG, [join(later, B, A, True)]), tick(later + MINUTE_MS)])
    amended = outputs.changes(PALEMBANG)[-1]
    assert (amended["change"], amended["reason"], amended["unverified"]) == ("amended", "correction", True)
    assert len(amended["evidence"]) == 2


def test_a_join_without_an_alarm_escalates_nothing():
    assert folded(*THREE[::2], join(EIGHT_MS, A, C))[1].changes(PALEMBANG) == []


def test_a_joined_number_is_remembered_as_long_as_its_incident_counts():
    """Its own time is long past, but a word under it may still come."""
    horizon_ms = int(RULES.memory.incidents.value) * HOUR_MS
    later = EIGHT_MS + horizon_ms - HOUR_MS
    frames = [tick(EIGHT_MS), (PALEMBANG, [told(A)]), (PALEMBANG, [told(B, later), join(later, B, A)])]
    table = fresh()
    run([*frames, tick(later + 3 * HOUR_MS)], table)
    assert set(palembang(table).incidents.records) == {A, B}
    run([tick(later + horizon_ms + 3 * HOUR_MS)], table)
    assert palembang(table).incidents.records == {}


def test_a_joined_number_is_forgotten_with_its_incident_and_may_be_told_anew():
    """It lies in an older segment than its incident, which lives on for the sake of one that still counts."""
    one, other = "kpu i-7", "bawaslu i-7"
    horizon_ms = int(RULES.memory.incidents.value) * HOUR_MS
    later, end = EIGHT_MS + horizon_ms - HOUR_MS, EIGHT_MS + horizon_ms + 2 * HOUR_MS
    fill = [told(f"kpu i-f{n}") for n in range(LARGEST - 6)]
    frames = [
        tick(EIGHT_MS),
        (PALEMBANG, [told(A)]),
        (PALEMBANG, [told(B), told(one), told(other), join(EIGHT_MS, other, one), *fill, join(EIGHT_MS, A, B)]),
        (PALEMBANG, [told(other, later, revision=2)]),
        tick(end),
    ]
    table = fresh()
    outputs = run(frames, table)
    numbers = palembang(table).incidents.records.keys() - {entry[3] for entry in fill}
    assert numbers == {one, other}
    for continued in (table, restored(outputs.state)):
        run([(PALEMBANG, [told(B, end, revision=9)])], continued, first_offset=9)
        assert palembang(continued).incidents.records[B].revision == 9


def test_a_join_moves_the_clock_and_is_no_report():
    """People who sort numbers do not show that the regency still reports."""
    later = EIGHT_MS + 2 * HOUR_MS
    state, _ = folded(*THREE, join(later, A, B))
    assert (state.clock_ms, state.silence.stored()["observed_ms"]) == (later, EIGHT_MS)
    assert COMPILED.stale_ms > 2 * HOUR_MS
