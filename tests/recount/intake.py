"""Which input records intake read, and which of them it had to reject: the contract, and intake's own notes.

Intake notes in each transaction how far it has read (docs/architecture.md) and, as `gone`, offsets that the input no
longer held. A record has vanished if it lies in such a gap, or if its input was deleted and it lies beyond the last
note before. It must then be nowhere; every other record must be on the ledger or in `rejected` once. A note that admits
more than was taken away is a fault.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from tests.recount.contract import event_ms, judge
from tests.recount.ledger import Fingerprint, fingerprint_of_message
from tests.recount.records import Evidence, Place, Record, input_of
from tests.recount.sources import DEFAULT_SOURCES, Sources, Speaker


@dataclass
class Inputs:
    """The verdict on every input record."""

    accepted: list[tuple[Record, dict]] = field(default_factory=list)
    #: What the sources file says of who sent each of the accepted.
    speakers: list[Speaker] = field(default_factory=list)
    rejected: list[tuple[Record, str]] = field(default_factory=list)
    #: Gone before they were read.
    vanished: list[Record] = field(default_factory=list)


def read_inputs(
    evidence: Evidence, codes: set[str], is_wall: bool = True, sources: Sources = DEFAULT_SOURCES
) -> Inputs:
    """Judge every record by the time of its append, or by the newest event time of its partition before it; whether it
    is from the future, by the time of its append.
    """
    inputs, gaps = Inputs(), vanished(evidence)
    newest_ms: dict[Place, int] = defaultdict(int)
    for record in evidence.inputs:
        if has_vanished(record, gaps):
            inputs.vanished.append(record)
            continue
        clock_ms = record.at_ms if is_wall else newest_ms[record.place]
        verdict = judge(record.topic, record.value, record.headers, codes, clock_ms, record.at_ms, sources)
        if verdict.message is None:
            inputs.rejected.append((record, verdict.reason))
        else:
            inputs.accepted.append((record, verdict.message))
            inputs.speakers.append(verdict.speaker)
            newest_ms[record.place] = max(newest_ms[record.place], event_ms(verdict.message))
    return inputs


def fingerprints(inputs: Inputs) -> list[Fingerprint]:
    """Of each accepted message, in the order of `accepted`."""
    accepted = zip(inputs.accepted, inputs.speakers, strict=True)
    return [fingerprint_of_message(record.topic, message, speaker) for (record, message), speaker in accepted]


class Note(NamedTuple):
    """`at` is its own offset, `offset` up to where the input was read then, `gone` what was gone before it was read."""

    at: int
    offset: int
    gone: range


def notes(evidence: Evidence) -> dict[Place, list[Note]]:
    """Intake's notes of each incarnation, oldest first. An input with more partitions than the notes names its own."""
    found: dict[Place, list[Note]] = defaultdict(list)
    for record in evidence.topics["intake-state"]:
        value = record.json()
        topic, partition = input_of(value["topic"]), value.get("partition", record.partition)
        incarnation = sum(record.offset >= at for at in evidence.recreated.get((topic, partition), ()))
        note = Note(record.offset, value["offset"], range(*value.get("gone", (0, 0))))
        found[topic, partition, incarnation].append(note)
    return found


def vanished(evidence: Evidence) -> dict[Place, list[range]]:
    """Offsets that were never read, by incarnation."""
    found, noted = defaultdict(list), notes(evidence)
    for place, some in noted.items():
        found[place] += [note.gone for note in some if note.gone]
    for (topic, partition), recreated in evidence.recreated.items():
        for incarnation in range(len(recreated)):
            deleted = topic, partition, incarnation
            found[deleted].append(range(noted[deleted][-1].offset if noted[deleted] else 0, sys.maxsize))
    return found


def has_vanished(record: Record, gaps: dict[Place, list[range]]) -> bool:
    return any(record.offset in gap for gap in gaps.get(record.place, ()))


def current(evidence: Evidence) -> Iterator[Record]:
    """Input records of the topics as they are now, not of those that were deleted."""
    for record in evidence.inputs:
        if record.incarnation == len(evidence.recreated.get((record.topic, record.partition), ())):
            yield record


def gap_faults(evidence: Evidence) -> Iterator[str]:
    """A noted gap begins where intake was, ends where the input was cut before, and held a record at each offset."""
    held: dict[Place, set[int]] = defaultdict(set)
    for record in evidence.inputs:
        held[record.place].add(record.offset)
    cuts = defaultdict(list)
    for cut in evidence.cuts:
        cuts[cut.topic, cut.partition, cut.incarnation].append(cut)
    for place, some in notes(evidence).items():
        read_to = 0
        for note in some:
            name = f"the gap {note.gone.start} to {note.gone.stop} of {place[0]}[{place[1]}]"
            is_cut = any(cut.kept_from == note.gone.stop and cut.noted_to <= note.at for cut in cuts[place])
            if note.gone and note.gone.start != read_to:
                yield f"miscounted: {name} does not begin at {read_to}, the offset noted before"
            if note.gone and not is_cut:
                yield f"miscounted: {name} ends where nothing was cut: {[cut.kept_from for cut in cuts[place]]}"
            if never := [offset for offset in note.gone if offset not in held[place]]:
                yield f"miscounted: {name} counts {len(never)} offsets that held nothing"
            if note.gone.stop > note.offset:
                yield f"miscounted: {name} goes beyond the {note.offset} that its note has read"
            read_to = note.offset


def note_faults(evidence: Evidence) -> Iterator[str]:
    """Within an incarnation notes never go back, and the last of them agrees with the group's offset."""
    noted = notes(evidence)
    for place, some in noted.items():
        for before, after in pairwise(some):
            if after.offset < before.offset:
                yield f"intake's note of {place[0]}[{place[1]}] goes back from {before.offset} to {after.offset}"
    for topic, partition in {(record.topic, record.partition) for record in current(evidence)}:
        some = noted[topic, partition, len(evidence.recreated.get((topic, partition), ()))]
        last, committed = some[-1].offset if some else None, evidence.committed.get((topic, partition))
        if last != committed:
            yield f"intake noted {last} of {topic}[{partition}], the group says {committed}"
