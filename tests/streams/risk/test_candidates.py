"""Candidates: pairs and what doubles weigh, against a recount of all pairs after every change."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.stations import station_of
from streams.risk.candidates import Candidates, place_of
from streams.risk.incidents import Incidents
from streams.risk.record import Record, agencies_of, new_record, report_of
from streams.risk.words import Word
from streams.rules import Rules
from tests.streams.ledgers import (
    COMPILED,
    EIGHT_MS,
    HOUR_MS,
    MINUTE_MS,
    PALEMBANG,
    RULES,
    WIB_MS,
    incident,
    palembang,
    restored,
    run,
    tick,
)

LAW = settings(max_examples=150, deadline=None)
WITHIN_MS, DOUBLE_MILLI = COMPILED.joining_within_ms, COMPILED.joining_milli
VILLAGE, OTHER_VILLAGE, NOWHERE = "16.71.01.1001", "16.71.02.1003", " TPS 001"


def few(most: int) -> Rules:
    """The packaged rules with another `joining.most`."""
    rules = Rules(RULES)
    rules.joining_most = most
    return rules


def record(
    number: int,
    agencies: str = "a",
    severity: int = 3,
    category: str = "clash",
    place: str | None = f"{VILLAGE} TPS 001",
    minute: int = 0,
) -> Record:
    """An incident of which each of these agencies (a letter each) speaks alike."""
    key, occurred_ms = f"{agencies[0]} i-{number}", EIGHT_MS + minute * MINUTE_MS
    kind = COMPILED.kinds[category, severity]
    words = [Word(key, name, name, 1, kind, "reported", occurred_ms, occurred_ms, place) for name in agencies]
    return new_record(report_of(key, words, 1))


RECORDS = st.lists(
    st.builds(
        record,
        number=st.integers(0, 999),
        agencies=st.sampled_from(["a", "a", "b", "c", "ab", "bc"]),
        severity=st.integers(1, 5),
        category=st.sampled_from(["clash", "clash", "intimidation", "logistics", "protest"]),
        place=st.sampled_from(
            [f"{VILLAGE} TPS 001", f"{VILLAGE} TPS 002", f"{VILLAGE} ", f"{OTHER_VILLAGE} ", NOWHERE]
        ),
        minute=st.sampled_from([0, 0, 1, 44, 45, 46, 89, 90]),
    ),
    min_size=2,
    max_size=12,
    unique_by=lambda one: one.incident,
)


def weight(one: Record) -> int:
    """Evidence of a report in Palembang at its hour, by category, severity and status."""
    hour = (one.occurred_ms + WIB_MS) // HOUR_MS % 24
    return COMPILED.place(2264).milli[one.kind.number * 24 + hour] * one.kind.pressure_milli[one.status]


def rank(one: Record) -> tuple:
    return -weight(one), one.occurred_ms, one.incident


def recount(records: list[Record], most: int = COMPILED.joining_most) -> list[tuple[Record, Record]]:
    """Every pair by the words of its law, the lesser second; the pairs whose later incident is newest come first."""
    shelves: dict[tuple, list[Record]] = {}
    for one in records:
        shelves.setdefault((one.kind.group, place_of(one.place)), []).append(one)
    pairs = []
    for shelf in shelves.values():
        for one, other in combinations(shelf, 2) if len(shelf) <= most else ():
            agencies = {word.agency for word in one.words} or {one.sole_agency}
            others = {word.agency for word in other.words} or {other.sole_agency}
            if not agencies & others and abs(one.occurred_ms - other.occurred_ms) <= WITHIN_MS:
                pairs.append(tuple(sorted((one, other), key=rank)))
    return sorted(pairs, key=lambda pair: (-max(one.occurred_ms for one in pair), pair[0].incident, pair[1].incident))


def doubles(records: list[Record], most: int = COMPILED.joining_most) -> set[str]:
    """From the heaviest on, one that is no double has as doubles the nearest in time of each other agency."""
    found: set[str] = set()
    pairs = recount(records, most)
    for first in sorted({first for first, _ in pairs}, key=rank):
        by_agency: dict[frozenset, list[Record]] = {}
        for one, second in pairs:
            stations = {station_of(one.place), station_of(second.place)} - {""}
            if one is first and len(stations) < 2 and first.incident not in found and second.incident not in found:
                by_agency.setdefault(frozenset(agencies_of(second)), []).append(second)
        for some in by_agency.values():
            nearest = min(some, key=lambda one: (abs(one.occurred_ms - first.occurred_ms), rank(one)))
            found.add(nearest.incident)
    return found


@LAW
@given(RECORDS, st.lists(st.integers(0, 11), max_size=40), st.sampled_from([2, 3, 50]))
def test_pairs_and_doubles_are_the_recount_after_every_change_in_any_order(records, changes, most):
    candidates, counted = Candidates(few(most), weight), []
    for change in [*range(len(records)), *changes]:
        one = records[change % len(records)]
        before = doubles(counted, most)
        if one in counted:
            counted.remove(one)
            changed = candidates.remove(one, place_of(one.place))
        else:
            changed = candidates.add(one, place_of(one.place))
            counted.append(one)
        after = doubles(counted, most)
        assert candidates.doubles == after
        assert candidates.pairs == len(recount(counted, most))
        assert candidates.newest_pairs(999) == recount(counted, most)
        assert [one.incident for one in changed] == sorted((before ^ after) - {one.incident})


@given(RECORDS, st.integers(0, 12))
def test_of_the_pairs_the_newest_are_named(records, most):
    candidates = Candidates(COMPILED, weight)
    for one in records:
        candidates.add(one, place_of(one.place))
    assert candidates.newest_pairs(most) == recount(records)[:most]


def pairs_of(*records: Record) -> int:
    candidates = Candidates(COMPILED, weight)
    for one in records:
        candidates.add(one, place_of(one.place))
    return candidates.pairs


@pytest.mark.parametrize(
    ("fields", "is_pair"),
    [
        ({}, True),
        ({"agencies": "a"}, False),
        ({"agencies": "ab"}, False),
        ({"agencies": "bc"}, True),
        ({"category": "intimidation"}, True),  # of one group
        ({"category": "logistics"}, False),
        ({"severity": 5}, True),
        ({"place": f"{VILLAGE} TPS 002"}, True),  # another station of the village
        ({"place": f"{VILLAGE} "}, True),
        ({"place": f"{OTHER_VILLAGE} TPS 001"}, False),
        ({"place": NOWHERE}, False),
        ({"minute": 45}, True),
        ({"minute": -45}, True),
        ({"minute": 46}, False),
        ({"minute": -46}, False),
    ],
)
def test_two_agencies_one_group_one_place_and_little_time_make_a_pair(fields, is_pair):
    assert pairs_of(record(1), record(2, **({"agencies": "b"} | fields))) == is_pair


def test_without_a_village_the_station_is_the_place():
    assert pairs_of(record(1, place=NOWHERE), record(2, "b", place=NOWHERE)) == 1
    assert pairs_of(record(1, place=NOWHERE), record(2, "b", place=" TPS 002")) == 0


def test_the_double_is_the_lighter_then_the_later_then_the_later_number():
    def double(*records: Record) -> list[str]:
        candidates = Candidates(COMPILED, weight)
        for one in records:
            candidates.add(one, place_of(one.place))
        return list(candidates.doubles)

    assert double(record(1, severity=1), record(2, "b", severity=3, minute=9)) == ["a i-1"]
    assert double(record(1, minute=1), record(2, "b")) == ["a i-1"]
    assert double(record(1), record(2, "b")) == ["b i-2"]
    assert double(record(1, minute=1), record(2, "b", category="intimidation")) == ["b i-2"]


def test_one_report_makes_at_most_one_of_another_agencys_a_double():
    """Whoever has numbered several incidents of a village apart knows that they are several."""
    several = [record(number, "b", minute=minute) for number, minute in ((1, 20), (2, 3), (3, 9))]
    candidates = Candidates(COMPILED, weight)
    for one in (record(9, severity=5), *several, record(8, "c", minute=1)):
        candidates.add(one, VILLAGE)
    assert candidates.doubles == {"b i-2", "c i-8"} and candidates.pairs == 7


def test_what_names_another_station_is_a_pair_and_no_double():
    candidates = Candidates(COMPILED, weight)
    for one in (record(1), record(2, "b", place=f"{VILLAGE} TPS 002"), record(3, "c", place=f"{VILLAGE} ")):
        candidates.add(one, VILLAGE)
    assert candidates.pairs == 3 and candidates.doubles == {"c i-3"}


def test_a_report_of_another_agency_never_takes_from_a_heavier_one():
    clash = incident(1, EIGHT_MS, "clash", 3, source="polda", place=f"{VILLAGE} TPS 001")
    lighter = incident(2, EIGHT_MS - MINUTE_MS, "intimidation", 3, source="kpu", place=f"{VILLAGE} TPS 001")

    def pressure(*entries) -> int:
        return run([tick(EIGHT_MS), (PALEMBANG, list(entries))]).row(PALEMBANG)["components"]["security"]

    assert pressure(clash) <= pressure(clash, lighter) and pressure(clash) <= pressure(lighter, clash)


def test_where_very_many_lie_at_one_place_none_is_a_candidate_until_some_are_out():
    candidates = Candidates(few(3), weight)
    crowd = [record(number, "abcd"[number]) for number in range(4)]
    assert [len(candidates.add(one, VILLAGE)) for one in crowd] == [0, 0, 0, 2]
    assert (candidates.pairs, candidates.doubles, candidates.newest_pairs(9)) == (0, set(), [])
    assert len(candidates.remove(crowd[0], VILLAGE)) == 2
    assert candidates.pairs == 3


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("hold"), st.integers(0, 11), st.integers(1, 5), st.sampled_from(["reported", "resolved"])),
        st.tuples(st.just("release"), st.integers(0, 11)),
        st.tuples(st.just("advance"), st.sampled_from([1, 20, 240, 1440, 5000])),
    ),
    max_size=30,
)


@LAW
@given(RECORDS, STEPS)
def test_evidence_is_the_recount_in_which_each_double_counts_less(records, steps):
    incidents, now_ms = Incidents(COMPILED, 2264), EIGHT_MS
    incidents.advance(now_ms)
    incidents.hold(records)
    _check(incidents)
    for name, *given_ in steps:
        if name == "advance":
            now_ms += given_[0] * COMPILED.step_ms
            incidents.advance(now_ms)
        else:
            old = incidents.records[records[given_[0] % len(records)].incident]
            incidents.release(old.incident)
            status = given_[2] if name == "hold" else "retracted"
            severity = given_[1] if name == "hold" else old.kind.severity
            words = [_revised(word, severity, status) for word in old.words or _own_word(old)]
            incidents.hold([report_of(old.incident, words, 1)])
        _check(incidents)


def _own_word(one: Record) -> list[Word]:
    return [Word(one.incident, one.source, one.sole_agency, one.revision, one.kind, one.status, one.occurred_ms,
                 one.reported_ms, one.place)]  # fmt: skip


def _revised(word: Word, severity: int, status: str) -> Word:
    return word._replace(kind=COMPILED.kinds[word.kind.category, severity], status=status)


def _check(incidents: Incidents) -> None:
    counted = [one for one in incidents.records.values() if incidents.is_counted(one)]
    lesser = doubles(counted)
    assert incidents.candidates.doubles == lesser
    totals, by_agency = [0] * 4, [{}, {}, {}, {}]
    for one in counted:
        milli = one.kind.pressure_milli[one.status]
        if not milli:
            continue
        milli = milli * DOUBLE_MILLI // 1000 if one.incident in lesser else milli
        evidence = incidents.evidence_of(one.kind, milli, one.occurred_ms)
        totals[one.kind.group] += evidence
        sums = by_agency[one.kind.group]
        sums[one.sole_agency] = sums.get(one.sole_agency, 0) + evidence
        assert incidents.evidence(one) == evidence
    assert (incidents.totals, incidents.by_agency) == (totals, by_agency)


def test_a_double_counts_in_the_windows_and_for_a_quarter_in_the_score():
    place = f"{VILLAGE} TPS 001"
    own = incident(1, EIGHT_MS, "clash", 3, source="polda", place=place)
    other = incident(2, EIGHT_MS, "clash", 3, source="kpu", place=place)
    elsewhere = incident(2, EIGHT_MS, "clash", 3, source="kpu", place=f"{OTHER_VILLAGE} TPS 001")

    def total(*entries) -> int:
        table = restored(run([tick(EIGHT_MS), (PALEMBANG, list(entries))]).state)
        return palembang(table).incidents.totals[0]

    alone = total(own)
    assert total(own, elsewhere) == 2 * alone
    assert total(own, other) == total(other, own) == alone + alone // 4
    row = run([tick(EIGHT_MS), (PALEMBANG, [own, other])]).row(PALEMBANG)
    assert row["windows"]["1h"]["incidents"] == 2 and row["candidates"] == 1
    assert row["candidate_pairs"] == [
        {"first": {"origin": "kpu", "incident_id": "i-2"}, "second": {"origin": "polda", "incident_id": "i-1"}}
    ]


def test_incidents_that_are_out_of_the_day_are_no_candidates_any_more():
    place = f"{VILLAGE} TPS 001"
    pair = [incident(n, EIGHT_MS, "clash", 3, source=source, place=place) for n, source in enumerate(("kpu", "polda"))]
    frames = [tick(EIGHT_MS), (PALEMBANG, pair)]
    assert run([*frames, tick(EIGHT_MS + 24 * HOUR_MS - 1)]).row(PALEMBANG)["candidates"] == 1
    assert run([*frames, tick(EIGHT_MS + 24 * HOUR_MS)]).row(PALEMBANG)["candidates"] == 0


def test_a_place_that_is_not_known_makes_no_candidates():
    pair = [incident(n, EIGHT_MS, "clash", 3, source=source) for n, source in enumerate(("kpu", "polda"))]
    assert run([tick(EIGHT_MS), (PALEMBANG, pair)]).row(PALEMBANG)["candidates"] == 0
