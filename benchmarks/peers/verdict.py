"""Whether Siaga's outputs for an input are exact. Shares no code with Siaga; pure, records are arguments.

Three steps, each exact. Input to ledger: every valid record is there once (one that was sent twice, twice), every other
one is in `rejected` once, as it came. Ledger to escalations: each crossing and each end of one, none besides. Ledger to
rows: every regency's last row counts exactly the accepted incidents and the duplicates. What must come out is computed
as in the tests (`tests.recount`).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from benchmarks.peers.ruleset import UNIT
from tests.recount.contract import ms
from tests.recount.ledger import EVERYONE, entries, entries_by_event_time, home
from tests.recount.records import INPUTS, Record, folded_to
from tests.recount.rolling_sum import Crossing, Regency

#: The peers' own judge of a record: (message, event time in s), None when it is invalid.
Parse = Callable[[bytes | None], tuple[dict[str, Any], float] | None]
#: A valid record: regency, event id, incident key, severity, time in ms.
Valid = tuple[str, str, str, int, int]
#: A record that must be rejected: input partition, offset, value.
Invalid = tuple[int, int, bytes | None]


class Written(NamedTuple):
    """Siaga's committed records, each topic in order per partition."""

    ledger: list[Record]
    rejected: list[Record]
    escalations: list[Record]
    rows: list[Record]
    state: list[Record]


def judge(inputs: Iterable[Record], parse: Parse, written: Written, threshold: int, partitions: int) -> dict[str, Any]:
    """What the harness shows of a run; `ok` only when all is exact."""
    valid, invalid = sort_inputs(inputs, parse)
    lost, doubled = ledger_faults(valid, written.ledger)
    dead = Counter(
        (int(record.headers["siaga.source.partition"]), int(record.headers["siaga.source.offset"]), record.value)
        for record in written.rejected
    )
    regencies = fold(written.ledger, sorted({code for code, *_ in valid}), threshold, partitions)
    want = Counter(crossing for regency in regencies for crossing in regency.crossings)
    got = Counter(map(crossing_of, written.escalations))
    seen = {
        "want": want.total(),
        "got": got.total(),
        "exact": (want & got).total(),
        "missing": (want - got).total(),
        "surplus": (got - want).total(),
        "dead_want": invalid.total(),
        "dead_got": dead.total(),
        "raised": sum(count for crossing, count in want.items() if crossing.change == "raised"),
        "duplicates": sum(regency.duplicates for regency in regencies),
        "ledger_lost": lost,
        "ledger_doubled": doubled,
        "not_folded": valid.total() - sum(regency.folded for regency in regencies),
        "unread": unread(written.ledger, written.state),
        "row_faults": row_faults(written.rows, regencies),
    }
    faults = sum(seen[name] for name in ("ledger_lost", "ledger_doubled", "not_folded", "unread", "row_faults"))
    return seen | {"ok": want == got and dead == invalid and not faults}


def sort_inputs(inputs: Iterable[Record], parse: Parse) -> tuple[Counter[Valid], Counter[Invalid]]:
    """How often each valid record and each invalid one is there."""
    valid: Counter[Valid] = Counter()
    invalid: Counter[Invalid] = Counter()
    for record in inputs:
        parsed = parse(record.value)
        if parsed is None:
            invalid[record.partition, record.offset, record.value] += 1
        else:
            message, _ = parsed
            at_ms = ms(message["occurred_at"])
            incident = f"{message.get('origin') or message['source']} {message['incident_id']}"
            valid[message["regency"], message["event_id"], incident, message["severity"], at_ms] += 1
    return valid, invalid


def ledger_faults(valid: Counter[Valid], ledger: Iterable[Record]) -> tuple[int, int]:
    """Valid records that the ledger lacks, and entries it has too many."""
    entered = Counter(
        (entry.key, entry.fields[2], entry.fields[3], entry.fields[7], entry.fields[9])
        for entry in entries(ledger)
        if entry.fields[0] == "i"
    )
    return (valid - entered).total(), (entered - valid).total()


def fold(ledger: Iterable[Record], codes: list[str], threshold: int, partitions: int) -> list[Regency]:
    """Every regency after the whole ledger, in the order of event time. Each input partition has a shard of intake."""
    regencies = {code: Regency(code, threshold) for code in codes}
    at_home = defaultdict(list)
    for code, regency in regencies.items():
        at_home[home(code, partitions)].append(regency)
    for entry in entries_by_event_time(ledger, len(INPUTS) * partitions):
        if entry.key == EVERYONE:
            for regency in at_home[entry.partition]:
                regency.take(entry)
        elif entry.key in regencies:  # the others are notices to provinces
            regencies[entry.key].take(entry)
    return list(regencies.values())


def crossing_of(record: Record) -> Crossing:
    """What an escalation says, as the recount says it."""
    e = record.json()
    where = e["ledger"]["partition"], e["ledger"]["offset"]
    return Crossing(e["regency"], e["change"], e["episode"], ms(e["event_time"]), *where)


def unread(ledger: Iterable[Record], state: Iterable[Record]) -> int:
    """Ledger partitions whose last record the committed state does not yet hold."""
    last, folded = {record.partition: record.offset for record in ledger}, folded_to(state)
    return sum(folded.get(partition, 0) <= offset for partition, offset in last.items())


def row_faults(rows: Iterable[Record], regencies: list[Regency]) -> int:
    """Regencies whose last row does not say what the recount says, or that have none."""
    last = {record.key_text: record.json() for record in rows}
    return sum(regency.code not in last or shown(last[regency.code]) != regency.row() for regency in regencies)


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """A published row as the recount says it, weights unscaled."""
    windows = {
        name: {"incidents": window["incidents"], "weight": round(window["weight"] / UNIT, 6)}
        for name, window in row["windows"].items()
    }
    return {
        "clock_ms": ms(row["as_of"]),
        "level": row["level"],
        "windows": windows,
        "duplicates": sum(row["excluded"].values()),
        "offset": row["ledger"]["offset"],
    }
