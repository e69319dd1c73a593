"""The structure of everything that workers and people write for workers: fields and their types, by kind of record.

`written.json` holds the structure of each format number in use; a test compares. After a change that adds a field, or
with a new number: `python -m tests.formats.fingerprint` writes the file again. It refuses any other change of a number
that a release has written.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from agents.batching import format as positions
from agents.batching.commit.shard import Shard
from agents.batching.offsets.notes import notes_of
from apps.history.joining import Join
from apps.history.removing import Erasure, Eviction
from schemas import ledger
from schemas.ledger_form import FIELDS
from schemas.vocabulary import EraseReason, EvictReason, JoinReason
from streams.storage import format as state
from tests.formats.continued import LEDGER, STATE, Continued, Dump, Policy, lines_of

HERE = Path(__file__).resolve().parent
WRITTEN = HERE / "written.json"
RELEASES = HERE / "releases"
NUMBERS = {"state": state.FORMAT, "ledger": ledger.FORMAT, "positions": positions.FORMAT}
#: Objects whose names are data: codes, agencies, categories, shards.
MAPS = {
    "head.neighbours.levels", "head.neighbours.shares", "head.neighbours.sole_agencies", "head.pace.recent",
    "head.turnout.by_agency", "head.turnout.figures",
    "province.levels", "province.statuses", "province.sole_agencies", "province.pace.counts", "sequencer.sources",
    "ledger c.3 recent", "ledger c.3 recent.*", "ledger p.4 recent",
    "province.pace.counts.*.1", "province.pace.counts.*.1.*",
}  # fmt: skip
#: Lists of unlike things, by position.
ROWS = {"incidents.rows.[]", "incidents.rows.[].11.[]", "stations.rows.[]", "province.pace.counts.*"}

#: What is known of the values at one place: `types`, and `fields`, `values`, `items` or `columns` of what they hold.
Node = dict[str, Any]


def take(node: Node, value: Any, path: str) -> None:
    """Add a value to what is known of a place."""
    kind = "object" if isinstance(value, dict) else "list" if isinstance(value, list) else type(value).__name__
    node["types"] = sorted({*node.get("types", ()), kind})
    if isinstance(value, dict):
        for name, held in value.items():
            at = node.setdefault("values", {}) if path in MAPS else node.setdefault("fields", {}).setdefault(name, {})
            take(at, held, f"{path}.*" if path in MAPS else f"{path}.{name}")
    elif isinstance(value, list):
        for number, held in enumerate(value):
            is_row = path in ROWS
            at = (
                node.setdefault("columns", {}).setdefault(f"{number:02d}", {})
                if is_row
                else node.setdefault("items", {})
            )
            take(at, held, f"{path}.{number}" if is_row else f"{path}.[]")


def of_state(records: Iterable[tuple[bytes, bytes]]) -> dict[str, Node]:
    """State records, by kind."""
    found: dict[str, Node] = {}
    for key, value in records:
        kind = _kind(key)
        if kind in ("event ids", "waiting"):
            found[kind] = {"types": ["bytes: format, clock, digests" if kind == "event ids" else "code, frame"]}
            assert kind == "waiting" or (value[0] == state.FORMAT and len(value) % 8 == 0)
        elif kind != "position":
            take(found.setdefault(kind, {}), json.loads(value), kind)
    return found


def _kind(key: bytes) -> str:
    if key[:1] == b"@":
        return {b"@w": "sequencer", b"@b": "waiting"}.get(key[:2], "position")
    if key[2:] == b"/p":
        return "province"
    return {b"h": "head", b"i": "incidents", b"t": "stations", b"s": "station", b"d": "event ids"}[key[6:7]]


def of_ledger(frames: Iterable[tuple[bytes, dict[str, bytes]]]) -> dict[str, Node]:
    """Frames and their headers, by kind of entry."""
    found: dict[str, Node] = {}
    for value, headers in frames:
        for entry in json.loads(value):
            name = f"ledger {entry[0]}"
            kind = found.setdefault(name, {"types": ["entry"], "columns": {}, "headers": []})
            kind["headers"] = sorted({*kind["headers"], *headers})
            names = [field for field, _ in FIELDS[entry[0]]]
            for number, (field, held) in enumerate(zip(names, entry[1:], strict=True), 1):
                at = kind["columns"].setdefault(f"{number:02d} {field}", {})
                take(at, held, f"{name}.{number} {field}")
    return found


def written_now() -> dict[str, dict[str, Any]]:
    """The structures of what this release writes, by family, each with its number."""
    states: list[tuple[bytes, bytes]] = []
    frames: list[tuple[bytes, dict[str, bytes]]] = [*_decisions(), (ledger.tick_frame(1), dict(ledger.FORMAT_HEADERS))]
    frames.append((ledger.change_frame(), dict(ledger.change_headers(7, ["16.71 is new"]))))
    for clock in ("wall", "event"):
        dump, policy = dump_of("0.9.0", clock)
        continued = Continued(dump, policy)
        for fold in dump.folds:
            written = continued.fold(fold)
            frames += [(value or b"", headers) for topic, _, _, value, headers in written if topic == LEDGER]
        states += continued.stored
    return {
        "state": {"format": state.FORMAT, "kinds": of_state(states)},
        "ledger": {"format": ledger.FORMAT, "kinds": of_ledger(frames)},
        "positions": {"format": positions.FORMAT, "kinds": _positions()},
    }


@cache
def dump_of(release: str, clock: str) -> tuple[Dump, Policy]:
    files = RELEASES / release
    return Dump(lines_of(files / f"{clock}.jsonl.xz")), Policy(files)


def _decisions() -> Iterator[tuple[bytes, dict[str, bytes]]]:
    for decided in (
        Join("a 1", "b 2", False, "duty_officer", next(iter(JoinReason))),
        Eviction("a", 0, 1, "duty_officer", next(iter(EvictReason))),
        Erasure("a 1", "duty_officer", next(iter(EraseReason))),
    ):
        for frame in ledger.encode_frames([decided.entry(1)]):
            yield frame, dict(ledger.FORMAT_HEADERS)


def _positions() -> dict[str, Node]:
    """Records that agents/batching writes of its own: the positions in the state, and notes."""
    source = TopicPartition("ledger", 0)
    fold = SimpleNamespace(restore=None, restored=lambda note: None, note=lambda: "", fold=lambda batch: [])
    shard = Shard(source, lambda: fold, TopicPartition(STATE, 0))
    own = [*shard._own_records(shard._state, 7), *shard.refusal()]
    notes = notes_of("notes", 3, {source: OffsetAndMetadata(7, "12 under way")}, {source: range(1, 3)})
    found: dict[str, Node] = {}
    for output in own:
        take(found.setdefault(output.key.decode(), {}), json.loads(output.value), output.key.decode())
    for output in notes:
        take(found.setdefault("note", {}), json.loads(output.value), "note")
    return found


def holds(ours: Node, theirs: Node) -> bool:
    """Whether a structure has everything that another has: a version that knows the other reads it."""
    if not set(ours.get("types", ())) >= set(theirs.get("types", ())):
        return False
    if "columns" in ours and "columns" in theirs and ours["columns"].keys() != theirs["columns"].keys():
        return False
    if not set(ours.get("headers", ())) >= set(theirs.get("headers", ())):
        return False
    for part in ("fields", "columns"):
        for name, node in theirs.get(part, {}).items():
            if name not in ours.get(part, {}) or not holds(ours[part][name], node):
                return False
    return all(holds(ours.get(part, {}), theirs[part]) for part in ("values", "items") if part in theirs)


def main() -> int:
    before = json.loads(WRITTEN.read_text()) if WRITTEN.exists() else {}
    now = written_now()
    for family, structure in now.items():
        old = before.get(family)
        if old is None or old["format"] != structure["format"]:
            continue
        gone = [kind for kind, node in old["kinds"].items() if not holds(structure["kinds"].get(kind, {}), node)]
        if gone:
            print(f"{family}: {', '.join(gone)} changed under the number {old['format']}: raise it, see decision 0027")
            return 1
    WRITTEN.write_text(json.dumps(now, indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
