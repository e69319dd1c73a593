"""Laws of event-time order: wherever a day's records lie, the fold gets its entries in the order of event time."""

import random

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.ledger import TICK_KEY, Frame, NotAFrame, span_header
from streams.event_time.sequencer import TICK_EVERY_MS, Sequencer

A, B = "incidents-0", "incidents-1"


def entry(at_ms: int, name: str = "e") -> list:
    return ["t", at_ms, f"{name}-{at_ms}", "s", 1, 1, at_ms, 1, "kpu", False]


def watermark(at_ms: int, shard: str, idle: bool = False) -> list:
    return ["w", at_ms, shard, idle]


def take(made: Sequencer, offset: int, key: bytes, entries: list) -> list:
    """The runs that a frame of these entries releases."""
    return list(made.take(key, Frame(offset, orjson.dumps(entries), 0)))


def times(runs) -> list[int]:
    return [e[1] for _, key, entries in runs if key != TICK_KEY for e in entries]


def ticks(runs) -> list[int]:
    return [entries[0][1] for _, key, entries in runs if key == TICK_KEY]


def test_entries_wait_until_every_shard_has_passed_their_time():
    made = Sequencer(2)
    assert times(take(made, 0, b"16.71", [entry(10), entry(30)])) == []
    assert times(take(made, 1, TICK_KEY, [watermark(31, A)])) == []
    assert times(take(made, 2, TICK_KEY, [watermark(20, B)])) == [10]
    assert times(take(made, 3, TICK_KEY, [watermark(30, B)])) == []
    assert times(take(made, 4, TICK_KEY, [watermark(31, B)])) == [30]


def test_a_tick_waits_as_what_is_as_old_does():
    made = Sequencer(2)
    take(made, 0, b"16.71", [entry(1000), entry(60_000)])
    assert ticks(take(made, 1, TICK_KEY, [watermark(60_000, A), watermark(60_000, B)])) == []
    take(made, 2, b"16.02", [entry(60_000)])
    runs = take(made, 3, TICK_KEY, [watermark(60_001, A), watermark(60_001, B)])
    assert [key for _, key, _ in runs] == [b"16.02", b"16.71", TICK_KEY]


def test_a_shard_ahead_does_not_make_the_others_late():
    made, seen = Sequencer(2), []
    frames = [
        (b"16.71", [entry(130_000)]),
        (TICK_KEY, [watermark(130_000, A)]),
        (b"16.72", [entry(10_000)]),
        (TICK_KEY, [watermark(10_000, B)]),
        (b"16.72", [entry(100_000)]),
        (TICK_KEY, [watermark(190_000, B)]),
        (TICK_KEY, [watermark(190_000, A)]),
    ]
    for offset, (key, entries) in enumerate(frames):
        seen += times(take(made, offset, key, entries))
    assert seen == [10_000, 100_000, 130_000]


def test_within_a_minute_entries_are_released_regency_by_regency_in_order():
    made = Sequencer(1)
    take(made, 0, b"16.72", [entry(40), entry(10)])
    take(made, 1, b"16.71", [entry(30)])
    take(made, 2, b"16.72", [entry(20), entry(70_000)])
    runs = take(made, 3, TICK_KEY, [watermark(70_001, A)])
    assert [(offset, key, [e[1] for e in entries]) for offset, key, entries in runs] == [
        (3, b"16.71", [30]),
        (3, b"16.72", [10, 20, 40]),
        (3, TICK_KEY, [60_000]),
        (3, b"16.72", [70_000]),
    ]


def test_a_span_header_changes_nothing_but_the_cost():
    def runs(is_told: bool) -> list:
        made, taken = Sequencer(1), []
        for offset, ats in enumerate(([40, 10], [30], [20, 70_000])):
            entries = [entry(at) for at in ats]
            span = span_header(entries) if is_told else None
            taken += made.take(b"16.71", Frame(offset, orjson.dumps(entries), 0, span))
            taken += take(made, 10 + offset, TICK_KEY, [watermark(25 + offset, A)])
        return [*taken, len(made), made.drain()]

    assert runs(is_told=True) == runs(is_told=False)


@pytest.mark.parametrize("span", [b"", b"10 20", b"10 20 x", b"\xff"])
def test_a_malformed_span_header_is_not_a_frame(span):
    with pytest.raises(NotAFrame, match="siaga.span"):
        list(Sequencer(1).take(b"16.71", Frame(7, orjson.dumps([entry(10)]), 0, span)))


def test_an_idle_shard_delays_nobody():
    made = Sequencer(2)
    take(made, 0, b"16.71", [entry(10)])
    take(made, 1, TICK_KEY, [watermark(0, B, idle=True)])
    assert times(take(made, 2, TICK_KEY, [watermark(11, A)])) == [10]


def test_when_all_are_idle_everything_is_released_and_ticks_reach_the_newest():
    made = Sequencer(2)
    take(made, 0, b"16.71", [entry(10)])
    take(made, 1, TICK_KEY, [watermark(10, A, idle=True)])
    runs = take(made, 2, TICK_KEY, [watermark(7, B, idle=True)])
    assert times(runs) == [10] and ticks(runs) == [10]
    assert len(made) == 0


def test_an_entry_whose_time_was_released_is_folded_at_once():
    made = Sequencer(1)
    take(made, 0, TICK_KEY, [watermark(100, A)])
    assert times(take(made, 1, b"16.71", [entry(40)])) == [40]


def test_ticks_fall_on_full_minutes_however_far_a_release_reaches():
    def day(every_ms: int) -> list:
        made, runs = Sequencer(1), []
        runs += take(made, 0, b"16.71", [entry(30_000), entry(90_000), entry(150_000)])
        for at in range(every_ms, 180_000, every_ms):
            runs += take(made, at, TICK_KEY, [watermark(at, A)])
        runs += take(made, 999_999, TICK_KEY, [watermark(179_999, A, idle=True)])
        return [entries[0][1] for _, _, entries in runs]

    assert day(1000) == day(170_000) == [30_000, 60_000, 90_000, 120_000, 150_000, 179_999]


def test_a_jump_of_years_takes_few_ticks():
    made = Sequencer(1)
    take(made, 0, TICK_KEY, [watermark(TICK_EVERY_MS, A)])
    assert len(ticks(take(made, 1, TICK_KEY, [watermark(6 * 365 * 86_400_000, A)]))) < 5000


def test_a_neighbours_notice_does_not_wait():
    notice = ["n", 99, "16.72", "siaga", "normal", "id", "live", None, False]
    assert take(Sequencer(2), 5, b"16.71", [notice]) == [(5, b"16.71", [notice])]


def test_memory_is_bounded_by_releasing_the_oldest_early():
    made, seen = Sequencer(2, held_max=10), []
    for n in range(100):
        seen += times(take(made, n, b"16.71", [entry(n + 1)]))
        assert len(made) <= 10
    assert seen == sorted(seen) and len(seen) >= 90


DAY = st.lists(
    st.tuples(st.integers(1, 300).map(lambda second: second * 1000), st.sampled_from([b"16.71", b"16.02"])),
    max_size=40,
    unique=True,
)


#: One entry lies on a full minute, another shortly behind it.
AT_THE_MINUTE = [(1000 * second, b"16.71") for second in (1, 2, 3, 180, 181)]
AT_THE_MINUTE += [(1000 * second, b"16.02") for second in (1, 2, 3, 180)]


def play(day, seed: int) -> dict[bytes, list]:
    """Two shards read their halves of the day in their own order of time, interleaved at random, then fall idle.

    What each regency is given: names of entries, and the ticks between them.
    """
    rnd = random.Random(seed)
    halves = {A: [], B: []}
    for item in sorted(day):
        halves[rnd.choice((A, B))].append(item)
    made, seen, offset = Sequencer(2), [], 0
    while any(halves.values()):
        shard = rnd.choice([name for name, left in halves.items() if left])
        batch = [halves[shard].pop(0) for _ in range(min(len(halves[shard]), rnd.randint(1, 5)))]
        for key in {key for _, key in batch}:
            seen += take(made, offset, key, [entry(at, key.decode()) for at, k in batch if k == key])
            offset += 1
        seen += take(made, offset, TICK_KEY, [watermark(batch[-1][0], shard)])
        offset += 1
    for shard in (A, B):
        seen += take(made, offset, TICK_KEY, [watermark(0, shard, idle=True)])
        offset += 1
    assert len(made) == 0
    given = {key: [] for _, key in day}
    for _, key, entries in seen:
        for whose in given if key == TICK_KEY else [key]:
            given[whose] += [e[1] if key == TICK_KEY else e[2] for e in entries]
    return given


@settings(deadline=None)
@given(DAY, st.integers(0, 10_000), st.integers(0, 10_000))
@example(AT_THE_MINUTE, 0, 1)
def test_the_fold_gets_the_same_day_wherever_its_records_lie(day, one, other):
    assert play(day, one) == play(day, other)


@settings(deadline=None)
@given(DAY, st.integers(0, 50))
def test_a_restart_in_the_middle_changes_nothing(day, cut):
    frames = [(key, [entry(at, key.decode())]) for at, key in day]
    frames = [
        f for pair in zip(frames, [(TICK_KEY, [watermark(at - 50, A)]) for at, _ in day], strict=True) for f in pair
    ]
    frames += [(TICK_KEY, [watermark(0, A, idle=True)])]

    def fold(restart_at: int) -> list:
        made, seen, stored = Sequencer(1), [], {}
        for offset, (key, entries) in enumerate(frames):
            if offset == restart_at:
                made = Sequencer(1)
                made.restore(stored)
            seen += take(made, offset, key, entries)
            for name, value in made.drain():
                stored[name] = value
                if value is None:
                    del stored[name]
        return seen

    assert fold(-1) == fold(cut)


def test_ticks_do_not_begin_before_the_first_message():
    made, first_ms = Sequencer(2), 1_707_519_600_000
    runs = take(made, 0, TICK_KEY, [watermark(0, A, idle=True)]) + take(made, 1, TICK_KEY, [watermark(0, B, idle=True)])
    runs += take(made, 2, TICK_KEY, [watermark(first_ms, A)]) + take(made, 3, b"16.71", [entry(first_ms)])
    assert runs == []
    runs = take(made, 4, TICK_KEY, [watermark(first_ms + 1, A)])
    assert ticks(runs) == [] and times(runs) == [first_ms]


def report(kind: str, at_ms: int, name: str, revision: int, source: str, station: str | None) -> list:
    if kind == "i":
        return ["i", at_ms, name, f"of-{name}", revision, station, "clash", 2, "reported", at_ms, at_ms, source, False]
    return ["t", at_ms, name, station or "s", 250, 100, at_ms, revision, source, False]


REPORTS = st.lists(
    st.builds(
        report,
        st.sampled_from("it"),
        st.integers(1, 5),
        st.sampled_from("abc"),
        st.integers(1, 3),
        st.sampled_from(["kpu", "polda"]),
        st.sampled_from([None, "TPS 001", "TPS 002"]),
    ),
    max_size=12,
)


def released(frames: list[list]) -> list:
    """The reports that these frames of one regency release, in order."""
    made = Sequencer(1)
    for offset, reports in enumerate(frames):
        assert not take(made, offset, b"16.71", reports)
    runs = take(made, len(frames), TICK_KEY, [watermark(9, A)])
    return [entry for _, key, run in runs if key != TICK_KEY for entry in run]


@given(REPORTS)
def test_reports_of_one_moment_come_by_revision_event_id_and_source(reports):
    def order(e: list) -> tuple:
        return (e[1], e[4], e[2], e[11]) if e[0] == "i" else (e[1], e[7], e[2], e[8])

    assert [order(e) for e in released([[e] for e in reports])] == sorted(map(order, reports))


@given(REPORTS.flatmap(lambda reports: st.tuples(st.just(reports), st.permutations(reports))), st.integers(0, 12))
def test_reports_of_one_moment_come_in_one_order_in_whichever_frames(both, cut):
    first, other = both
    frames = [frame for frame in (other[:cut], other[cut:]) if frame]
    assert released([[e] for e in first]) == released(frames)
