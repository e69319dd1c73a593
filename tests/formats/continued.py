"""Goes on from a dump's state, and compares what is written with what the release wrote for the rest of the afternoon.

Runs on the code of any release: imported here, it is this one; run by itself with another release's checkout on the
path it is that one (`test_releases.py` gives it a state that this release wrote). `recorder.py` says what a dump holds.
"""

import json
import lzma
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition

from agents.batching import Batch
from agents.batching.commit.shard import Shard
from agents.batching.offsets.start import Start, Verdict
from agents.intake import IntakeFold
from agents.risk import RiskFold
from schemas.ledger_form import LedgerForm, shard_names
from schemas.roster import Roster
from schemas.ruleset import Ruleset
from schemas.sources import Sources
from schemas.station_roster import StationRoster
from schemas.topics import Direction, Topic, TopicNames, specs_with
from streams.admission import ClockMode, Gate
from streams.event_time.sequencer import sequencer_of
from streams.rules import Rules
from streams.table import RiskTable

NAMES = TopicNames("siaga.")
STATE, LEDGER, RISK = NAMES[Topic.STATE], NAMES[Topic.LEDGER], NAMES[Topic.RISK]
LOG_APPEND_TIME = 1
IDLE_AFTER_MS = 3_000

Line = list[Any]
#: (topic, partition, key, value, headers) of a record.
Written = tuple[str, int, bytes | None, bytes | None, dict[str, bytes]]


def lines_of(path: Path) -> list[Line]:
    with lzma.open(path, "rt", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def write(path: Path, lines: Iterable[Line]) -> None:
    with lzma.open(path, "wt", encoding="utf-8", preset=1) as out:
        out.writelines(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)


def text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")


def as_bytes(value: str | None) -> bytes | None:
    return None if value is None else value.encode("latin-1")


@dataclass
class Fold:
    """A batch of the afternoon behind the cut, and what it wrote, by line."""

    source: TopicPartition
    first: int
    next: int
    now_ms: int
    written: list[Line] = field(default_factory=list)


class Dump:
    """A dump in parts. `records`: by partition, as far as they are there, by offset; `before`: lines before the cut."""

    def __init__(self, lines: list[Line]) -> None:
        _, self.release, clock, self.partitions = self.about = lines[0]
        self.clock = ClockMode(clock)
        cut = lines.index(["cut"])
        self.before, self.after = lines[1:cut], lines[cut + 1 :]
        self.state: dict[int, dict[bytes, bytes]] = defaultdict(dict)
        self.notes: dict[TopicPartition, dict[str, Any]] = {}
        self.folds: list[Fold] = []
        self.records: dict[TopicPartition, dict[int, Any]] = defaultdict(dict)
        self._is_written = False
        for line in self.before:
            if line != ["step"]:
                self._add(line)
        for line in self.after:
            self._take(line)

    def _take(self, line: Line) -> None:
        if line[0] == "state":
            self.state[line[1]][as_bytes(line[2]) or b""] = as_bytes(line[3]) or b""
        elif line[0] == "note":
            note = json.loads(line[3])
            self.notes[TopicPartition(note["topic"], line[1])] = note
        elif line[0] == "fold":
            self.folds.append(Fold(TopicPartition(line[1], line[2]), *line[3:]))
            self._is_written = True
        elif line[0] == "step":
            self._is_written = False
        else:
            self._add(line)
            if self._is_written:
                self.folds[-1].written.append(line)

    def _add(self, line: Line) -> None:
        topic, partition, offset, at_ms, key, value, headers = line
        made = SimpleNamespace(
            offset=offset, key=as_bytes(key), value=as_bytes(value), timestamp=at_ms, timestamp_type=LOG_APPEND_TIME,
            headers=tuple((name, as_bytes(said)) for name, said in headers),
        )  # fmt: skip
        self.records[TopicPartition(topic, partition)][offset] = made

    def written(self, topic: str) -> list[Any]:
        """All records of a topic, by partition and offset."""
        found = [records for source, records in sorted(self.records.items()) if source.topic == topic]
        return [records[offset] for records in found for offset in sorted(records)]


class Policy:
    """The files of a dump's deployment."""

    def __init__(self, files: Path) -> None:
        self.roster = Roster.parse((files / "roster.csv").read_text())
        self.ruleset = Ruleset.parse((files / "ruleset.toml").read_text())
        self.sources = Sources.parse((files / "sources.toml").read_text())
        lines = (files / "stations.csv").read_text().splitlines()
        self.stations = StationRoster.parse(lines, "stations.csv", self.roster)

    def risk_fold(self, partition: int, partitions: int, clock: ClockMode) -> RiskFold:
        source, inputs = TopicPartition(LEDGER, partition), self.sources.inputs
        shards = shard_names(inputs, partitions) if clock is ClockMode.EVENT else None
        return RiskFold(
            source,
            RiskTable(partition, partitions, self.roster, Rules(self.ruleset), self.stations),
            NAMES,
            partitions,
            sequencer_of(clock, partitions, len(inputs)),
            LedgerForm(self.roster, partition, partitions, shards),
        )


class Continued:
    """The shards of a dump's deployment, restored from its state and notes."""

    def __init__(self, dump: Dump, policy: Policy) -> None:
        self.dump, self.policy, self.now_ms = dump, policy, 0
        self.state = {partition: dict(held) for partition, held in dump.state.items()}
        self.stored: list[tuple[bytes, bytes]] = []  # every state record that was written since
        self.shards = {
            TopicPartition(LEDGER, number): self._risk(TopicPartition(LEDGER, number))
            for number in range(dump.partitions)
        }
        gate = Gate(policy.roster, dump.clock, policy.sources)
        for spec in specs_with(policy.sources.inputs):
            for number in range(dump.partitions if spec.direction is Direction.IN else 0):
                source = TopicPartition(NAMES.of(spec), number)
                fold = IntakeFold(
                    source, spec.topic, gate, NAMES, dump.partitions, self._now, dump.clock is ClockMode.EVENT,
                    IDLE_AFTER_MS, spec.input,
                )  # fmt: skip
                self.shards[source] = Shard(source, lambda fold=fold: fold, None)
                note = dump.notes[source]
                self.now_ms = dump.folds[0].now_ms
                self.shards[source].start(Start(Verdict.NOTE, note["offset"], note["note"]))

    def _now(self) -> int:
        return self.now_ms

    def _risk(self, source: TopicPartition) -> Shard:
        number, dump = source.partition, self.dump
        shard = Shard(
            source, lambda: self.policy.risk_fold(number, dump.partitions, dump.clock), TopicPartition(STATE, number)
        )
        for key, value in self.state[number].items():
            shard.restore(key, value)
        shard.start(None)
        return shard

    def fold(self, fold: Fold) -> list[Written]:
        """What a batch writes now, but for notes; the state is kept."""
        self.now_ms, shard, records = fold.now_ms, self.shards[fold.source], self.dump.records[fold.source]
        if fold.first == fold.next:
            part = shard.idle()
        else:
            some = [records[offset] for offset in range(fold.first, fold.next)]
            part = shard.fold(Batch(some, fold.first, fold.next, fold.next))
        assert part is not None, f"{fold} writes nothing"
        shard.committed(part)
        written: list[Written] = []
        for topic, partition, key, value, headers in part.outputs:
            if topic != STATE:
                written.append((topic, partition, key, value, dict(headers)))
            elif value is None:
                self.state[partition].pop(key, None)
            else:
                self.state[partition][key] = value
                self.stored.append((key, value))
        return written


def differences(dump: Dump, policy: Policy) -> Iterator[str]:
    """A line for each batch that writes something else than the release wrote."""
    continued, restarted = Continued(dump, policy), set(dump.notes)
    for fold in dump.folds:
        now, then = continued.fold(fold), list(map(written_of, fold.written))
        if fold.source in restarted:  # a shard of intake that starts may say its watermark once more
            restarted.discard(fold.source)
            now, then = ([one for one in some if not (one[3] or b"").startswith(b'[["w"')] for some in (now, then))
        where = f"{fold.source.topic}[{fold.source.partition}]@{fold.first}"
        if len(now) != len(then):
            yield f"{where}: {len(now)} records now, {len(then)} then"
            continue
        for ours, theirs in zip(now, then, strict=True):
            if not says_as_much(ours, theirs):
                yield f"{where}: now {ours!r:.2000}, then {theirs!r:.2000}"


def written_of(line: Line) -> Written:
    topic, partition, _, _, key, value, headers = line
    return topic, partition, as_bytes(key), as_bytes(value), {name: as_bytes(said) or b"" for name, said in headers}


def says_as_much(ours: Written, theirs: Written) -> bool:
    """Whether a record holds all that the other holds; a later release may say more."""
    return (
        ours[:3] == theirs[:3]
        and ours[4].items() >= theirs[4].items()
        and (
            ours[3] == theirs[3]
            or (_is_json(theirs[3]) and _holds(json.loads(ours[3] or b""), json.loads(theirs[3] or b"")))
        )
    )


def _is_json(value: bytes | None) -> bool:
    return (value or b"")[:1] == b"{"


def _holds(ours: Any, theirs: Any) -> bool:
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return all(name in ours and _holds(ours[name], value) for name, value in theirs.items())
    if isinstance(theirs, list) and isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(_holds, ours, theirs))
    return bool(ours == theirs)


if __name__ == "__main__":
    found = list(differences(Dump(lines_of(Path(sys.argv[1]))), Policy(Path(sys.argv[2]))))
    print("\n".join(found[:5]))
    raise SystemExit(1 if found else 0)
