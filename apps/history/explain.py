"""Why a level is what it is, in plain words, from a risk row and the escalations before it. English and Indonesian.

Takes the messages as they were published (parsed JSON) and returns lines of text; it knows nothing of the fold's
state, so whatever can read the topics can explain.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from apps.language.words import LANGUAGES, Words

Message = dict[str, Any]
EVIDENCE_SHOWN = 5
HISTORY_SHOWN = 10


def explain_row(row: Message, history: Sequence[Message], language: str, offset_min: int = 0) -> list[str]:
    """A regency as of its row.

    `history`: its escalations up to then, oldest first; `offset_min`: local time minus UTC.
    """
    words = LANGUAGES[language]
    lines = [
        words["now"].format(
            name=row["name"], regency=row["regency"], level=words["levels"][row["level"]], score=row["score"],
            since=_local(row["since"], offset_min), as_of=_local(row["as_of"], offset_min),
        ),
        words["statuses"][row["data_status"]],
        *_parts(row["components"], words),
        *_counts(row, words),
    ]  # fmt: skip
    changes = [item for item in history if item["change"] not in ("stale", "recovered")]
    if row["level"] != "normal" and changes:
        raised = [
            item["threshold"]
            for item in changes
            if item["level"] == row["level"] and item["change"] in ("raised", "amended")
        ]
        if raised and row["score"] < raised[-1]:
            lines.append(words["held"])
        lines += _grounds(changes[-1], words)
    lines += _history(history, words, offset_min)
    lines.append(words["rules"].format(ruleset=row["ruleset"], **row["ledger"]))
    return lines


def explain_province(
    row: Message, history: Sequence[Message], names: Mapping[str, str], language: str, offset_min: int = 0
) -> list[str]:
    """A province as of its row. `names`: regencies by code; a code without a name stands for itself."""
    words = LANGUAGES[language]
    elevated = [
        f"  - {names.get(item['regency'], item['regency'])} ({item['regency']}): {words['levels'][item['level']]}"
        for item in row["elevated"]
    ]
    unheard = ", ".join(f"{names.get(code, code)} ({code})" for code in row["not_live"])
    lines = [
        words["province"].format(
            province=row["province"], level=words["levels"][row["level"]], score=row["score"],
            since=_local(row["since"], offset_min), as_of=_local(row["as_of"], offset_min),
        ),
        *_parts(row["components"], words),
        *([words["elevated"], *elevated] if elevated else [words["none_elevated"]]),
        *([words["not_live"].format(regencies=unheard)] if unheard else []),
    ]  # fmt: skip
    if row["level"] != "normal" and history:
        lines += _grounds(history[-1], words)
    lines += _history(history, words, offset_min)
    lines.append(words["rules"].format(ruleset=row["ruleset"], **row["ledger"]))
    return lines


def explain_escalation(item: Message, language: str, offset_min: int = 0) -> list[str]:
    """One escalation: what changed, by which rule, what the score is made of, what weighs, who is told."""
    words = LANGUAGES[language]
    return [
        _change(item, words, offset_min),
        *_parts(item["components"], words),
        *_grounds(item, words),
        words["rules"].format(ruleset=item["ruleset"], **item["ledger"]),
    ]


def _change(item: Message, words: Words, offset_min: int) -> str:
    change = words["changes"][item["change"]].format(level=words["levels"][item["level"]])
    is_province = "." not in item["regency"]
    name = words["province_name"].format(province=item["regency"]) if is_province else item["name"]
    return words["then"].format(
        time=_local(item["event_time"], offset_min), name=name, change=change, score=item["score"],
        threshold=item["threshold"], reason=words["reasons"][item["reason"]],
    )  # fmt: skip


def _parts(components: dict[str, int], words: Words) -> list[str]:
    parts = sorted((-points, name) for name, points in components.items() if points)
    if not parts:
        return [words["no_parts"]]
    named = [words["points"].format(points=-points, what=words["components"].get(name, name)) for points, name in parts]
    return [words["parts"], *(f"  - {line}" for line in named)]


def _grounds(item: Message, words: Words) -> list[str]:
    lines = [words["unverified"]] if item["unverified"] else []
    if item["evidence"]:
        lines.append(words["evidence"])
        lines += [f"  - {_incident(found, words)}" for found in item["evidence"][:EVIDENCE_SHOWN]]
    routes = ", ".join(words["routes"].get(route, route) for route in item["routes"])
    return [*lines, words["heard"].format(routes=routes)] if routes else lines


def _incident(found: Message, words: Words) -> str:
    return words["incident"].format(
        category=words["categories"][found["category"]], severity=found["severity"],
        status=words["incident_statuses"][found["status"]], incident_id=found["incident_id"],
    )  # fmt: skip


def _counts(row: Message, words: Words) -> list[str]:
    windows, turnout, confidence = row["windows"], row["turnout"], row.get("confidence", {})
    share = "" if turnout["share"] is None else f" ({turnout['share']:.1%})"
    lines = [
        words["windows"].format(
            hour=windows["1h"]["incidents"], six=windows["6h"]["incidents"], day=windows["24h"]["incidents"]
        ),
        words["turnout"].format(
            reported=turnout["stations_reported"], expected=turnout["stations_expected"], voted=turnout["voted"],
            registered=turnout["registered"], share=share,
        ),
    ]  # fmt: skip
    if turnout["over_capacity"]:
        lines.append(words["over"].format(over=turnout["over_capacity"]))
    verified = confidence.get("verified_share")
    shown = words["unknown"] if verified is None else f"{verified:.0%}"
    return [*lines, words["confidence"].format(sources=confidence.get("sources", words["unknown"]), verified=shown)]


def _history(history: Sequence[Message], words: Words, offset_min: int) -> list[str]:
    if not history:
        return [words["no_history"]]
    return [words["history"], *(f"  {_change(item, words, offset_min)}" for item in history[-HISTORY_SHOWN:])]


def _local(moment: str, offset_min: int) -> str:
    zone = timezone(timedelta(minutes=offset_min))
    return f"{datetime.fromisoformat(moment).astimezone(zone):%Y-%m-%d %H:%M:%S%z}"
