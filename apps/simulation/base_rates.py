"""Base rates of an ordinary election day: which incidents occur at polling stations, how often, when, how grave.

Source: Bawaslu's findings at polling stations on 14 February 2024, nationwide, over 823,220 stations. Not every finding
becomes a message: most "opened late" findings are a delay of minutes that nobody reports. The reported share is this
simulator's assumption, set so that most regency-hours hold 0-3 incidents. Rates marked as assumed have no published
figure."""

from dataclasses import dataclass

STATIONS_NATIONWIDE = 823_220


@dataclass(frozen=True)
class BaseRate:
    """One kind of background incident.

    `per_station`: incident messages per station and day. `hours`, `severities`: weights of local hours and severities.
    """

    name: str
    category: str
    per_station: float
    hours: dict[int, float]
    severities: dict[int, float]


def _bawaslu(
    name: str,
    category: str,
    findings: int,
    reported_share: float,
    hours: dict[int, float],
    severities: dict[int, float],
) -> BaseRate:
    return BaseRate(name, category, findings * reported_share / STATIONS_NATIONWIDE, hours, severities)


def _even(first: int, last: int) -> dict[int, float]:
    return dict.fromkeys(range(first, last), 1.0)


OPENING = {6: 0.3, 7: 1.0, 8: 0.3}
SUPPLY = {5: 0.5, 6: 1.0, 7: 1.2, 8: 0.8, 9: 0.5, 10: 0.4, 11: 0.3, 12: 0.2}
VOTING = {6: 0.3, 7: 0.9, 8: 1.2, 9: 1.3, 10: 1.2, 11: 1.0, 12: 0.8, 13: 0.2}
NIGHT_BEFORE = {
    0: 0.5, 1: 0.4, 2: 0.4, 3: 0.4, 4: 0.6, 5: 1.2, 6: 1.2, 7: 1.0, 8: 0.8, 9: 0.6, 10: 0.5, 11: 0.4, 12: 0.3,
}  # fmt: skip
COUNT = {13: 0.8, 14: 1.2, 15: 1.2, 16: 1.0, 17: 0.8, 18: 0.6, 19: 0.5, 20: 0.3, 21: 0.2, 22: 0.1}
VOTING_AND_COUNT = VOTING | {13: 0.8, 14: 0.8, 15: 0.8, 16: 0.7, 17: 0.6, 18: 0.5, 19: 0.5, 20: 0.4, 21: 0.3, 22: 0.2}

BASE_RATES: tuple[BaseRate, ...] = (
    _bawaslu("opened late", "administration", 37_466, 0.15, OPENING, {1: 0.85, 2: 0.15}),
    _bawaslu("Sirekap inaccessible", "data_integrity", 11_233, 0.25, COUNT, {1: 0.9, 2: 0.1}),
    _bawaslu("logistics incomplete", "logistics", 10_496, 0.5, SUPPLY, {1: 0.5, 2: 0.45, 3: 0.05}),
    _bawaslu("counted early", "administration", 3_463, 1.0, {11: 0.3, 12: 1.0}, {1: 0.6, 2: 0.4}),
    _bawaslu("mobilisation", "money_politics", 2_632, 1.0, NIGHT_BEFORE, {1: 0.2, 2: 0.65, 3: 0.15}),
    _bawaslu("multiple voting", "eligibility", 2_413, 1.0, VOTING, {1: 0.2, 2: 0.65, 3: 0.15}),
    _bawaslu("intimidation of voters", "intimidation", 2_271, 1.0, VOTING, {1: 0.35, 2: 0.5, 3: 0.15}),
    _bawaslu("votes differ from voters", "data_integrity", 2_162, 1.0, COUNT, {1: 0.4, 2: 0.6}),
    _bawaslu("intimidation of officials", "intimidation", 1_473, 1.0, VOTING_AND_COUNT, {2: 0.75, 3: 0.25}),
    # Assumed rates from here on.
    BaseRate("rumour", "disinformation", 1e-4, _even(6, 22), {1: 0.7, 2: 0.3}),
    BaseRate("peaceful protest", "protest", 5e-5, VOTING_AND_COUNT, {1: 1.0}),
    BaseRate("rain and flood", "natural_hazard", 1e-4, _even(0, 24), {1: 0.6, 2: 0.4}),
    BaseRate("scuffle", "clash", 2e-5, VOTING_AND_COUNT, {2: 0.7, 3: 0.3}),
    BaseRate("damage", "property_attack", 1e-5, VOTING_AND_COUNT, {2: 0.7, 3: 0.3}),
)

# Real single incidents of severity 4-5 on a day without a flare-up, per station and day (assumed: about one on every
# seventh Sumsel day). The truth lists them as `serious`.
SERIOUS = BaseRate("serious", "clash", 1e-5, VOTING_AND_COUNT, {4: 0.9, 5: 0.1})
SERIOUS_CATEGORIES = {"clash": 0.4, "property_attack": 0.3, "fatality": 0.3}

# Reporting diligence differs between places and days: rates are multiplied by a gamma draw of mean 1 and this shape
# (standard deviation 0.35).
DILIGENCE_SHAPE = 8.0
