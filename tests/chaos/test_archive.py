"""What the driver keeps of what it takes away, and that workers must have said so."""

import json
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition

from tests.chaos.archive import Archive
from tests.chaos.evidence import Cut, Evidence, Seen


@pytest.fixture
def cluster(tmp_path):
    (tmp_path / "a.log").write_text("the state is gone\n")
    return SimpleNamespace(prefix="p.", workers={"a": None}, log=lambda name: tmp_path / f"{name}.log")


def evidence(*inputs: Seen, gone: tuple[int, int] | None = None) -> Evidence:
    note = json.dumps({"topic": "p.incidents", "offset": 9, "note": ""} | ({"gone": gone} if gone else {})).encode()
    return Evidence(
        1,
        {"incidents": list(inputs), "turnout": [], "intake-state": [Seen("intake-state", 0, 0, b"p.incidents", note)]},
    )


def test_what_a_worker_said_before_does_not_count(cluster):
    archive = Archive()
    archive.must_say(cluster, "the state is gone")
    assert archive.unsaid(cluster, evidence()) == ["the state is gone"]
    with cluster.log("a").open("a") as log:
        log.write("again the state is gone\n")
    assert archive.unsaid(cluster, evidence()) == []


def test_a_gap_that_no_log_tells_of_as_it_was_noted_is_found(cluster):
    [line] = Archive().unsaid(cluster, evidence(gone=(3, 8)))
    assert line == "5 offsets are gone from the source before they were read: p.incidents[0] continues at 8, expected 3"
    cluster.log("a").write_text(line.replace("5 offsets", "4 offsets"))
    assert Archive().unsaid(cluster, evidence(gone=(3, 8))) == [line]
    cluster.log("a").write_text(line)
    assert Archive().unsaid(cluster, evidence(gone=(3, 8))) == []


async def test_what_was_cut_and_what_was_deleted_is_among_the_inputs_again():
    held: dict[str, list[Seen]] = {}
    removed: list[dict[int, int]] = []

    async def records(topic):
        return held[topic]

    async def ends(topic):
        return {TopicPartition("p.intake-state", 0): 40}

    async def delete_records(topic, kept_from):
        removed.append(kept_from)

    cluster = SimpleNamespace(prefix="p.", records=records, ends=ends, delete_records=delete_records)
    archive = Archive()
    first, second, anew = (
        Seen("incidents", 0, offset, b"k", value) for offset, value in ((0, b"0"), (1, b"1"), (0, b"anew"))
    )
    held["incidents"] = [first, second]
    assert await archive.keep_input(cluster, "incidents") == {0: 2}
    await archive.cut(cluster, "incidents", {0: 1})
    assert removed == [{0: 1}]
    held["incidents"] = [second]
    assert await archive.keep_input(cluster, "incidents") == {0: 2}
    await archive.begin_anew(cluster, "incidents")
    found = evidence(anew)
    archive.complete(found)
    assert [(r.incarnation, r.value) for r in found.inputs] == [(0, b"0"), (0, b"1"), (1, b"anew")]
    assert found.cuts == [Cut("incidents", 0, 0, 1, 40)]
    assert found.begun == {("incidents", 0): (40,)}
    with pytest.raises(AssertionError, match="two records"):
        archive.complete(evidence(Seen("incidents", 0, 0, b"k", b"another")))
