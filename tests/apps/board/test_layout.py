"""Laws of the tile map, for any roster."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.board.layout import MAP_TILES_MAX, RegencyPlace, ideal_positions, lay_out
from schemas.roster import Roster

COORDINATE = st.floats(-60, 60).map(lambda value: round(value, 3))
POINTS = st.lists(st.tuples(COORDINATE, COORDINATE), min_size=3, max_size=40)


def places_of(points):
    return [
        RegencyPlace(f"{index // 100:02}.{index % 100:02}", f"R{index}", *point) for index, point in enumerate(points)
    ]


@given(st.lists(st.none() | st.tuples(COORDINATE, COORDINATE), max_size=40))
def test_every_regency_has_a_cell_of_its_own_inside_the_grid(points):
    places = places_of(point or (None, None) for point in points)
    layout = lay_out(places)
    cells = {(tile.column, tile.row) for tile in layout.tiles}
    assert len(cells) == len(layout.tiles) == len(places)
    assert {tile.code for tile in layout.tiles} == {place.code for place in places}
    assert all(0 <= column < layout.columns and 0 <= row < layout.rows for column, row in cells)


@given(POINTS, st.randoms())
def test_the_order_of_the_roster_does_not_matter(points, random):
    places = places_of(points)
    shuffled = random.sample(places, len(places))
    assert lay_out(places) == lay_out(shuffled)


@given(POINTS)
def test_no_pair_of_tiles_is_reversed(points):
    """The step between two tiles never points against the step between their places."""
    places = places_of(points)
    layout = lay_out(places)
    ideal = dict(
        zip((place.code for place in places), ideal_positions(places, layout.columns, layout.rows), strict=True)
    )
    for one, other in combinations(layout.tiles, 2):
        (x, y), (other_x, other_y) = ideal[one.code], ideal[other.code]
        reversed_by = (one.column - other.column) * (x - other_x) + (one.row - other.row) * (y - other_y)
        assert reversed_by >= -1e-6


@given(POINTS)
def test_the_map_has_no_empty_row_or_column(points):
    layout = lay_out(places_of(points))
    assert {tile.row for tile in layout.tiles} == set(range(layout.rows))
    assert {tile.column for tile in layout.tiles} == set(range(layout.columns))


@given(st.integers(0, 60))
def test_without_coordinates_the_map_is_a_plain_grid_in_code_order(count):
    layout = lay_out([RegencyPlace(f"11.{index:02}", "x") for index in range(count)])
    assert [tile.code for tile in layout.tiles] == [f"11.{index:02}" for index in range(count)]
    assert [(tile.row, tile.column) for tile in layout.tiles] == [divmod(i, layout.columns or 1) for i in range(count)]


@given(POINTS)
def test_regencies_without_coordinates_are_below_the_map(points):
    places = places_of(points)
    layout = lay_out(places + [RegencyPlace("99.01", "nowhere")])
    lowest = max(tile.row for tile in layout.tiles if tile.code != "99.01")
    assert next(tile for tile in layout.tiles if tile.code == "99.01").row > lowest


def test_south_sumatra_keeps_its_directions():
    tiles = {tile.code: tile for tile in lay_out(_places(Roster.default())).tiles}
    palembang, lubuk_linggau, oku_selatan, banyuasin = (tiles[code] for code in ("16.71", "16.73", "16.09", "16.07"))
    assert lubuk_linggau.column < palembang.column
    assert banyuasin.row < oku_selatan.row
    assert palembang.row < oku_selatan.row


def test_514_regencies_fit_into_a_grid_at_most_twice_as_large():
    count = 514
    layout = lay_out(
        places_of([((index * 37 % 163) / 10 - 10, (index * 101 % 459) / 10 + 95) for index in range(count)])
    )
    assert len({(tile.column, tile.row) for tile in layout.tiles}) == count
    assert layout.columns * layout.rows < 2 * count


@pytest.mark.parametrize("count", [0, 1, 2, MAP_TILES_MAX + 1])
def test_too_few_or_too_many_for_a_map_still_get_a_grid(count):
    layout = lay_out([RegencyPlace(f"{index:05}", "x", index % 90, index % 180) for index in range(count)])
    assert len({(tile.column, tile.row) for tile in layout.tiles}) == count


def _places(roster):
    return [RegencyPlace(code, regency.name, regency.latitude, regency.longitude) for code, regency in roster.items()]
