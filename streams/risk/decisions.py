"""What a decision says: after an entry, which changes of a regency are to be published, and why.

The level itself moves in `streams.risk.levels`; this file feeds it, names the reason, and decides on amended, stale and
recovered.
"""

from typing import NamedTuple

from schemas.vocabulary import Change, Reason
from streams.risk.incidents import MANY, Incidents, Record
from streams.risk.regency import LIVE, SILENT, STALE, RegencyState
from streams.risk.scoring import Score
from streams.rules import SCORED


class Decision(NamedTuple):
    """One change to publish. Levels are 0 normal to 3 awas."""

    change: Change
    reason: Reason
    level: int
    previous_level: int
    score: Score
    unverified: bool
    groups: tuple[int, ...]  # groups of incidents that decided, for the evidence


class Urgency(NamedTuple):
    """The level that grave incidents of the last hour ask for, whether two sources bear it out, and their groups."""

    level: int
    is_confirmed: bool
    groups: tuple[int, ...]


def decide(state: RegencyState) -> list[Decision]:
    """Evaluate a state after an entry: moves the ladder and the data status, returns what to publish in order."""
    current = state.score()
    state.decided, state.needs = current, [None] * SCORED
    is_review = state.is_review or state.incidents.news
    state.is_due = state.is_review = state.incidents.news = False
    decisions = _data_status(state, current)
    urgency = urgent(state)
    ladder, rules = state.ladder, state.rules
    before = ladder.level
    if urgency.level or current.total >= rules.rungs[0].raise_at or not ladder.is_at_rest():
        ladder.step(state.grid_ms, current.total, urgency.level, rules.rungs, rules.keep_ms, is_held_by_silence(state))
    if ladder.level != before:
        decisions.append(_level_change(state, current, urgency, before))
    elif before and is_review and (amended := _amendment(state, current, urgency)):
        decisions.append(amended)
    return decisions


def is_held_by_silence(state: RegencyState) -> bool:
    """Whether no level may fall because nothing is heard."""
    return state.data_status is STALE or state.is_unheard


def urgent(state: RegencyState) -> Urgency:
    """What the grave incidents of the last hour ask for."""
    incidents, most, is_sure, groups = state.incidents, 0, False, []
    if not incidents.urgent or state.rules.rolling_milli is not None:
        return Urgency(0, False, ())
    for group in range(SCORED):
        grave = incidents.grave(group)
        if not grave:
            continue
        is_confirmed = _is_confirmed(incidents, group, grave)
        level = max(state.rules.immediate[record.kind.severity][is_confirmed] for record in grave)
        groups.append(group)
        if level > most:
            most, is_sure = level, is_confirmed
    return Urgency(most, is_sure, tuple(groups))


def _is_confirmed(incidents: Incidents, group: int, grave: list[Record]) -> bool:
    """Two sources told of grave or, within the hour, serious incidents of the group, or two spoke of the same one."""
    sources = incidents.serious[group].keys() | {record.source for record in grave}
    return len(sources) >= 2 or incidents.confirmed[group] > 0 or any(record.spoken == MANY for record in grave)


def _deciding_groups(current: Score, urgency: Urgency, state: RegencyState) -> tuple[int, ...]:
    if state.rules.rolling_milli is not None:
        return tuple(range(SCORED))
    scoring = tuple(group for group in range(SCORED) if current.parts[group] > 0)
    return tuple(dict.fromkeys(urgency.groups + scoring))


def _is_unverified(state: RegencyState, current: Score, urgency: Urgency) -> bool:
    """No second source stands behind what decided: what others bear out would not carry an alarm by itself."""
    if urgency.level:
        return not urgency.is_confirmed
    if state.rules.rolling_milli is not None:
        return state.incidents.sources() < 2
    if state.published.is_borne_out and current.pressure <= state.published.pressure:
        return False  # a second source has since spoken of what was told, and nothing came on top
    if not current.pressure:
        return state.published.unverified and state.ladder.level > 0
    return current.borne_out < min(current.pressure, state.rules.rungs[0].raise_at)


def _data_status(state: RegencyState, current: Score) -> list[Decision]:
    """What is heard again, or has been silent for too long. The row says so at once; it is published when it is news."""
    level, unverified = state.ladder.level, state.published.unverified
    if state.is_heard:
        was_told, state.is_silence_told = state.is_silence_told, False
        state.is_heard, state.data_status = False, LIVE
        if was_told:
            return [Decision(Change.RECOVERED, Reason.REPORTS_RESUMED, level, level, current, unverified, ())]
    elif state.is_quiet and state.data_status is not SILENT:
        state.data_status = STALE
        if not state.is_silence_told and (level or _missed(state) >= state.rules.silence_expected):
            state.is_silence_told = True
            return [Decision(Change.STALE, Reason.SILENCE, level, level, current, unverified, ())]
    return []


def _missed(state: RegencyState) -> float:
    """Reports that ordinary days would have brought since the last one."""
    rules, now_ms = state.rules, state.grid_ms
    per_station = sum(rules.ordinary_reports(group, now_ms - state.silence_ms, now_ms) for group in range(SCORED))
    return state.regency.stations * per_station


def _level_change(state: RegencyState, current: Score, urgency: Urgency, before: int) -> Decision:
    after, published = state.ladder.level, state.published
    unverified = _is_unverified(state, current, urgency)
    groups = _deciding_groups(current, urgency, state)
    was_unverified = published.unverified
    state.since_ms = state.clock_ms
    published.at_ms = state.grid_ms
    published.unverified = unverified and after > 0
    published.is_amend_due, published.corrected = False, 0
    published.is_borne_out = published.is_borne_out and after < before
    if after < before:
        published.unverified = was_unverified and published.unverified
        change = Change.LOWERED if after else Change.CLEARED
        return Decision(change, Reason.CALM, after, before, current, published.unverified, groups)
    if not before:
        published.episode += 1
    return Decision(Change.RAISED, _why(state, current, urgency, after), after, before, current, unverified, groups)


def _why(state: RegencyState, current: Score, urgency: Urgency, after: int) -> Reason:
    if urgency.level >= after:
        return Reason.GRAVE_INCIDENT_CONFIRMED if urgency.is_confirmed else Reason.GRAVE_INCIDENT
    if state.rules.rolling_milli is not None:
        return Reason.ROLLING_SUM
    turnout, neighbours, _ = current.parts[SCORED:]
    if current.pressure >= max(turnout, neighbours):
        return Reason.INCIDENT_PRESSURE
    return Reason.TURNOUT_ANOMALY if turnout >= neighbours else Reason.SPILL_OVER


def _amendment(state: RegencyState, current: Score, urgency: Urgency) -> Decision | None:
    """A published escalation no longer says the truth: told once per `amend_every`, with the same episode."""
    published = state.published
    unverified = _is_unverified(state, current, urgency)
    is_confirmation = published.unverified and not unverified
    is_correction = published.is_amend_due or published.corrected >= state.rules.amend_points
    if not (is_correction or is_confirmation) or state.grid_ms - published.at_ms < state.rules.amend_ms:
        return None
    reason = Reason.CORRECTION if is_correction else Reason.CONFIRMATION
    published.at_ms = state.grid_ms
    published.unverified = unverified
    published.is_amend_due, published.corrected = False, 0
    level = state.ladder.level
    groups = _deciding_groups(current, urgency, state)
    return Decision(Change.AMENDED, reason, level, level, current, unverified, groups)
