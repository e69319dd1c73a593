"""Builds rows, escalations and notices as the public contract and the ledger define them. Changes no state."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import orjson

from schemas.ledger import COUNTS, NEIGHBOUR, Entry, parts_of
from schemas.risk import CANDIDATE_PAIRS_MOST
from schemas.sources import shown_agency
from schemas.vocabulary import COMPONENTS, LEVELS, ROLLING, Reason
from streams.province import ProvinceEscalation, ProvinceState
from streams.risk.decisions import Decision, Escalation
from streams.risk.odds import odds_of
from streams.risk.pace import counts, hours_of
from streams.risk.record import Record, standing_of
from streams.risk.regency import RegencyState
from streams.risk.scoring import Score, report_weight
from streams.rules import WINDOW_NAMES

ROW_SCHEMA, ESCALATION_SCHEMA, PROVINCE_SCHEMA = "siaga.risk/2", "siaga.escalation/2", "siaga.province/2"
Message = dict[str, Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_bytes(message: Message) -> bytes:
    return orjson.dumps(message)


@lru_cache(maxsize=4096)
def rfc3339(at_ms: int) -> str:
    """Epoch milliseconds in UTC, as `2024-11-27T01:15:00.000Z`."""
    moment = _EPOCH + timedelta(milliseconds=at_ms)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at_ms % 1000:03d}Z"


def component_names(score: Score) -> tuple[str, ...]:
    """Names of a score's parts, in order."""
    return ROLLING if len(score.parts) == 1 else COMPONENTS


def escalation_id(code: str, episode: int, sequence: int, partition: int, offset: int) -> str:
    """The same ledger gives the same id: 128 bits of a hash over what makes the escalation unique."""
    text = f"{code}|{episode}|{sequence}|{partition}|{offset}"
    return blake2b(text.encode(), digest_size=16).hexdigest()


def row(state: RegencyState, partition: int) -> Message:
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
            "stations_reported": turnout.shown_reported,
            "registered": turnout.registered,
            "voted": turnout.voted,
            "share": round(turnout.voted / turnout.registered, 6) if turnout.registered else None,
            "over_capacity": turnout.counts.over_capacity,
            "corrected": turnout.corrected,
            "unlisted": turnout.shown_unlisted,
            "conflicting": turnout.counts.conflicting,
        },
        "components": dict(zip(component_names(score), score.parts, strict=True)),
        "data_status": state.silence.status,
        "excluded": dict(state.excluded),
        "candidates": state.incidents.candidates.pairs,
        "candidate_pairs": [
            {"first": _name(first), "second": _name(second)}
            for first, second in state.incidents.candidates.newest_pairs(CANDIDATE_PAIRS_MOST)
        ],
        "confidence": _confidence(state),
        "ruleset": state.rules.id,
        "ledger": {"partition": partition, "offset": state.offset},
    }


def _confidence(state: RegencyState) -> Message:
    """How far the row can be trusted: verified share, independent agencies, completeness. It never moves the score."""
    incidents, stations = state.incidents, state.regency.stations
    counted = sum(incidents.counts)
    return {
        "verified_share": round(incidents.verified / counted, 4) if counted else None,
        "sources": incidents.agencies(),
        "completeness": round(state.turnout.shown_reported / stations, 4) if stations else None,
    }


def escalation(state: RegencyState, escalated: Escalation, partition: int) -> Message:
    """One escalation of a regency. Call it before the next entry is folded: it reads clock and offset."""
    decision = escalated.decision
    message = {
        "schema": ESCALATION_SCHEMA,
        "escalation_id": escalation_id(
            state.regency.code, escalated.episode, escalated.sequence, partition, state.offset
        ),
        "regency": state.regency.code,
        "name": state.regency.name,
        "episode": escalated.episode,
        "change": decision.change.value,
        "level": LEVELS[decision.level],
        "previous_level": LEVELS[decision.previous_level],
        "score": decision.score.total,
        "threshold": _threshold(state, decision),
        "reason": decision.reason.value,
        "components": dict(zip(component_names(decision.score), decision.score.parts, strict=True)),
        "evidence": [_evidence_item(record) for record in escalated.cited],
        "routes": _routes(state, escalated),
        "unverified": decision.is_unverified,
        "event_time": rfc3339(state.clock_ms),
        "ruleset": state.rules.id,
        "ledger": {"partition": partition, "offset": state.offset},
    }
    return message | {"odds": odds_of(state.rules.ruleset.odds, message)}


def _evidence_item(record: Record) -> Message:
    standing = standing_of(record)
    return {
        **_name(record),
        "sources": sorted({word.source for word in standing}),
        "agencies": sorted({shown_agency(word.agency) for word in standing}),
        "category": record.kind.category,
        "severity": record.kind.severity,
        "status": record.status,
        "weight": report_weight(record.kind.window_milli),
    }


def _name(record: Record) -> Message:
    origin, incident_id = parts_of(record.incident)
    return {"origin": origin, "incident_id": incident_id}


def _threshold(state: RegencyState, decision: Decision) -> int:
    """What the score is measured against: the fallen level's lower threshold, else the raise threshold of the level."""
    rungs = state.rules.rungs
    if decision.is_fall:
        return rungs[decision.previous_level - 1].lower_below
    return rungs[max(decision.level, 1) - 1].raise_at


def _routes(state: RegencyState, escalated: Escalation) -> list[str]:
    """Routes of silence or turnout if that decided, then of what is cited, heaviest first; else those of silence."""
    reason, routes = escalated.decision.reason, list[str]()
    if reason is Reason.SILENCE or reason is Reason.REPORTS_RESUMED:
        routes += state.rules.silence_routes
    elif reason is Reason.TURNOUT_ANOMALY:
        routes += state.rules.turnout_routes
    for record in escalated.cited:
        routes += record.kind.routes
    return list(dict.fromkeys(routes or state.rules.silence_routes))


def notice(state: RegencyState, previous_level: int, escalation_id: str) -> Entry:
    """What neighbours and the province are notified of, as a ledger entry.

    `["n", at_ms, from_regency, level, previous_level, escalation_id, data_status, turnout_share, sole_agency]`; the
    id is empty when nothing was escalated, the share is in ten-thousandths or null."""
    levels = LEVELS[state.ladder.level], LEVELS[previous_level]
    status, share = state.silence.status, state.share_myriad()
    agency = state.published.sole_agency if state.ladder.level else ""
    return [NEIGHBOUR, state.clock_ms, state.regency.code, *levels, escalation_id, status, share, agency]


def counts_notice(state: RegencyState) -> Entry:
    """What the province is sent each quarter hour, `["c", at_ms, from_regency, recent, past]`: see `Counts`."""
    hours = hours_of(state.grid_ms, state.first_ms)
    return [COUNTS, state.clock_ms, state.regency.code, *counts(state.rules, state.incidents, hours, state.grid_ms)]


def province_row(state: ProvinceState, partition: int) -> Message:
    """The roll-up row of a province as of its clock."""
    score, points = state.score()
    counts = dict.fromkeys(LEVELS, 0)
    for code in state.members:
        counts[LEVELS[state.levels.get(code, 0)]] += 1
    highest_first = sorted(state.levels.items(), key=lambda item: (-item[1], item[0]))
    return {
        "schema": PROVINCE_SCHEMA,
        "province": state.code,
        "level": LEVELS[state.ladder.level],
        "score": score,
        "since": rfc3339(state.since_ms),
        "as_of": rfc3339(state.clock_ms),
        "regencies": counts,
        "elevated": [{"regency": code, "level": LEVELS[level]} for code, level in highest_first],
        "not_live": sorted(code for code in state.members if state.statuses.get(code, "silent") != "live"),
        "components": _member_components(points),
        "ruleset": state.rules.id,
        "ledger": {"partition": partition, "offset": state.offset},
    }


def province_escalation(state: ProvinceState, escalated: ProvinceEscalation, partition: int) -> Message:
    """One escalation of a province. Call it before the next entry is folded: it reads score and clock."""
    level, previous_level = escalated.level, escalated.previous_level
    score, points = state.score()
    rung = state.rules.rungs[max(level, previous_level) - 1]
    return {
        "schema": ESCALATION_SCHEMA,
        "escalation_id": escalation_id(state.code, state.episode, state.sequence, partition, state.offset),
        "regency": state.code,
        "name": f"Province {state.code}",
        "episode": state.episode,
        "change": escalated.change.value,
        "level": LEVELS[level],
        "previous_level": LEVELS[previous_level],
        "score": score,
        "threshold": rung.lower_below if level < previous_level else rung.raise_at,
        "reason": escalated.reason.value,
        "components": _member_components(points),
        "evidence": [],
        "routes": list(state.rules.province_routes),
        "unverified": escalated.is_unverified,
        "event_time": rfc3339(state.clock_ms),
        "ruleset": state.rules.id,
        "ledger": {"partition": partition, "offset": state.offset},
        "odds": None,
    }


def _member_components(points: dict[int, int]) -> dict[str, int]:
    return {"members_" + LEVELS[level]: got for level, got in points.items()}
