"""Calibration as a whole: from recorded reports to estimates."""

from datetime import date
from typing import NamedTuple

from apps.calibration.doubles import weighed
from apps.calibration.estimates import Estimates, estimate
from apps.calibration.reports import Reports
from apps.calibration.tally import Tally, day_of
from schemas.roster import Roster
from schemas.ruleset import Ruleset

#: Beyond every local day.
_NEVER = 10**6


class Period(NamedTuple):
    """Which recorded local days are looked at, and whether they are election days. None: the first, the last."""

    first: date | None = None
    last: date | None = None
    is_election_day: bool = False


def calibrate(reports: Reports, roster: Roster, ruleset: Ruleset, period: Period) -> Estimates:
    """Raises TooLittle."""
    first = -_NEVER if period.first is None else day_of(period.first)
    last = _NEVER if period.last is None else day_of(period.last)
    incidents = weighed((item for item in reports.incidents() if item.regency in roster), ruleset)
    tally = Tally(incidents, ruleset.election.offset_ms, first, last, ruleset.calibration.day_least.value)
    stations = {code: regency.stations for code, regency in roster.items()}
    return estimate(tally, stations, ruleset, period.is_election_day)
