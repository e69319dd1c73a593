"""Each release's state, notes and ledger are gone on from, and the release before goes on from ours."""

import json
import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from aiokafka import TopicPartition

from agents.batching import Batch
from schemas.topics import Topic
from tests.formats.continued import (
    LEDGER,
    NAMES,
    RISK,
    Continued,
    Dump,
    differences,
    says_as_much,
    text,
    write,
    written_of,
)
from tests.formats.dump import CLOCKS, COMMITS, unpacked
from tests.formats.fingerprint import RELEASES, dump_of

HERE = Path(__file__).resolve().parent
#: The one before this: a deployment may go back to it.
BEFORE = "0.9.0"
DUMPS = [(release, clock) for release in COMMITS for clock in CLOCKS]


def test_every_release_has_a_dump_of_each_clock():
    there = {(path.parent.name, path.name.partition(".")[0]) for path in RELEASES.glob("*/*.jsonl.xz")}
    assert there == set(DUMPS)


@pytest.mark.parametrize(("release", "clock"), DUMPS)
def test_from_a_releases_state_and_notes_the_same_follows(release: str, clock: str):
    assert list(differences(*dump_of(release, clock))) == []


def test_another_state_is_found_to_be_another():
    dump, policy = dump_of("0.9.0", "wall")
    head = dump.state[1][b"16.71/h"]
    changed = orjson.loads(head)
    changed["excluded"]["duplicate"] += 1
    dump.state[1][b"16.71/h"] = orjson.dumps(changed)
    try:
        assert any("16.71" in line for line in differences(dump, policy))
    finally:
        dump.state[1][b"16.71/h"] = head


@pytest.mark.parametrize(("release", "clock"), DUMPS)
def test_from_a_releases_whole_ledger_its_escalations_and_last_rows_follow(release: str, clock: str):
    """As `siaga audit` folds it, and as lost state is built again."""
    dump, policy = dump_of(release, clock)
    escalations: dict[str, bytes] = {}
    rows: dict[bytes, bytes] = {}
    for partition in range(dump.partitions):
        fold = policy.risk_fold(partition, dump.partitions, dump.clock)
        fold.restored("")
        held = dump.records[TopicPartition(LEDGER, partition)]
        records = [held[offset] for offset in range(len(held))]
        for output in fold.fold(Batch(records, 0, len(records), len(records))):
            if output.topic == NAMES[Topic.ESCALATIONS]:
                escalations[orjson.loads(output.value)["escalation_id"]] = output.value
            elif output.topic == RISK:
                rows[output.key] = output.value
    published = {
        orjson.loads(item.value)["escalation_id"]: item.value for item in dump.written(NAMES[Topic.ESCALATIONS])
    }
    assert escalations.keys() == published.keys() and len(published) > 40
    latest = {record.key: record.value for record in dump.written(RISK)}
    pairs = [(escalations[name], published[name]) for name in published] + [
        (rows[code], latest[code]) for code in latest
    ]
    assert all(says_as_much(("", 0, b"", ours, {}), ("", 0, b"", theirs, {})) for ours, theirs in pairs)


@pytest.mark.parametrize("clock", CLOCKS)
def test_the_release_before_goes_on_from_what_this_one_has_written(clock: str, tmp_path: Path):
    """Up and back by one version: the second half of the afternoon on the code of the release before."""
    tree = unpacked(BEFORE, tmp_path / "release")
    dump, policy = dump_of(BEFORE, clock)
    write(tmp_path / "half.jsonl.xz", _half_done(dump, Continued(dump, policy)))
    command = [
        sys.executable,
        "-P",
        str(HERE / "continued.py"),
        str(tmp_path / "half.jsonl.xz"),
        str(RELEASES / BEFORE),
    ]
    env = {**os.environ, "PYTHONPATH": str(tree)}
    done = subprocess.run(command, check=False, env=env, cwd=tree, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def _half_done(dump: Dump, continued: Continued) -> list:
    """The dump with its cut after half of the batches, which this release has folded: its frames, state and notes."""
    half = len(dump.folds) // 2
    notes = {source: dict(note) for source, note in dump.notes.items()}
    ours: dict[tuple[str, int, bytes | None, bytes | None], list] = {}
    for fold in dump.folds[:half]:
        for topic, partition, key, value, headers in continued.fold(fold):
            ours[topic, partition, key, value] = [[name, text(said)] for name, said in headers.items()]
        if fold.source in notes:
            after = continued.shards[fold.source].offset_after(None)
            notes[fold.source] |= {"offset": after.offset, "note": after.metadata, "format": 1}
    before, after, folds, is_written = list(dump.before), [], 0, False
    for line in dump.after:
        if line[0] in ("state", "note"):
            continue
        folds += line[0] == "fold"
        is_written = line[0] == "fold" or (is_written and line[0] != "step")
        if folds <= half and is_written and line[0] == LEDGER:
            line = [*line[:6], ours[written_of(line)[:4]]]
        if folds > half:
            after.append(line)
        elif line[0] != "fold":
            before.append(line)
    state = [
        ["state", of, text(key), text(value)] for of, held in continued.state.items() for key, value in held.items()
    ]
    noted = [["note", source.partition, source.topic, json.dumps(note)] for source, note in notes.items()]
    return [dump.about, *before, ["cut"], *state, *noted, *after]
