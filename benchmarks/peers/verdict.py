"""Whether what Siaga did with an input is exactly what it had to do. Shares no code with Siaga; pure, records are
arguments.

Three steps, each exact. Input to ledger: every valid record is there once (one that was sent twice, twice), every other
one is in `rejected` once, as it came. Ledger to escalations: each crossing and each end of one, none besides. Ledger to
rows: every regency's last row counts exactly the accepted incidents and the duplicates."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from benchmarks.peers.replay import EVERYBODY, Replay
from benchmarks.peers.ruleset import UNIT

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TOPICS_READ = 2  # incidents and turnout: each of their partitions has a shard of intake


class Record(NamedTuple):
    """A record read back from Kafka."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes] = {}  # never changed


#: The peers' own judge of a record: (message, event time in s), None when it is invalid.
Parse = Callable[[bytes], tuple[dict, float] | None]


class Written(NamedTuple):
    """All that Siaga wrote, committed, each topic in order per partition."""

    ledger: list[Record]
    rejected: list[Record]
    escalations: list[Record]
    rows: list[Record]
    state: list[Record]


def milliseconds(text: str) -> int:
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(milliseconds=1)


def judge(inputs: Iterable[Record], parse: Parse, written: Written, threshold: int, partitions: int) -> dict:
    """What the harness shows of a run; `ok` only when all is exact."""
    valid, invalid = sort_inputs(inputs, parse)
    lost, doubled = ledger_faults(valid, written.ledger)
    dead = Counter(
        (int(record.headers["siaga.source.partition"]), int(record.headers["siaga.source.offset"]), record.value)
        for record in written.rejected
    )
    replays = replay(written.ledger, sorted({code for code, *_ in valid}), threshold, partitions)
    want = Counter(said for one in replays for said in one.said)
    got = Counter(said_in(record) for record in written.escalations)
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


def sort_inputs(inputs: Iterable[Record], parse: Parse) -> tuple[Counter, Counter]:
    """Valid records as (regency, event id, incident id, severity, event time in ms); others as (partition, offset,
    value).
    """
    valid, invalid = Counter(), Counter()
    for record in inputs:
        parsed = parse(record.value)
        if parsed is None:
            invalid[record.partition, record.offset, record.value] += 1
        else:
            message, _ = parsed
            at_ms = milliseconds(message["occurred_at"])
            valid[message["regency"], message["event_id"], message["incident_id"], message["severity"], at_ms] += 1
    return valid, invalid


def ledger_faults(valid: Counter, ledger: Iterable[Record]) -> tuple[int, int]:
    """Valid records that the ledger lacks, and entries it has too many."""
    entered = Counter()
    for record in ledger:
        for entry in json.loads(record.value):
            if entry[0] == "i":
                entered[record.key.decode(), entry[2], entry[3], entry[7], entry[9]] += 1
    return (valid - entered).total(), (entered - valid).total()


def replay(ledger: Iterable[Record], regencies: list[str], threshold: int, partitions: int) -> list[Replay]:
    """Each partition of the ledger folded; a regency is where its code says."""
    replays = []
    for partition in range(partitions):
        here = [code for code in regencies if int(code.replace(".", "")) % partitions == partition]
        replays.append(Replay(partition, here, threshold, shards=TOPICS_READ * partitions))
    for record in ledger:
        key = record.key.decode()
        if key == EVERYBODY or "." in key:  # the others are provinces, told of levels
            replays[record.partition].take(record.offset, key, json.loads(record.value))
    return replays


def said_in(record: Record) -> tuple:
    """An escalation as the replay tells it."""
    told = json.loads(record.value)
    where = told["ledger"]["partition"], told["ledger"]["offset"]
    return told["regency"], told["change"], told["episode"], milliseconds(told["event_time"]), *where


def unread(ledger: Iterable[Record], state: Iterable[Record]) -> int:
    """Ledger partitions whose last record the committed state does not yet hold."""
    last = {record.partition: record.offset for record in ledger}
    following = {record.partition: json.loads(record.value)["offset"] for record in state if record.key == b"@next"}
    return sum(1 for partition, offset in last.items() if following.get(partition, 0) <= offset)


def row_faults(rows: Iterable[Record], replays: list[Replay]) -> int:
    """Regencies whose last row does not say what the replay says, or that have none."""
    last = {record.key.decode(): json.loads(record.value) for record in rows}
    faults = 0
    for one in replays:
        for code, regency in one.regencies.items():
            faults += code not in last or shown(last[code]) != regency.row()
    return faults


def shown(row: dict) -> dict:
    """A published row as the replay tells it, weights unscaled."""
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
