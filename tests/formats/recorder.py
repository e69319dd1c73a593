"""Records an afternoon of a release on disk: what it wrote to every topic, batch by batch.

Runs by itself on the code of that release (`python -m tests.formats.dump` starts it with the release's checkout on the
path), so it uses nothing of this one. Its deployment has no Kafka: the release's own folds and shards run in order, in
one thread, and write what they would write to Kafka.

A dump is lines of JSON. `["fold", topic, partition, first, next, now]` is a batch; the records behind it are what it
wrote. `["step"]` ends that: the records behind it were written by publishers, people and timers. A record is
`[topic, partition, offset, append time, key, value, headers]`, bytes as Latin-1 text. `["cut"]` divides the afternoon:
before it inputs, rows and state are left out; behind it comes the state with which a worker would go on, as
`["state", ...]` and `["note", ...]` records.
"""

import json
import lzma
import random
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition

from agents.batching import Batch
from agents.batching.commit.shard import Shard
from agents.batching.offsets.notes import notes_of
from agents.batching.offsets.start import Start, Verdict
from agents.intake import IntakeFold
from agents.risk import RiskFold
from schemas.ledger import TICK_KEY, encode_frames, incident_digest, partition_of, tick_frame
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
from tests.chaos.hostile import Hostile
from tests.chaos.traffic import Message, incident, turnout
from tests.recount.sample_traffic import Voices

PARTITIONS = 2
START_MS = int(datetime.fromisoformat("2024-11-27T12:00:00+07:00").timestamp() * 1000)
MINUTE_MS = 60_000
#: Steps of two minutes: until one in the morning, so that counts are corrected on both sides of midnight.
STEPS, STEP_MS = 390, 2 * MINUTE_MS
#: Not behind a step in which shards of intake are idle, so that with the event clock reports wait in the state.
CUT_AFTER, IDLE_EVERY = 300, 3
NAMES = TopicNames("siaga.")
LOG_APPEND_TIME = 1
IDLE_AFTER_MS = 3_000
BUSY = ("16.01", "16.02", "16.71", "16.72", "18.01")
#: Steps in which nobody reports on one regency: it becomes stale, and recovers behind the cut.
SILENCE = range(150, 320)


class Log:
    """Topics as lists; what is written is kept for the dump in its order."""

    def __init__(self) -> None:
        self.partitions: dict[TopicPartition, list[Any]] = defaultdict(list)
        self.lines: list[list[Any]] = []
        self.state: dict[TopicPartition, dict[bytes, bytes]] = defaultdict(dict)
        self.is_cut = False

    def append(self, topic: str, partition: int, key: Any, value: Any, headers: Iterable[Any], now_ms: int) -> None:
        place = TopicPartition(topic, partition)
        if topic in (NAMES[Topic.STATE], NAMES[Topic.POSITIONS]):
            held = self.state[place]
            if value is None:
                held.pop(key, None)
            else:
                held[key] = value
            return
        made = SimpleNamespace(
            offset=len(self.partitions[place]), key=key, value=value, headers=tuple(headers), timestamp=now_ms,
            timestamp_type=LOG_APPEND_TIME,
        )  # fmt: skip
        self.partitions[place].append(made)
        if self.is_cut or topic in (NAMES[Topic.LEDGER], NAMES[Topic.ESCALATIONS]):
            self.lines.append(_line(topic, partition, made))

    def cut(self) -> None:
        self.lines.append(["cut"])
        for place, held in sorted(self.state.items()):
            kind = "state" if place.topic == NAMES[Topic.STATE] else "note"
            self.lines += [[kind, place.partition, _text(key), _text(value)] for key, value in sorted(held.items())]
        self.is_cut = True


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")


def _line(topic: str, partition: int, made: Any) -> list[Any]:
    headers = [[name, _text(value)] for name, value in made.headers]
    return [topic, partition, made.offset, made.timestamp, _text(made.key), _text(made.value), headers]


class Recorded:
    """A deployment of a release: its shards, and the records that they have not read."""

    def __init__(self, files: Path, clock: ClockMode) -> None:
        self.log, self.now_ms, self.clock = Log(), START_MS, clock
        self.roster = Roster.parse((files / "roster.csv").read_text())
        rules = Rules(Ruleset.parse((files / "ruleset.toml").read_text()))
        sources = Sources.parse((files / "sources.toml").read_text())
        stations = StationRoster.parse((files / "stations.csv").read_text().splitlines(), "stations.csv", self.roster)
        is_event, inputs = clock is ClockMode.EVENT, sources.inputs
        gate, shards = Gate(self.roster, clock, sources), shard_names(inputs, PARTITIONS) if is_event else None
        self.intake, self.risk = dict[TopicPartition, Shard](), dict[TopicPartition, Shard]()
        for spec in specs_with(inputs):
            for number in range(PARTITIONS if spec.direction is Direction.IN else 0):
                source = TopicPartition(NAMES.of(spec), number)
                new = IntakeFold(
                    source,
                    spec.topic,
                    gate,
                    NAMES,
                    PARTITIONS,
                    lambda: self.now_ms,
                    is_event,
                    IDLE_AFTER_MS,
                    spec.input,
                )
                self.intake[source] = Shard(source, lambda new=new: new, None)
        for number in range(PARTITIONS):
            source = TopicPartition(NAMES[Topic.LEDGER], number)
            table = RiskTable(number, PARTITIONS, self.roster, rules, stations)
            fold = RiskFold(
                source, table, NAMES, PARTITIONS, sequencer_of(clock, PARTITIONS, len(inputs)),
                LedgerForm(self.roster, number, PARTITIONS, shards),
            )  # fmt: skip
            self.risk[source] = Shard(source, lambda fold=fold: fold, TopicPartition(NAMES[Topic.STATE], number))
        for shard in (*self.intake.values(), *self.risk.values()):
            shard.start(Start(Verdict.UNREAD))

    def publish(self, messages: Iterable[tuple[str, Message]]) -> None:
        """Each to the partition that its place in the batch gives."""
        for number, (topic, message) in enumerate(messages):
            self.log.append(
                NAMES.prefix + topic, number % PARTITIONS, message.key, message.value, message.headers, self.now_ms
            )

    def to_ledger(self, code: str, entries: list[Any]) -> None:
        """What people decide."""
        for frame in encode_frames(entries):
            self.log.append(NAMES[Topic.LEDGER], partition_of(code, PARTITIONS), code.encode(), frame, (), self.now_ms)

    def tick(self) -> None:
        if self.clock is ClockMode.WALL:
            for number in range(PARTITIONS):
                self.log.append(NAMES[Topic.LEDGER], number, TICK_KEY, tick_frame(self.now_ms), (), self.now_ms)

    def run(self, is_idle: bool) -> None:
        """Everything that is unread, until nothing is."""
        self._fold(self.intake)
        for source, shard in self.intake.items() if is_idle else ():
            if (idle := shard.idle()) is not None:
                self._commit(source, shard, idle, self.intake)
        while self._fold(self.risk):
            pass

    def _fold(self, shards: dict[TopicPartition, Shard]) -> bool:
        has_folded = False
        for source, shard in shards.items():
            records = self.log.partitions[source]
            if shard.next_offset == len(records):
                continue
            batch = Batch(records[shard.next_offset :], shard.next_offset, len(records), len(records))
            part = shard.fold(batch)
            assert part is not None
            self._commit(source, shard, part, shards)
            has_folded = True
        return has_folded

    def _commit(self, source: TopicPartition, shard: Shard, part: Any, shards: dict[TopicPartition, Shard]) -> None:
        first, until = (
            (part.batch.start_offset, part.next_offset) if part.batch else (part.next_offset, part.next_offset)
        )
        if self.log.is_cut:
            self.log.lines.append(["fold", source.topic, source.partition, first, until, self.now_ms])
        outputs = list(part.outputs)
        if shards is self.intake:
            offsets = {of: one.offset_after(part if of == source else None) for of, one in shards.items()}
            outputs += notes_of(NAMES[Topic.POSITIONS], offsets, {source: part.lost})
        for topic, partition, key, value, headers in outputs:
            self.log.append(topic, partition, key, value, headers, self.now_ms)
        shard.committed(part)


def afternoon(run: Recorded) -> Iterator[int]:
    """Publish and decide, step by step; each step is to be folded by the caller."""
    rnd = random.Random("formats")

    def clock() -> float:
        return run.now_ms / 1000

    voices = Voices(20, BUSY, clock=clock)
    hostile, joined = Hostile(20, BUSY, voices, clock=clock), list[tuple[str, str, str]]()
    for step in range(STEPS):
        run.now_ms = START_MS + step * STEP_MS + rnd.randrange(1000)
        run.log.lines.append(["step"])
        some = [(message.topic, message) for message in (voices.next() for _ in range(rnd.choice((0, 1, 1, 2, 3))))]
        if rnd.random() < 0.03:
            some += [(message.topic, message) for message in (hostile.next() for _ in range(rnd.randrange(25)))]
        messages = [*some, *_staged(step, clock())]
        run.publish(one for one in messages if step not in SILENCE or b"18.01" not in (one[1].value or b""))
        if step % 23 == 7:
            _decide(run, rnd, voices, joined)
        if step % 97 == 50:
            run.to_ledger("16.71", [["?", run.now_ms]])  # no frame of any release: quarantined
        run.tick()
        yield step


def _staged(step: int, now_s: float) -> Iterator[tuple[str, Message]]:
    """What chance may not bring: graves of several agencies, stations in bulk, an input of its own, a silence."""

    def of(topic: str, code: str, number: int, **changes: object) -> tuple[str, Message]:
        name = f"s-{step}-{number}"
        make = turnout if topic.startswith("turnout") else incident
        return topic, Message(topic, code.encode(), make(name, code, now_s - 60, **changes))

    if step in (20, 60, 250, 320):
        sources = ("polda", "bawaslu", "pantau-1")
        yield from (
            of(
                "incidents",
                "16.71",
                n,
                category="clash",
                severity=5 if n == 2 else 3,
                source=sources[n % 3],
                village="16.71.01.1001",
            )
            for n in range(9)
        )
        yield from (
            of("incidents", "16.02", 20 + n, category="intimidation", severity=4, source=sources[n % 3])
            for n in range(6)
        )
    if step % 45 == 10:
        for code in ("16.71", "16.01", "18.01"):
            yield from (
                of("turnout", code, n, station=f"TPS {n}", voted=step // 3 + n, registered=300) for n in range(40)
            )
    if step % 60 == 31:
        yield of("incidents.satgas", "16.01", 1, source="satgas", category="money_politics", severity=3)
        yield of("turnout", "16.71", 2, station="TPS 5", voted=200, source="kpu-sumsel")
        yield of("turnout", "16.71", 3, station="TPS 5", voted=250, source="bawaslu")
        yield of("turnout", "16.72", 4, station="TPS 5", voted=400, registered=300)
        yield of("incidents", "16.71", 5, is_exercise=True, severity=5, category="fatality")
    if step in (3, 330):
        yield of("incidents", "18.71", 1, source="bawaslu")


def _decide(run: Recorded, rnd: random.Random, voices: Voices, joined: list[tuple[str, str, str]]) -> None:
    if joined and rnd.random() < 0.4:
        code, *numbers = joined.pop()
        run.to_ledger(code, [["j", run.now_ms, *numbers, True, "duty_officer", "joined_by_mistake"]])
    elif pair := voices.pair():
        joined.append(pair)
        code, *numbers = pair
        run.to_ledger(code, [["j", run.now_ms, *numbers, False, "duty_officer", "same_place_and_time"]])
    if rnd.random() < 0.5:
        source = rnd.choice(("pantau-1", "pantau-9"))
        run.to_ledger("16.71", [["e", run.now_ms, source, run.now_ms - 3_600_000, run.now_ms, "duty_officer", "flood"]])
    if rnd.random() < 0.3 and (pair := voices.pair()):
        run.to_ledger(pair[0], [["x", run.now_ms, incident_digest(pair[1]), "duty_officer", "personal_data_found"]])


def record(files: Path, clock: str, release: str) -> None:
    """Write the dump of one clock beside the release's files."""
    run = Recorded(files, ClockMode(clock))
    for step in afternoon(run):
        run.run(is_idle=step % IDLE_EVERY == IDLE_EVERY - 1)
        if step == CUT_AFTER:
            run.log.cut()
    about = ["about", release, clock, PARTITIONS]
    with lzma.open(files / f"{clock}.jsonl.xz", "wt", encoding="utf-8", preset=9) as out:
        out.writelines(json.dumps(line, separators=(",", ":")) + "\n" for line in [about, *run.log.lines])


if __name__ == "__main__":
    record(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
