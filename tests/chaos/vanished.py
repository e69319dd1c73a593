"""Which input records Siaga never read: what its own notes admit, held against what the driver took away. Shares no
code with Siaga.

Intake notes in each transaction how far it has read (docs/architecture.md) and, as `gone`, what the input no longer
held. A record has vanished if it lies in such a gap, or if its input was deleted and it lies beyond the last note
before. It must then be nowhere; every other record must be on the ledger or in `rejected` once. A note that admits more
than the driver took away is a fault."""

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from tests.chaos.evidence import Evidence, Seen

#: An incarnation of a partition of an input: topic, partition, how often the topic had been created anew.
Place = tuple[str, int, int]


class Note(NamedTuple):
    """`at` is its own offset, `offset` up to where the input was read then, `gone` what was gone before it was read."""

    at: int
    offset: int
    gone: range


def place_of(record: Seen) -> Place:
    return record.topic, record.partition, record.incarnation


def notes(evidence: Evidence) -> dict[Place, list[Note]]:
    """Intake's notes of each incarnation, oldest first."""
    found: dict[Place, list[Note]] = defaultdict(list)
    for record in evidence.topics["intake-state"]:
        topic, value = record.key.decode().rpartition(".")[2], json.loads(record.value)
        incarnation = sum(record.offset >= begun for begun in evidence.begun.get((topic, record.partition), ()))
        note = Note(record.offset, value["offset"], range(*value.get("gone", (0, 0))))
        found[topic, record.partition, incarnation].append(note)
    return found


def vanished(evidence: Evidence) -> dict[Place, list[range]]:
    """Offsets that were never read, by incarnation."""
    found, noted = defaultdict(list), notes(evidence)
    for place, some in noted.items():
        found[place] += [note.gone for note in some if note.gone]
    for (topic, partition), begun in evidence.begun.items():
        for incarnation in range(len(begun)):
            ended = topic, partition, incarnation
            found[ended].append(range(noted[ended][-1].offset if noted[ended] else 0, sys.maxsize))
    return found


def has_vanished(record: Seen, gaps: dict[Place, list[range]]) -> bool:
    return any(record.offset in gap for gap in gaps.get(place_of(record), ()))


def gap_faults(evidence: Evidence) -> Iterator[str]:
    """A gap that was noted must be the driver's: from where intake was up to where the input was cut, noted after that,
    and all of it there once.
    """
    there: dict[Place, set[int]] = defaultdict(set)
    for record in evidence.inputs:
        there[place_of(record)].add(record.offset)
    cuts = defaultdict(list)
    for cut in evidence.cuts:
        cuts[cut.topic, cut.partition, cut.incarnation].append(cut)
    for place, some in notes(evidence).items():
        read_to = 0
        for note in some:
            name = f"the gap {note.gone.start} to {note.gone.stop} of {place[0]}[{place[1]}]"
            if note.gone and note.gone.start != read_to:
                yield f"miscounted: {name} begins where nobody was: {read_to} was noted"
            if note.gone and not any(
                cut.kept_from == note.gone.stop and cut.noted_to <= note.at for cut in cuts[place]
            ):
                yield f"miscounted: {name} ends where nothing was cut: {[cut.kept_from for cut in cuts[place]]}"
            if never := [offset for offset in note.gone if offset not in there[place]]:
                yield f"miscounted: {name} counts {len(never)} offsets that held nothing"
            if note.gone.stop > note.offset:
                yield f"miscounted: {name} goes beyond the {note.offset} that its note has read"
            read_to = note.offset


def note_faults(evidence: Evidence) -> Iterator[str]:
    """Within an incarnation notes never go back, and the last of them says what the group says."""
    noted = notes(evidence)
    for place, some in noted.items():
        for before, after in zip(some, some[1:], strict=False):
            if after.offset < before.offset:
                yield f"intake's note of {place[0]}[{place[1]}] goes back from {before.offset} to {after.offset}"
    for topic, partition in {(record.topic, record.partition) for record in current(evidence)}:
        some = noted[topic, partition, len(evidence.begun.get((topic, partition), ()))]
        last, committed = some[-1].offset if some else None, evidence.committed.get((topic, partition))
        if last != committed:
            yield f"intake noted {last} of {topic}[{partition}], the group says {committed}"


def current(evidence: Evidence) -> Iterator[Seen]:
    """Input records of the topics as they are now, not of those before them."""
    for record in evidence.inputs:
        if record.incarnation == len(evidence.begun.get((record.topic, record.partition), ())):
            yield record
