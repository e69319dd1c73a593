"""The rules of a decision: what a grave incident raises to, which groups and reason decided, on which agency it rests.

Pure: functions of the rules and of the parts of a regency, which they do not change. The level itself moves in
`streams.risk.levels`, the data status in `streams.risk.silence`; `streams.risk.regency` puts the parts together.
"""

from typing import NamedTuple

from schemas.vocabulary import Change, Reason
from streams.risk.incidents import Incidents
from streams.risk.published import Published
from streams.risk.record import Record
from streams.risk.scoring import Score, is_alone
from streams.risk.silence import Publish
from streams.risk.words import MANY
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
    sole_agency: str  # the only agency on which it rests; "" when it rests on several, and is verified
    groups: tuple[int, ...] = ()  # groups of incidents that decided, for the citations

    @property
    def is_about_data(self) -> bool:
        """Whether it is about the data status and not about the level."""
        return self.change in (Change.STALE, Change.RECOVERED)

    @property
    def is_unverified(self) -> bool:
        """Whether it rests on one agency."""
        return bool(self.sole_agency)

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
    """What an evaluation brought for others: escalations in order; whether the data status or the agency on which the
    level rests changed without a change of the level, which the province is notified of; whether the latter did, which
    neighbours are notified of; whether they are due their hourly notice, and the province the counts of a quarter hour.
    """

    escalations: list[Escalation]
    is_status_changed: bool
    is_basis_changed: bool
    is_share_due: bool
    is_counts_due: bool


class Urgency(NamedTuple):
    """The level that urgent incidents raise to, whether an incident that two agencies confirm raises to it, else which
    agency's, MANY where each is one of several agencies', and the groups of all urgent incidents.
    """

    level: int
    is_confirmed: bool
    sole_agency: str
    groups: tuple[int, ...]


def urgency_of(rules: Rules, incidents: Incidents) -> Urgency:
    """What the urgent incidents raise to."""
    urgent = incidents.urgent
    if not urgent or rules.rolling_milli is not None:
        return Urgency(0, False, "", ())
    raised = {kind: (rules.immediate[kind.severity][kind.is_confirmed], kind.is_confirmed) for kind in urgent.kinds()}
    level, is_confirmed = most = max(raised.values())
    deciding = [kind for kind, to in raised.items() if to == most]
    agencies = {agency for kind in deciding for agency in urgent.agencies(kind)}
    alone = agencies.pop() if len(agencies) == 1 else MANY
    return Urgency(level, is_confirmed, "" if is_confirmed else alone, tuple(sorted({kind.group for kind in raised})))


def data_decisions(publish: Publish | None, level: int, score: Score, sole_agency: str) -> list[Decision]:
    """What is published about the data status, at an unchanged level."""
    if not publish:
        return []
    change, reason = _SILENCE[publish]
    return [Decision(change, reason, level, level, score, sole_agency)]


def deciding_groups(rules: Rules, score: Score, urgency: Urgency) -> tuple[int, ...]:
    """Groups with a grave incident, then those with points."""
    if rules.rolling_milli is not None:
        return tuple(range(SCORED))
    scoring = tuple(group for group in range(SCORED) if score.parts[group] > 0)
    return tuple(dict.fromkeys(urgency.groups + scoring))


def sole_agency(
    rules: Rules, incidents: Incidents, score: Score, urgency: Urgency, published: Published, level: int
) -> str:
    """The agency on which the decision rests alone: without it no alarm would be left; "" when there is none. MANY when
    it rests on incidents each of which one of several agencies reports: unverified, but on no one agency.
    """
    if urgency.level and (urgency.level >= level or score.total < rules.rungs[level - 1].lower_below):
        return urgency.sole_agency  # else the score keeps the level
    if rules.rolling_milli is not None:
        return incidents.sole_agency()
    if published.is_confirmed_since and score.support <= published.support:
        return ""  # a second agency has since confirmed what was published, and no points were added
    if not score.support:
        return published.sole_agency if level else ""
    return score.sole_agency if is_alone(rules, score.support, score.alone) else ""


def amendment(
    rules: Rules, score: Score, urgency: Urgency, published: Published, rests_on: str, level: int, grid_ms: int
) -> Decision | None:
    """What takes the place of the last escalation when what that says no longer holds and `amend_every` has passed.
    `rests_on`: see `sole_agency`.
    """
    is_correction, is_confirmation = published.needs_correction(), published.is_unverified and not rests_on
    if not (is_correction or is_confirmation) or not published.may_amend(grid_ms):
        return None
    reason = Reason.CORRECTION if is_correction else Reason.CONFIRMATION
    groups = deciding_groups(rules, score, urgency)
    return Decision(Change.AMENDED, reason, level, level, score, rests_on, groups)


def change_of_level(
    rules: Rules, incidents: Incidents, score: Score, urgency: Urgency, published: Published, before: int, after: int
) -> Decision:
    """What is published of a level that rose or fell. A fall never makes the episode unverified."""
    rests_on = sole_agency(rules, incidents, score, urgency, published, after)
    groups = deciding_groups(rules, score, urgency)
    if after > before:
        reason = _reason_of_rise(rules, score, urgency, after)
        return Decision(Change.RAISED, reason, after, before, score, rests_on, groups)
    rests_on = rests_on if after and published.is_unverified else ""
    return Decision(Change.LOWERED if after else Change.CLEARED, Reason.CALM, after, before, score, rests_on, groups)


def _reason_of_rise(rules: Rules, score: Score, urgency: Urgency, level: int) -> Reason:
    """Which rule raised the regency to this level."""
    if urgency.level >= level:
        return Reason.GRAVE_INCIDENT_CONFIRMED if urgency.is_confirmed else Reason.GRAVE_INCIDENT
    if rules.rolling_milli is not None:
        return Reason.ROLLING_SUM
    turnout, neighbours, _ = score.parts[SCORED:]
    if score.pressure >= max(turnout, neighbours):
        return Reason.INCIDENT_PRESSURE
    return Reason.TURNOUT_ANOMALY if turnout >= neighbours else Reason.SPILL_OVER
