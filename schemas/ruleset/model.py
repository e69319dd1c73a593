"""The ruleset as a checked model, table by table."""

import tomllib
from importlib import resources
from itertools import pairwise
from operator import attrgetter
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, ValidationError, model_validator

from schemas.fields import one_of
from schemas.ruleset.calibration import Calibration
from schemas.ruleset.ladder import Immediates, Ladder
from schemas.ruleset.odds import OddsRule, OperatingPoint
from schemas.ruleset.outward import OutwardRule
from schemas.ruleset.quantities import (
    HOURS,
    STRICT,
    Authority,
    Count,
    Digits,
    Factor,
    FiniteShare,
    Hourly,
    HourlyLeast,
    Hours,
    LocalHour,
    Minutes,
    PerStation,
    Points,
    Rate,
    Routes,
    Shape,
    Share,
    Weight,
    WholePoints,
    positive,
    whole,
)
from schemas.ruleset.turnout import TurnoutRule
from schemas.toml_lines import first_wrong
from schemas.vocabulary import CATEGORIES, COUNTED_STATUSES, GROUPS, MINUTE_MS, SEVERITIES

DEFAULT_NAME = "sumsel-pilkada-2024"
#: The highest prior of a roster.
PRIOR_MOST = 100

Severity = Annotated[str, one_of(map(str, SEVERITIES))]
Group = Annotated[str, one_of(GROUPS)]


class RulesetError(ValueError):
    """A ruleset that cannot be used: one line that names the file, the line and the field."""


class Election(BaseModel):
    """When and where voting happens; times of day are local."""

    model_config = STRICT

    utc_offset: Annotated[str, Field(pattern=r"^[+-](0[0-9]|1[0-4]):[0-5][0-9]$")]
    voting_opens: LocalHour
    voting_closes: LocalHour
    reports_due: LocalHour

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.voting_opens.value < self.voting_closes.value <= self.reports_due.value:
            raise ValueError("voting_opens must come before voting_closes, and reports_due not before that")
        return self

    @property
    def offset_ms(self) -> int:
        """Local time minus UTC, milliseconds."""
        hours, minutes = int(self.utc_offset[1:3]), int(self.utc_offset[4:6])
        return (hours * 60 + minutes) * MINUTE_MS * (-1 if self.utc_offset[0] == "-" else 1)


class CategoryRule(BaseModel):
    """How a category of incident counts: its group and weight, its rate on an ordinary day, and who is notified."""

    model_config = STRICT

    group: Group
    factor: Factor
    base_rate: Rate
    profile: str
    mix: str
    routes: Routes
    grave_routes: Annotated[tuple[Authority, ...], Field(strict=False)] = ()


class Profile(BaseModel):
    """When in the day ordinary incidents of a kind occur: a weight for each local hour, 0 to 23."""

    model_config = STRICT

    hours: Annotated[tuple[FiniteShare, ...], Field(strict=False)]
    reason: Annotated[str, Field(min_length=8)]

    @model_validator(mode="after")
    def _a_day(self) -> Self:
        if len(self.hours) != HOURS or sum(self.hours) <= 0:
            raise ValueError(f"hours must be {HOURS} weights, not all of them 0")
        return self

    @property
    def shares(self) -> tuple[float, ...]:
        """The hours as shares of the day."""
        total = sum(self.hours)
        return tuple(weight / total for weight in self.hours)


class Mix(BaseModel):
    """How grave ordinary incidents of a kind are: the share of each severity, 1 to 5."""

    model_config = STRICT

    shares: Annotated[tuple[FiniteShare, ...], Field(strict=False)]
    reason: Annotated[str, Field(min_length=8)]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if len(self.shares) != len(SEVERITIES) or abs(sum(self.shares) - 1) > 1e-9:
            raise ValueError(f"shares must be {len(SEVERITIES)} that add up to 1")
        return self


class GroupRule(BaseModel):
    """A group of categories that is scored together, and the most points it can have."""

    model_config = STRICT

    most: WholePoints


class Surprise(BaseModel):
    """How evidence is weighed and turned into points; see docs/risk-model.md."""

    model_config = STRICT

    half_life: Annotated[Minutes, AfterValidator(positive)]
    learning: Shape
    learned_least: Factor
    learned_most: Factor
    rate_least: HourlyLeast
    hours_even: Share
    mix_common: Share
    doubt: Factor
    dispersion: Factor
    pace_shape: Shape
    pace_least: Annotated[Factor, AfterValidator(positive)]
    pace_most: Factor
    pace_member_most: Factor
    pace_free: Count
    minor_most: Digits
    expected_share: Factor
    free_digits: Digits
    points_per_digit: Annotated[Points, AfterValidator(positive)]
    one_source_most: WholePoints
    one_report_most: WholePoints
    few_reports: Count
    few_reports_most: WholePoints
    loudest_most: Factor
    surge_stations: Annotated[Count, AfterValidator(positive)]
    surge: dict[Severity, Hourly]

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if self.learned_least.value > self.learned_most.value:
            raise ValueError("learned_least must not exceed learned_most")
        if not self.pace_least.value <= 1 <= self.pace_most.value:
            raise ValueError("1, the pace where nothing is known, must lie between pace_least and pace_most")
        if self.one_report_most.value > self.one_source_most.value:
            raise ValueError("one_report_most must not exceed one_source_most: one report is one source's")
        if self.few_reports_most.value < self.one_report_most.value:
            raise ValueError("few_reports_most must not be less than one_report_most: one report is few")
        return self


class Joining(BaseModel):
    """When two incidents may be one under two numbers, and how the lesser counts until people decide."""

    model_config = STRICT

    within: Annotated[Minutes, AfterValidator(positive)]
    double_weight: Share
    most: Annotated[Count, AfterValidator(whole)]


class Silence(BaseModel):
    """When a regency that reported before becomes stale, when that is announced, how long its level may still fall."""

    model_config = STRICT

    stale_after: Minutes
    expected_least: Count
    falls_within: Minutes
    most_per_tick: Annotated[Minutes, AfterValidator(positive)]
    routes: Routes


class Memory(BaseModel):
    """How long event ids and incidents are remembered, by the regency's clock, and how many of a regency.

    `incidents_...` bounds the words on incidents, `figures_...` the turnout figures of one agency: so many for each
    polling station, and at the least so many. `all_agencies_times` and `agencies_most` bound what all agencies that the
    sources file does not name have together: so many times that, and so many of them. Event ids beyond the bound are
    forgotten from the oldest on.
    """

    model_config = STRICT

    event_ids: Hours
    incidents: Hours
    incidents_per_station: PerStation
    incidents_least: Annotated[Count, AfterValidator(whole)]
    figures_per_station: PerStation
    figures_least: Annotated[Count, AfterValidator(whole)]
    all_agencies_times: Annotated[Factor, AfterValidator(positive)]
    agencies_most: Annotated[Count, AfterValidator(whole)]
    event_ids_per_station: PerStation
    event_ids_least: Annotated[Count, AfterValidator(whole)]

    @model_validator(mode="after")
    def _longer_than_windows(self) -> Self:
        if self.incidents.value < HOURS:
            raise ValueError("incidents must be remembered for at least the longest window, 24 h")
        return self


class Context(BaseModel):
    """What prior risk and neighbouring regencies add to the score."""

    model_config = STRICT

    prior_factor: Factor
    neighbour_siaga: WholePoints
    neighbour_awas: WholePoints
    neighbours_most: WholePoints


class ProvinceRule(BaseModel):
    """How the levels of a province's regencies become its own score."""

    model_config = STRICT

    member_waspada: WholePoints
    member_siaga: WholePoints
    member_awas: WholePoints
    one_agency_most: WholePoints
    routes: Routes


class RollingSum(BaseModel):
    """The plain job: the severity sum of the last hour against a threshold, and nothing else."""

    model_config = STRICT

    threshold: Weight


class Ruleset(BaseModel):
    """A checked ruleset. `id` is `name@version`, which every row and escalation carries."""

    model_config = STRICT

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
    version: Annotated[int, Field(ge=1)]
    about: str
    model: Literal["surprise", "rolling_sum"] = "surprise"
    election: Election
    severity: dict[Severity, Weight]
    status: dict[Annotated[str, one_of(COUNTED_STATUSES)], Factor]
    profiles: dict[str, Profile]
    mixes: dict[str, Mix]
    categories: dict[Annotated[str, one_of(CATEGORIES)], CategoryRule]
    groups: dict[Group, GroupRule]
    surprise: Surprise
    joining: Joining
    ladder: Ladder
    immediate: Immediates
    silence: Silence
    memory: Memory
    turnout: TurnoutRule
    context: Context
    province: ProvinceRule
    outward: OutwardRule
    calibration: Calibration
    rolling_sum: RollingSum | None = None
    #: Without it escalations have no odds.
    odds: OddsRule | None = None
    operating_point: OperatingPoint | None = None

    @property
    def id(self) -> str:
        return f"{self.name}@{self.version}"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        severities = tuple(map(str, SEVERITIES))
        for table, words in (
            ("severity", severities), ("surprise.surge", severities), ("status", COUNTED_STATUSES),
            ("categories", CATEGORIES), ("groups", GROUPS),
        ):  # fmt: skip
            missing = set(words) - set(attrgetter(table)(self))
            if missing:
                raise ValueError(f"{table} lacks {', '.join(sorted(missing))}")
        for name, rule in self.categories.items():
            if rule.profile not in self.profiles:
                raise ValueError(f"categories.{name}.profile names no profile: {rule.profile!r}")
            if rule.mix not in self.mixes:
                raise ValueError(f"categories.{name}.mix names no mix: {rule.mix!r}")
        for milder, graver in pairwise(severities):
            if self.severity[graver].value < self.severity[milder].value:
                raise ValueError(f"severity.{graver} must not weigh less than severity.{milder}")
        if self.model == "surprise":  # the plain job knows no rights and one threshold
            if self.categories["protest"].group != "expression":
                raise ValueError('categories.protest.group must be "expression": a protest is a right')
            if self.categories["protest"].factor.value:
                raise ValueError("categories.protest.factor must be 0: a protest is a right")
            if self.groups["expression"].most.value:
                raise ValueError("groups.expression.most must be 0: a right moves no score")
            if wrong := self._one_agency_reaches_siaga():
                raise ValueError(wrong)
            if wrong := self.ladder.unreachable():
                raise ValueError(f"ladder.{wrong}")
            if self.operating_point is None:
                raise ValueError("operating_point is missing: the false rate that the numbers were chosen for")
        if (self.model == "rolling_sum") != (self.rolling_sum is not None):
            raise ValueError('the table rolling_sum goes with model = "rolling_sum"')
        if self.odds and self.rolling_sum:
            raise ValueError('odds goes with model = "surprise": a rolling sum says nothing of flare-ups')
        return self

    def _one_agency_reaches_siaga(self) -> str | None:
        """Which number would let what one agency says raise more than waspada, None if none."""
        siaga = self.ladder.siaga.raise_at.value
        if self.surprise.one_source_most.value + PRIOR_MOST * self.context.prior_factor.value >= siaga:
            return f"surprise.one_source_most and the highest prior must stay below ladder.siaga.raise_at, {siaga:g}"
        if self.province.one_agency_most.value >= siaga:
            return f"province.one_agency_most must be below ladder.siaga.raise_at, {siaga:g}"
        return None

    @classmethod
    def parse(cls, text: str, origin: str = "ruleset") -> Self:
        """From TOML text; `origin` is how errors call it. Raises RulesetError."""
        try:
            return cls.model_validate(tomllib.loads(text))
        except tomllib.TOMLDecodeError as wrong:
            raise RulesetError(f"{origin}: not TOML: {wrong}") from None
        except ValidationError as wrong:
            raise RulesetError(f"{origin} {first_wrong(text, wrong, 'ruleset')}") from None

    @classmethod
    def default(cls) -> Self:
        """The packaged ruleset for South Sumatra's Pilkada of 27 November 2024."""
        return cls.packaged(DEFAULT_NAME)

    @classmethod
    def packaged(cls, name: str) -> Self:
        """A ruleset of schemas/rulesets by its name. Raises RulesetError when there is none."""
        return cls.parse(cls.packaged_text(name), f"{name}.toml")

    @staticmethod
    def packaged_text(name: str = DEFAULT_NAME) -> str:
        """Its text. Raises RulesetError when there is none."""
        file = resources.files("schemas").joinpath(f"rulesets/{name}.toml")
        if not file.is_file():
            raise RulesetError(f"{name}: no such packaged ruleset")
        return file.read_text(encoding="utf-8")
