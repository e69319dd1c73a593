"""The rules of a decision: what a grave incident raises to, which groups and reason decided, and what is unverified.

Pure: functions of the rules and of the parts of a regency, which they do not change. The level itself moves in
`streams.risk.levels`, the data status in `streams.risk.silence`; `streams.risk.regency` puts the parts together.
"""

from typing import NamedTuple

from schemas.vocabulary import Change, Reason
from streams.risk.incidents import Incidents
from streams.risk.published import Published
from streams.risk.record import Record, is_confirmed
from streams.risk.scoring import Score
from streams.risk.silence import Publish
from streams.rules import SCORED, Rules

_SILENCE = {
    Publish.STALE: (Change.STALE, Reason.SILENCE),
    Publish.RECOVERED: (Change.RECOVERED, Reason.REPORTS_RESUMED),
}


class Decision(NamedTuple):
    """One change to publish. Levels are 0 normal to 3 awas."""

    change: Change
    reason: Reason
    level: int
    previous_level: int
    score: Score
    is_unverified: bool
    groups: tuple[int, ...] = ()  # groups of incidents that decided, for the citations

    @property
    def is_about_data(self) -> bool:
        """Whether it is about the data status and not about the level."""
        return self.change in (Change.STALE, Change.RECOVERED)

    @property
    def is_fall(self) -> bool:
        return self.level < self.previous_level


class Escalation(NamedTuple):
    """A decision with its place in the regency's episodes and the incidents that it cites."""

    decision: Decision
    episode: int
    sequence: int
    cited: list[Record]


class Evaluation(NamedTuple):
    """What an evaluation brought for others: escalations in order; whether the data status or the verification changed
    without a change of the level, which the province is notified of; whether neighbours are due their hourly notice.
    """

    escalations: list[Escalation]
    is_status_changed: bool
    is_share_due: bool


class Urgency(NamedTuple):
    """The level that grave incidents of the last hour raise to, whether an incident that two agencies confirm raises to
    it, and their groups.
    """

    level: int
    is_confirmed: bool
    groups: tuple[int, ...]


def urgency_of(rules: Rules, incidents: Incidents) -> Urgency:
    """What the grave incidents of the last hour raise to."""
    most, groups = (0, False), []
    if not incidents.urgent or rules.rolling_milli is not None:
        return Urgency(0, False, ())
    for group in range(SCORED):
        grave = incidents.grave(group)
        if not grave:
            continue
        groups.append(group)
        for record in grave:
            raised = rules.immediate[record.kind.severity][is_confirmed(record)], is_confirmed(record)
            most = max(most, raised)
    return Urgency(*most, tuple(groups))


def data_decisions(publish: Publish | None, level: int, score: Score, is_unverified: bool) -> list[Decision]:
    """What is published about the data status, at an unchanged level."""
    if not publish:
        return []
    change, reason = _SILENCE[publish]
    return [Decision(change, reason, level, level, score, is_unverified)]


def deciding_groups(rules: Rules, score: Score, urgency: Urgency) -> tuple[int, ...]:
    """Groups with a grave incident, then those with points."""
    if rules.rolling_milli is not None:
        return tuple(range(SCORED))
    scoring = tuple(group for group in range(SCORED) if score.parts[group] > 0)
    return tuple(dict.fromkeys(urgency.groups + scoring))


def is_unverified(
    rules: Rules, incidents: Incidents, score: Score, urgency: Urgency, published: Published, level: int
) -> bool:
    """Whether the decision rests on one agency: what others corroborate would not carry an alarm by itself."""
    if urgency.level and (urgency.level >= level or score.total < rules.rungs[level - 1].lower_below):
        return not urgency.is_confirmed  # else the score keeps the level
    if rules.rolling_milli is not None:
        return incidents.agencies() < 2
    if published.is_confirmed_since and score.pressure <= published.pressure:
        return False  # a second agency has since confirmed what was published, and no points were added
    if not score.pressure:
        return published.is_unverified and level > 0
    return score.corroborated < min(score.pressure, rules.rungs[0].raise_at)


def amendment(
    rules: Rules,
    incidents: Incidents,
    score: Score,
    urgency: Urgency,
    published: Published,
    level: int,
    grid_ms: int,
) -> Decision | None:
    """What takes the place of the last escalation when what that says no longer holds and `amend_every` has passed."""
    is_one_agency = is_unverified(rules, incidents, score, urgency, published, level)
    is_correction, is_confirmation = published.needs_correction(), published.is_unverified and not is_one_agency
    if not (is_correction or is_confirmation) or not published.may_amend(grid_ms):
        return None
    reason = Reason.CORRECTION if is_correction else Reason.CONFIRMATION
    groups = deciding_groups(rules, score, urgency)
    return Decision(Change.AMENDED, reason, level, level, score, is_one_agency, groups)


def reason_of_rise(rules: Rules, score: Score, urgency: Urgency, level: int) -> Reason:
    """Which rule raised the regency to this level."""
    if urgency.level >= level:
        return Reason.GRAVE_INCIDENT_CONFIRMED if urgency.is_confirmed else Reason.GRAVE_INCIDENT
    if rules.rolling_milli is not None:
        return Reason.ROLLING_SUM
    turnout, neighbours, _ = score.parts[SCORED:]
    if score.pressure >= max(turnout, neighbours):
        return Reason.INCIDENT_PRESSURE
    return Reason.TURNOUT_ANOMALY if turnout >= neighbours else Reason.SPILL_OVER
