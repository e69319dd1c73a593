"""Where the polling stations of a regency lie: its villages, and the number of a station within its village."""

from typing import NamedTuple

# Assumed for every regency. Sumsel has 13,055 stations in some 3,250 villages, four in each, Palembang 21 in each.
STATIONS_PER_VILLAGE = 8
VILLAGES_PER_DISTRICT = 25
_DISTRICTS_MOST = 99  # two digits of the code
_FIRST_VILLAGE = 2001  # desa begin at 2001 in the Kemendagri code


class StationPlace(NamedTuple):
    """A station as messages name it: the village's code and the station within it."""

    village: str
    station: str

    @property
    def in_ids(self) -> str:
        """`16.71.01.2001-TPS003`, for ids, which hold no blank."""
        return f"{self.village}-{self.station.replace(' ', '')}"


def station_place(regency: str, number: int) -> StationPlace:
    """Where the station of this number lies; the stations of a regency are numbered from 1.

    Numbers that follow each other lie in the same village or in neighbouring ones."""
    village, station = divmod(number - 1, STATIONS_PER_VILLAGE)
    district, within = divmod(village, VILLAGES_PER_DISTRICT)
    round_, district = divmod(district, _DISTRICTS_MOST)
    code = _FIRST_VILLAGE + round_ * VILLAGES_PER_DISTRICT + within
    return StationPlace(f"{regency}.{district + 1:02d}.{code}", f"TPS {station + 1:03d}")
