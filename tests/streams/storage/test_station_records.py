"""How stations lie in the state: many of one frame as one record, few one by one; only the latest are records."""

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.ledger import Entry
from streams.risk.station import Figure
from streams.risk.turnout import Turnout
from streams.storage.station_records import SEGMENT_LEAST, StationRecords
from tests.streams.ledgers import EIGHT_MS, HOUR_MS, PALEMBANG, WIB_MS, restored, run, turnout

MANY = range(SEGMENT_LEAST)
FEW = range(SEGMENT_LEAST - 1)


def stations(outputs) -> list[bytes]:
    return sorted(key for key in outputs.state if key[5:8] in (b"/t/", b"/s/"))


def figures(first: int, numbers, hour: int = 0, voted: int = 100) -> list[Entry]:
    """A figure of each of these stations; event ids count from `first`."""
    return [turnout(first + n, EIGHT_MS + hour * HOUR_MS, f"TPS {n}", voted) for n in numbers]


def held(state: dict) -> dict[str, tuple]:
    [found] = [one.turnout for one in restored(state) if one.turnout.stations]
    return {name: found.held(name)[:-1] for name in found.stations}


def test_many_stations_of_one_frame_are_one_record_and_few_are_one_each():
    assert stations(run([(PALEMBANG, figures(0, MANY))])) == [b"16.71/t/1"]
    assert stations(run([(PALEMBANG, figures(0, FEW))])) == [b"16.71/s/ TPS %d" % n for n in FEW]


def test_a_segment_whose_stations_have_all_reported_again_is_dropped():
    first, half, rest = figures(0, range(16)), figures(50, range(8), 1), figures(100, range(8, 16), 1)
    assert stations(run([(PALEMBANG, first), (PALEMBANG, half)])) == [b"16.71/t/1", b"16.71/t/2"]
    assert stations(run([(PALEMBANG, first), (PALEMBANG, half), (PALEMBANG, rest)])) == [b"16.71/t/2", b"16.71/t/3"]


def test_a_station_has_one_record_wherever_it_goes():
    bulk, trickle, again = figures(0, MANY), figures(50, FEW, 1), figures(100, MANY, 2, 200)
    outputs = run([(PALEMBANG, bulk), (PALEMBANG, trickle)])
    assert stations(outputs) == [b"16.71/s/ TPS %d" % n for n in FEW] + [b"16.71/t/1"]
    assert held(outputs.state)[" TPS 0"][0] == EIGHT_MS + HOUR_MS
    outputs = run([(PALEMBANG, bulk), (PALEMBANG, trickle), (PALEMBANG, again)])
    assert stations(outputs) == [b"16.71/t/3"]  # the second became records of their own
    assert {figure[3] for figure in held(outputs.state).values()} == {200}


def test_of_two_figures_in_one_frame_the_later_is_kept():
    outputs = run([(PALEMBANG, [*figures(0, MANY), *figures(50, [0], 1, 150)])])
    assert stations(outputs) == [b"16.71/t/1"]
    assert held(outputs.state)[" TPS 0"][3] == 150


def test_after_a_restart_numbers_continue_and_emptied_segments_are_dropped():
    table = restored(run([(PALEMBANG, figures(0, MANY))]).state)
    table.apply(1, PALEMBANG.encode(), figures(50, MANY, 1))
    written = dict(table.drain().state)
    assert written[b"16.71/t/1"] is None and written[b"16.71/t/2"]


def test_a_station_may_be_called_like_the_head_of_a_state():
    names = ("TPS 1/h", "TPS 2/p", "h", "/h")
    outputs = run([(PALEMBANG, [turnout(n, EIGHT_MS, name, 100) for n, name in enumerate(names)])])
    assert set(held(outputs.state)) == {f" {name}" for name in names}


FRAMES = st.lists(st.lists(st.integers(0, 11), min_size=1, max_size=14, unique=True), min_size=1, max_size=12)


@settings(max_examples=150, deadline=None)
@given(FRAMES, st.integers(0, 12), st.integers(1, 4))
def test_records_hold_the_latest_figures_and_nothing_else(frames, restart_at, drain_every):
    whole, stored = Turnout(WIB_MS, 100), {}
    records = StationRecords(whole)
    for moment, frame in enumerate(frames):
        if moment == restart_at:
            stored |= dict(records.drain(b"16.71"))
            whole, records = _restart(whole, records, stored)
        for number in frame:
            figure = Figure(moment, 1, 500, 100 + moment, f"s{moment % 3}", f"a{moment % 2}", number % 2)
            whole.report(f" TPS {number}", figure, records.move)
        records.close_frame()
        if moment % drain_every == 0:
            stored |= dict(records.drain(b"16.71"))
    stored |= dict(records.drain(b"16.71"))
    back, _ = _restart(whole, records, stored)
    assert {name: back.held(name)[:-1] for name in back.stations} == {
        name: whole.held(name)[:-1] for name in whole.stations
    }
    lying = {whole.held(name).segment for name in whole.stations} - {0}
    assert {int(key[8:]) for key, value in stored.items() if key[5:8] == b"/t/" and value} == lying
    own = {name for name in whole.stations if not whole.held(name).segment}
    assert {key[8:].decode() for key, value in stored.items() if key[5:8] == b"/s/" and value} == own


def _restart(before: Turnout, records: StationRecords, state: dict) -> tuple[Turnout, StationRecords]:
    after = Turnout(WIB_MS, 100)
    after.restore_totals(before.totals())
    again = StationRecords(after)
    segments = {int(key[8:]): value for key, value in state.items() if key[5:8] == b"/t/" and value}
    own = {key[8:].decode(): value for key, value in state.items() if key[5:8] == b"/s/" and value}
    again.restore(records.last, segments, own)
    return after, again
