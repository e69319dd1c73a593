"""Whether Siaga's outputs for an input are exact. Shares no code with Siaga; pure, records are arguments.

Three steps. Input to ledger: every valid record is there as often as it was sent, every other one is in `rejected`
once, unchanged. Ledger to escalations: each crossing and each end of one, and no more. Ledger to rows: every regency's
last row counts exactly the accepted incidents and the duplicates."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

from benchmarks.peers.replay import EVERYBODY, Escalation, Replay
from benchmarks.peers.ruleset import UNIT

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TOPICS_READ = 2  # incidents and turnout: each of their partitions has a shard of intake
Valid = tuple[str, str, str, int, int]
Invalid = tuple[int, int, bytes | None]


class Record(NamedTuple):
    """A record read back from Kafka."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes] = MappingProxyType({})


#: The peers' own judge of a record: (message, event time in s), None when it is invalid.
Parse = Callable[[bytes | None], tuple[dict[str, Any], float] | None]


class Written(NamedTuple):
    """Siaga's committed records, each topic in order per partition."""

    ledger: list[Record]
    rejected: list[Record]
    escalations: list[Record]
    rows: list[Record]
    state: list[Record]


def milliseconds(text: str) -> int:
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(milliseconds=1)


def judge(inputs: Iterable[Record], parse: Parse, written: Written, threshold: int, partitions: int) -> dict[str, Any]:
    """The figures that the harness prints for a run; `ok` only when all are exact."""
    valid, invalid = sort_inputs(inputs, parse)
    lost, doubled = ledger_faults(valid, written.ledger)
    dead = Counter(
        (int(record.headers["siaga.source.partition"]), int(record.headers["siaga.source.offset"]), record.value)
        for record in written.rejected
    )
    replays = replay(written.ledger, sorted({code for code, *_ in valid}), threshold, partitions)
    want = Counter(said for one in replays for said in one.escalations)
    got = Counter(escalation_of(record) for record in written.escalations)
    seen = {
        "want": want.total(),
        "got": got.total(),
        "exact": (want & got).total(),
        "missing": (want - got).total(),
        "surplus": (got - want).total(),
        "dead_want": invalid.total(),
        "dead_got": dead.total(),
        "raised": sum(count for said, count in want.items() if said[1] == "raised"),
        "duplicates": sum(regency.duplicates for one in replays for regency in one.regencies.values()),
        "ledger_lost": lost,
        "ledger_doubled": doubled,
        "not_folded": valid.total() - sum(one.folded for one in replays),
        "unread": unread(written.ledger, written.state),
        "row_faults": row_faults(written.rows, replays),
    }
    faults = sum(seen[name] for name in ("ledger_lost", "ledger_doubled", "not_folded", "unread", "row_faults"))
    return seen | {"ok": want == got and dead == invalid and not faults}


def sort_inputs(inputs: Iterable[Record], parse: Parse) -> tuple[Counter[Valid], Counter[Invalid]]:
    """Valid records as (regency, event id, incident id, severity, event time in ms); others as (partition, offset,
    value).
    """
    valid: Counter[Valid] = Counter()
    invalid: Counter[Invalid] = Counter()
    for record in inputs:
        parsed = parse(record.value)
        if parsed is None:
            invalid[record.partition, record.offset, record.value] += 1
        else:
            message, _ = parsed
            at_ms = milliseconds(message["occurred_at"])
            valid[message["regency"], message["event_id"], message["incident_id"], message["severity"], at_ms] += 1
    return valid, invalid


def ledger_faults(valid: Counter[Valid], ledger: Iterable[Record]) -> tuple[int, int]:
    """Numbers of valid records missing in the ledger, and of surplus entries in it."""
    entered: Counter[Valid] = Counter()
    for record in ledger:
        for entry in json.loads(record.value or b""):
            if entry[0] == "i":
                entered[(record.key or b"").decode(), entry[2], entry[3], entry[7], entry[9]] += 1
    return (valid - entered).total(), (entered - valid).total()


def replay(ledger: Iterable[Record], regencies: list[str], threshold: int, partitions: int) -> list[Replay]:
    """Each partition of the ledger folded; a regency's code decides its partition."""
    replays = []
    for partition in range(partitions):
        here = [code for code in regencies if int(code.replace(".", "")) % partitions == partition]
        replays.append(Replay(partition, here, threshold, shards=TOPICS_READ * partitions))
    for record in ledger:
        key = (record.key or b"").decode()
        if key == EVERYBODY or "." in key:  # the others are provinces, which receive level changes
            replays[record.partition].take(record.offset, key, json.loads(record.value or b""))
    return replays


def escalation_of(record: Record) -> Escalation:
    """An escalation in the form of the replay."""
    body = json.loads(record.value or b"")
    at_ms, ledger = milliseconds(body["event_time"]), body["ledger"]
    return body["regency"], body["change"], body["episode"], at_ms, ledger["partition"], ledger["offset"]


def unread(ledger: Iterable[Record], state: Iterable[Record]) -> int:
    """Number of ledger partitions whose last record is not in the committed state."""
    last = {record.partition: record.offset for record in ledger}
    following = {
        record.partition: json.loads(record.value or b"")["offset"] for record in state if record.key == b"@next"
    }
    return sum(1 for partition, offset in last.items() if following.get(partition, 0) <= offset)


def row_faults(rows: Iterable[Record], replays: list[Replay]) -> int:
    """Number of regencies whose last row is missing or differs from the replay."""
    last = {(record.key or b"").decode(): json.loads(record.value or b"") for record in rows}
    faults = 0
    for one in replays:
        for code, regency in one.regencies.items():
            faults += code not in last or shown(last[code]) != regency.row()
    return faults


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """A published row in the form of the replay, weights unscaled."""
    windows = {
        name: {"incidents": window["incidents"], "weight": round(window["weight"] / UNIT, 6)}
        for name, window in row["windows"].items()
    }
    return {
        "clock_ms": milliseconds(row["as_of"]),
        "level": row["level"],
        "windows": windows,
        "duplicates": sum(row["excluded"].values()),
        "offset": row["ledger"]["offset"],
    }
