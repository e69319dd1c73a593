"""With which roster and ruleset the state of a regency was made: a field of its head, and what a difference means.

A version before 0.10 neither writes the field nor minds it, so state without it is taken as made with what is in force.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from schemas.roster import Regency
from schemas.station_roster import RegencyStations
from streams.rules import Rules

#: The fields of a head's `made_with`.
MadeWith = dict[str, Any]


def made_with(regency: Regency, rules: Rules, partitions: int, stations: RegencyStations | None) -> MadeWith:
    """What the state of a regency depends on beside the ledger."""
    return {
        "ruleset": rules.id,
        "rules": rules.digest,
        "partitions": partitions,
        "name": regency.name,
        "stations": regency.stations,
        "registered": regency.registered,
        "neighbours": list(regency.neighbours),
        "prior": regency.prior,
        "listed": None if stations is None else stations.digest(),
    }


def ruleset_change(before: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """In a few words, how the ruleset of a state differs from the one in force; None where it does not."""
    if before["rules"] == now["rules"]:
        return None
    if before["ruleset"] == now["ruleset"]:
        return f"ruleset {now['ruleset']} has other content under the same version: give it a new one"
    return f"ruleset {before['ruleset']} is now {now['ruleset']}"


def regency_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """In a few words each, how a regency differs from the one that its state was made with."""
    changes = [
        f"{name} {_shown(before[name])} is now {_shown(now[name])}"
        for name in ("name", "stations", "registered", "neighbours", "prior")
        if before[name] != now[name]
    ]
    return [*changes, "other stations are listed"] if before["listed"] != now["listed"] else changes


def _shown(value: object) -> str:
    return (";".join(value) or "none") if isinstance(value, list) else "none" if value is None else str(value)


def encoded(made: MadeWith) -> orjson.Fragment:
    """As a part of every head that is written, encoded once."""
    return orjson.Fragment(orjson.dumps(made))
