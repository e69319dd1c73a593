"""What a chaos run keeps of what it takes away, and what workers must have logged of it."""

import json
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition

from tests.chaos.archive import Archive
from tests.recount.records import Cut, Evidence, Record


@pytest.fixture
def cluster(tmp_path):
    (tmp_path / "a.log").write_text("the state is gone\n")
    return SimpleNamespace(prefix="p.", workers={"a": None}, log=lambda name: tmp_path / f"{name}.log")


def evidence(*inputs: Record, gone: tuple[int, int] | None = None) -> Evidence:
    note = json.dumps({"topic": "p.incidents", "offset": 9, "note": ""} | ({"gone": gone} if gone else {})).encode()
    return Evidence(
        1,
        {
            "incidents": list(inputs),
            "turnout": [],
            "intake-state": [Record("intake-state", 0, 0, b"p.incidents", note)],
        },
    )


def test_a_line_logged_before_does_not_count(cluster):
    archive = Archive()
    archive.expect_line(cluster, "the state is gone")
    assert archive.missing_lines(cluster, evidence()) == ["the state is gone"]
    with cluster.log("a").open("a") as log:
        log.write("again the state is gone\n")
    assert archive.missing_lines(cluster, evidence()) == []


def test_a_gap_that_no_log_holds_as_it_was_noted_is_found(cluster):
    [line] = Archive().missing_lines(cluster, evidence(gone=(3, 8)))
    assert line == "5 offsets are gone from the source before they were read: p.incidents[0] continues at 8, expected 3"
    cluster.log("a").write_text(line.replace("5 offsets", "4 offsets"))
    assert Archive().missing_lines(cluster, evidence(gone=(3, 8))) == [line]
    cluster.log("a").write_text(line)
    assert Archive().missing_lines(cluster, evidence(gone=(3, 8))) == []


async def test_records_that_were_cut_or_deleted_are_among_the_inputs_again():
    held: dict[str, list[Record]] = {}
    removed: list[dict[int, int]] = []

    async def read(topic):
        return held[topic]

    async def ends(topic):
        return {TopicPartition("p.intake-state", 0): 40}

    async def delete_records(topic, kept_from):
        removed.append(kept_from)

    cluster = SimpleNamespace(prefix="p.", read=read, ends=ends, delete_records=delete_records)
    archive = Archive()
    first, second, recreated = (
        Record("incidents", 0, offset, b"k", value) for offset, value in ((0, b"0"), (1, b"1"), (0, b"new"))
    )
    held["incidents"] = [first, second]
    assert await archive.keep_input(cluster, "incidents") == {0: 2}
    await archive.cut(cluster, "incidents", {0: 1})
    assert removed == [{0: 1}]
    held["incidents"] = [second]
    assert await archive.keep_input(cluster, "incidents") == {0: 2}
    await archive.recreate_input(cluster, "incidents")
    found = evidence(recreated)
    archive.complete(found)
    assert [(r.incarnation, r.value) for r in found.inputs] == [(0, b"0"), (0, b"1"), (1, b"new")]
    assert found.cuts == [Cut("incidents", 0, 0, 1, 40)]
    assert found.recreated == {("incidents", 0): (40,)}
    with pytest.raises(AssertionError, match="two records"):
        archive.complete(evidence(Record("incidents", 0, 0, b"k", b"another")))
