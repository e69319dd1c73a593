"""Laws of the table that hold for any ledger."""

from collections.abc import Iterator
from operator import itemgetter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.ledger import Entry, parts_of
from schemas.roster import Roster
from streams.risk.decisions import Evaluation
from streams.risk.regency import Outcomes, RegencyState
from streams.table import RiskTable, UnknownRegency
from tests.streams.ledgers import (
    COMPILED,
    EIGHT_MS,
    HOUR_MS,
    MINUTE_MS,
    PALEMBANG,
    ROSTER,
    RULES,
    Frame,
    Outputs,
    fresh,
    incident,
    ledgers,
    restored,
    rows,
    run,
    tick,
    turnout,
)

LAW = settings(max_examples=60, deadline=None)


class EveryEntryIsEvaluated(RegencyState):
    """A regency without its shortcut: it evaluates after each entry."""

    def _fold_entries(self, entries: list[Entry], outcomes: Outcomes) -> Iterator[Evaluation]:
        for entry in entries:
            self._take([entry], 0, outcomes)
            if evaluation := self._evaluate():
                yield evaluation


class EveryTickIsFolded(RiskTable):
    """A table without its shortcut: each regency and province takes every tick."""

    def _tick(self, offset: int, entries: list[Entry]) -> None:
        for state in self._regencies.values():
            self._fold(state, offset, entries)
        for province in self._provinces.values():
            self._fold_province(province, offset, entries)


def with_more_ticks(ledger: list[Frame]) -> list[Frame]:
    """Up to four ticks between two frames, five seconds apart."""
    dense: list[Frame] = []
    for frame in ledger:
        before = dense[-1][1][-1][1] if dense else frame[1][0][1]
        dense += [tick(at_ms) for at_ms in range(before + 5_000, frame[1][0][1], 5_000)[:4]]
        dense.append(frame)
    return dense


def all_of(outputs: Outputs) -> tuple:
    return outputs.escalations, outputs.notices, outputs.rows, outputs.provinces, outputs.state


@LAW
@given(ledgers())
def test_outputs_are_what_their_models_say_and_components_add_up(ledger):
    run(ledger).check()


@LAW
@given(ledgers())
def test_the_same_ledger_gives_the_same_bytes(ledger):
    assert all_of(run(ledger)) == all_of(run(ledger))


@LAW
@given(ledgers(), st.integers(1, 7))
def test_batches_do_not_matter(ledger, drain_every):
    assert all_of(run(ledger, drain_every=drain_every)) == all_of(run(ledger))


@LAW
@given(ledgers())
def test_frames_do_not_matter_to_what_is_decided(ledger):
    """Entries of one frame, each in a frame of its own: only ledger offsets and ids differ."""
    split = [(key, [entry]) for key, entries in ledger for entry in entries]

    fields = itemgetter("regency", "change", "level", "score", "reason", "evidence", "episode")

    def decided(outputs: Outputs) -> list[tuple]:
        return [fields(item) for item in outputs.changes()]

    assert decided(run(split)) == decided(run(ledger))


@LAW
@given(ledgers())
def test_an_evaluation_after_every_entry_decides_the_same(ledger):
    assert all_of(run(ledger, fresh(state=EveryEntryIsEvaluated))) == all_of(run(ledger))


@LAW
@given(ledgers(), st.data())
def test_a_restored_table_continues_like_one_that_never_stopped(ledger, data):
    cut = data.draw(st.integers(0, len(ledger)))
    before = run(ledger[:cut])
    after = run(ledger[cut:], restored(before.state), first_offset=cut)
    whole = run(ledger)
    assert before.escalations + after.escalations == whole.escalations
    assert before.notices + after.notices == whole.notices
    assert before.rows | after.rows == whole.rows
    assert before.provinces | after.provinces == whole.provinces
    both = Outputs(state=dict(before.state))
    both.state |= after.state
    for key in before.state:
        if key not in whole.state:
            both.state.pop(key)  # dropped by a tombstone after the cut
    assert both.state == whole.state


@LAW
@given(ledgers())
def test_a_repeat_of_everything_changes_nothing_but_the_count(ledger):
    """Each frame of messages comes twice; within the horizon of the event ids the second is a duplicate, entry by
    entry, or another message under a used id again.
    """
    ledger = [(key, [entry for entry in entries if entry[0] != "j"]) for key, entries in ledger]
    ledger = [frame for frame in ledger if frame[1]]
    once, doubled = run(ledger), run([frame for frame in ledger for _ in range(2)])
    for regency in ROSTER:
        if regency not in once.rows:
            continue
        first, second = once.row(regency), doubled.row(regency)
        for row in (first, second):
            row.pop("ledger")
            row["excluded"].pop("duplicate"), row["excluded"].pop("id_reused")
        assert first == second
    assert [item["change"] for item in once.changes()] == [item["change"] for item in doubled.changes()]


@LAW
@given(ledgers(), st.randoms(use_true_random=False))
def test_only_the_order_within_a_regency_counts(ledger, chance):
    """Frames of different regencies between two ticks may come in any order."""
    shuffled, block = [], []
    for frame in [*ledger, tick(EIGHT_MS)]:
        if frame[0] != "*":
            block.append(frame)
            continue
        keys = [key for key, _ in block]
        chance.shuffle(keys)
        waiting = {key: [frame for frame in block if frame[0] == key] for key in keys}
        shuffled += [waiting[key].pop(0) for key in keys]
        shuffled.append(frame)
        block = []
    one, other = run([*ledger, tick(EIGHT_MS)]), run(shuffled)
    for regency in one.rows:
        first, second = one.row(regency), other.row(regency)
        first.pop("ledger"), second.pop("ledger")
        assert first == second


def retraction(event: str, at_ms: int, key: str, source: str) -> Entry:
    """A source takes back its word on an incident."""
    origin, number = parts_of(key)
    return incident(
        event, at_ms, source=source, origin=origin, incident=number.removeprefix("i-"), status="retracted", revision=99
    )


@LAW
@given(ledgers())
def test_retracting_everything_gives_the_empty_row(ledger):
    """Whatever was reported and joined: once each source has retracted each of its words only counters show it."""
    incidents = [(key, entries) for key, entries in ledger if key in ROSTER and entries[0][0] != "n"]
    reports = [(key, [entry for entry in entries if entry[0] in "ij"]) for key, entries in incidents]
    reports = [(key, entries) for key, entries in reports if entries]
    end_ms = max([entries[0][1] for _, entries in reports], default=EIGHT_MS)
    words = {(key, entry[3], entry[11]) for key, entries in reports for entry in entries if entry[0] == "i"}
    retractions = [(key, [retraction(f"r{n}", end_ms, *word)]) for n, (key, *word) in enumerate(sorted(words))]
    outputs = run([tick(EIGHT_MS), *reports, *retractions])
    empty = run([tick(EIGHT_MS)])
    for regency in ROSTER:
        row, blank = outputs.row(regency), empty.row(regency)
        for name in ("windows", "turnout", "components", "score", "confidence", "candidates", "candidate_pairs"):
            assert row[name] == blank[name], name


@LAW
@given(ledgers())
def test_exercises_never_move_a_level(ledger):
    drill = [
        (key, [[*entry[:12], True, entry[13]] if entry[0] == "i" else entry for entry in entries if entry[0] != "t"])
        for key, entries in ledger
        if not (key in ROSTER and entries[0][0] == "n") and key != "16"
    ]
    outputs = run([frame for frame in drill if frame[1]])
    assert outputs.changes() == []
    for regency in outputs.rows:
        row = outputs.row(regency)
        assert row["windows"] == run([tick(EIGHT_MS)]).row(regency)["windows"]
        assert row["data_status"] == "silent"


@LAW
@given(ledgers())
def test_a_tick_that_passes_no_grid_time_decides_nothing(ledger):
    dense = with_more_ticks(ledger)
    once, every = run(dense), run(dense, fresh(table=EveryTickIsFolded))
    assert (once.escalations, once.notices) == (every.escalations, every.notices)


def test_a_tick_that_passes_no_grid_time_writes_nothing():
    first = run([tick(EIGHT_MS)])
    assert all_of(run([tick(EIGHT_MS), tick(EIGHT_MS + COMPILED.step_ms - 1)])) == all_of(first)
    assert run([tick(EIGHT_MS), tick(EIGHT_MS + COMPILED.step_ms)]).rows != first.rows


def test_every_regency_has_a_row_from_the_first_tick_on():
    outputs = run([tick(EIGHT_MS)])
    assert set(outputs.rows) == set(ROSTER)
    assert {outputs.row(regency)["data_status"] for regency in ROSTER} == {"silent"}
    assert set(outputs.provinces) == {"16"}


def test_event_ids_are_forgotten_after_the_horizon_and_their_state_is_dropped():
    horizon_ms = int(RULES.memory.event_ids.value) * HOUR_MS
    report = incident("a", EIGHT_MS, incident="x")
    outputs = run([(PALEMBANG, [report]), tick(EIGHT_MS + horizon_ms // 2)])
    assert b"16.71/d/1" in outputs.state
    late = EIGHT_MS + horizon_ms + 2 * HOUR_MS
    outputs = run([(PALEMBANG, [report]), tick(late)])
    assert b"16.71/d/1" not in outputs.state
    assert b"16.71/i/1" in outputs.state  # the incident itself is remembered longer: a repeat is still none


def test_incidents_are_forgotten_after_the_horizon():
    horizon_ms = int(RULES.memory.incidents.value) * HOUR_MS
    outputs = run([(PALEMBANG, [incident("a", EIGHT_MS, incident="x")]), tick(EIGHT_MS + horizon_ms - 2 * HOUR_MS)])
    assert b"16.71/i/1" in outputs.state
    outputs = run([(PALEMBANG, [incident("a", EIGHT_MS, incident="x")]), tick(EIGHT_MS + horizon_ms + 2 * HOUR_MS)])
    assert b"16.71/i/1" not in outputs.state


def test_a_repeated_event_id_with_other_content_is_counted_apart_and_changes_nothing():
    outputs = run(
        [
            (PALEMBANG, [incident("a", EIGHT_MS, "clash", 2, incident="x")]),
            (PALEMBANG, [incident("a", EIGHT_MS + 1, "fatality", 5, incident="y", revision=7)]),
        ]
    )
    row = outputs.row(PALEMBANG)
    assert row["windows"]["1h"] == {"incidents": 1, "weight": 2}
    assert (row["excluded"]["duplicate"], row["excluded"]["id_reused"]) == (0, 1)
    assert outputs.outcomes["i", "id_reused"] == 1


def test_the_same_event_id_of_another_source_or_of_a_drill_is_another_message():
    """Two publishers may count alike, and a drill may go before with the ids of the real day."""
    drill = incident("a", EIGHT_MS, incident="x", exercise=True)
    outputs = run([(PALEMBANG, [drill, incident("a", EIGHT_MS), incident("a", EIGHT_MS, source="kpu"), drill])])
    row = outputs.row(PALEMBANG)
    assert row["windows"]["1h"]["incidents"] == 2
    assert row["excluded"] == {"late": 0, "exercise": 1, "duplicate": 1, "surplus": 0, "id_reused": 0}


def test_turnout_of_another_source_under_the_same_event_id_is_another_message():
    told = [turnout("a", EIGHT_MS, "TPS 1", 10), turnout("a", EIGHT_MS, "TPS 2", 20, source="bawaslu")]
    row = run([(PALEMBANG, [*told, told[0], turnout("a", EIGHT_MS, "TPS 1", 11)])]).row(PALEMBANG)
    assert row["turnout"]["voted"] == 30
    assert (row["excluded"]["duplicate"], row["excluded"]["id_reused"]) == (1, 1)


def test_restore_takes_the_last_value_of_a_key_in_any_order():
    state = run([(PALEMBANG, [incident("a", EIGHT_MS), turnout("b", EIGHT_MS, "TPS 1", 10)])]).state
    table = fresh()
    for key, value in reversed(state.items()):
        table.restore(key, b"an older value")
        table.restore(key, None)
        table.restore(key, value)
    table.restored()
    whole = fresh()
    whole.apply(0, b"16.71", [incident("a", EIGHT_MS), turnout("b", EIGHT_MS, "TPS 1", 10)])
    assert rows(table) == rows(whole)


def test_a_ledger_of_another_roster_is_refused():
    table = fresh(roster=Roster({PALEMBANG: ROSTER[PALEMBANG]}))
    with pytest.raises(UnknownRegency, match="ledger offset 5: b'16.02'"):
        table.apply(5, b"16.02", [["k", EIGHT_MS]])


def test_an_entry_of_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="unknown kind 'z'"):
        fresh().apply(0, b"16.71", [["z", EIGHT_MS + MINUTE_MS]])


def test_only_what_changed_is_written():
    table = fresh()
    table.apply(0, b"16.71", [incident("a", EIGHT_MS), incident("b", EIGHT_MS), turnout("c", EIGHT_MS, "TPS 1", 1)])
    table.drain()
    table.apply(1, b"16.71", [incident("b2", EIGHT_MS, incident="b", revision=2)])
    keys = [key for key, _ in table.drain().state]
    assert sorted(keys) == [b"16.71/d/2", b"16.71/h", b"16.71/i/2"]
    assert rows(table)[PALEMBANG]["windows"]["24h"]["incidents"] == 2
