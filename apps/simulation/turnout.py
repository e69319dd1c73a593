"""Turnout per polling station: cumulative counts through the voting day, with late reporters, corrections,
over-capacity.

The curve is a Kumaraswamy distribution function over 07:00-13:00 (closed form, two shape numbers drawn per regency),
its final share normal around 0.72 (Sumsel Pilgub 2024 by regency: 0.64-0.80). Queued voters may finish after 13:00."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from apps.simulation.random_streams import random_stream
from apps.simulation.messages import Message
from apps.simulation.reporting import station_id
from apps.simulation.truth import HOUR_MS, MINUTE_MS, rfc3339
from schemas.roster import Regency
from schemas.turnout import VOTERS_MAX

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
        return 1 - (1 - min(max(u, 0.0), 1.0) ** self.a) ** self.b


def registered_per_station(regency: Regency) -> list[int]:
    """Voters per station: the regency's roll spread evenly; the sum is the roster's figure wherever every station has
    one.
    """
    stations = max(regency.stations, 1)
    base, rest = divmod(min(max(regency.registered, stations), stations * VOTERS_MAX), stations)
    return [base + (index < rest) for index in range(stations)]


def turnout(
    seed: int,
    start_ms: int,
    regency: Regency,
    offset_min: int,
    every_min: int = 60,
    mute: dict[int, tuple[int, int]] | None = None,
) -> Iterator[Message]:
    """Turnout messages of a regency, in no particular order.

    `every_min`: minutes between a station's reports. `mute`: stations that tell nothing in (start_ms, end_ms), because
    of a flare-up at their door."""
    chance = random_stream(seed, "turnout", regency.code)
    share = min(max(chance.gauss(SHARE_MEAN, SHARE_SD_REGENCY), 0.3), 0.95)
    curve = Curve(chance.uniform(1.3, 1.9), chance.uniform(1.8, 2.6), share)
    opening_ms, closing_ms = start_ms + OPEN_HOUR * HOUR_MS, start_ms + CLOSE_HOUR * HOUR_MS
    slots = [*range(opening_ms + every_min * MINUTE_MS, closing_ms + 1, every_min * MINUTE_MS), closing_ms + HOUR_MS]
    for number, registered in enumerate(registered_per_station(regency), 1):
        if chance.random() >= NEVER_REPORTS:
            muted = (mute or {}).get(number)
            yield from _station(chance, regency.code, number, registered, curve, opening_ms, slots, offset_min, muted)


def _station(
    chance: Random,
    regency: str,
    number: int,
    registered: int,
    curve: Curve,
    opening_ms: int,
    slots: list[int],
    offset_min: int,
    mute: tuple[int, int] | None,
) -> Iterator[Message]:
    station, source = station_id(regency, number), f"{SOURCE}-{regency[:2]}"
    final = round(registered * min(max(chance.gauss(curve.final, SHARE_SD_STATION), 0.1), 1.0))
    if chance.random() < OVER_CAPACITY_CHANCE:
        final = min(registered + chance.randint(1, 8), VOTERS_MAX)
    late_ms = chance.randint(*LATE_MIN) * MINUTE_MS if chance.random() < REPORTS_LATE else 0
    begin_ms = opening_ms + chance.randrange(20 * MINUTE_MS)
    for index, as_of in enumerate(slots):
        last = index == len(slots) - 1
        share = curve.at((as_of - begin_ms) / ((CLOSE_HOUR - OPEN_HOUR) * HOUR_MS))
        voted = final if last else round(final * share)
        at_ms = as_of + int(chance.expovariate(1 / (6 * MINUTE_MS))) + late_ms
        if not last and (chance.random() < MISSED_REPORT or (mute and mute[0] <= at_ms < mute[1])):
            continue
        body = {
            "event_id": f"{source}:{station}:{index + 1}",
            "regency": regency,
            "station": station,
            "registered": registered,
            "voted": voted,
            "as_of": rfc3339(as_of, offset_min),
            "revision": 1,
            "source": source,
            "is_exercise": False,
        }
        yield Message(at_ms, "turnout", body)
        if chance.random() < CORRECTION_CHANCE and voted > 5:
            corrected = {"event_id": f"{body['event_id']}r2", "revision": 2, "voted": voted - chance.randint(1, 5)}
            yield Message(at_ms + chance.randint(5, 50) * MINUTE_MS, "turnout", body | corrected)
