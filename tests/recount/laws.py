"""The verdict on a run: every way in which what came out does not follow from what went in.

A  no loss: each input record is applied, counted as duplicate or excluded, or rejected, exactly once, in its order;
   what was taken away before it was read is exactly what intake noted as gone, and nowhere
B  escalations: each is the recount's and none of those is missing, no id twice, episodes without holes; each notice,
   and each pace that is told, was received once
C  rows: every row equals the recount, none is missing, and none contradicts the escalations
D  the group settled: all is read, no transaction is open, every last stable offset is the end
"""

import json
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from tests.recount.contract import ms
from tests.recount.intake import Inputs, current, fingerprints, gap_faults, note_faults, read_inputs
from tests.recount.ledger import (
    EVERYONE,
    Entry,
    Origin,
    entries,
    entries_by_event_time,
    fingerprint_of_entry,
    histories,
    home,
    is_frame,
    origins,
)
from tests.recount.policy import DEFAULT_POLICY, Place, Policy
from tests.recount.records import Evidence, Record, folded_to, input_of, state_marks
from tests.recount.risk_laws import Follow, follow, judge_risk
from tests.recount.sources import DEFAULT_SOURCES, Sources
from tests.recount.stations import StationRoster

#: Append times within one broker differ by no more.
CLOCK_AHEAD_MS = 1000


class Violation(NamedTuple):
    law: str
    text: str


def check(
    evidence: Evidence,
    places: dict[str, Place],
    policy: Policy = DEFAULT_POLICY,
    shards: int | None = None,
    sources: Sources = DEFAULT_SOURCES,
    stations: StationRoster | None = None,
    follow: Follow = follow,
) -> list[Violation]:
    """All violations; none means the run is clean. `shards`: of intake, under the event clock; None: the wall clock.
    `sources` and `stations`: the deployment's sources file, and its station roster if it has one. `follow` recounts a
    regency or province.
    """
    codes, is_wall = set(places), shards is None
    inputs = read_inputs(evidence, codes, is_wall, sources)
    ledger = [record for record in _without_last_ticks(evidence) if is_frame(record)]
    lying = list(entries(ledger))
    folded = lying if is_wall else list(entries_by_event_time(ledger, shards))
    history = histories(folded, codes | {code[:2] for code in codes}, evidence.partitions)
    rows = [(record, json.loads(record.value)) for record in evidence.topics["risk"] if record.value]
    escalations = [json.loads(record.value) for record in evidence.topics["escalations"]]
    return [
        *_law("A", _ledger_holds_each_input_once(inputs, lying)),
        *_law("A", _each_entry_is_of_its_input(inputs, ledger, is_wall)),
        *_law("A", _order_is_kept(inputs, lying)),
        *_law("A", _each_entry_is_at_home(lying, evidence.partitions)),
        *_law("A", _rejected_once(inputs, evidence.topics["rejected"])),
        *_law("A", gap_faults(evidence)),
        *_law("B", _chains(escalations)),
        *(Violation(*found) for found in judge_risk(evidence, lying, history, places, policy, stations, follow)),
        *_law("C", _records_are_at_home(evidence)),
        *_law("C", _rows_follow_escalations(rows, escalations)),
        *_law("C", _no_row_is_ahead_of_its_time(rows if is_wall else [])),
        *_law("C", _state_and_rows_are_of_the_same_offset(rows, evidence)),
        *_law("D", _settled(evidence)),
        *_law("D", note_faults(evidence)),
    ]


def _without_last_ticks(evidence: Evidence) -> list[Record]:
    """The ledger without the ticks at its end that came when the last worker had closed its lanes.

    The next worker folds them. Anything else that nobody folded lacks its row, which is found.
    """
    folded = folded_to(evidence.topics["risk-state"])
    return [
        record
        for record in evidence.topics["ledger"]
        if record.key != EVERYONE.encode() or record.offset < folded.get(record.partition, record.offset + 1)
    ]


def _law(name: str, texts: Iterator[str]) -> Iterator[Violation]:
    return (Violation(name, text) for text in texts)


def _ledger_holds_each_input_once(inputs: Inputs, entries: list[Entry]) -> Iterator[str]:
    want = Counter(fingerprints(inputs))
    got = Counter(fingerprint_of_entry(entry) for entry in entries if entry.fields[0] in ("i", "t"))
    for missing, count in (want - got).items():
        yield f"lost: {count} of input {missing[:3]} are not on the ledger"
    for extra, count in (got - want).items():
        yield f"doubled: {count} of {extra[:3]} are on the ledger beyond the inputs"


def _each_entry_is_of_its_input(inputs: Inputs, ledger: list[Record], is_wall: bool) -> Iterator[str]:
    """A frame of reports names the input record of each entry, which says the same and was appended no earlier than the
    entry's time. A recreated topic has the same offsets again.
    """
    there: dict[Origin, dict[tuple, int]] = defaultdict(dict)
    for (record, _), fingerprint in zip(inputs.accepted, fingerprints(inputs), strict=True):
        there[Origin(record.topic, record.partition, record.offset)][fingerprint] = record.at_ms
    for record in ledger:
        some = list(entries([record]))
        if not some or some[0].fields[0] not in ("i", "t"):
            continue
        for entry, origin in zip(some, origins(record), strict=True):
            fingerprint = fingerprint_of_entry(entry)
            appended_ms = there.get(origin, {}).get(fingerprint)
            if appended_ms is None:
                yield f"invented: {fingerprint[:3]} is not what {origin} says"
            elif is_wall and entry.fields[1] > appended_ms:
                yield f"ahead: {fingerprint[:3]} is later on the ledger than {origin} was appended"


def _order_is_kept(inputs: Inputs, entries: list[Entry]) -> Iterator[str]:
    """Records of one regency from one input partition keep their order; those that were sent twice are not judged."""
    prints = fingerprints(inputs)
    single = {item for item, count in Counter(prints).items() if count == 1}
    position = {fingerprint_of_entry(entry): entry.position for entry in entries if entry.fields[0] in ("i", "t")}
    last: dict[tuple, tuple[tuple, tuple]] = {}
    for (record, message), fingerprint in zip(inputs.accepted, prints, strict=True):
        if fingerprint not in single or fingerprint not in position:
            continue
        lane = (record.topic, record.partition, message["regency"])
        before = last.get(lane)
        if before is not None and position[fingerprint] < before[0]:
            yield f"reordered: {fingerprint[:3]} of {lane[:2]} is on the ledger before {before[1][:3]}"
        last[lane] = (position[fingerprint], fingerprint)


def _each_entry_is_at_home(entries: list[Entry], partitions: int) -> Iterator[str]:
    for entry in entries:
        if entry.key != EVERYONE and entry.partition != home(entry.key, partitions):
            yield f"misplaced: an entry of {entry.key} is in ledger partition {entry.partition}"


def _rejected_once(inputs: Inputs, rejected: list[Record]) -> Iterator[str]:
    """A recreated topic has the same offsets again: one rejection for each record that was bad there, oldest first."""
    want: dict[tuple, list[tuple[Record, str]]] = defaultdict(list)
    got: dict[tuple, list[Record]] = defaultdict(list)
    for record, reason in inputs.rejected:
        want[record.topic, record.partition, record.offset].append((record, reason))
    for record in rejected:
        source = (record.headers[f"siaga.source.{part}"].decode() for part in ("topic", "partition", "offset"))
        topic, partition, offset = source
        got[input_of(topic), int(partition), int(offset)].append(record)
    for place in want | got:
        for (original, wanted), record in zip(want[place], got[place], strict=False):
            reason = record.headers["siaga.reason"].decode()
            if reason != wanted:
                yield f"rejected as {reason}, the contract says {wanted}: {place}"
            if not (_same(record, original, "key") and _same(record, original, "value")):
                yield f"rejected with other bytes: {place}"
        for _, wanted in want[place][len(got[place]) :]:
            yield f"lost: {place} is bad ({wanted}) and was not rejected"
        if not want[place]:
            yield f"rejected though good or gone: {place}, {got[place][0].headers.get('siaga.reason')}"
        elif len(got[place]) > len(want[place]):
            yield f"rejected {len(got[place])} times: {place}, which was bad {len(want[place])} times"


def _same(record: Record, original: Record, part: str) -> bool:
    """Equal, or truncated with its size in a header: what no broker would take back."""
    got, want = getattr(record, part), getattr(original, part)
    if got == want:
        return True
    size = record.headers.get(f"siaga.truncated.{part}")
    return bool(size) and int(size) == len(want) and want.startswith(got)


def _chains(escalations: list[dict]) -> Iterator[str]:
    for doubled, count in Counter(e["escalation_id"] for e in escalations).items():
        if count > 1:
            yield f"escalation {doubled} was published {count} times"
    for regency, chain in _by_regency(escalations).items():
        level, episode, offset = "normal", 0, -1
        for e in chain:
            name = f"{regency}: escalation {e['escalation_id']}"
            if e["previous_level"] != level:
                yield f"{name} starts at {e['previous_level']}, the one before ended at {level}"
            opens = level == "normal" and e["level"] != "normal"
            if e["episode"] != episode + opens:
                yield f"{name} is of episode {e['episode']}, expected {episode + opens}"
            if e["ledger"]["offset"] < offset:
                yield f"{name} goes back on the ledger"
            level, episode, offset = e["level"], e["episode"], e["ledger"]["offset"]


def _rows_follow_escalations(rows: list, escalations: list[dict]) -> Iterator[str]:
    """A row and the escalations of the same ledger offset are of one transaction: never one without the other."""
    chains = _by_regency(escalations)
    offsets = {code: [e["ledger"]["offset"] for e in chain] for code, chain in chains.items()}
    before: dict[str, int] = {}
    for record, row in rows:
        code, at = row["regency"], row["ledger"]["offset"]
        if at <= before.get(code, -1):
            where = f"{record.partition}@{record.offset}"
            yield f"{code}: row at {where} goes back from {before[code]} to {at} on the ledger"
        before[code] = at
        count = bisect_right(offsets.get(code, []), at)
        level = chains[code][count - 1]["level"] if count else "normal"
        if row["level"] != level:
            yield f"{code}: torn: the row of ledger offset {at} says {row['level']}, the escalations up to it {level}"
    for code, chain in chains.items():
        if len(code) == 5 and chain[-1]["ledger"]["offset"] > before.get(code, -1):
            yield f"{code}: torn: escalation {chain[-1]['escalation_id']} without its row"


def _records_are_at_home(evidence: Evidence) -> Iterator[str]:
    for topic, name in (("risk", "regency"), ("province", "province"), ("escalations", "regency")):
        for record in evidence.topics[topic]:
            code = json.loads(record.value)[name]
            if record.key != code.encode() or record.partition != home(code, evidence.partitions):
                yield f"misplaced: {topic}[{record.partition}]@{record.offset} is of {code} under the key {record.key}"


def _no_row_is_ahead_of_its_time(rows: list) -> Iterator[str]:
    """A clock that is ahead would age every window and every level."""
    for record, row in rows:
        ahead_ms = ms(row["as_of"]) - record.at_ms
        if ahead_ms > CLOCK_AHEAD_MS:
            yield f"{row['regency']}: the row at {record.partition}@{record.offset} is {ahead_ms} ms ahead of its time"


def _state_and_rows_are_of_the_same_offset(rows: list, evidence: Evidence) -> Iterator[str]:
    last = {row["regency"]: row["ledger"]["offset"] for _, row in rows}
    marks = [mark for mark in state_marks(evidence.topics["risk-state"]) if mark.kind == "head" and len(mark.code) == 5]
    state = {mark.code: mark.offset for mark in marks}
    for code, offset in state.items():
        if offset != last.get(code):
            yield f"{code}: torn: its state is of ledger offset {offset}, its row of {last.get(code)}"
    for code in last.keys() - state.keys():
        yield f"{code}: torn: it has a row and no state"


def _settled(evidence: Evidence) -> Iterator[str]:
    if evidence.group_state != "Stable":
        yield f"the group is {evidence.group_state}"
    for transaction in evidence.open_transactions:
        yield f"a transaction of {transaction} is open"
    for (topic, partition), (stable, high) in evidence.ends.items():
        if stable != high:
            yield f"{topic}[{partition}] is stable up to {stable} of {high}"
    last: dict[tuple[str, int], int] = {}
    for record in current(evidence):
        last[record.topic, record.partition] = record.offset
    for place, offset in last.items():
        if evidence.committed.get(place, 0) <= offset:
            yield f"{place[0]}[{place[1]}] was read up to {evidence.committed.get(place, 0)} of {offset + 1}"


def _by_regency(escalations: list[dict]) -> dict[str, list[dict]]:
    chains: dict[str, list[dict]] = defaultdict(list)
    for escalation in escalations:
        chains[escalation["regency"]].append(escalation)
    return chains
