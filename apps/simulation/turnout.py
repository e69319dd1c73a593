"""Turnout per polling station: cumulative counts through the voting day, some late, corrected or over capacity.

The curve is a Kumaraswamy distribution function over 07:00-13:00 (closed form, two shape parameters per regency). Its
final share is normal around 0.72 (Sumsel Pilgub 2024 by regency: 0.64-0.80). Queued voters may finish after 13:00."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from apps.simulation.messages import SimulatedMessage, date_in_ids
from apps.simulation.places import station_place
from apps.simulation.random_streams import random_stream
from apps.simulation.truth import rfc3339
from schemas.roster import Regency
from schemas.turnout import VOTERS_MAX
from schemas.vocabulary import HOUR_MS, MINUTE_MS

OPEN_HOUR, CLOSE_HOUR = 7, 13
SHARE_MEAN, SHARE_SD_REGENCY, SHARE_SD_STATION = 0.72, 0.05, 0.05
NEVER_REPORTS, REPORTS_LATE, LATE_MIN = 0.01, 0.04, (60, 240)
MISSED_REPORT = 0.05
CORRECTION_CHANCE, OVER_CAPACITY_CHANCE = 0.002, 0.0005
SOURCE = "kpu"


@dataclass(frozen=True, slots=True)
class Curve:
    """Share of the final turnout that has voted by a share `u` of the voting hours: 1 - (1 - u^a)^b."""

    a: float
    b: float
    final: float

    def at(self, u: float) -> float:
        """The share at `u`, which is clipped to 0..1."""
        rest: float = (1 - min(max(u, 0.0), 1.0) ** self.a) ** self.b
        return 1 - rest


def registered_per_station(regency: Regency) -> list[int]:
    """Voters per station: the regency's voters spread evenly; every station has at least one and at most VOTERS_MAX."""
    stations = max(regency.stations, 1)
    base, rest = divmod(min(max(regency.registered, stations), stations * VOTERS_MAX), stations)
    return [base + (index < rest) for index in range(stations)]


def turnout(
    seed: int,
    start_ms: int,
    regency: Regency,
    offset_min: int,
    every_min: int = 60,
    blackouts: dict[int, tuple[int, int]] | None = None,
) -> Iterator[SimulatedMessage]:
    """Turnout messages of a regency, in no particular order.

    `every_min`: minutes between a station's reports. `blackouts`: by station, (start_ms, end_ms) without reports,
    because of a flare-up at the station."""
    rng = random_stream(seed, "turnout", regency.code)
    share = min(max(rng.gauss(SHARE_MEAN, SHARE_SD_REGENCY), 0.3), 0.95)
    curve = Curve(rng.uniform(1.3, 1.9), rng.uniform(1.8, 2.6), share)
    opening_ms, closing_ms = start_ms + OPEN_HOUR * HOUR_MS, start_ms + CLOSE_HOUR * HOUR_MS
    slots = [*range(opening_ms + every_min * MINUTE_MS, closing_ms + 1, every_min * MINUTE_MS), closing_ms + HOUR_MS]
    for number, registered in enumerate(registered_per_station(regency), 1):
        if rng.random() >= NEVER_REPORTS:
            blackout = (blackouts or {}).get(number)
            yield from _station(rng, regency.code, number, registered, curve, opening_ms, slots, offset_min, blackout)


def _station(
    rng: Random,
    regency: str,
    number: int,
    registered: int,
    curve: Curve,
    opening_ms: int,
    slots: list[int],
    offset_min: int,
    blackout: tuple[int, int] | None,
) -> Iterator[SimulatedMessage]:
    place, source = station_place(regency, number), f"{SOURCE}-{regency[:2]}"
    date = date_in_ids(opening_ms, offset_min)
    final = round(registered * min(max(rng.gauss(curve.final, SHARE_SD_STATION), 0.1), 1.0))
    if rng.random() < OVER_CAPACITY_CHANCE:
        final = min(registered + rng.randint(1, 8), VOTERS_MAX)
    late_ms = rng.randint(*LATE_MIN) * MINUTE_MS if rng.random() < REPORTS_LATE else 0
    begin_ms = opening_ms + rng.randrange(20 * MINUTE_MS)
    for index, as_of in enumerate(slots):
        last = index == len(slots) - 1
        share = curve.at((as_of - begin_ms) / ((CLOSE_HOUR - OPEN_HOUR) * HOUR_MS))
        voted = final if last else round(final * share)
        at_ms = as_of + int(rng.expovariate(1 / (6 * MINUTE_MS))) + late_ms
        if not last and (rng.random() < MISSED_REPORT or (blackout and blackout[0] <= at_ms < blackout[1])):
            continue
        body = {
            "event_id": f"{place.in_ids}-{date}-{index + 1}",
            "regency": regency,
            "village": place.village,
            "station": place.station,
            "registered": registered,
            "voted": voted,
            "as_of": rfc3339(as_of, offset_min),
            "revision": 1,
            "source": source,
            "is_exercise": False,
        }
        yield SimulatedMessage(at_ms, "turnout", body)
        if rng.random() < CORRECTION_CHANCE and voted > 5:
            corrected = {"event_id": f"{body['event_id']}r2", "revision": 2, "voted": voted - rng.randint(1, 5)}
            yield SimulatedMessage(at_ms + rng.randint(5, 50) * MINUTE_MS, "turnout", body | corrected)
