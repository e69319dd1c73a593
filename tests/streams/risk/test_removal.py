"""Removal: what people take out leaves the table, its sums and its state as if nobody had ever told it."""

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.ledger import Entry, incident_digest
from streams.messages import row
from streams.risk.record import words_of
from streams.risk.regency import RegencyState
from streams.storage.segments import LARGEST
from tests.streams.ledgers import (
    EIGHT_MS,
    HOUR_MS,
    MINUTE_MS,
    OKI,
    PALEMBANG,
    Frame,
    Outputs,
    entries,
    folded,
    fresh,
    incident,
    join,
    known,
    palembang,
    restored,
    run,
    tick,
    turnout,
)

FLOOD = "flooder"
EVER = (0, EIGHT_MS * 2)
PLACE = "16.71.01.1001 TPS 001"


def evict(at_ms: int, source: str = FLOOD, from_ms: int = EVER[0], to_ms: int = EVER[1]) -> Entry:
    return ["e", at_ms, source, from_ms, to_ms, "operator", "flood"]


def erase(at_ms: int, key: str) -> Entry:
    return ["x", at_ms, incident_digest(key), "operator", "personal_data_found"]


def stations(state: RegencyState) -> dict:
    return {name: state.turnout.held(name)._replace(segment=0) for name in state.turnout.stations}


def sums(state: RegencyState) -> tuple:
    held = state.incidents
    totals = {name: total for name, total in state.turnout.totals().items() if name != "votes"}
    return (
        held.totals, held.by_agency, held.counts, held.weights, held.verified, held.candidates.pairs,
        held.candidates.doubles, set(held.urgent), {kind: held.urgent.agencies(kind) for kind in held.urgent.kinds()},
        held.history.reported(state.grid_ms), held.words.by_agency, held.agencies(), totals,
    )  # fmt: skip


def in_memory(state: RegencyState) -> int:
    """Records that the buckets hold."""
    return sum(map(len, state.incidents._buckets.values()))


def judged(state: RegencyState) -> dict:
    """The row without what has passed: how its level came about, what was excluded, and signs of life."""
    of = row(state, 0)
    return {name: of[name] for name in of if name not in ("level", "since", "excluded", "ledger", "data_status")}


def rows_of(state: dict[bytes, bytes]) -> list[tuple]:
    """Every row of incidents and stations in the state records of Palembang, without what a row leaves out when it
    follows from its segment.
    """
    found = []
    for key, record in state.items():
        if key[:8] in (b"16.71/i/", b"16.71/t/"):
            found += [(key[6:7], *map(str, one[:8])) for one in orjson.loads(record)["rows"]]
        elif key[:8] == b"16.71/s/":
            found.append((b"t", key[8:].decode(), *map(str, [*orjson.loads(record).values()][1:8])))
    return sorted(found)


@st.composite
def _figure(draw: st.DrawFn, number: int, at_ms: int) -> Entry:
    """Counts never fall, so that no new vote begins: its day is not taken back."""
    source = draw(st.sampled_from(["kpu", "kpu-palembang", "bawaslu", FLOOD]))
    rank, station = draw(st.sampled_from([1, 2, 1000])), f"TPS {draw(st.integers(0, 6))}"
    return turnout(number, at_ms, station, number // 3, registered=9, revision=number + 1, source=source, rank=rank)


@st.composite
def traffic(draw: st.DrawFn) -> list[Frame]:
    """Reports of several sources, of which one is to be evicted; it speaks of others' incidents and stations too."""
    at_ms, number, frames = EIGHT_MS, 0, [tick(EIGHT_MS)]
    for _ in range(draw(st.integers(1, 12))):
        at_ms += draw(st.sampled_from([0, 900, 70_000, 50 * MINUTE_MS, 7 * HOUR_MS]))
        frame = []
        for _ in range(draw(st.integers(1, 8))):
            number += 1
            if draw(st.integers(0, 2)) == 0:
                frame.append(draw(_figure(number, at_ms)))
                continue
            entry = draw(entries(number, at_ms).filter(lambda entry: entry[0] == "i"))
            if draw(st.booleans()):
                entry[11] = entry[13] = FLOOD
            frame.append(entry)
        frames.append((PALEMBANG, frame))
    return [*frames, tick(at_ms + 10 * MINUTE_MS)]


def is_flood(entry: Entry) -> bool:
    return entry[{"i": 11, "t": 8}[entry[0]]] == FLOOD if entry[0] in "it" else False


def without_flood(frames: list[Frame]) -> list[Frame]:
    kept = [(key, [entry for entry in told if not is_flood(entry)]) for key, told in frames]
    return [(key, told) for key, told in kept if told]


def after_eviction(frames: list[Frame]) -> tuple[RegencyState, Outputs]:
    end_ms, table = frames[-1][1][0][1], fresh()
    outputs = run([*frames, (PALEMBANG, [evict(end_ms)]), tick(end_ms + 10 * MINUTE_MS)], table)
    return palembang(table), outputs


@settings(max_examples=100, deadline=None)
@given(traffic())
def test_an_evicted_source_leaves_what_a_table_holds_that_never_heard_it(frames):
    end_ms, never_table = frames[-1][1][0][1], fresh()
    never_outputs = run([*without_flood(frames), tick(end_ms + 10 * MINUTE_MS)], never_table)
    never, (state, outputs) = palembang(never_table), after_eviction(frames)
    assert known(state) == known(never) and stations(state) == stations(never)
    assert sums(state) == sums(never)
    assert judged(state) == judged(never)
    assert in_memory(state) <= in_memory(never)
    held = {tuple(one) for one in rows_of(outputs.state)}
    assert held <= {tuple(one) for one in rows_of(never_outputs.state)}


@settings(max_examples=100, deadline=None)
@given(traffic(), st.integers(0, 14), st.booleans())
def test_what_was_evicted_does_not_come_back_with_a_restart(frames, cut, is_one_frame):
    end_ms = frames[-1][1][0][1]
    last = [*frames[cut:], (PALEMBANG, [evict(end_ms)]), tick(end_ms + 10 * MINUTE_MS)]
    if is_one_frame:  # what is evicted was told in the same frame
        last = [(PALEMBANG, [entry for key, told in last if key == PALEMBANG for entry in told]), last[-1]]
    written = run(frames[:cut])
    table, whole = restored(written.state), fresh()
    for number, (key, told) in enumerate(last):
        table.apply(cut + number, key.encode(), told)
        written.take(table.drain())
    run([*frames[:cut], *last], whole)
    state, again = palembang(whole), palembang(restored(written.state))
    for one in (palembang(table), again):
        assert known(one) == known(state) and stations(one) == stations(state)
        assert sums(one) == sums(state) and judged(one) == judged(state)


def test_evicting_twice_changes_nothing():
    told = [incident(n, EIGHT_MS, source=FLOOD, incident=n) for n in range(3)] + [incident("a", EIGHT_MS)]
    once, first = folded(*told, evict(EIGHT_MS))
    twice, second = folded(*told, evict(EIGHT_MS), evict(EIGHT_MS))
    assert known(once) == known(twice) and judged(once) == judged(twice)
    assert (first.outcomes["e", "applied"], second.outcomes["e", "nothing"]) == (1, 1)
    assert rows_of(first.state) == rows_of(second.state)


A, B, C = "polda i-1", "bawaslu i-1", "kpu i-1"


def told(key: str, at_ms: int = EIGHT_MS, severity: int = 3, **fields) -> Entry:
    """What the origin of a number says of it."""
    origin, _, number = key.partition(" i-")
    named = {"source": origin, "incident": number, "place": PLACE} | fields
    event = f"{key}{named['source']}{fields.get('revision', 1)}"
    return incident(event, at_ms, "clash", severity, origin=origin, **named)


_KEYS = st.sampled_from([A, B, C])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("join"), _KEYS, _KEYS),
        st.tuples(st.just("undo"), _KEYS, _KEYS),
        st.tuples(st.just("word"), _KEYS, st.sampled_from(["polda", "kpu", "bawaslu"]), st.integers(1, 5)),
        st.tuples(st.just("gone"), _KEYS),
        st.tuples(st.just("none"), st.sampled_from(["polda", "kpu", "bawaslu"])),
    ),
    max_size=14,
)


def entries_of(steps: list[tuple]) -> list[Entry]:
    made = [told(A), told(B, severity=4), told(C, severity=5)]
    for number, (name, one, *rest) in enumerate(steps):
        if name == "word":
            made.append(told(one, EIGHT_MS, rest[1], source=rest[0], revision=number + 2))
        elif name in ("join", "undo"):
            made.append(join(EIGHT_MS, one, rest[0], name == "undo"))
        else:
            made.append(erase(EIGHT_MS, one) if name == "gone" else evict(EIGHT_MS, one))
    return made


def check_held(state: RegencyState) -> None:
    """Every number belongs to one incident, which has words under it and under its own."""
    records = state.incidents.records
    for number, record in records.items():
        root = records[record.joined_to or number]
        assert not root.joined_to and {root.incident, number} <= {word.number for word in words_of(root)}
    under = [word.number for record in records.values() if not record.joined_to for word in words_of(record)]
    assert set(under) == set(records)


@settings(max_examples=100, deadline=None)
@given(STEPS, _KEYS, st.booleans())
def test_an_erased_number_is_in_no_record_of_the_state(steps, key, is_alarmed):
    """Whatever was joined, split, revised or cited before."""
    frames = [tick(EIGHT_MS), *((PALEMBANG, [entry]) for entry in entries_of(steps))]
    if is_alarmed:
        frames.append(tick(EIGHT_MS + MINUTE_MS))
    table = fresh()
    outputs = run([*frames, (PALEMBANG, [erase(EIGHT_MS, key)])], table)
    assert not [record for record in outputs.state.values() if key.encode() in record]
    assert key not in palembang(table).incidents.records
    check_held(palembang(table))
    again = palembang(restored(outputs.state))
    assert known(again) == known(palembang(table)) and sums(again) == sums(palembang(table))


def test_an_erased_number_leaves_the_words_of_those_it_was_joined_with():
    three = [told(A, severity=5), told(B), told(C), join(EIGHT_MS, A, B), join(EIGHT_MS, A, C)]
    state, outputs = folded(*three, erase(EIGHT_MS, A))
    root, other = state.incidents.records[C], state.incidents.records[B]  # of equals the last by source
    assert [word.number for word in words_of(root)] == [B, C] and other.joined_to == C
    assert outputs.row(PALEMBANG)["windows"]["1h"] == {"incidents": 1, "weight": 4}
    assert outputs.outcomes["x", "applied"] == 1
    assert folded(*three, erase(EIGHT_MS, "kpu i-9"))[1].outcomes["x", "unknown_incident"] == 1


def test_a_word_of_an_evicted_source_leaves_the_word_of_another_on_the_same_number():
    state, _ = folded(told(A, severity=2), told(A, severity=5, source=FLOOD), evict(EIGHT_MS))
    plain, _ = folded(told(A, severity=2))
    assert known(state) == known(plain) and sums(state) == sums(plain)


def test_only_what_was_said_in_the_time_goes_but_all_that_was_taken_back():
    times = [EIGHT_MS + n * HOUR_MS for n in range(3)]
    reports = [told(f"{FLOOD} i-{n}", at_ms, severity=5) for n, at_ms in enumerate(times)]
    back = [told(f"{FLOOD} i-9", times[0], severity=5), told(f"{FLOOD} i-9", times[2], status="retracted", revision=2)]
    figures = [turnout(n, at_ms, f"TPS {n}", 1, source=FLOOD) for n, at_ms in enumerate(times)]
    gone = evict(times[2], from_ms=times[1], to_ms=times[1])
    state, _ = folded(*reports[:1], *back[:1], *reports[1:], back[1], *figures, gone)
    assert sorted(state.incidents.records) == [f"{FLOOD} i-0", f"{FLOOD} i-2"]
    assert sorted(state.turnout.stations) == [" TPS 0", " TPS 2"]


def test_a_cited_incident_that_is_taken_out_is_amended():
    at_ms = EIGHT_MS + 20 * MINUTE_MS
    frames = [tick(EIGHT_MS), (PALEMBANG, [told(A, severity=5, source=FLOOD), told(B, severity=4)])]
    for gone in (evict(at_ms), erase(at_ms, A)):
        outputs = run([*frames, tick(at_ms), (PALEMBANG, [gone]), tick(at_ms + MINUTE_MS)])
        first, last = outputs.changes(PALEMBANG)[0], outputs.changes(PALEMBANG)[-1]
        assert {item["incident_id"] for item in first["evidence"]} == {"i-1"}
        assert (last["change"], last["reason"]) in {("amended", "correction"), ("lowered", "calm")}
        assert [item["origin"] for item in last["evidence"]] == ["bawaslu"]


def test_what_an_erased_incident_has_confirmed_is_unverified_again():
    """What is left rests on one agency, though there are fewer points than in the escalation that was confirmed."""

    def at(minute: int, *said: tuple[str, int, str], **fields) -> list[Frame]:
        at_ms = EIGHT_MS + minute * MINUTE_MS
        told_then = [
            incident(f"{minute}-{n}", at_ms, category, severity, source=source, **fields)
            for n, (category, severity, source) in enumerate(said)
        ]
        return [(OKI, told_then), tick(at_ms)] if told_then else [tick(at_ms)]

    number = {"origin": "polda", "incident": 1, "occurred_ms": EIGHT_MS}
    told_at = {
        0: at(0, ("money_politics", 4, "polda"), **number),
        50: at(50, *[("money_politics", 2, "polda")] * 2),
        64: at(64, ("money_politics", 4, "bawaslu"), **number),
        70: at(70, *[("logistics", 2, "polda")] * 3),
    }
    frames = [tick(EIGHT_MS), *(frame for minute in range(72) for frame in told_at.get(minute, at(minute)))]
    gone = erase(EIGHT_MS + 72 * MINUTE_MS, "polda i-1")
    changes = run([*frames, (OKI, [gone]), *at(73)]).changes(OKI)
    told_of = [(item["change"], item["reason"], item["unverified"]) for item in changes]
    assert told_of[1:] == [("amended", "confirmation", False), ("amended", "correction", True)]
    assert 0 < changes[2]["score"] < changes[1]["score"]


def test_a_flood_that_is_evicted_leaves_no_segment_and_no_record_behind():
    flood = [incident(n, EIGHT_MS, "clash", 4, source=FLOOD, incident=n) for n in range(3 * LARGEST)]
    honest = [incident(n, EIGHT_MS, "clash", 4) for n in range(3)]
    figures = [turnout(n, EIGHT_MS, f"TPS {n}", 1, source=FLOOD if n else "kpu") for n in range(50)]
    frames = [tick(EIGHT_MS), (PALEMBANG, [*flood, *honest, *figures]), (PALEMBANG, [evict(EIGHT_MS)])]
    table = fresh()
    outputs, plain = run(frames, table), run([tick(EIGHT_MS), (PALEMBANG, [*honest, figures[0]])])
    size, never = (
        sum(len(record) for key, record in one.state.items() if key[5:8] != b"/d/") for one in (outputs, plain)
    )
    assert size < 1.1 * never
    # The head says on which agency the level rests alone that was published.
    assert not [key for key, record in outputs.state.items() if FLOOD.encode() in record and key != b"16.71/h"]
    assert (in_memory(palembang(table)), len(palembang(table).incidents.records)) == (3, 3)
    again = palembang(restored(outputs.state))
    assert known(again) == known(palembang(table)) and stations(again) == stations(palembang(table))


def test_corrections_of_an_evicted_source_are_no_longer_counted():
    figures = [turnout(n, EIGHT_MS + n, "TPS 1", 400 - n, source=FLOOD) for n in range(4)]
    state, _ = folded(turnout("own", EIGHT_MS, "TPS 1", 100), *figures, evict(EIGHT_MS + 9))
    assert (state.turnout.corrected, state.turnout.counts.repeated, state.turnout.voted) == (0, 0, 100)


def test_a_figure_told_again_and_a_new_vote_leave_nothing_counted_as_corrected():
    """`corrected` counts figures told again of the same moment, and keeps what was counted before a new vote."""
    day_ms = 24 * HOUR_MS
    figures = [
        turnout("first", EIGHT_MS, "TPS 1", 100, source=FLOOD),
        turnout("again", EIGHT_MS, "TPS 1", 100, source=FLOOD, revision=2),
        turnout("vote", EIGHT_MS + day_ms, "TPS 1", 40, source=FLOOD),
    ]
    gone = evict(EIGHT_MS + day_ms, to_ms=EIGHT_MS + 2 * day_ms)
    for told_ in (figures[:2], figures):
        own = turnout("own", EIGHT_MS, "TPS 1", 100)
        before, after = folded(own, *told_)[0], folded(own, *told_, gone)[0]
        assert (before.turnout.corrected, after.turnout.corrected) == (1, 0)


def test_a_message_that_was_never_applied_is_not_taken_out_and_its_repeat_stays_a_repeat():
    said, old = told(A, source=FLOOD, revision=5), told(A, source=FLOOD)
    counted, older = (turnout(f"r{n}", EIGHT_MS, "TPS 1", 9, source=FLOOD, revision=n) for n in (5, 1))
    outputs = folded(said, old, counted, older, evict(EIGHT_MS), old, older, said, counted)[1]
    excluded = outputs.row(PALEMBANG)["excluded"]
    assert (excluded["duplicate"], excluded["id_reused"]) == (4, 2)


def test_told_again_under_new_ids_a_source_is_heard_again():
    first = told(A, source=FLOOD)
    again = folded(first, evict(EIGHT_MS), first)[1]
    outputs = folded(first, evict(EIGHT_MS), told(A, source=FLOOD, revision=2))[1]
    assert (again.outcomes["i", "id_reused"], again.row(PALEMBANG)["windows"]["1h"]["incidents"]) == (1, 0)
    assert outputs.row(PALEMBANG)["windows"]["1h"]["incidents"] == 1


def test_a_number_goes_from_older_rows_of_those_that_it_was_joined_with_too():
    """A row of A with the words of both lives on for the sake of C, though A and B were split since."""
    frames = [
        tick(EIGHT_MS),
        (PALEMBANG, [told(A), told(B)]),
        (PALEMBANG, [join(EIGHT_MS, A, B)]),
        (PALEMBANG, [told(C), told(A, revision=2)]),
        (PALEMBANG, [join(EIGHT_MS, A, B, True)]),
    ]
    held = run(frames)
    assert B.encode() in held.state[b"16.71/i/3"]
    for table, first in ((fresh(), frames), (restored(held.state), [])):
        outputs = run([*first, (PALEMBANG, [erase(EIGHT_MS, B)])], table, first_offset=9)
        state = held.state | outputs.state
        assert B.encode() not in state[b"16.71/i/3"] + state[b"16.71/i/4"] + state[b"16.71/h"]
