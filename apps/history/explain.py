"""Why a level is what it is, in plain words, from a risk row and the escalations before it.

Takes messages as they were published (parsed JSON) and returns lines of text in one language. It knows nothing of the
fold's state, so whatever can read the topics can explain; `apps.history.whose_word` adds what the state holds besides.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from apps.language.catalogue import Words, words_in
from schemas.vocabulary import Change, Level

Message = dict[str, Any]
EVIDENCE_SHOWN = 5
HISTORY_SHOWN = 10


def explain_row(
    row: Message, history: Sequence[Message], language: str, offset_min: int = 0, told: Sequence[str] = ()
) -> list[str]:
    """A regency as of its row.

    `history`: its escalations up to then, oldest first; `offset_min`: local time minus UTC; `told`: further lines, on
    whose word stands about what.
    """
    words = words_in(language)
    lines = [
        _now(row, f"{row['name']} ({row['regency']})", words, offset_min),
        words.text("data_status_sentence", row["data_status"]),
        *_parts(row["components"], words),
        *_counts(row, words),
    ]
    changes = [item for item in history if item["change"] not in (Change.STALE, Change.RECOVERED)]
    if row["level"] != Level.NORMAL and changes:
        raised = [
            item["threshold"]
            for item in changes
            if item["level"] == row["level"] and item["change"] in (Change.RAISED, Change.AMENDED)
        ]
        if raised and row["score"] < raised[-1]:
            lines.append(words.text("explain", "held"))
        lines += _grounds(changes[-1], words)
    lines += [*_candidates(row, words), *told]
    lines += _history(history, words, offset_min)
    lines.append(words.text("explain", "rules", ruleset=row["ruleset"], **row["ledger"]))
    return lines


def explain_province(
    row: Message, history: Sequence[Message], names: Mapping[str, str], language: str, offset_min: int = 0
) -> list[str]:
    """A province as of its row. `names`: regencies by code; a code without a name is shown as it is."""
    words = words_in(language)
    elevated = [
        f"  - {names.get(item['regency'], item['regency'])} ({item['regency']}): {words.level(item['level'])}"
        for item in row["elevated"]
    ]
    not_live = ", ".join(f"{names.get(code, code)} ({code})" for code in row["not_live"])
    lines = [
        _now(row, words.text("place", "province", code=row["province"]), words, offset_min),
        *_parts(row["components"], words),
        *([words.text("explain", "elevated"), *elevated] if elevated else [words.text("explain", "none_elevated")]),
        *([words.text("explain", "not_live", regencies=not_live)] if not_live else []),
    ]
    if row["level"] != Level.NORMAL and history:
        lines += _grounds(history[-1], words)
    lines += _history(history, words, offset_min)
    lines.append(words.text("explain", "rules", ruleset=row["ruleset"], **row["ledger"]))
    return lines


def explain_escalation(item: Message, language: str, offset_min: int = 0) -> list[str]:
    """One escalation: the change, its reason, the parts of the score, the heaviest evidence, and who is notified."""
    words = words_in(language)
    return [
        _change(item, words, offset_min),
        *_parts(item["components"], words),
        *_grounds(item, words),
        words.text("explain", "rules", ruleset=item["ruleset"], **item["ledger"]),
    ]


def _now(row: Message, place: str, words: Words, offset_min: int) -> str:
    return words.text(
        "explain",
        "now",
        place=place,
        level=words.level(row["level"]),
        score=row["score"],
        since=local_time(row["since"], offset_min),
        as_of=local_time(row["as_of"], offset_min),
    )


def _change(item: Message, words: Words, offset_min: int) -> str:
    is_province = "." not in item["regency"]
    name = words.text("place", "province", code=item["regency"]) if is_province else item["name"]
    return words.text(
        "explain",
        "then",
        time=local_time(item["event_time"], offset_min),
        change=words.text("change_clause", item["change"], name=name, level=words.level(item["level"])),
        score=item["score"],
        threshold=item["threshold"],
        reason=words.text("reason", item["reason"]),
    )


def _parts(components: dict[str, int], words: Words) -> list[str]:
    parts = sorted((-points, name) for name, points in components.items() if points)
    if not parts:
        return [words.text("explain", "no_parts")]
    lines = (
        words.text("explain", "points", points=-points, component=words.word("component_in_full", name))
        for points, name in parts
    )
    return [words.text("explain", "parts"), *(f"  - {line}" for line in lines)]


def _grounds(item: Message, words: Words) -> list[str]:
    lines = [words.text("explain", "unverified")] if item["unverified"] else []
    if (odds := item.get("odds")) is not None:  # escalations of an earlier version have none
        lines.append(words.text("explain", "odds", odds=words.decimal(odds)))
    if item["evidence"]:
        lines.append(words.text("explain", "evidence"))
        lines += [f"  - {_incident(found, words)}" for found in item["evidence"][:EVIDENCE_SHOWN]]
    routes = ", ".join(words.word("authority", route) for route in item["routes"])
    return [*lines, words.text("explain", "notified", routes=routes)] if routes else lines


def _incident(found: Message, words: Words) -> str:
    return words.text(
        "explain",
        "incident",
        category=words.text("category", found["category"]),
        severity=found["severity"],
        status=words.text("status", found["status"]),
        incident=named(found),
        agencies=", ".join(found["agencies"]),
    )


def named(found: Message) -> str:
    """An incident by origin and number, as `siaga join` takes it."""
    return f"{found['origin']}/{found['incident_id']}"


def _counts(row: Message, words: Words) -> list[str]:
    windows, turnout, confidence = row["windows"], row["turnout"], row["confidence"]
    share = "" if turnout["share"] is None else f" ({turnout['share']:.1%})"
    lines = [
        words.text(
            "explain",
            "windows",
            hour=windows["1h"]["incidents"],
            six=windows["6h"]["incidents"],
            day=windows["24h"]["incidents"],
        ),
        words.text(
            "explain",
            "turnout",
            reported=turnout["stations_reported"],
            expected=turnout["stations_expected"],
            voted=turnout["voted"],
            registered=turnout["registered"],
            share=share,
        ),
    ]
    lines += [
        words.text("explain", key, **{key: turnout[field]})
        for key, field in (("over", "over_capacity"), ("conflicting", "conflicting"), ("unlisted", "unlisted"))
        if turnout[field]
    ]
    share = confidence["verified_share"]
    verified = words.text("explain", "unknown") if share is None else f"{share:.0%}"
    lines.append(words.text("explain", "confidence", sources=confidence["sources"], verified=verified))
    counts = ", ".join(f"{count} {words.text('excluded', name)}" for name, count in row["excluded"].items() if count)
    return [*lines, words.text("explain", "excluded", counts=counts)] if counts else lines


def _candidates(row: Message, words: Words) -> list[str]:
    if not row["candidates"]:
        return []
    pairs = ((named(pair["first"]), named(pair["second"])) for pair in row["candidate_pairs"])
    lines = (words.text("explain", "pair", first=first, second=second) for first, second in pairs)
    return [words.text("explain", "candidates", count=row["candidates"]), *(f"  - {line}" for line in lines)]


def _history(history: Sequence[Message], words: Words, offset_min: int) -> list[str]:
    if not history:
        return [words.text("explain", "no_history")]
    return [
        words.text("explain", "history"),
        *(f"  {_change(item, words, offset_min)}" for item in history[-HISTORY_SHOWN:]),
    ]


def local_time(moment: str, offset_min: int) -> str:
    """A time of a message, in local time."""
    zone = timezone(timedelta(minutes=offset_min))
    return f"{datetime.fromisoformat(moment).astimezone(zone):%Y-%m-%d %H:%M:%S%z}"
