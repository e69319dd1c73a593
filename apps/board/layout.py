"""A tile map of any roster: each regency one cell of a grid near its real place, no two regencies in one cell.

Pure and deterministic. It places every region so that the sum of squared displacements is small (Eppstein et al. 2015,
"Improved grid map layout by point set matching"):

1. Project latitude and longitude to a plane (equirectangular at the mean latitude). Blend each axis with its ranks, so
   that a dense cluster of cities beside wide rural regencies does not crowd into one corner.
2. Scale to a grid of about `CELLS_PER_TILE` cells per regency; its sides have the projected, bounded aspect ratio.
3. Give each regency, the most crowded first, the free cell nearest to its place.
4. Move tiles to nearer free cells and swap pairs while the sum of squared displacements falls.
5. Drop empty rows and columns; if there were any, scale to the smaller grid and repeat step 4.

In the result no swap of two tiles lowers the sum: for every pair, the vector between the tiles never points against the
vector between their places.

Regencies without coordinates follow in code order below the map; a roster with no coordinates becomes a plain grid.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil, cos, radians, sqrt

CELLS_PER_TILE = 1.4
RANK_SHARE = 0.3
ASPECT_MIN, ASPECT_MAX = 0.75, 2.0
PLAIN_GRID_ASPECT = 1.6
MAP_TILES_MAX = 1200
"""Above this many regencies the pairwise step takes seconds: a plain grid is drawn instead."""

Point = tuple[float, float]
Cell = tuple[int, int]


@dataclass(frozen=True)
class RegencyPlace:
    """A regency to draw. `lat`, `lon` in degrees, or None when the roster has no coordinates."""

    code: str
    name: str
    lat: float | None = None
    lon: float | None = None

    @property
    def is_located(self) -> bool:
        """Whether it has coordinates."""
        return self.lat is not None and self.lon is not None


@dataclass(frozen=True)
class Tile:
    """A regency's cell; columns count from the west, rows from the north, both from 0."""

    code: str
    name: str
    column: int
    row: int


@dataclass(frozen=True)
class Layout:
    """The grid's size and its tiles, by row, then column."""

    columns: int
    rows: int
    tiles: tuple[Tile, ...]


def lay_out(places: Iterable[RegencyPlace]) -> Layout:
    """The tile map of a roster. The order in which places are given does not matter; codes must be distinct."""
    ordered = sorted(places, key=lambda place: place.code)
    mapped = [place for place in ordered if place.is_located]
    if len(mapped) < 3 or len(mapped) > MAP_TILES_MAX:
        mapped = []
    cells = _map_cells(mapped) if mapped else []
    width = max((column for column, _ in cells), default=-1) + 1
    height = max((row for _, row in cells), default=-1) + 1
    known = {place.code for place in mapped}
    rest = [place for place in ordered if place.code not in known]
    cells += _plain_grid(len(rest), width, height)
    tiles = [Tile(place.code, place.name, *cell) for place, cell in zip(mapped + rest, cells, strict=True)]
    columns = max((tile.column for tile in tiles), default=-1) + 1
    rows = max((tile.row for tile in tiles), default=-1) + 1
    return Layout(columns, rows, tuple(sorted(tiles, key=lambda tile: (tile.row, tile.column))))


def _plain_grid(count: int, width: int, first_row: int) -> list[Cell]:
    """Cells in reading order from `first_row` on, as wide as the map above, or in a screen's aspect ratio."""
    width = width or max(1, ceil(sqrt(count * PLAIN_GRID_ASPECT)))
    return [(index % width, first_row + index // width) for index in range(count)]


def _map_cells(places: Sequence[RegencyPlace]) -> list[Cell]:
    plane = _project(places)
    columns, rows = _grid_size(plane)
    cells = _nearest_free(ideal_positions(places, columns, rows), columns, rows)
    while True:
        points = ideal_positions(places, columns, rows)
        free = {(column, row) for column in range(columns) for row in range(rows)} - set(cells)
        while _improve(points, cells, free):
            pass
        cells = _drop_empty(cells)
        smaller = max(column for column, _ in cells) + 1, max(row for _, row in cells) + 1
        if smaller == (columns, rows):
            return cells
        columns, rows = smaller


def _project(places: Sequence[RegencyPlace]) -> list[Point]:
    degrees = [(place.lat, place.lon) for place in places if place.lat is not None and place.lon is not None]
    middle = radians(sum(lat for lat, _ in degrees) / len(degrees))
    return [(lon * cos(middle), -lat) for lat, lon in degrees]


def _grid_size(plane: Sequence[Point]) -> tuple[int, int]:
    xs, ys = [x for x, _ in plane], [y for _, y in plane]
    x_extent, y_extent = max(xs) - min(xs), max(ys) - min(ys)
    aspect = x_extent / y_extent if y_extent > 0 else ASPECT_MAX
    aspect = min(max(aspect, ASPECT_MIN), ASPECT_MAX)
    cells = len(plane) * CELLS_PER_TILE
    columns = max(2, ceil(sqrt(cells * aspect)))
    return columns, max(2, ceil(cells / columns))


def ideal_positions(places: Sequence[RegencyPlace], columns: int, rows: int) -> list[Point]:
    """Each place on a grid of that size if cells could be shared: (column, row), fractional."""
    xs, ys = zip(*_project(places), strict=True)
    return list(zip(_spread(xs, columns - 1), _spread(ys, rows - 1), strict=True))


def _spread(values: Sequence[float], length: float) -> list[float]:
    """Values blended with their ranks and scaled to 0..length; equal values stay equal."""
    low, extent = min(values), max(values) - min(values)
    distinct = sorted(set(values))
    rank = {value: index / max(1, len(distinct) - 1) for index, value in enumerate(distinct)}
    linear = {value: (value - low) / extent if extent > 0 else 0.5 for value in distinct}
    return [length * (RANK_SHARE * rank[value] + (1 - RANK_SHARE) * linear[value]) for value in values]


def _nearest_free(points: Sequence[Point], columns: int, rows: int) -> list[Cell]:
    """One free cell per point, crowded points first: they have the fewest good cells left."""
    crowd = [sum(_squared(point, other) < 1 for other in points) for point in points]
    free = {(column, row) for column in range(columns) for row in range(rows)}
    cells: list[Cell] = [(0, 0)] * len(points)
    for index in sorted(range(len(points)), key=lambda index: (-crowd[index], index)):
        cells[index] = min(free, key=lambda cell: (_squared(points[index], cell), cell))
        free.remove(cells[index])
    return cells


def _improve(points: Sequence[Point], cells: list[Cell], free: set[Cell]) -> bool:
    """One pass of moves and swaps that each lower the sum of squared displacements. True when anything moved."""
    moved = False
    for index, point in enumerate(points):
        best = min(free, key=lambda cell: (_squared(point, cell), cell), default=cells[index])
        if _squared(point, best) < _squared(point, cells[index]) - 1e-9:
            free.add(cells[index])
            free.remove(best)
            cells[index] = best
            moved = True
    for a, b in combinations(range(len(points)), 2):
        (ax, ay), (bx, by), (ac, ar), (bc, br) = points[a], points[b], cells[a], cells[b]
        if (ax - bx) * (ac - bc) + (ay - by) * (ar - br) < -1e-9:
            cells[a], cells[b] = cells[b], cells[a]
            moved = True
    return moved


def _drop_empty(cells: Sequence[Cell]) -> list[Cell]:
    """Cells without the empty columns and rows between them."""
    columns = {value: index for index, value in enumerate(sorted({column for column, _ in cells}))}
    rows = {value: index for index, value in enumerate(sorted({row for _, row in cells}))}
    return [(columns[column], rows[row]) for column, row in cells]


def _squared(a: Point, b: Point) -> float:
    return (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2
