"""Who says what of which incident or station, as the recount reads the contract."""

from itertools import permutations

import pytest

from tests.recount.candidates import doubles, pairs
from tests.recount.policy import Policy
from tests.recount.polls import Figure, Station
from tests.recount.words import Incident, Word, Words, incident_of

MINUTE_MS, DAY_MS = 60_000, 86_400_000
WIB_MS = 7 * 3_600_000


def word(source: str, severity: int = 2, revision: int = 1, **changes: object) -> Word:
    at_ms = 1000 * MINUTE_MS
    said = Word("polda 142", source, source, revision, "clash", severity, "reported", at_ms, at_ms, " TPS 001")
    return said._replace(**changes)


def told(*said: Word) -> Words:
    words = Words()
    for n, one in enumerate(said):
        words.take(one, n)
    return words


def heard(words: Words, key: str = "polda 142") -> Incident:
    found = words.incident(key)
    assert found is not None
    return found


def test_two_sources_that_number_alike_speak_of_two_incidents():
    words = told(word("polda", 5), word("kpu", 1, key="kpu 142"))
    assert (heard(words).word.severity, heard(words, "kpu 142").word.severity) == (5, 1)
    assert not heard(words).is_confirmed


def test_the_gravest_standing_word_tells_and_of_equals_the_origins_then_the_last_reported():
    said = [word("kpu", 3, reported_ms=9), word("bawaslu", 3, reported_ms=8), word("polda", 3, reported_ms=1)]
    for some in permutations(said):
        assert heard(told(*some)).word.source == "polda"
    for some in permutations(said[:2]):
        assert heard(told(*some)).word.source == "kpu"
    assert heard(told(*said, word("bawaslu", 4, revision=2))).word.source == "bawaslu"


def test_a_source_revises_and_takes_back_its_own_word_only():
    words = told(word("polda", 5), word("kpu", 1, revision=9), word("kpu", 1, revision=10, status="retracted"))
    assert heard(words).word == word("polda", 5) and heard(words).sources == {"polda"}
    assert not words.take(word("polda", 1), 9), "its revision 1 was told before"
    assert words.take(word("polda", 1, revision=2, status="retracted"), 9)
    assert not heard(words).stands and not heard(words).is_grave


def test_two_systems_of_one_agency_confirm_nothing():
    words = told(word("kpu", 4), word("kpu-palembang", 4, agency="kpu"))
    assert not heard(words).is_confirmed
    words.take(word("bawaslu", 3), 5)
    assert heard(words).is_confirmed and heard(words).agencies == {"kpu", "bawaslu"}
    words.take(word("bawaslu", 2, revision=2), 6)
    assert not heard(words).is_confirmed, "a trifle bears no grave incident out"
    words.take(word("bawaslu", 3, revision=3), 7)
    words.take(word("bawaslu", 3, revision=4, status="retracted"), 8)
    assert not heard(words).is_confirmed


def test_a_milder_word_keeps_the_hour_and_a_graver_one_begins_another():
    words = Words()
    words.take(word("polda", 5), 10)
    assert heard(words).since_ms == 10
    words.take(word("kpu", 5), 20)
    assert heard(words).since_ms == 10
    words.take(word("polda", 4, revision=2), 30)
    assert heard(words).since_ms == 20, "as grave as now it was first reported by the other"
    words.take(word("kpu", 4, revision=2), 40)
    assert heard(words).since_ms == 10
    words.take(word("kpu", 5, revision=3), 50)
    assert heard(words).since_ms == 50


def test_nobody_uses_up_the_hour_of_the_origins_report():
    words = Words()
    words.take(word("kpu", 5), 10)
    assert heard(words).since_ms == 10
    words.take(word("polda", 5), 90)
    assert heard(words).since_ms == 90


def test_what_people_join_is_one_incident_until_it_is_undone():
    words = told(word("polda", 5), word("kpu", 4, key="kpu 7"), word("bawaslu", 1, key="bawaslu 1"))
    alone = [heard(words, key) for key in ("polda 142", "kpu 7", "bawaslu 1")]
    words.join("polda 142", "kpu 7", is_undone=False)
    words.join("kpu 7", "bawaslu 1", is_undone=False)
    assert {heard(words, key).id for key in ("polda 142", "kpu 7", "bawaslu 1")} == {"polda 142"}
    assert heard(words).agencies == {"polda", "kpu", "bawaslu"} and heard(words).word.severity == 5
    words.join("kpu 7", "polda 142", is_undone=True)
    assert heard(words) == alone[0] and heard(words, "bawaslu 1").id == "kpu 7"
    words.join("kpu 7", "bawaslu 1", is_undone=True)
    assert [heard(words, key) for key in ("polda 142", "kpu 7", "bawaslu 1")] == alone


def test_a_join_of_a_number_that_nobody_has_told_changes_nothing():
    words = told(word("polda"))
    assert not words.join("polda 142", "kpu 7", is_undone=False)
    words.take(word("kpu", key="kpu 7"), 5)
    assert heard(words).id == "polda 142" and not heard(words).is_confirmed
    assert words.join("polda 142", "kpu 7", is_undone=False)
    assert not words.join("kpu 7", "polda 142", is_undone=False)
    assert heard(words).is_confirmed


def test_a_grave_incident_has_its_own_hour_again_when_a_join_is_undone():
    words = Words()
    words.take(word("polda", 5), 100)
    words.take(word("kpu", 5, key="kpu 7"), 10)
    words.join("polda 142", "kpu 7", is_undone=False)
    assert heard(words).since_ms == 10
    words.join("polda 142", "kpu 7", is_undone=True)
    assert (heard(words).since_ms, heard(words, "kpu 7").since_ms) == (100, 10)


RULES = {"joining": {"within": 30, "double_weight": 0.25, "most": 3}}


@pytest.fixture
def policy() -> Policy:
    made = Policy.__new__(Policy)
    made.rules = RULES
    return made


def counted(key: str, severity: int = 2, minute: int = 0, place: str | None = " TPS 001", agency: str = "") -> Incident:
    source = agency or key.partition(" ")[0]
    said = word(source, severity, key=key, occurred_ms=minute * MINUTE_MS, station=place)
    found = incident_of(key, [said])
    found.group, found.digits = "security", float(severity)
    return found


@pytest.mark.parametrize(
    "other, is_candidate",
    [
        (counted("kpu 7"), True),
        (counted("kpu 7", minute=30), True),
        (counted("kpu 7", minute=31), False),
        (counted("kpu 7", agency="polda"), False),
        (counted("kpu 7", place=" TPS 002"), False),
        (counted("kpu 7", place=None), False),
    ],
)
def test_candidates_are_of_another_agency_near_in_time_and_place(policy, other, is_candidate):
    assert bool(pairs([counted("polda 142"), other], policy)) == is_candidate


def test_a_village_is_the_place_where_one_is_told(policy):
    here = [counted("kpu 7", place="16.71.01.1001 TPS 001"), counted("polda 1", place="16.71.01.1001 ")]
    assert len(pairs(here, policy)) == 1
    assert pairs([here[0], counted("polda 1")], policy) == []


def test_of_two_candidates_the_lighter_then_the_later_then_the_later_number_is_the_double(policy):
    assert doubles([counted("a 1", 2), counted("b 1", 3)], policy) == {"a 1"}
    assert doubles([counted("a 1", 2, minute=1), counted("b 1", 2)], policy) == {"a 1"}
    assert doubles([counted("a 1"), counted("b 1")], policy) == {"b 1"}
    assert doubles([counted("a 1"), counted("b 1"), counted("c 1")], policy) == {"b 1", "c 1"}


def test_an_agency_that_numbered_its_incidents_apart_has_one_double_of_anothers(policy):
    apart = [counted("b 1", minute=9), counted("b 2", minute=2)]
    assert doubles([counted("a 1", 3), *apart], policy) == {"b 2"}
    assert doubles([counted("a 1", 3)], policy) == set()


def test_a_place_with_too_many_incidents_has_no_candidates(policy):
    three = [counted(f"{name} 1") for name in "abc"]
    assert len(pairs(three, policy)) == 3 and pairs([*three, counted("c 2", minute=500)], policy) == []


def figure(source: str, voted: int, minute: int = 0, rank: int = 1000, **changes: object) -> Figure:
    return Figure(300, voted, minute * MINUTE_MS - WIB_MS, 1, source, source, rank)._replace(**changes)


def station(*figures: Figure) -> Station:
    made = Station()
    for one in figures:
        made.take(one, WIB_MS)
    return made


def test_the_figure_in_force_is_of_the_first_in_order_that_has_told_one():
    said = [figure("a", 10, minute=9), figure("kpu", 20, rank=1), figure("b", 30, minute=9), figure("c", 5, minute=8)]
    for some in permutations(said):
        assert station(*some).figure.source == "kpu"
    for some in permutations((said[0], *said[2:])):
        assert station(*some).figure.source == "a"


def test_a_source_corrects_its_own_figure_only():
    made = station(figure("kpu", 100, rank=1))
    assert made.take(figure("bawaslu", 40, minute=1), WIB_MS) == (True, False, False)
    assert made.take(figure("kpu", 90, minute=1, rank=1), WIB_MS) == (True, True, False)
    assert made.take(figure("kpu", 90, minute=1, rank=1), WIB_MS) == (False, False, False)
    assert made.take(figure("kpu", 5, minute=24 * 60, rank=1), WIB_MS) == (True, False, True)
    assert made.repeats == 0


def test_two_agencies_dispute_a_count_of_one_moment_until_they_agree():
    made = station(figure("kpu", 100), figure("bawaslu", 140))
    assert made.disputed
    made.take(figure("kpu", 150, minute=60), WIB_MS)
    assert made.disputed, "nobody has agreed"
    made.take(figure("bawaslu", 150, minute=60), WIB_MS)
    assert not made.disputed


def test_two_systems_of_one_agency_or_two_moments_are_no_dispute():
    assert not station(figure("kpu", 100), figure("sirekap", 140, agency="kpu")).disputed
    assert not station(figure("kpu", 100), figure("bawaslu", 140, minute=1)).disputed
