"""Stations lie in villages of their regency: valid codes, each station once, whatever the size of the regency."""

import re

from apps.simulation.places import STATIONS_PER_VILLAGE, station_place
from schemas.fields import VILLAGE_PATTERN
from schemas.stations import canonical_station


def test_every_station_of_a_huge_regency_has_a_place_of_its_own_in_a_village_of_it():
    places = [station_place("32.01", number) for number in range(1, 40_001)]
    assert len(set(places)) == len({place.in_ids for place in places}) == 40_000
    villages = {place.village for place in places}
    assert len(villages) == 40_000 / STATIONS_PER_VILLAGE
    assert all(re.fullmatch(VILLAGE_PATTERN, village) and village.startswith("32.01.") for village in villages)


def test_stations_are_named_in_the_compared_form_and_ids_hold_no_blank():
    first, ninth = station_place("16.71", 1), station_place("16.71", STATIONS_PER_VILLAGE + 1)
    assert (first.village, ninth.village) == ("16.71.01.2001", "16.71.01.2002")
    assert first.station == ninth.station == canonical_station("1")
    assert " " not in first.in_ids
