"""Risk rows and escalations as bytes, exactly as the public contract writes them."""

from hashlib import blake2b
from heapq import nsmallest

import orjson

from schemas.vocabulary import COMPONENTS, LEVELS, ROLLING, Change, Reason
from streams.moments import rfc3339
from streams.risk.decisions import Decision
from streams.risk.incidents import Record
from streams.risk.regency import RegencyState
from streams.risk.scoring import Score, report_weight
from streams.rules import WINDOW_NAMES

ROW_SCHEMA, ESCALATION_SCHEMA = "siaga.risk/1", "siaga.escalation/1"
EVIDENCE_MOST = 20


def component_names(score: Score) -> tuple[str, ...]:
    """Names of a score's parts, in order."""
    return ROLLING if len(score.parts) == 1 else COMPONENTS


def row(state: RegencyState, partition: int) -> dict:
    """The risk row of a regency as of its clock."""
    score = state.score()
    turnout = state.turnout
    windows = state.incidents.windows_at(state.clock_ms)
    return {
        "schema": ROW_SCHEMA,
        "regency": state.regency.code,
        "name": state.regency.name,
        "level": LEVELS[state.ladder.level],
        "score": score.total,
        "since": rfc3339(state.since_ms),
        "as_of": rfc3339(state.clock_ms),
        "windows": {
            name: {"incidents": count, "weight": report_weight(milli)}
            for name, (count, milli) in zip(WINDOW_NAMES, windows, strict=True)
        },
        "turnout": {
            "stations_expected": state.regency.stations,
            "stations_reported": turnout.reported,
            "registered": turnout.registered,
            "voted": turnout.voted,
            "share": round(turnout.voted / turnout.registered, 6) if turnout.registered else None,
            "over_capacity": turnout.over_capacity,
            "corrected": turnout.corrected,
        },
        "components": dict(zip(component_names(score), score.parts, strict=True)),
        "data_status": state.data_status,
        "excluded": dict(state.excluded),
        "confidence": confidence(state),
        "ruleset": state.rules.id,
        "ledger": {"partition": partition, "offset": state.offset},
    }


def confidence(state: RegencyState) -> dict:
    """How far the row can be trusted: verified share, independent sources, completeness. It never moves the score."""
    incidents, stations = state.incidents, state.regency.stations
    counted = sum(incidents.counts)
    reported = state.turnout.reported
    return {
        "verified_share": round(incidents.vouched / counted, 4) if counted else None,
        "sources": incidents.sources(),
        "completeness": round(min(1.0, reported / stations), 4) if stations else None,
    }


def evidence(state: RegencyState, groups: tuple[int, ...]) -> list[tuple[str, Record]]:
    """Up to 20 incidents of the deciding groups that add most as of now, told heaviest first, the newer first among
    equals.

    Grave ones of the last hour are always among them; weightless ones are none.
    """
    incidents, is_rolling = state.incidents, state.rules.rolling_milli is not None

    def tells(record: Record) -> bool:
        return bool(record.kind.pressure_milli[record.status]) and (not groups or record.kind.group in groups)

    def most_first(record: Record) -> tuple[bool, int, int, str]:
        return (
            record.incident_id not in incidents.urgent,
            -incidents.grown(record),
            -record.occurred_ms,
            record.incident_id,
        )

    key = _heaviest_first if is_rolling else most_first
    urgent = [] if is_rolling else incidents.urgent
    grave = (incidents.records[incident_id] for incident_id in urgent)
    found = nsmallest(
        EVIDENCE_MOST, (record for record in grave if incidents.is_counted(record) and tells(record)), key=key
    )
    for until_ms, records in incidents.newest_first():
        # What is older weighs no more, so that a busy day is not read whole for each escalation.
        if len(found) == EVIDENCE_MOST and not _may_enter(state, until_ms, found[-1]):
            break
        more = [record for record in records if tells(record) and record.incident_id not in urgent]
        found = nsmallest(EVIDENCE_MOST, found + more, key=key)
    return [(record.incident_id, record) for record in sorted(found, key=_heaviest_first)]


def _may_enter(state: RegencyState, until_ms: int, last: Record) -> bool:
    """Whether an incident until then can come before the last of those found, all of which are newer or urgent."""
    if state.rules.rolling_milli is not None:
        return state.rules.weight_most > last.kind.window_milli
    incidents = state.incidents
    return last.incident_id not in incidents.urgent and incidents.grown_most(until_ms) > incidents.grown(last)


def _heaviest_first(record: Record) -> tuple[int, int, str]:
    return -record.kind.window_milli, -record.occurred_ms, record.incident_id


def escalation(state: RegencyState, decision: Decision, partition: int, offset: int) -> dict:
    """One escalation; notes in the state what it told, so that a correction of it can be seen."""
    published = state.published
    published.sequence += 1
    is_about_data = decision.change in (Change.STALE, Change.RECOVERED)
    # Nothing that was told may have decided a rise (turnout, neighbours); a fall is for all who were told.
    is_fall = decision.level < decision.previous_level
    named = evidence(state, decision.groups) if (decision.groups or is_fall) and not is_about_data else []
    if not is_about_data:
        published.evidence = [incident_id for incident_id, _ in named] if decision.level else []
        published.pressure = decision.score.pressure
    return {
        "schema": ESCALATION_SCHEMA,
        "escalation_id": escalation_id(state.regency.code, published.episode, published.sequence, partition, offset),
        "regency": state.regency.code,
        "name": state.regency.name,
        "episode": published.episode,
        "change": decision.change.value,
        "level": LEVELS[decision.level],
        "previous_level": LEVELS[decision.previous_level],
        "score": decision.score.total,
        "threshold": _threshold(state, decision),
        "reason": decision.reason.value,
        "components": dict(zip(component_names(decision.score), decision.score.parts, strict=True)),
        "evidence": [_evidence_item(incident_id, record) for incident_id, record in named],
        "routes": _routes(state, decision, named),
        "unverified": decision.unverified,
        "event_time": rfc3339(state.clock_ms),
        "ruleset": state.rules.id,
        "ledger": {"partition": partition, "offset": offset},
    }


def escalation_id(code: str, episode: int, sequence: int, partition: int, offset: int) -> str:
    """The same ledger gives the same id: 128 bits of a hash over what makes the escalation unique."""
    text = f"{code}|{episode}|{sequence}|{partition}|{offset}"
    return blake2b(text.encode(), digest_size=16).hexdigest()


def to_bytes(message: dict) -> bytes:
    return orjson.dumps(message)


def _evidence_item(incident_id: str, record: Record) -> dict:
    return {
        "incident_id": incident_id,
        "category": record.kind.category,
        "severity": record.kind.severity,
        "status": record.status,
        "weight": report_weight(record.kind.window_milli),
    }


def _threshold(state: RegencyState, decision: Decision) -> int:
    """The threshold the decision was measured against: the fallen level's lower one, else the raise threshold of the
    level.
    """
    rungs = state.rules.rungs
    if decision.level < decision.previous_level:
        return rungs[decision.previous_level - 1].lower_below
    return rungs[max(decision.level, 1) - 1].raise_at


def _routes(state: RegencyState, decision: Decision, named: list[tuple[str, Record]]) -> list[str]:
    """Who hears: by category and severity of the evidence, heaviest first; by rule where no incident decided."""
    routes: dict[str, None] = {}
    if decision.reason is Reason.SILENCE or decision.reason is Reason.REPORTS_RESUMED:
        routes.update(dict.fromkeys(state.rules.silence_routes))
    elif decision.reason is Reason.TURNOUT_ANOMALY:
        routes.update(dict.fromkeys(state.rules.turnout_routes))
    for _, record in named:
        routes.update(dict.fromkeys(record.kind.routes))
    if not routes:
        routes.update(dict.fromkeys(state.rules.silence_routes))
    return list(routes)
