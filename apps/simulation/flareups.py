"""Flare-ups with known truth: what kinds there are, how large, how fast, how they spread, how much of them is ever
told.

The kinds, sizes and shares are this simulator's assumptions; they are listed in docs/evaluation.md so that a reader can
judge them. They range from what anybody would see to what hardly shows."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from apps.simulation.background import SimulatedIncident
from apps.simulation.random_streams import weighted_choice, poisson, random_stream
from apps.simulation.truth import HOUR_MS, MINUTE_MS, FlareUp
from schemas.roster import Regency, Roster


@dataclass(frozen=True)
class FlareUpKind:
    """A kind of flare-up: its weight among kinds, the local hours of its onset, its mix of (category -> weight,
    severities).
    """

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
# within limits, because a larger place both shows more and hides more.
BANDS: dict[str, tuple[float, int, int]] = {"hard": (0.30, 6, 10), "medium": (0.45, 11, 20), "obvious": (0.25, 21, 40)}
REFERENCE_STATIONS = 800
SIZE_SCALE = (0.8, 1.6)
DURATIONS_MIN: dict[tuple[int, int], float] = {(30, 60): 0.35, (60, 150): 0.45, (150, 300): 0.20}
PEAK = 0.4  # the busiest moment, as a share of the duration
UNDER_REPORTED_SHARE, UNDER_REPORTED, REPORTED = 0.30, (0.4, 0.7), (0.85, 1.0)
TOLD_MIN = 3  # a flare-up of which fewer than three incidents are told is no flare-up to anybody who listens
SPREAD_CHANCE, SPREAD_SIZE, SPREAD_DELAY_MIN, SPREAD_SIZE_MIN = 0.25, (0.5, 0.9), (20, 90), 5
PER_ROSTER_DAY = 1.2  # flare-ups on a day, spill-over not counted


@dataclass(frozen=True)
class FlareUpSpec:
    """What to stage: onset in milliseconds, duration in minutes, the share of its incidents that is told (0-1).

    `spread` holds the regencies it spills over to; None leaves that to chance among the regency's neighbours.
    """

    regency: str
    onset_ms: int
    kind: str = "clash"
    size: int = 15
    duration_min: int = 90
    report_share: float = 1.0
    spread: tuple[str, ...] | None = ()
    band: str = "scripted"


def draw(seed: int, start_ms: int, roster: Roster, per_day: float = PER_ROSTER_DAY) -> list[FlareUpSpec]:
    """The flare-ups chance has for a day: at most one per regency, larger regencies no likelier than smaller ones."""
    chance = random_stream(seed, "flareups")
    regencies = [regency for regency in roster.values() if regency.stations]
    count = min(poisson(chance, per_day), len(regencies))
    return [_draw_one(chance, start_ms, regency) for regency in chance.sample(regencies, count)]


def _draw_one(chance: Random, start_ms: int, regency: Regency) -> FlareUpSpec:
    kind = weighted_choice(chance, {name: kind.weight for name, kind in KINDS.items()})
    band = weighted_choice(chance, {name: weight for name, (weight, _, _) in BANDS.items()})
    _, smallest, largest = BANDS[band]
    scale = min(max((regency.stations / REFERENCE_STATIONS) ** 0.5, SIZE_SCALE[0]), SIZE_SCALE[1])
    hour_ms = chance.uniform(KINDS[kind].first_hour, KINDS[kind].last_hour) * HOUR_MS
    shares = UNDER_REPORTED if chance.random() < UNDER_REPORTED_SHARE else REPORTED
    return FlareUpSpec(
        regency.code,
        start_ms + round(hour_ms / MINUTE_MS) * MINUTE_MS,
        kind,
        max(smallest, round(chance.randint(smallest, largest) * scale)),
        chance.randint(*weighted_choice(chance, DURATIONS_MIN)),
        round(chance.uniform(*shares), 2),
        None,
        band,
    )


def stage(seed: int, number: int, spec: FlareUpSpec, roster: Roster) -> Iterator[tuple[FlareUp, list[SimulatedIncident]]]:
    """A flare-up and its spill-overs: the truth of each with what happens in it."""
    chance = random_stream(seed, "flareup", number, spec.regency)
    name = f"f{number}"
    yield _stage_one(chance, name, spec, roster[spec.regency], None)
    neighbours = (
        [code for code in roster[spec.regency].neighbours if roster[code].stations]
        if chance.random() < SPREAD_CHANCE
        else []
    )
    targets = (
        spec.spread if spec.spread is not None else tuple(chance.sample(sorted(neighbours), min(1, len(neighbours))))
    )
    for index, target in enumerate(targets):
        echo = replace(
            spec,
            regency=target,
            onset_ms=spec.onset_ms + chance.randint(*SPREAD_DELAY_MIN) * MINUTE_MS,
            size=max(SPREAD_SIZE_MIN, round(spec.size * chance.uniform(*SPREAD_SIZE))),
            band="spread",
        )
        yield _stage_one(chance, f"{name}.{index + 1}", echo, roster[target], name)


def _stage_one(
    chance: Random, name: str, spec: FlareUpSpec, regency: Regency, spread_of: str | None
) -> tuple[FlareUp, list[SimulatedIncident]]:
    mix = KINDS[spec.kind].mix
    length_ms = spec.duration_min * MINUTE_MS
    # The first incident is the onset by definition; the others gather around the peak.
    times = [0.0, *sorted(chance.triangular(0, length_ms, PEAK * length_ms) for _ in range(spec.size - 1))]
    told = set(chance.sample(range(spec.size), max(min(TOLD_MIN, spec.size), round(spec.size * spec.report_share))))
    area = chance.sample(range(1, regency.stations + 1), min(regency.stations, max(3, spec.size)))
    happenings = []
    for index, at in enumerate(times):
        category = weighted_choice(chance, {name: weight for name, (weight, _) in mix.items()})
        severity = weighted_choice(chance, mix[category][1])
        station = chance.choice(area)
        happenings.append(
            SimulatedIncident(regency.code, station, category, severity, spec.onset_ms + int(at), name, index in told)
        )
    end_ms = spec.onset_ms + int(times[-1])
    truth = FlareUp(name, regency.code, spec.kind, spec.onset_ms, end_ms, spec.size, len(told), spec.band, spread_of)
    return truth, happenings
