"""One example of each public message, for the AsyncAPI document. The outputs are what the fold made of such inputs."""

from typing import Any

from schemas.vocabulary import COMPONENTS, LEVELS

_LEDGER = {"partition": 3, "offset": 10482}
_RULESET = "sumsel-pilkada-2024@1"
_COMPONENTS = {"security": 45} | dict.fromkeys(COMPONENTS[1:], 0)

EXAMPLES: dict[str, dict[str, Any]] = {
    "incident": {
        "event_id": "bawaslu-2024-11-27-000142",
        "incident_id": "bawaslu-000142",
        "revision": 1,
        "regency": "16.71",
        "station": "TPS 012",
        "category": "intimidation",
        "severity": 3,
        "status": "reported",
        "occurred_at": "2024-11-27T08:12:00+07:00",
        "reported_at": "2024-11-27T08:14:10+07:00",
        "source": "bawaslu-sumsel",
    },
    "turnout": {
        "event_id": "kpu-16.71-012-0800",
        "regency": "16.71",
        "station": "TPS 012",
        "registered": 548,
        "voted": 131,
        "as_of": "2024-11-27T08:00:00+07:00",
        "source": "kpu-sumsel",
    },
    "risk": {
        "schema": "siaga.risk/1",
        "regency": "16.71",
        "name": "Kota Palembang",
        "level": "waspada",
        "score": 45,
        "since": "2024-11-27T01:14:00.000Z",
        "as_of": "2024-11-27T01:15:00.000Z",
        "windows": {
            "1h": {"incidents": 5, "weight": 20},
            "6h": {"incidents": 5, "weight": 20},
            "24h": {"incidents": 5, "weight": 20},
        },
        "turnout": {
            "stations_expected": 2264,
            "stations_reported": 1,
            "registered": 548,
            "voted": 131,
            "share": 0.239051,
            "over_capacity": 0,
            "corrected": 0,
        },
        "components": _COMPONENTS,
        "data_status": "live",
        "excluded": {"late": 0, "exercise": 0, "duplicate": 0},
        "confidence": {"verified_share": 0.4, "sources": 2, "completeness": 0.0004},
        "ruleset": _RULESET,
        "ledger": _LEDGER,
    },
    "province": {
        "schema": "siaga.province/1",
        "province": "16",
        "level": "waspada",
        "score": 25,
        "since": "2024-11-27T02:46:40.000Z",
        "as_of": "2024-11-27T02:46:40.000Z",
        "regencies": dict.fromkeys(LEVELS, 0) | {"normal": 16, "awas": 1},
        "elevated": [{"regency": "16.71", "level": "awas"}],
        "not_live": ["16.05", "16.13"],
        "components": {"members_awas": 25, "members_siaga": 0, "members_waspada": 0},
        "ruleset": _RULESET,
        "ledger": {"partition": 4, "offset": 9120},
    },
    "escalation": {
        "schema": "siaga.escalation/1",
        "escalation_id": "2fe7fa9cca91095289c7aa80efe0a0b6",
        "regency": "16.71",
        "name": "Kota Palembang",
        "episode": 1,
        "change": "raised",
        "level": "waspada",
        "previous_level": "normal",
        "score": 45,
        "threshold": 25,
        "reason": "incident_pressure",
        "components": _COMPONENTS,
        "evidence": [
            {
                "incident_id": "polda-000077",
                "category": "clash",
                "severity": 3,
                "status": "verified",
                "weight": 4,
            },
            {
                "incident_id": "bawaslu-000142",
                "category": "intimidation",
                "severity": 3,
                "status": "reported",
                "weight": 4,
            },
        ],
        "routes": ["police", "kpu", "bawaslu", "governor"],
        "unverified": False,
        "event_time": "2024-11-27T01:14:00.000Z",
        "ruleset": _RULESET,
        "ledger": _LEDGER,
    },
}
