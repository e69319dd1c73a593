"""Candidates: pairs and what doubles weigh, against a recount of all pairs after every change."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.risk.candidates import Candidates, place_of
from streams.risk.incidents import Incidents
from streams.risk.record import Record, new_record, report_of
from streams.risk.words import Word
from streams.rules import Rules
from tests.streams.ledgers import (
    COMPILED,
    EIGHT_MS,
    HOUR_MS,
    MINUTE_MS,
    PALEMBANG,
    RULES,
    incident,
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
    return new_record(report_of(key, words, 1, None, EIGHT_MS))


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


def rank(one: Record) -> tuple:
    return -one.kind.severity, one.occurred_ms, one.incident


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


def doubles(records: list[Record], most: int = COMPILED.joining_most) -> dict[str, int]:
    """Of how many pairs each is the lesser."""
    lesser = [second.incident for _, second in recount(records, most)]
    return {incident: lesser.count(incident) for incident in set(lesser)}


@LAW
@given(RECORDS, st.lists(st.integers(0, 11), max_size=40), st.sampled_from([2, 3, 50]))
def test_pairs_and_doubles_are_the_recount_after_every_change_in_any_order(records, changes, most):
    candidates, counted = Candidates(few(most)), []
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
        assert candidates.leaders == after
        assert candidates.pairs == len(recount(counted, most))
        assert candidates.newest_pairs(999) == recount(counted, most)
        assert [one.incident for one in changed] == sorted((before.keys() ^ after.keys()) - {one.incident})


@given(RECORDS, st.integers(0, 12))
def test_of_the_pairs_the_newest_are_named(records, most):
    candidates = Candidates(COMPILED)
    for one in records:
        candidates.add(one, place_of(one.place))
    assert candidates.newest_pairs(most) == recount(records)[:most]


def pairs_of(*records: Record) -> int:
    candidates = Candidates(COMPILED)
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


def test_the_double_is_the_milder_then_the_later_then_the_later_number():
    def double(*records: Record) -> list[str]:
        candidates = Candidates(COMPILED)
        for one in records:
            candidates.add(one, place_of(one.place))
        return list(candidates.leaders)

    assert double(record(1, severity=2), record(2, "b", severity=3, minute=9)) == ["a i-1"]
    assert double(record(1, minute=1), record(2, "b")) == ["a i-1"]
    assert double(record(1), record(2, "b")) == ["b i-2"]


def test_where_very_many_lie_at_one_place_none_is_a_candidate_until_some_are_out():
    candidates = Candidates(few(3))
    crowd = [record(number, "abcd"[number]) for number in range(4)]
    assert [len(candidates.add(one, VILLAGE)) for one in crowd] == [0, 0, 0, 2]
    assert (candidates.pairs, candidates.leaders, candidates.newest_pairs(9)) == (0, {}, [])
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
    incidents, now_ms = Incidents(COMPILED, COMPILED.place(2264)), EIGHT_MS
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
            incidents.hold([report_of(old.incident, words, 1, old, now_ms)])
        _check(incidents)


def _own_word(one: Record) -> list[Word]:
    return [Word(one.incident, one.source, one.sole_agency, one.revision, one.kind, one.status, one.occurred_ms,
                 one.reported_ms, one.place)]  # fmt: skip


def _revised(word: Word, severity: int, status: str) -> Word:
    return word._replace(kind=COMPILED.kinds[word.kind.category, severity], status=status)


def _check(incidents: Incidents) -> None:
    counted = [one for one in incidents.records.values() if incidents.is_counted(one)]
    lesser = doubles(counted)
    assert incidents.candidates.leaders == lesser
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
        return next(state for state in table if state.regency.code == PALEMBANG).incidents.totals[0]

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
