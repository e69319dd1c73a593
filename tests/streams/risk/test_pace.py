"""What a regency sends its province, and what the rest of the province's pace changes here."""

import pytest

from schemas.ledger import COUNTS, Entry
from streams.risk.scoring import bar
from tests.streams.ledgers import (
    COMPILED,
    EIGHT_MS,
    HOUR_MS,
    MINUTE_MS,
    PAGAR_ALAM,
    PALEMBANG,
    Frame,
    Outputs,
    fresh,
    incident,
    palembang,
    restored,
    run,
    tick,
)

QUARTER_MS = 15 * MINUTE_MS
#: All other regencies of Sumsel.
OTHERS = 23_000


def pace(at_ms: int, times: float, stations: int = OTHERS, category: str = "intimidation") -> Entry:
    """The rest of the province holds so many times what base rates expect of a category, and nothing of others."""
    held = times * COMPILED.reports_per_station(category, COMPILED.local_ms(at_ms) // QUARTER_MS) * stations
    return ["p", at_ms, "16", stations, {category: round(1000 * held)} if held else {}, [0, 0, 0, 0]]


def counts_of(outputs: Outputs) -> list[Entry]:
    return [entry for target, entry in outputs.notices if entry[0] == COUNTS and target == "16"]


def held(*of: tuple[str, str]) -> list[Entry]:
    """Counts of eight o'clock, when incidents of these (category, source) occurred; they were known a minute before."""
    before_ms = EIGHT_MS - MINUTE_MS
    reports = [
        incident(n, before_ms, category, source=source, occurred_ms=EIGHT_MS) for n, (category, source) in enumerate(of)
    ]
    half_life_ms = COMPILED.decay.half_life_ms
    return counts_of(run([tick(before_ms), (PALEMBANG, reports), tick(EIGHT_MS), tick(EIGHT_MS + half_life_ms)]))[1:]


def wave(count: int, sources: tuple[str, ...] = ("polri", "bawaslu"), at_ms: int = EIGHT_MS) -> list[Frame]:
    return [
        (PALEMBANG, [incident(f"w{n}", at_ms + n * MINUTE_MS, source=sources[n % len(sources)])]) for n in range(count)
    ]


def test_a_regency_that_holds_incidents_sends_counts_once_in_each_quarter_hour():
    ticks = [tick(EIGHT_MS + minute * MINUTE_MS) for minute in range(1, 61)]
    sent = counts_of(run([tick(EIGHT_MS), (PALEMBANG, [incident("a", EIGHT_MS)]), *ticks]))
    assert [entry[2] for entry in sent] == [PALEMBANG] * 5
    assert [(entry[1] - EIGHT_MS) // QUARTER_MS for entry in sent] == [0, 1, 2, 3, 4]


def test_a_regency_that_holds_nothing_sends_no_counts():
    protest = (PALEMBANG, [incident("p", EIGHT_MS, "protest")])
    drill = (PALEMBANG, [incident("d", EIGHT_MS, exercise=True)])
    assert not counts_of(run([tick(EIGHT_MS), protest, drill, tick(EIGHT_MS + HOUR_MS)]))


def test_counts_are_decayed_reports_in_thousandths_by_category_and_agency():
    at_once, a_half_life_later = held(("clash", "bawaslu"), ("intimidation", "polri"), ("intimidation", "bawaslu"))
    assert at_once[3] == {"intimidation": {"bawaslu": 1000, "polri": 1000}, "clash": {"bawaslu": 1000}}
    assert a_half_life_later[3] == {"intimidation": {"bawaslu": 500, "polri": 500}, "clash": {"bawaslu": 500}}
    assert list(at_once[3]) == ["intimidation", "clash"] and list(at_once[3]["intimidation"]) == ["bawaslu", "polri"]


@pytest.mark.parametrize("times", [0, 0.5, 1, 2, 4, 8])
def test_the_pace_scales_what_is_ordinary(times):
    """Within its bounds, and to a quarter of a doubling."""
    table = fresh()
    run([tick(EIGHT_MS), (PALEMBANG, [pace(EIGHT_MS, times)])], table)
    weighing, slot = palembang(table).incidents.weighing, COMPILED.local_ms(EIGHT_MS) // QUARTER_MS
    kind = COMPILED.kinds["intimidation", 2]
    base, now = (10 ** (of.milli[kind.number * 24 + 8] / 1000) - 1 for of in (weighing.place, weighing))
    assert base / now == pytest.approx(max(0.5, times), rel=0.14)
    ordinary, before = (of.ordinary(slot)[0] for of in (weighing, COMPILED.weighing(2264)))
    assert (ordinary[0] > before[0]) == (times > 1)


def test_a_category_that_nobody_spoke_of_does_not_change_another():
    before, after = fresh(), fresh()
    run([tick(EIGHT_MS)], before)
    run([tick(EIGHT_MS), (PALEMBANG, [pace(EIGHT_MS, 4, category="logistics")])], after)
    kind = COMPILED.kinds["clash", 3]
    shown = [palembang(table).incidents.weighing.milli[kind.number * 24 + 8] for table in (before, after)]
    assert shown[0] == pytest.approx(shown[1], abs=80)  # clashes are rare: none of them says little


def test_what_the_whole_province_reports_is_no_wave_here():
    """The same reports are one where the rest of the province is as always."""
    later = tick(EIGHT_MS + 10 * MINUTE_MS)
    calm = run([tick(EIGHT_MS), *wave(7), later])
    lively = run([tick(EIGHT_MS), (PALEMBANG, [pace(EIGHT_MS, 6)]), *wave(7), later])
    assert calm.row(PALEMBANG)["level"] == "siaga"
    assert lively.row(PALEMBANG)["level"] == "normal"


def test_a_pace_that_comes_later_weighs_again_what_is_held():
    before = run([tick(EIGHT_MS), (PALEMBANG, [pace(EIGHT_MS, 4)]), *wave(8)])
    after = run([tick(EIGHT_MS), *wave(8), (PALEMBANG, [pace(EIGHT_MS, 4)])])
    names = ("score", "components")
    assert [before.row(PALEMBANG)[name] for name in names] == [after.row(PALEMBANG)[name] for name in names]


def test_a_pace_counts_for_an_hour():
    table = fresh()
    run([tick(EIGHT_MS), (PALEMBANG, [pace(EIGHT_MS, 6)]), tick(EIGHT_MS + HOUR_MS)], table)
    assert any(palembang(table).pace.steps())
    run([tick(EIGHT_MS + HOUR_MS + MINUTE_MS)], table)
    assert not any(palembang(table).pace.steps())
    assert palembang(table).incidents.weighing.milli == COMPILED.place(2264).milli


def test_a_pace_that_comes_an_hour_late_counts_nothing():
    table = fresh()
    run([tick(EIGHT_MS + 2 * HOUR_MS), (PALEMBANG, [pace(EIGHT_MS, 6)])], table)
    assert not any(palembang(table).pace.steps())


def test_taking_back_everything_leaves_nothing_whatever_the_pace_was():
    table = fresh()
    back = [
        (PALEMBANG, [incident(f"b{n}", EIGHT_MS + HOUR_MS, incident=f"w{n}", revision=2, status="retracted",
                              source=("polri", "bawaslu")[n % 2])])
        for n in range(8)
    ]  # fmt: skip
    paces = [(PALEMBANG, [pace(EIGHT_MS + n * 10 * MINUTE_MS, n)]) for n in range(1, 6)]
    run([tick(EIGHT_MS), *wave(8), *paces, *back], table)
    incidents = palembang(table).incidents
    assert incidents.totals == [0, 0, 0, 0] and not any(incidents.by_agency)


def test_a_restored_table_weighs_as_before():
    table = fresh()
    outputs = run([tick(EIGHT_MS), *wave(8), (PALEMBANG, [pace(EIGHT_MS + QUARTER_MS, 3)])], table)
    again = restored(outputs.state)
    assert palembang(again).incidents.totals == palembang(table).incidents.totals
    later = [tick(EIGHT_MS + QUARTER_MS + minute * MINUTE_MS) for minute in range(1, 50)]
    assert run(later, again).rows == run(later, table).rows


def test_what_a_regency_showed_before_raises_its_own_bar_against_its_province_alone():
    """Twice the ordinary all morning: where the province is as lively, the regency is none of its own."""
    morning = [
        (PAGAR_ALAM, [incident(f"m{n}", EIGHT_MS + n * 5 * MINUTE_MS, source=("polri", "bawaslu")[n % 2])])
        for n in range(24)
    ]
    at_ms, bars = EIGHT_MS + 6 * HOUR_MS, []
    for past in ([0, 0, 0, 0], [10**6, 0, 0, 0]):
        table = fresh()
        run([tick(EIGHT_MS), *morning, tick(at_ms), (PAGAR_ALAM, [["p", at_ms, "16", OTHERS, {}, past]])], table)
        state = next(state for state in table if state.regency.code == PAGAR_ALAM)
        factors = state._learned.factors(state.first_ms, state.grid_ms)
        mean, variance = state.incidents.weighing.ordinary(COMPILED.local_ms(state.grid_ms) // QUARTER_MS)[0]
        bars.append(bar(COMPILED, mean, variance, factors[0]))
    assert bars[0] > bars[1]
