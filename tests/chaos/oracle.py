"""What must come out of a run, recounted from the input topics and the order the ledger gave them.

Shares no code with Siaga. It keeps lists and dictionaries and recounts everything at the end; it knows nothing of
heaps, decay, shards or state topics. The ledger is read only for what the inputs cannot say: which of two records of
different partitions came first, and what the clock showed. That each accepted input is on the ledger once, whole and in
its publisher's order is itself checked."""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.contract import Verdict, judge, ms
from tests.chaos.evidence import Evidence, Seen
from tests.chaos.vanished import has_vanished, vanished

DAY_MS = 24 * 3_600_000
EVERYONE = "*"


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
            m["severity"], m["status"], ms(m["occurred_at"]), ms(m["reported_at"]), m["source"], m.get("is_exercise", False),
        )  # fmt: skip
    return (
        "t", m["regency"], m["event_id"], m["station"], m["registered"], m["voted"], ms(m["as_of"]),
        m.get("revision", 1), m["source"], m.get("is_exercise", False),
    )  # fmt: skip


def print_of_entry(entry: Entry) -> tuple:
    """The same of a ledger entry, whose fields are listed in docs/architecture.md's ledger format."""
    f = entry.fields
    if f[0] == "i":
        return ("i", entry.key, *f[2:13])
    return ("t", entry.key, *f[2:10])


@dataclass
class Inputs:
    """The verdict on every input record."""

    accepted: list[tuple[Seen, dict]] = field(default_factory=list)
    rejected: list[tuple[Seen, str]] = field(default_factory=list)
    #: Never read: see vanished.py.
    vanished: list[Seen] = field(default_factory=list)


def read_inputs(evidence: Evidence, codes: set[str]) -> Inputs:
    inputs, gaps = Inputs(), vanished(evidence)
    for record in evidence.inputs:
        if has_vanished(record, gaps):
            inputs.vanished.append(record)
            continue
        verdict: Verdict = judge(record.topic, record.value, record.headers, codes, record.at_ms)
        if verdict.message is None:
            inputs.rejected.append((record, verdict.reason))
        else:
            inputs.accepted.append((record, verdict.message))
    return inputs


@dataclass
class Recount:
    """Outcomes and stations of one regency. `take` its ledger entries in order."""

    clock_ms: int = 0
    revisions: dict[str, int] = field(default_factory=dict)
    stations: dict[str, list] = field(default_factory=dict)
    excluded: Counter = field(default_factory=Counter)
    corrected: int = 0
    event_ids: set[str] = field(default_factory=set)

    def take(self, f: list[Any]) -> None:
        self.clock_ms = max(self.clock_ms, f[1])
        if f[0] not in ("i", "t"):
            return
        if f[2] in self.event_ids:
            self.excluded["duplicate"] += 1
            return
        self.event_ids.add(f[2])
        if f[-1]:
            self.excluded["exercise"] += 1
        elif f[0] == "i":
            self._take_incident(f)
        else:
            self._take_turnout(f)

    def _take_incident(self, f: list[Any]) -> None:
        if f[4] <= self.revisions.get(f[3], 0):
            self.excluded["duplicate"] += 1
            return
        self.revisions[f[3]] = f[4]
        self.excluded["late"] += f[9] <= self.clock_ms - DAY_MS

    def _take_turnout(self, f: list[Any]) -> None:
        held = self.stations.get(f[3])
        if held is not None:
            if (f[6], f[7]) <= (held[6], held[7]):
                self.excluded["duplicate"] += 1
                return
            self.corrected += f[5] < held[5] or f[6] == held[6]
        self.stations[f[3]] = f

    def turnout(self) -> dict[str, Any]:
        figures = self.stations.values()
        registered, voted = sum(f[4] for f in figures), sum(f[5] for f in figures)
        return {
            "stations_reported": len(figures),
            "registered": registered,
            "voted": voted,
            "share": round(voted / registered, 6) if registered else None,
            "over_capacity": sum(f[5] > f[4] for f in figures),
            "corrected": self.corrected,
        }


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
