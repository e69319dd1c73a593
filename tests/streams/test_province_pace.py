"""When a province sends its regencies the pace of all others, and what counts in it."""

import pytest

from schemas.ledger import PACE, Entry
from tests.streams.ledgers import (
    COMPILED,
    EIGHT_MS,
    MINUTE_MS,
    OKI,
    PAGAR_ALAM,
    PALEMBANG,
    ROSTER,
    RULES,
    Frame,
    fresh,
    run,
    tick,
)

QUARTER_MS = 15 * MINUTE_MS
FREE = round(1000 * RULES.surprise.pace_free.value)
STATIONS = {code: regency.stations for code, regency in ROSTER.items()}


def counts(regency: str, thousandths: int, at_ms: int = EIGHT_MS + 1000, agency: str = "*") -> Frame:
    recent = {"logistics": {agency: thousandths}} if thousandths else {}
    return "16", [["c", at_ms, regency, recent, [1000, 0, 0, 0]]]


def paces(*frames: Frame) -> dict[str, list[Entry]]:
    """What each member is sent."""
    found: dict[str, list[Entry]] = {code: [] for code in ROSTER}
    for target, entry in run([tick(EIGHT_MS), *frames]).notices:
        if entry[0] == PACE:
            found[target].append(entry)
    return found


def minute(number: float) -> Frame:
    return tick(round(EIGHT_MS + number * MINUTE_MS))


def test_each_member_is_sent_what_the_others_hold():
    sent = paces(counts(PALEMBANG, 900), counts(OKI, 500), counts(PAGAR_ALAM, 100), minute(1))
    assert {code: entries[0][4] for code, entries in sent.items()} == {
        PALEMBANG: {"logistics": 600}, OKI: {"logistics": 1000}, PAGAR_ALAM: {"logistics": 1400},
    }  # fmt: skip
    for code, [entry] in sent.items():
        assert entry[1:4] == [EIGHT_MS + MINUTE_MS, "16", sum(STATIONS.values()) - STATIONS[code]]
        assert entry[5] == [2000, 0, 0, 0]


def test_it_is_sent_once_a_minute_into_the_quarter_hour():
    counted = [counts(code, 500) for code in ROSTER]
    later = [counts(code, 500, EIGHT_MS + QUARTER_MS + 1000) for code in ROSTER]
    sent = paces(*counted, minute(0.75), minute(1), minute(2), minute(15), *later, minute(15.5), minute(16.25))
    assert [entry[1] - EIGHT_MS for entry in sent[OKI]] == [MINUTE_MS, round(16.25 * MINUTE_MS)]


def test_without_new_counts_nothing_is_sent():
    sent = paces(counts(PALEMBANG, 500), counts(OKI, 500), minute(1), minute(16), minute(31))
    assert len(sent[PAGAR_ALAM]) == 1


def test_counts_of_the_quarter_hour_before_still_count_and_older_ones_do_not():
    again = EIGHT_MS + QUARTER_MS + 1000
    sent = paces(counts(PALEMBANG, 500), counts(OKI, 500), minute(1), counts(OKI, 700, again), minute(16))
    assert [entry[4] for entry in sent[PAGAR_ALAM]] == [{"logistics": 1000}, {"logistics": 1200}]
    third = EIGHT_MS + 2 * QUARTER_MS + 1000
    sent = paces(counts(PALEMBANG, 500), counts(OKI, 500), minute(1), counts(OKI, 700, third), minute(31))
    assert [entry[3:5] for entry in sent[PAGAR_ALAM]][-1] == [STATIONS[OKI], {"logistics": 700}]


def test_a_member_without_another_is_sent_nothing():
    sent = paces(counts(PALEMBANG, 500), minute(1))
    assert sent[PALEMBANG] == [] and len(sent[OKI]) == 1


@pytest.mark.parametrize("flood", [10**5, 10**7, 10**9])
def test_a_flood_in_one_member_counts_twice_the_upper_quartile_at_most(flood):
    """Of three members the upper quartile by rank is the second: OKI's, whose rate is one in 1,229 stations."""
    sent = paces(counts(PALEMBANG, flood), counts(OKI, 1000), counts(PAGAR_ALAM, 0), minute(1))
    most = int(2 * 1000 / STATIONS[OKI] * STATIONS[PALEMBANG]) + FREE
    assert sent[PAGAR_ALAM][0][4] == {"logistics": most + 1000}


@pytest.mark.parametrize("flood", [3000, 10**5, 10**7])
def test_one_agency_counts_up_to_what_is_expected_of_all_however_many_members_it_reports_in(flood):
    sent = paces(*(counts(code, flood, agency="polri") for code in ROSTER), minute(1))
    slot = COMPILED.local_ms(EIGHT_MS) // QUARTER_MS
    expected = COMPILED.reports_per_station("logistics", slot) * (2264 + 1229)
    assert sent[PAGAR_ALAM][0][4] == {"logistics": round(1000 * expected) + FREE}


def test_one_agency_counts_as_much_as_all_others_have():
    polri, kpu = counts(PALEMBANG, 50_000, agency="polri"), counts(OKI, 40_000, agency="kpu")
    sent = paces(polri, kpu, counts(PAGAR_ALAM, 8_000, agency="bawaslu"), minute(1))
    assert sent[PAGAR_ALAM][0][4] == {"logistics": 80_000}


def test_a_restored_province_sends_what_it_would_have_sent():
    table = fresh()
    outputs = run([tick(EIGHT_MS), counts(PALEMBANG, 900), counts(OKI, 500)], table)
    again = fresh()
    for key, value in outputs.state.items():
        again.restore(key, value)
    again.restored()
    assert run([minute(1)], again).notices == run([minute(1)], table).notices
