"""Flare-ups with known truth: their kinds, sizes, durations, spread to neighbours, and the share that is reported.

These are the simulator's assumptions, listed in docs/evaluation.md. They range from obvious to hardly detectable."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from apps.simulation.background import SimulatedIncident
from apps.simulation.random_streams import poisson, random_stream, weighted_choice
from apps.simulation.truth import FlareUp
from schemas.roster import Regency, Roster
from schemas.vocabulary import HOUR_MS, MINUTE_MS


@dataclass(frozen=True)
class FlareUpKind:
    """A kind of flare-up: its weight among kinds, the local hours of its onset, and its mix of categories.

    `mix`: category -> (weight, weights of severities)."""

    weight: float
    first_hour: int
    last_hour: int
    mix: dict[str, tuple[float, dict[int, float]]]


KINDS: dict[str, FlareUpKind] = {
    "clash": FlareUpKind(0.30, 7, 21, {
        "intimidation": (0.30, {2: 0.5, 3: 0.5}),
        "protest": (0.15, {1: 1.0}),
        "clash": (0.35, {2: 0.25, 3: 0.6, 4: 0.15}),
        "property_attack": (0.20, {2: 0.45, 3: 0.45, 4: 0.1}),
    }),
    "intimidation": FlareUpKind(0.25, 6, 12, {
        "intimidation": (0.75, {2: 0.6, 3: 0.4}),
        "neutrality": (0.15, {2: 0.7, 3: 0.3}),
        "clash": (0.10, {2: 0.6, 3: 0.4}),
    }),
    "vote_buying": FlareUpKind(0.15, 2, 11, {
        "money_politics": (0.70, {2: 0.7, 3: 0.3}),
        "neutrality": (0.20, {2: 0.7, 3: 0.3}),
        "eligibility": (0.10, {2: 0.8, 3: 0.2}),
    }),
    "ballot_failure": FlareUpKind(0.15, 6, 11, {
        "logistics": (0.60, {2: 0.5, 3: 0.5}),
        "administration": (0.30, {2: 0.8, 3: 0.2}),
        "protest": (0.10, {1: 1.0}),
    }),
    "count_dispute": FlareUpKind(0.15, 13, 20, {
        "data_integrity": (0.50, {2: 0.6, 3: 0.4}),
        "administration": (0.20, {2: 0.8, 3: 0.2}),
        "protest": (0.15, {1: 1.0}),
        "intimidation": (0.15, {2: 0.5, 3: 0.5}),
    }),
}  # fmt: skip

# How many incidents a flare-up has in a regency of REFERENCE_STATIONS; it grows with the square root of the stations,
# within limits, because in a larger place more happens and more goes unnoticed.
BANDS: dict[str, tuple[float, int, int]] = {"hard": (0.30, 6, 10), "medium": (0.45, 11, 20), "obvious": (0.25, 21, 40)}
REFERENCE_STATIONS = 800
SIZE_SCALE = (0.8, 1.6)
DURATIONS_MIN: dict[tuple[int, int], float] = {(30, 60): 0.35, (60, 150): 0.45, (150, 300): 0.20}
AREA_STATIONS = 2  # a flare-up lies in so many neighbouring stations for each of its incidents (assumed)
PEAK = 0.4  # time of the highest incident rate, as a share of the duration
UNDER_REPORTED_SHARE, UNDER_REPORTED, REPORTED = 0.30, (0.4, 0.7), (0.85, 1.0)
REPORTED_MIN = 3  # with fewer reported incidents no detector could see a flare-up
SPREAD_CHANCE, SPREAD_SIZE, SPREAD_DELAY_MIN, SPREAD_SIZE_MIN = 0.25, (0.5, 0.9), (20, 90), 5
PER_ROSTER_DAY = 1.2  # flare-ups per day, spill-overs not counted


@dataclass(frozen=True)
class FlareUpSpec:
    """A flare-up to stage: onset in milliseconds, duration in minutes, share of its incidents that is reported (0-1).

    `spread` lists the regencies it spills over to; with None chance decides among the regency's neighbours."""

    regency: str
    onset_ms: int
    kind: str = "clash"
    size: int = 15
    duration_min: int = 90
    report_share: float = 1.0
    spread: tuple[str, ...] | None = ()
    band: str = "scripted"


def draw(seed: int, start_ms: int, roster: Roster, per_day: float = PER_ROSTER_DAY) -> list[FlareUpSpec]:
    """Random flare-ups of a day: at most one per regency, each regency equally likely."""
    rng = random_stream(seed, "flareups")
    regencies = [regency for regency in roster.values() if regency.stations]
    count = min(poisson(rng, per_day), len(regencies))
    return [_draw_one(rng, start_ms, regency) for regency in rng.sample(regencies, count)]


def _draw_one(rng: Random, start_ms: int, regency: Regency) -> FlareUpSpec:
    kind = weighted_choice(rng, {name: kind.weight for name, kind in KINDS.items()})
    band = weighted_choice(rng, {name: weight for name, (weight, _, _) in BANDS.items()})
    _, smallest, largest = BANDS[band]
    scale = min(max((regency.stations / REFERENCE_STATIONS) ** 0.5, SIZE_SCALE[0]), SIZE_SCALE[1])
    hour_ms = rng.uniform(KINDS[kind].first_hour, KINDS[kind].last_hour) * HOUR_MS
    shares = UNDER_REPORTED if rng.random() < UNDER_REPORTED_SHARE else REPORTED
    return FlareUpSpec(
        regency.code,
        start_ms + round(hour_ms / MINUTE_MS) * MINUTE_MS,
        kind,
        max(smallest, round(rng.randint(smallest, largest) * scale)),
        rng.randint(*weighted_choice(rng, DURATIONS_MIN)),
        round(rng.uniform(*shares), 2),
        None,
        band,
    )


def stage(
    seed: int, number: int, spec: FlareUpSpec, roster: Roster
) -> Iterator[tuple[FlareUp, list[SimulatedIncident]]]:
    """A flare-up and its spill-overs: the truth of each with its incidents."""
    rng = random_stream(seed, "flareup", number, spec.regency)
    name = f"f{number}"
    yield _stage_one(rng, name, spec, roster[spec.regency], None)
    neighbours = (
        [code for code in roster[spec.regency].neighbours if roster[code].stations]
        if rng.random() < SPREAD_CHANCE
        else []
    )
    targets = spec.spread if spec.spread is not None else tuple(rng.sample(sorted(neighbours), min(1, len(neighbours))))
    for index, target in enumerate(targets):
        spill_over = replace(
            spec,
            regency=target,
            onset_ms=spec.onset_ms + rng.randint(*SPREAD_DELAY_MIN) * MINUTE_MS,
            size=max(SPREAD_SIZE_MIN, round(spec.size * rng.uniform(*SPREAD_SIZE))),
            band="spread",
        )
        yield _stage_one(rng, f"{name}.{index + 1}", spill_over, roster[target], name)


def _stage_one(
    rng: Random, name: str, spec: FlareUpSpec, regency: Regency, spread_of: str | None
) -> tuple[FlareUp, list[SimulatedIncident]]:
    mix = KINDS[spec.kind].mix
    length_ms = spec.duration_min * MINUTE_MS
    # The first incident is the onset by definition; the others concentrate around the peak.
    times = [0.0, *sorted(rng.triangular(0, length_ms, PEAK * length_ms) for _ in range(spec.size - 1))]
    reported = set(
        rng.sample(range(spec.size), max(min(REPORTED_MIN, spec.size), round(spec.size * spec.report_share)))
    )
    area = _area(rng, regency.stations, spec.size)
    incidents = []
    for index, at in enumerate(times):
        category = weighted_choice(rng, {name: weight for name, (weight, _) in mix.items()})
        severity = weighted_choice(rng, mix[category][1])
        station = area[rng.randrange(len(area))]
        incidents.append(
            SimulatedIncident(
                regency.code, station, category, severity, spec.onset_ms + int(at), name, index in reported
            )
        )
    end_ms = spec.onset_ms + int(times[-1])
    truth = FlareUp(
        name, regency.code, spec.kind, spec.onset_ms, end_ms, spec.size, len(reported), spec.band, spread_of
    )
    return truth, incidents


def _area(rng: Random, stations: int, size: int) -> range:
    """Numbers of the neighbouring stations of a flare-up; those of a village follow each other."""
    width = min(stations, max(3, size * AREA_STATIONS))
    first = rng.randint(1, stations - width + 1)
    return range(first, first + width)
