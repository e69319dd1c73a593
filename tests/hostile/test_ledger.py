"""The attacker may write the ledger: a stolen worker's or decider's password, or a Kafka without ACLs.

It writes garbage, frames that look valid and hold fields of a wrong type, and whole well-formed frames: a report that
no input gives, a report twice, a notice that no regency sent. Garbage must stop no partition; what is well-formed is
folded and must be found by `siaga audit`.
"""

import json
import subprocess
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from kafka import KafkaProducer

from apps.embedded import EmbeddedBroker
from schemas.ledger import INPUT_HEADER, TICK_KEY, Inputs, partition_of
from tests.agents.deployment import Deployment, until

PALEMBANG, NEIGHBOUR = "16.71", "16.07"
PARTITION = partition_of(PALEMBANG, 3)


def fatality(number: int, regency: str = PALEMBANG) -> bytes:
    at = (datetime.now(UTC) - timedelta(seconds=1)).isoformat(timespec="seconds")
    fields = {"regency": regency, "category": "fatality", "severity": 5, "status": "reported", "source": "bawaslu"}
    ids = {"event_id": f"e-{number}", "incident_id": f"i-{number}", "revision": 1}
    return json.dumps(ids | fields | {"occurred_at": at, "reported_at": at}).encode()


class Attack(Deployment):
    """A deployment, and somebody who writes its inputs and its ledger."""

    def producer(self) -> KafkaProducer:
        return KafkaProducer(bootstrap_servers=self.bootstrap, acks="all")

    def publish(self, *values: bytes) -> None:
        producer = self.producer()
        for value in values:
            producer.send(self.prefix + "incidents", value, partition=0)
        producer.flush()
        producer.close()

    def write(self, *frames: tuple[bytes | None, bytes | None, bytes | None], partition: int = PARTITION) -> None:
        """Append (key, value, header of the inputs) to the ledger."""
        producer = self.producer()
        for key, value, inputs in frames:
            headers = [] if inputs is None else [(INPUT_HEADER, inputs)]
            producer.send(self.prefix + "ledger", value, key, headers, partition=partition)
        producer.flush()
        producer.close()

    def names(self, *offsets: int) -> bytes:
        return Inputs(self.prefix + "incidents", 0, offsets).header()

    def level(self, code: str = PALEMBANG) -> float:
        name = json.dumps({"16.71": "Kota Palembang", "16.07": "Kabupaten Banyuasin"}[code])
        return self.metric(f'siaga_regency_level{{name={name},regency="{code}"}}')

    def quarantined(self) -> float:
        lines = self.metrics().splitlines()
        return sum(
            float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("siaga_ledger_quarantined_records_total")
        )

    def audit(self) -> subprocess.CompletedProcess[str]:
        return self.run("audit", check=False)


@pytest.fixture
async def attack(broker: EmbeddedBroker, fresh_prefix: str, tmp_path) -> AsyncIterator[Attack]:
    with Attack(broker.bootstrap, fresh_prefix, tmp_path) as deployment:
        deployment.start()
        await until(lambda: deployment.metric('siaga_shards_open{stage="risk"}') == 3, 120, "the worker reads")
        yield deployment


def entry(number: int, category: object = "fatality", **changed: object) -> list:
    now_ms = time.time_ns() // 1_000_000 - 1000
    fields = [f"e-{number}", f"bawaslu i-{number}", 1, None, category, 5, "reported", now_ms, now_ms]
    made = ["i", now_ms, *fields, "bawaslu", False, "bawaslu"]
    for place, value in changed.items():
        made[int(place.removeprefix("at_"))] = value
    return made


def as_frame(*entries: list) -> bytes:
    return json.dumps(entries, separators=(",", ":")).encode()


async def test_garbage_stops_no_partition_and_is_counted_named_and_listed(attack: Attack):
    key, names = PALEMBANG.encode(), attack.names(0)
    garbage = [
        (key, None, None), (key, b"", None), (None, b"garbage", None), (b"\xff", b"\xff", None), (key, b"{}", None),
        (key, as_frame(entry(1)), None), (key, as_frame(entry(1)), b"[]"), (key, as_frame(entry(1), entry(2)), names),
        (key, as_frame(["?", 1]), names), (b"99.99", as_frame(entry(1)), names),
        (TICK_KEY, as_frame(["k", "now"]), None),
        (key, as_frame(["x", 1, "a person's name", "kpu", "because"]), None),
        (key, as_frame(["n", 1, NEIGHBOUR, "awas", 7, "", "live", None, ""]), None),
    ]  # fmt: skip
    looks_valid = [
        (key, as_frame(entry(1, category={})), names),
        (key, as_frame(entry(1, at_7="5")), names),
        (key, as_frame(entry(1, at_4="1")), names),
        (key, as_frame(entry(1, at_11=None)), names),
        (key, as_frame(["i"]), names),
    ]
    for partition in range(3):
        attack.write(*garbage, partition=partition)
    attack.write(*looks_valid)
    attack.publish(fatality(7))
    await until(lambda: attack.level() == 2, 120, "the fatality behind the garbage is escalated")
    expected = 3 * len(garbage) + len(looks_valid)
    await until(lambda: attack.quarantined() == expected, 60, f"{expected} records are counted as no frames")
    [raised] = [item for item in await attack.escalations() if item["regency"] == PALEMBANG]
    assert (raised["change"], raised["level"]) == ("raised", "siaga")
    log = attack.log().read_text()
    assert f"{attack.prefix}ledger[{PARTITION}]@" in log and "SiagaLedgerQuarantined" in log and "person's" not in log
    audited = attack.audit()
    assert audited.returncode == 0, audited.stdout + audited.stderr
    assert audited.stdout.count(" is no frame: ") == expected


async def test_a_hand_written_frame_raises_a_regency_and_audit_finds_it(attack: Attack):
    attack.write((PALEMBANG.encode(), as_frame(entry(1)), attack.names(0)))
    await until(lambda: attack.level() == 2, 120, "the hand-written frame is folded")
    audited = attack.audit()
    assert audited.returncode == 1
    assert f"names {attack.prefix}incidents[0]@0, where there is no record" in audited.stdout


async def test_a_frame_made_of_anothers_input_and_an_invented_notice_are_found(attack: Attack):
    attack.publish(fatality(3, NEIGHBOUR))
    await until(lambda: attack.level(NEIGHBOUR) == 2, 120, "the real report is escalated")
    assert attack.audit().returncode == 0, attack.audit().stdout
    now_ms = time.time_ns() // 1_000_000 - 1000
    invented = ["n", now_ms, NEIGHBOUR, "awas", "siaga", "", "live", None, ""]
    key = PALEMBANG.encode()
    attack.write((key, as_frame(entry(3)), attack.names(0)), (key, as_frame(invented), None))
    await until(lambda: attack.level() == 2, 120, "the hand-written frame is folded")
    audited = attack.audit()
    assert audited.returncode == 1
    assert f"{attack.prefix}incidents[0]@0 is there more than once: ledger offset" in audited.stdout
    assert f"the notice of {NEIGHBOUR} to {PALEMBANG} does not follow from the ledger" in audited.stdout


async def test_who_takes_a_report_from_the_worker_and_rejects_it_by_hand_is_named(attack: Attack):
    """A rejected record written by hand beside the ledger's entry: the input is there twice."""
    attack.publish(fatality(3))
    await until(lambda: attack.level() == 2, 120, "the real report is escalated")
    where = [("topic", attack.prefix + "incidents"), ("partition", "0"), ("offset", "0")]
    headers = [("siaga.reason", b"future"), *((f"siaga.source.{name}", text.encode()) for name, text in where)]
    producer = attack.producer()
    producer.send(attack.prefix + "rejected", b"{}", None, headers, partition=0)
    producer.flush()
    producer.close()
    audited = attack.audit()
    assert audited.returncode == 1
    assert f"{attack.prefix}incidents[0]@0 is there more than once: ledger offset" in audited.stdout
