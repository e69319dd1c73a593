"""Rulesets that are calibrated on the simulated campaign before a day, as `siaga calibrate` does it."""

from collections.abc import Mapping

from apps.calibration.calibrate import Period, calibrate
from apps.calibration.calibrated import calibrated
from apps.calibration.estimates import Estimates
from apps.calibration.reports import Reports
from apps.evaluation.cases import Case, SimulatedCase
from apps.simulation.campaign import campaign_days
from apps.simulation.day import Plan, simulate_day
from schemas.roster import Roster
from schemas.ruleset import Ruleset
from schemas.topics import Topic
from streams.admission import ClockMode, Gate, Rejection

SUFFIX = ", calibrated"


def with_calibrated(case: Case, roster: Roster, rulesets: Mapping[str, Ruleset], days: int) -> dict[str, Ruleset]:
    """The rulesets by name, and each of them calibrated on so many days of the campaign before a simulated day."""
    found = dict(rulesets)
    if days and isinstance(case, SimulatedCase):
        for name, ruleset in rulesets.items():
            found[name + SUFFIX] = calibrated(ruleset, estimates_before(case.plan, roster, ruleset, days))
    return found


def estimates_before(plan: Plan, roster: Roster, ruleset: Ruleset, days: int) -> Estimates:
    """What so many days of the campaign before the day of a plan tell of a ruleset."""
    gate, reports = Gate(roster, ClockMode.WALL), Reports(ruleset.election.offset_ms)
    for day in campaign_days(plan, days):
        for message in simulate_day(roster, day).messages:
            admitted = gate.admit(Topic(message.topic), message.value, (), message.at_ms)
            if not isinstance(admitted, Rejection):
                reports.take(admitted.regency, admitted.entry)
    return calibrate(reports, roster, ruleset, Period())
