"""The verdict on a run: every way in which what came out does not follow from what went in.

    A  no loss: each input record is applied, counted as duplicate or excluded, or rejected, exactly once, in its order
    B  escalations: no id twice, none missing that the contract demands, episodes without holes, neighbours told once
    C  rows: the last row of every regency equals the recount, and no row contradicts the escalations
    D  the group settled: all is read, no transaction is open, every stable offset is the end
"""

import json
import math
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from tests.chaos import oracle
from tests.chaos.contract import ms
from tests.chaos.evidence import Evidence, Seen
from tests.chaos.oracle import Entry, Inputs, Place

LEVELS = ("normal", "waspada", "siaga", "awas")
#: Severity 4-5 of these raises at once (contract, domain page); how high is the ruleset's business.
GRAVE_CATEGORIES = {"clash", "intimidation", "property_attack", "fatality"}
#: A tick moves a row when it passes a time of this grid (`step` of the shipped ruleset).
GRID_MS = 15_000
#: Well inside the last hour, in which a grave incident counts: the fold looks at the clock on a grid.
FRESH_MS = 30 * 60_000


#: Append times within one broker differ by no more.
CLOCK_AHEAD_MS = 1000


class Violation(NamedTuple):
    law: str
    text: str


def check(evidence: Evidence, places: dict[str, Place]) -> list[Violation]:
    """All violations; none means the run is clean."""
    codes = set(places)
    inputs = oracle.read_inputs(evidence, codes)
    entries = oracle.entries(evidence.topics["ledger"])
    histories = oracle.histories(entries, codes, evidence.partitions)
    rows = [(record, json.loads(record.value)) for record in evidence.topics["risk"] if record.value]
    escalations = [json.loads(record.value) for record in evidence.topics["escalations"]]
    return [
        *_law("A", _ledger_holds_each_input_once(inputs, entries)),
        *_law("A", _order_is_kept(inputs, entries)),
        *_law("A", _each_entry_is_at_home(entries, evidence.partitions)),
        *_law("A", _rejected_once(inputs, evidence.topics["rejected"])),
        *_law("B", _chains(escalations)),
        *_law("B", _grave_incidents_are_told(histories, escalations)),
        *_law("B", _neighbours_are_told_once(escalations, entries, places)),
        *_law("C", _rows_equal_the_recount(rows, histories, _read_up_to(evidence))),
        *_law("C", _rows_follow_escalations(rows, escalations)),
        *_law("C", _clocks_tell_the_time(rows)),
        *_law("C", _state_stands_where_rows_do(rows, evidence)),
        *_law("D", _settled(evidence)),
    ]


def _law(name: str, texts: Iterator[str]) -> Iterator[Violation]:
    return (Violation(name, text) for text in texts)


def _ledger_holds_each_input_once(inputs: Inputs, entries: list[Entry]) -> Iterator[str]:
    want = Counter(oracle.print_of_message(record.topic, message) for record, message in inputs.accepted)
    got = Counter(oracle.print_of_entry(entry) for entry in entries if entry.fields[0] in ("i", "t"))
    for missing, count in (want - got).items():
        yield f"lost: {count} of input {missing[:3]} are not on the ledger"
    for extra, count in (got - want).items():
        yield f"doubled: {count} of {extra[:3]} are on the ledger beyond the inputs"


def _order_is_kept(inputs: Inputs, entries: list[Entry]) -> Iterator[str]:
    """Records of one regency from one input partition keep their order. Judged by records that are the only one of their kind."""
    prints = [oracle.print_of_message(record.topic, message) for record, message in inputs.accepted]
    single = {item for item, count in Counter(prints).items() if count == 1}
    position = {
        oracle.print_of_entry(entry): entry.position for entry in entries if entry.fields[0] in ("i", "t")
    }
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
        if entry.key != oracle.EVERYONE and entry.partition != oracle.home(entry.key, partitions):
            yield f"misplaced: an entry of {entry.key} is in ledger partition {entry.partition}"


def _rejected_once(inputs: Inputs, rejected: list[Seen]) -> Iterator[str]:
    want = {(record.topic, record.partition, record.offset): (record, reason) for record, reason in inputs.rejected}
    got: Counter = Counter()
    for record in rejected:
        topic, partition, offset = (record.headers[f"siaga.source.{part}"].decode() for part in ("topic", "partition", "offset"))
        place = (topic.rpartition(".")[2], int(partition), int(offset))
        got[place] += 1
        if place not in want:
            yield f"rejected though good: {place}, {record.headers.get('siaga.reason')}"
            continue
        original, reason = want[place]
        if record.headers["siaga.reason"].decode() != reason:
            yield f"rejected as {record.headers['siaga.reason'].decode()}, the contract says {reason}: {place}"
        if not (_same(record, original, "key") and _same(record, original, "value")):
            yield f"rejected with other bytes: {place}"
    for place in want.keys() - got.keys():
        yield f"lost: {place} is bad ({want[place][1]}) and was not rejected"
    for place, count in got.items():
        if count > 1:
            yield f"rejected {count} times: {place}"


def _same(record: Seen, original: Seen, part: str) -> bool:
    """Equal, or openly cut: what no broker would take back carries its beginning and its whole size."""
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


def _grave_incidents_are_told(histories: dict[str, list[Entry]], escalations: list[dict]) -> Iterator[str]:
    chains = _by_regency(escalations)
    for code, history in histories.items():
        offsets = [e["ledger"]["offset"] for e in chains.get(code, [])]
        seen: set[str] = set()
        held: dict[str, int] = {}
        clock_ms = 0
        for entry in history:
            f = entry.fields
            clock_ms = max(clock_ms, f[1])
            if f[0] != "i" or f[2] in seen:
                continue
            seen.add(f[2])
            if f[12] or f[4] <= held.get(f[3], 0):
                continue
            held[f[3]] = f[4]
            is_grave = f[7] >= 4 and f[6] in GRAVE_CATEGORIES and f[8] != "retracted" and f[9] > clock_ms - FRESH_MS
            told = bisect_right(offsets, entry.offset)
            if is_grave and (not told or chains[code][told - 1]["level"] == "normal"):
                yield f"missing: {code} is normal after the grave incident {f[3]} at ledger offset {entry.offset}"


def _neighbours_are_told_once(escalations: list[dict], entries: list[Entry], places: dict[str, Place]) -> Iterator[str]:
    """Notices that carry no escalation's id tell of turnout; those are checked by the audit only."""
    notices = [e for e in entries if e.fields[0] == "n" and len(e.key) == 5 and e.fields[5]]
    told = Counter((e.key, e.fields[2], e.fields[5]) for e in notices)
    want: Counter = Counter()
    for e in escalations:
        if e["level"] != e["previous_level"] and e["regency"] in places:
            for neighbour in places[e["regency"]].neighbours:
                want[neighbour, e["regency"], e["escalation_id"]] += 1
    for notice, count in (want - told).items():
        yield f"lost: {notice[0]} was not told of {notice[1]} ({count})"
    for notice, count in (told - want).items():
        yield f"doubled: {notice[0]} was told of {notice[1]} {count} times beyond its escalations"


def _read_up_to(evidence: Evidence) -> dict[int, int]:
    """Ledger offset by partition up to which the state holds the ledger: ticks after it came when the workers were ending."""
    marks = [record for record in evidence.topics["risk-state"] if record.key == b"@next" and record.value]
    return {mark.partition: json.loads(mark.value)["offset"] for mark in marks}


def _rows_equal_the_recount(rows: list, histories: dict[str, list[Entry]], read: dict[int, int]) -> Iterator[str]:
    last = {row["regency"]: row for _, row in rows}
    for code, history in histories.items():
        row = last.get(code)
        if row is None:
            if history:
                yield f"{code} has no row"
            continue
        told = [entry for entry in history if entry.fields[0] != "k"]
        if told and told[-1].offset > row["ledger"]["offset"]:
            yield f"{code}: its row stands at ledger offset {row['ledger']['offset']}, its last entry at {told[-1].offset}"
        again = oracle.recount(history, row["ledger"]["offset"])
        yield from _row_faults(code, row, again)
        known = [entry.fields[1] for entry in history if entry.offset < read.get(entry.partition, math.inf)]
        behind_ms = max(known, default=0) - ms(row["as_of"])
        if behind_ms >= GRID_MS:
            yield f"{code}: its row is as of {row['as_of']}, {behind_ms} ms before the newest time that was read"


def _row_faults(code: str, row: dict, again: oracle.Recount) -> Iterator[str]:
    as_of_ms = ms(row["as_of"])
    if as_of_ms > again.clock_ms:
        yield f"{code}: as of {as_of_ms}, recounted {again.clock_ms}"
    for name, length in oracle.WINDOWS_MS.items():
        want = again.window(length, as_of_ms)
        if row["windows"][name] != want:
            yield f"{code}: window {name} is {row['windows'][name]}, recounted {want}"
    for name, want in again.turnout().items():
        if row["turnout"][name] != want:
            yield f"{code}: turnout {name} is {row['turnout'][name]}, recounted {want}"
    for name in ("late", "exercise", "duplicate"):
        if row["excluded"][name] != again.excluded[name]:
            yield f"{code}: excluded {name} is {row['excluded'][name]}, recounted {again.excluded[name]}"
    if row["ledger"]["offset"] != again.last_offset:
        yield f"{code}: row stands at ledger offset {row['ledger']['offset']}, which holds nothing of it"


def _rows_follow_escalations(rows: list, escalations: list[dict]) -> Iterator[str]:
    """A row and the escalations of the same ledger offset are of one transaction: never one without the other."""
    chains = _by_regency(escalations)
    offsets = {code: [e["ledger"]["offset"] for e in chain] for code, chain in chains.items()}
    before: dict[str, int] = {}
    for record, row in rows:
        code, at = row["regency"], row["ledger"]["offset"]
        if at <= before.get(code, -1):
            yield f"{code}: row at {record.partition}@{record.offset} goes back from {before[code]} to {at} on the ledger"
        before[code] = at
        told = bisect_right(offsets.get(code, []), at)
        level = chains[code][told - 1]["level"] if told else "normal"
        if row["level"] != level:
            yield f"{code}: torn: the row at ledger offset {at} says {row['level']}, the escalations up to there {level}"
    for code, chain in chains.items():
        if len(code) == 5 and chain[-1]["ledger"]["offset"] > before.get(code, -1):
            yield f"{code}: torn: escalation {chain[-1]['escalation_id']} without its row"


def _clocks_tell_the_time(rows: list) -> Iterator[str]:
    """No row is of a time that has not come: a clock ahead ages every window and every level."""
    for record, row in rows:
        ahead_ms = ms(row["as_of"]) - record.at_ms
        if ahead_ms > CLOCK_AHEAD_MS:
            yield f"{row['regency']}: the row at {record.partition}@{record.offset} is {ahead_ms} ms ahead of its time"


def _state_stands_where_rows_do(rows: list, evidence: Evidence) -> Iterator[str]:
    last = {row["regency"]: row["ledger"]["offset"] for _, row in rows}
    heads = {r.key: json.loads(r.value) for r in evidence.topics["risk-state"] if r.value and r.key.endswith(b"/h")}
    for key, head in heads.items():
        code = key[:-2].decode()
        if head["offset"] != last.get(code):
            yield f"{code}: torn: its state stands at ledger offset {head['offset']}, its row at {last.get(code)}"
    for code in last:
        if code.encode() + b"/h" not in heads:
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
    for record in evidence.inputs:
        last[record.topic, record.partition] = record.offset
    for place, offset in last.items():
        if evidence.committed.get(place, 0) <= offset:
            yield f"{place[0]}[{place[1]}] was read up to {evidence.committed.get(place, 0)} of {offset + 1}"


def _by_regency(escalations: list[dict]) -> dict[str, list[dict]]:
    chains: dict[str, list[dict]] = defaultdict(list)
    for escalation in escalations:
        chains[escalation["regency"]].append(escalation)
    return chains
