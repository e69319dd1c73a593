"""How long processing was away after a fault, from the append times in Kafka alone."""

import json
from bisect import bisect_left
from collections import defaultdict
from itertools import pairwise

from tests.chaos.scene import Struck
from tests.recount.intake import fingerprints, read_inputs
from tests.recount.ledger import entries, fingerprint_of_entry
from tests.recount.records import Evidence

#: Records that a publisher appended this long around the moment stand for "what was published at the time".
AROUND_MS = 1000
#: Four ticks: a partition of the ledger that nobody appends to for so long is not being worked on.
PAUSE_MS = 2000


def journeys(evidence: Evidence, codes: set[str]) -> list[tuple[int, int]]:
    """(appended to its input, appended as its regency's next row) in epoch milliseconds, of every accepted record."""
    frames: dict[tuple, list[tuple[str, int]]] = defaultdict(list)
    for entry in entries(evidence.topics["ledger"]):
        if entry.fields[0] in ("i", "t"):
            frames[fingerprint_of_entry(entry)].append((entry.key, entry.offset))
    rows: dict[str, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for record in evidence.topics["risk"]:
        offsets, times = rows[record.key.decode()]
        offsets.append(json.loads(record.value)["ledger"]["offset"])
        times.append(record.at_ms)
    found = []
    inputs = read_inputs(evidence, codes)
    for (record, _), fingerprint in zip(inputs.accepted, fingerprints(inputs), strict=True):
        places = frames[fingerprint]
        if not places:
            continue
        code, offset = places.pop(0)
        offsets, times = rows[code]
        index = bisect_left(offsets, offset)
        if index < len(times):
            found.append((record.at_ms, times[index]))
    return found


def recoveries(evidence: Evidence, codes: set[str], struck: list[Struck]) -> list[float | None]:
    """Seconds from the moment each fault was gone until all that was published around it had its row.

    None when nothing was published then. The next fault may have struck before: see `own_recoveries`.
    """
    made = journeys(evidence, codes)
    answers: list[float | None] = []
    for fault in struck:
        done = max((row for appended, row in made if abs(appended - fault.free_ms) <= AROUND_MS), default=None)
        answers.append(None if done is None else max(0.0, (done - fault.free_ms) / 1000))
    return answers


def resumed(evidence: Evidence, struck: list[Struck]) -> list[float | None]:
    """The longest time that a partition of the ledger or of the risk state was away because of each fault, seconds; 0
    where none was.

    Ticks make intake write to every partition of the ledger each half second, and risk note in its state that it read
    them; so one is away where nothing was appended for PAUSE_MS. Every pause counts that began before the next fault
    struck, from `free_ms` on; right before it may be that fault's. None where a partition has nothing after that.
    """
    times: dict[tuple[str, int], list[int]] = defaultdict(list)
    for topic in ("ledger", "risk-state"):
        for record in evidence.topics[topic]:
            times[topic, record.partition].append(record.at_ms)
    nexts = [*(fault.at_ms for fault in struck[1:]), 1 << 62][: len(struck)]
    answers: list[float | None] = []
    for fault, next_ms in zip(struck, nexts, strict=True):
        ends = [some[-1] for some in times.values()]
        is_over = len(times) == 2 * evidence.partitions and min(ends) >= fault.free_ms
        away = [
            after - max(before, fault.free_ms)
            for some in times.values()
            for before, after in pairwise(some)
            if after - before > PAUSE_MS and after > fault.at_ms and before < next_ms - PAUSE_MS
        ]
        answers.append(max(0, *away, 0) / 1000 if is_over else None)
    return answers


def own_recoveries(struck: list[Struck], recoveries_s: list[float | None]) -> list[float | None]:
    """Those recoveries that were over before the next fault struck; the others say nothing about their fault."""
    nexts = [*(fault.at_ms for fault in struck[1:]), float("inf")][: len(struck)]
    return [
        seconds if seconds is not None and fault.free_ms + 1000 * seconds < next_ms else None
        for fault, seconds, next_ms in zip(struck, recoveries_s, nexts, strict=True)
    ]
