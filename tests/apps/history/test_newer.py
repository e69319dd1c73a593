"""What a later version wrote, or a worker with another roster, ends a reader with one line; a change is listed."""

from types import SimpleNamespace

import orjson
import pytest
from kafka import KafkaProducer

from agents.settings import Settings
from apps.history.decisions import change_line
from apps.history.ledger_frames import LedgerFrames
from apps.history.published import NewerMessage, message_of
from schemas.ledger import (
    CHANGE_HEADER,
    FORMAT,
    FORMAT_HEADER,
    INPUT_HEADER,
    TICK_KEY,
    Inputs,
    NewerFrame,
    change_frame,
    change_headers,
)
from schemas.roster import Roster
from tests.apps.cli.conftest import siaga, topics  # noqa: F401 - fixtures
from tests.apps.cli.siaga import Siaga
from tests.streams.ledgers import EIGHT_MS, MINUTE_MS, PALEMBANG, incident

PARTITION = 0


def frames() -> LedgerFrames:
    return LedgerFrames(Settings.load({"SIAGA_PARTITIONS": "3"}), Roster.default(), PARTITION)


def record(code: str, *entries: list, **headers: bytes):
    named = {INPUT_HEADER: Inputs("siaga.incidents", 0, list(range(len(entries)))).header(), **headers}
    return SimpleNamespace(
        partition=PARTITION, offset=7, key=code.encode(), value=orjson.dumps(entries), timestamp=EIGHT_MS + MINUTE_MS,
        headers=tuple(named.items()),
    )  # fmt: skip


def test_a_frame_of_a_newer_format_is_named_with_both_numbers():
    line = rf"^ledger offset 0/7 is a frame of format {FORMAT + 1}, this version reads up to {FORMAT}: start"
    with pytest.raises(NewerFrame, match=line):
        frames().entries(record(PALEMBANG, incident(1, EIGHT_MS), **{FORMAT_HEADER: b"%d" % (FORMAT + 1)}))


def test_a_frame_of_a_regency_that_the_roster_lacks_is_named():
    with pytest.raises(ValueError, match=r"^ledger offset 0/7: it is of 16\.77, which is not in the roster$"):
        frames().entries(record("16.77", incident(1, EIGHT_MS), **{FORMAT_HEADER: b"1"}))
    made = frames()
    assert made.entries(record("16.77", incident(1, EIGHT_MS))) is None and len(made.quarantined) == 1


@pytest.mark.parametrize("name", ["siaga.risk", "siaga.province", "siaga.escalation"])
def test_a_message_of_a_newer_schema_is_named(name: str):
    assert message_of(b'{"schema": "%s/2"}' % name.encode())["schema"] == f"{name}/2"
    with pytest.raises(NewerMessage, match=f"^{name}/3 is published, this version reads {name}/2: use the version of"):
        message_of(b'{"schema": "%s/3"}' % name.encode())


def test_a_change_of_roster_or_ruleset_is_one_printable_line():
    header = dict(change_headers(12, ["16.99 is new", "ruleset a@1 is now a@2"]))[CHANGE_HEADER]
    line = "partition 1 is folded from offset 12 on with what is different: 16.99 is new; ruleset a@1 is now a@2"
    assert change_line(1, header) == line
    forged = orjson.dumps({"from": 1, "changes": ["a\n\x1b[2J"]})
    assert change_line(1, forged).isprintable() and "cannot be read" in change_line(1, b"[]")


@pytest.fixture
def producer(broker):
    made = KafkaProducer(bootstrap_servers=broker.bootstrap)
    yield made
    made.close()


@pytest.mark.usefixtures("topics")
def test_audit_and_explain_name_what_they_cannot_read(siaga: Siaga, fresh_prefix: str, producer):  # noqa: F811
    ledger, at = fresh_prefix + "ledger", ("explain", PALEMBANG, "--at", "2024-11-27T08:40:00+07:00")
    change = list(change_headers(0, ["16.99 is new"]))
    producer.send(ledger, change_frame(), TICK_KEY, change, PARTITION).get(10)
    done = siaga("audit")
    assert (done.status, done.err) == (0, "")
    assert (
        "ledger offset 0/0: partition 0 is folded from offset 0 on with what is different: 16.99 is new"
        in done.out.decode()
    )

    newer = [(FORMAT_HEADER, b"%d" % (FORMAT + 1))]
    producer.send(ledger, b"[]", PALEMBANG.encode(), newer, PARTITION).get(10)
    for command in (("audit",), at):
        done = siaga(*command)
        assert done.status == 1 and done.err.count("\n") == 1
        assert f"ledger offset 0/1 is a frame of format {FORMAT + 1}, this version reads up to {FORMAT}" in done.err

    note = b'{"topic": "x", "offset": 1, "note": "", "format": 9}'
    producer.send(fresh_prefix + "intake-state", note, b"x", None, 0).get(10)
    producer.send(fresh_prefix + "risk", b'{"schema": "siaga.risk/3"}', PALEMBANG.encode(), None, PARTITION).get(10)
    for command, line in (
        (("audit",), "is of format 9, this version reads up to 1: start the version that wrote it"),
        (("explain", PALEMBANG), "siaga.risk/3 is published, this version reads siaga.risk/2"),
    ):
        done = siaga(*command)
        assert done.status == 1 and line in done.err and done.err.count("\n") == 1
