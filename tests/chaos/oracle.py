"""What must come out of a run, recounted from the input topics and the order the ledger gave them.

Shares no code with Siaga. It keeps lists and dictionaries and recounts everything at the end; it knows nothing of heaps, decay,
shards or state topics. The ledger is read only for what the inputs cannot say: which of two records of different partitions came
first, and what the clock showed. That each accepted input is on the ledger once, whole and in its publisher's order is itself checked.
"""

import csv
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.contract import Verdict, judge, ms
from tests.chaos.evidence import Evidence, Seen

HOUR_MS = 3_600_000
WINDOWS_MS = {"1h": HOUR_MS, "6h": 6 * HOUR_MS, "24h": 24 * HOUR_MS}
WEIGHTS = {1: 1, 2: 2, 3: 4, 4: 8, 5: 16}
EVERYONE = "*"


@dataclass(frozen=True)
class Place:
    """A regency as the roster has it."""

    code: str
    neighbours: tuple[str, ...]


def roster(path: Path) -> dict[str, Place]:
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {row["regency"]: Place(row["regency"], tuple(filter(None, row["neighbours"].split(";")))) for row in rows}


@dataclass(frozen=True)
class Entry:
    """One ledger entry with its place: `position` orders all entries of a partition."""

    partition: int
    position: tuple[int, int]
    key: str
    fields: list[Any]

    @property
    def offset(self) -> int:
        return self.position[0]


def entries(ledger: list[Seen]) -> list[Entry]:
    """Entries of all frames, in order. A tick tells the time of its append (docs/architecture.md)."""
    return [
        Entry(
            record.partition,
            (record.offset, index),
            record.key.decode(),
            ["k", record.at_ms] if fields[0] == "k" else fields,
        )
        for record in ledger
        for index, fields in enumerate(json.loads(record.value))
    ]


def print_of_message(topic: str, m: dict) -> tuple:
    """What identifies an accepted message, whoever carries it."""
    if topic == "incidents":
        return (
            "i", m["regency"], m["event_id"], m["incident_id"], m["revision"], m.get("station"), m["category"],
            m["severity"], m["status"], ms(m["occurred_at"]), m["source"], m.get("is_exercise", False),
        )  # fmt: skip
    return (
        "t", m["regency"], m["event_id"], m["station"], m["registered"], m["voted"], ms(m["as_of"]),
        m.get("revision", 1), m["source"], m.get("is_exercise", False),
    )  # fmt: skip


def print_of_entry(entry: Entry) -> tuple:
    """The same of a ledger entry, whose fields are listed in docs/architecture.md's ledger format."""
    f = entry.fields
    if f[0] == "i":
        return ("i", entry.key, f[2], f[3], f[4], f[5], f[6], f[7], f[8], f[9], f[11], f[12])
    return ("t", entry.key, *f[2:10])


@dataclass
class Inputs:
    """The verdict on every input record."""

    accepted: list[tuple[Seen, dict]] = field(default_factory=list)
    rejected: list[tuple[Seen, str]] = field(default_factory=list)


def read_inputs(evidence: Evidence, codes: set[str]) -> Inputs:
    inputs = Inputs()
    for record in evidence.inputs:
        if record.offset < evidence.removed.get((record.topic, record.partition), 0):
            continue
        verdict: Verdict = judge(record.topic, record.value, record.headers, codes, record.at_ms)
        if verdict.message is None:
            inputs.rejected.append((record, verdict.reason))
        else:
            inputs.accepted.append((record, verdict.message))
    return inputs


@dataclass
class Recount:
    """One regency, recounted up to a ledger offset."""

    clock_ms: int = 0
    incidents: dict[str, list] = field(default_factory=dict)
    stations: dict[str, list] = field(default_factory=dict)
    excluded: Counter = field(default_factory=Counter)
    corrected: int = 0
    last_offset: int = -1

    def window(self, length_ms: int, as_of_ms: int) -> dict[str, float]:
        inside = [i for i in self.incidents.values() if i[8] != "retracted" and i[9] > as_of_ms - length_ms]
        return {"incidents": len(inside), "weight": sum(WEIGHTS[i[7]] for i in inside)}

    def turnout(self) -> dict[str, int]:
        figures = self.stations.values()
        return {
            "stations_reported": len(figures),
            "registered": sum(f[4] for f in figures),
            "voted": sum(f[5] for f in figures),
            "over_capacity": sum(f[5] > f[4] for f in figures),
            "corrected": self.corrected,
        }


def recount(history: list[Entry], up_to_offset: int) -> Recount:
    """Replay one regency's entries, those for everyone included, up to and including a ledger offset."""
    result, seen = Recount(), set()
    for entry in history:
        if entry.offset > up_to_offset:
            break
        f = entry.fields
        result.last_offset = entry.offset
        result.clock_ms = max(result.clock_ms, f[1])
        if f[0] not in ("i", "t"):
            continue
        if f[2] in seen:
            result.excluded["duplicate"] += 1
            continue
        seen.add(f[2])
        if f[-1]:
            result.excluded["exercise"] += 1
        elif f[0] == "i":
            _take_incident(result, f)
        else:
            _take_turnout(result, f)
    return result


def _take_incident(result: Recount, f: list) -> None:
    held = result.incidents.get(f[3])
    if held is not None and f[4] <= held[4]:
        result.excluded["duplicate"] += 1
        return
    result.incidents[f[3]] = f
    if f[9] <= result.clock_ms - WINDOWS_MS["24h"]:
        result.excluded["late"] += 1


def _take_turnout(result: Recount, f: list) -> None:
    held = result.stations.get(f[3])
    if held is not None:
        if (f[6], f[7]) <= (held[6], held[7]):
            result.excluded["duplicate"] += 1
            return
        result.corrected += f[5] < held[5] or f[6] == held[6]
    result.stations[f[3]] = f


def histories(all_entries: list[Entry], codes: set[str], partitions: int) -> dict[str, list[Entry]]:
    """Each regency's entries in ledger order: its own and those for everyone of its partition."""
    own: dict[str, list[Entry]] = defaultdict(list)
    everyone: dict[int, list[Entry]] = defaultdict(list)
    for entry in all_entries:
        (everyone[entry.partition] if entry.key == EVERYONE else own[entry.key]).append(entry)
    return {
        code: sorted(own[code] + everyone[home(code, partitions)], key=lambda entry: entry.position) for code in codes
    }


def home(code: str, partitions: int) -> int:
    """The ledger partition of a regency or province, as docs/architecture.md states it."""
    return int("".join(filter(str.isdigit, code))) % partitions
