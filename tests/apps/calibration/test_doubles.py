"""What may be one incident under two numbers counts as the ruleset says, and nothing else does."""

from apps.calibration.doubles import weighed
from schemas.vocabulary import MINUTE_MS
from tests.apps.calibration.recorded import BASE, VILLAGE, incident

DOUBLE = BASE.joining.double_weight.value
PLACE = f"{VILLAGE} TPS 001"


def weights(*incidents) -> dict[str, float]:
    return {item.number: weight for item, weight in weighed(incidents, BASE)}


def later(number: int, minutes: int, agency: str, **changes):
    made = incident(number, agency=agency, place=PLACE, **changes)
    return made._replace(occurred_ms=made.occurred_ms + minutes * MINUTE_MS)


def test_the_milder_of_a_pair_of_two_agencies_counts_for_less():
    assert weights(later(1, 0, "polri", severity=2), later(2, 20, "kpu", severity=3)) == {"n 1": DOUBLE, "n 2": 1}


def test_other_agencies_places_times_and_groups_are_needed():
    first = later(1, 0, "polri")
    for second in (
        later(2, 20, "polri"),
        later(2, 46, "kpu"),
        later(2, 20, "kpu", category="clash"),
        later(2, 20, "kpu")._replace(place="16.01.01.2002 TPS 001"),
        later(2, 20, "kpu")._replace(place=f"{VILLAGE} TPS 002"),
        later(2, 20, "kpu")._replace(place=None),
        later(2, 20, "kpu")._replace(regency="16.02"),
    ):
        assert set(weights(first, second).values()) == {1.0}, second


def test_a_village_without_station_may_be_the_same_place():
    assert weights(later(1, 0, "polri"), later(2, 5, "kpu")._replace(place=f"{VILLAGE} "))["n 2"] == DOUBLE


def test_an_agency_makes_at_most_one_of_anothers_incidents_a_double():
    found = weights(later(1, 0, "polri", severity=3), later(2, 5, "kpu"), later(3, 15, "kpu"))
    assert found == {"n 1": 1, "n 2": DOUBLE, "n 3": 1}


def test_more_than_the_ruleset_says_are_no_matter_of_pairs():
    most = int(BASE.joining.most.value)
    crowd = [later(number, 0, f"a{number}") for number in range(most + 1)]
    assert set(weights(*crowd).values()) == {1.0}
    assert set(weights(*crowd[:-1]).values()) == {1.0, DOUBLE}
