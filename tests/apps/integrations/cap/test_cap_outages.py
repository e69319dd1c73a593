"""`siaga cap` when its directory fills or is gone, Kafka goes away, or the topic is created again: it says so, and goes
on or ends with one line."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from kafka import TopicPartition
from kafka.errors import KafkaTimeoutError

from agents.health import END_AFTER_S, Health
from apps.integrations.cap import following
from apps.integrations.cap.alert_files import AlertFileError, write_to_directory
from apps.integrations.cap.document import CapProfile
from apps.integrations.cap.following import CapFollower, Hopeless
from apps.integrations.cap.issuer import Issuer
from tests.apps.integrations.escalations import PACKAGED, value

TP = TopicPartition("e", 0)


class Reader:
    """A topic in memory; `ends_now` may be an error."""

    def __init__(self, *batches: list[SimpleNamespace]) -> None:
        self.batches = list(batches)
        self.ends_now: int | Exception = 0
        self.begun_again = 0

    def partitions(self, _: object) -> list[TopicPartition]:
        return [TP]

    def positions(self) -> dict[TopicPartition, int]:
        return {TP: 0}

    def ends(self, _: object, __: float | None = None) -> dict[TopicPartition, int]:
        if isinstance(self.ends_now, Exception):
            raise self.ends_now
        return {TP: self.ends_now}

    def start_at_beginning(self, _: object) -> None:
        self.begun_again += 1

    def follow(self, stopped):
        while self.batches:
            yield self.batches.pop(0)


def record(number: int, offset: int, **changes: object) -> SimpleNamespace:
    return SimpleNamespace(topic="e", partition=0, offset=offset, value=value(number, **changes))


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(following.time, "sleep", made.sleep)
    return made


def follower(reader: Reader, health: Health, put) -> CapFollower:
    return CapFollower(reader, Issuer(CapProfile(), PACKAGED), health, put)  # type: ignore[arg-type]


def test_a_full_directory_is_waited_for_and_the_document_written_then(clock: Clock):
    health, seen, written = Health("cap", "siaga.", clock), [], []

    def put(_, identifier: str, __) -> None:
        if len(seen) < 10:
            seen.append([one.part for one in health.stuck()])
            raise AlertFileError("/alerts: No space left on device")
        written.append(identifier)

    follower(Reader([record(1, 0)]), health, put).run(lambda: False)
    assert len(written) == 1 and seen[0] == [] and seen[-1] == ["directory"] and not health.stuck()


def test_a_directory_that_stays_full_ends_it_with_one_line(clock: Clock):
    def put(*_: object) -> None:
        raise AlertFileError("/alerts: No space left on device")

    with pytest.raises(Hopeless, match=r"directory has made no progress for 9\d\d s: /alerts: No space left") as caught:
        follower(Reader([record(1, 0)]), Health("cap", "siaga.", clock), put).run(lambda: False)
    assert clock.now >= END_AFTER_S and "\n" not in str(caught.value)


def test_a_directory_that_is_gone_is_not_made_again_for_it_may_be_a_mount(tmp_path: Path):
    put = write_to_directory(tmp_path / "alerts")
    (tmp_path / "alerts").rmdir()
    with pytest.raises(AlertFileError, match="No such file") as caught:
        Issuer(CapProfile(), PACKAGED).issue(record(1, 0), put)
    assert not caught.value.is_final and not (tmp_path / "alerts").exists()


def test_a_document_that_differs_ends_it_at_once(tmp_path: Path):
    put = write_to_directory(tmp_path)
    Issuer(CapProfile(), PACKAGED).issue(record(1, 0), put)
    other = Issuer(CapProfile(sender="other.example.org"), PACKAGED)
    with pytest.raises(AlertFileError, match="must not change") as caught:
        other.issue(record(1, 0), put)
    assert caught.value.is_final


def test_kafka_without_an_answer_is_reported_and_in_the_end_ends_it(clock: Clock, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(following.time, "monotonic", clock)
    health, reader = Health("cap", "siaga.", clock), Reader([])
    following_it = follower(reader, health, lambda *_: None)
    reader.ends_now = KafkaTimeoutError()
    following_it._look()
    clock.sleep(11)
    assert [one.part for one in health.stuck()] == ["Kafka"]
    reader.ends_now = 0
    following_it._look()
    assert not health.stuck()
    reader.ends_now = KafkaTimeoutError()
    following_it._look()
    clock.sleep(END_AFTER_S + 1)
    with pytest.raises(Hopeless, match="no answer about the escalations"):
        following_it._look()


@pytest.mark.parametrize("noticed_by", ["records", "ends"])
def test_a_topic_that_was_created_again_is_read_from_its_beginning_in_new_chains(noticed_by: str):
    reader, written = Reader(), []
    run = follower(reader, Health("cap", "siaga."), lambda _, identifier, document: written.append(document))
    run._issue([record(1, 0), record(2, 7, change="amended", previous_level="waspada")])
    if noticed_by == "ends":
        reader.ends_now = 3
        run._look()
    else:
        run._issue([record(3, 2)])
    assert reader.begun_again == 1 and len(written) == 2
    run._issue([record(3, 0, change="amended", previous_level="waspada")])
    assert b"<msgType>Update" in written[1] and b"<msgType>Alert" in written[2], "what is gone is not referenced"
