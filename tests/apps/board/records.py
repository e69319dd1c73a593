"""Rows and escalations in the contract's shapes, for tests of the board."""

import itertools
from datetime import datetime, timedelta, timezone

import orjson

from apps.board.board_state import BoardState
from schemas.ruleset import Ruleset

NOON = datetime(2024, 11, 27, 12, 0, tzinfo=timezone(timedelta(hours=7)))
_NUMBER = itertools.count(1)


def at(minute: float) -> str:
    """RFC 3339, minutes after noon of the election day."""
    return (NOON + timedelta(minutes=minute)).isoformat()


def evidence(origin: str = "polda", incident_id: str = "i-1", **fields) -> dict:
    """An incident that an escalation names."""
    whole = {
        "origin": origin, "incident_id": incident_id, "sources": ["polda"], "agencies": ["polda"],
        "category": "clash", "severity": 4, "status": "reported", "weight": 8,
    }  # fmt: skip
    return whole | fields


def pair(*names: tuple[str, str]) -> dict:
    """Two incidents, each by origin and number, that may be one."""
    first, second = ({"origin": origin, "incident_id": number} for origin, number in names)
    return {"first": first, "second": second}


def row(regency: str = "16.71", *, minute: float = 0, **fields) -> dict:
    whole = {
        "schema": "siaga.risk/2", "regency": regency, "name": f"Kabupaten {regency}", "level": "normal", "score": 7,
        "since": at(-60), "as_of": at(minute),
        "windows": {name: {"incidents": n, "weight": 2 * n} for name, n in (("1h", 1), ("6h", 2), ("24h", 3))},
        "turnout": {
            "stations_expected": 100, "stations_reported": 40, "registered": 20000, "voted": 9000, "share": 0.45,
            "over_capacity": 1, "corrected": 2, "unlisted": 3, "conflicting": 4,
        },
        "components": {
            "security": 4, "integrity": 0, "supply": 0, "process": 2, "turnout": 0, "neighbours": 0, "prior": 1,
        },
        "data_status": "live",
        "excluded": {"late": 1, "exercise": 2, "duplicate": 3, "surplus": 5, "id_reused": 6},
        "candidates": 1, "candidate_pairs": [pair(("polda", "urn:c/142"), ("bawaslu", "000142"))],
        "confidence": {"verified_share": 0.5, "sources": 2, "completeness": 0.4},
        "ruleset": "sumsel-pilkada-2024@1", "ledger": {"partition": 1, "offset": 42},
    }  # fmt: skip
    return whole | fields


def current_row(regency: str = "16.71", **fields) -> dict:
    """A row by the ruleset that the board has too."""
    return row(regency, ruleset=Ruleset.default().id, **fields)


def escalation(regency: str = "16.71", *, minute: float = 0, **fields) -> dict:
    whole = {
        "schema": "siaga.escalation/2", "escalation_id": f"{next(_NUMBER):032x}", "regency": regency,
        "name": f"Kabupaten {regency}", "episode": 1, "change": "raised", "level": "siaga", "previous_level": "waspada",
        "score": 52, "threshold": 50, "reason": "incident_pressure", "components": {"security": 52},
        "evidence": [evidence()],
        "routes": ["police", "kpu"], "unverified": True, "event_time": at(minute), "ruleset": "sumsel-pilkada-2024@1",
        "ledger": {"partition": 1, "offset": 42}, "odds": 0.7,
    }  # fmt: skip
    return whole | fields


def put_row(state: BoardState, regency: str = "16.71", **fields) -> dict:
    value = row(regency, **fields)
    state.put_row(regency, orjson.dumps(value))
    return value


def put_escalation(state: BoardState, appended_ms: int = 0, **fields) -> dict:
    value = escalation(**fields)
    state.put_escalation(orjson.dumps(value), appended_ms, 0, next(_NUMBER))
    return value
