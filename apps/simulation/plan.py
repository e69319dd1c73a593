"""All parameters of a simulated day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

from apps.simulation.course import Course
from apps.simulation.doubles import DOUBLES
from apps.simulation.false_signals import HOAX_CHANCE
from apps.simulation.flareups import PER_ROSTER_DAY, FlareUpSpec

DEFAULT_DATE = date(2024, 11, 27)  # Pilkada
DEFAULT_OFFSET_MIN = 7 * 60  # WIB


@dataclass(frozen=True)
class Plan:
    """All parameters of a day. The same plan and roster give the same day, byte for byte.

    `offset_min`: local UTC offset in minutes. `flareups`: what to stage; None draws them at random with mean `per_day`.
    `turnout_every_min`: minutes between a station's turnout reports, 0 for none. `hoax_chance`: probability of one hoax
    wave. `background`: factor on all base rates. `doubles`: share of the severe incidents that other agencies report
    too, under numbers of their own. `world`: the family that the day is drawn from (apps/simulation/worlds). The other
    worlds than `bawaslu` draw hoaxes and doubles by chances of their own where the plan keeps these defaults.
    `campaign`: the seed that what lasts over weeks is drawn from: rates, hours, severities, sources, habits; with None
    it is `seed`, and lasts for this day alone. `is_campaign`: a day before the election (apps/simulation/course.py),
    without turnout."""

    seed: int
    day: date = DEFAULT_DATE
    offset_min: int = DEFAULT_OFFSET_MIN
    flareups: Sequence[FlareUpSpec] | None = None
    per_day: float = PER_ROSTER_DAY
    turnout_every_min: int = 60
    hoax_chance: float = HOAX_CHANCE
    background: float = 1.0
    doubles: float = DOUBLES
    world: str = "bawaslu"
    campaign: int | None = None
    is_campaign: bool = False

    @property
    def lasting_seed(self) -> int:
        """The seed of what lasts over weeks."""
        return self.seed if self.campaign is None else self.campaign

    @property
    def start_ms(self) -> int:
        """Local midnight, milliseconds since the epoch."""
        zone = timezone(timedelta(minutes=self.offset_min))
        return int(datetime(self.day.year, self.day.month, self.day.day, tzinfo=zone).timestamp()) * 1000

    @property
    def course(self) -> Course:
        """Levels and times of the day."""
        if self.is_campaign:
            return Course.of_campaign(self.start_ms, self.lasting_seed, self.world)
        return Course(self.start_ms)
