"""`siaga explain` on a real broker: what was published is said in plain words."""

import pytest
from kafka import KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient

from apps.embedded import EmbeddedBroker
from schemas.ledger import TICK_KEY, encode_frames, partition_of, watermark_frame
from schemas.topics import INPUTS
from tests.apps.cli.siaga import Siaga
from tests.streams.ledgers import EIGHT_MS, HOUR_MS, MINUTE_MS, PALEMBANG, incident, run, tick

LEDGER = partition_of(PALEMBANG, 3)

pytestmark = pytest.mark.usefixtures("topics")


@pytest.fixture
def published(broker: EmbeddedBroker, fresh_prefix: str, topics: None) -> None:
    """A grave incident at 08:00 local time and its confirmation ten minutes later, as the fold writes them."""
    told = run(
        [
            tick(EIGHT_MS - MINUTE_MS),
            (PALEMBANG, [incident("a", EIGHT_MS, "clash", 4, source="polri")]),
            (PALEMBANG, [incident("b", EIGHT_MS + 10 * MINUTE_MS, "clash", 4, source="bawaslu")]),
        ]
    )
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap)
    for value in told.escalations:
        producer.send(fresh_prefix + "escalations", value, key=PALEMBANG.encode(), partition=1)
    for regency, value in told.rows.items():
        producer.send(fresh_prefix + "risk", value, key=regency.encode(), partition=1)
    producer.flush()
    producer.close()


@pytest.mark.usefixtures("published")
def test_it_says_why_in_both_languages(siaga: Siaga):
    done = siaga("explain", "Palembang")
    text = done.out.decode()
    assert (done.status, done.err) == (0, "")
    assert "is at siaga (alert)" in text and "berada di tingkat siaga" in text
    assert "a second source bears it out" in text
    assert "clash, severity 4, reported (i-b)" in text


@pytest.fixture
def folded(broker: EmbeddedBroker, fresh_prefix: str, published: None) -> None:
    """The ledger of that morning, in event time; all intake shards have read on to ten o'clock."""
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap)
    reports = [
        incident("a", EIGHT_MS, "clash", 4, source="polri"),
        incident("b", EIGHT_MS + 10 * MINUTE_MS, "clash", 4, source="bawaslu"),
    ]
    for value in encode_frames(reports):
        producer.send(fresh_prefix + "ledger", value, key=PALEMBANG.encode(), partition=LEDGER)
    for shard in (f"{topic.value}-{number}" for topic in INPUTS for number in range(3)):
        producer.send(
            fresh_prefix + "ledger",
            watermark_frame(EIGHT_MS + 2 * HOUR_MS, shard, False),
            key=TICK_KEY,
            partition=LEDGER,
        )
    producer.flush()
    producer.close()


@pytest.mark.usefixtures("folded")
@pytest.mark.parametrize(
    "local, expected", [("08:05", "waspada (watch)"), ("08:40", "siaga (alert)"), ("09:45", "siaga (alert)")]
)
def test_the_past_is_folded_again_also_when_nothing_happened_then(siaga: Siaga, local: str, expected: str):
    done = siaga("explain", "16.71", "--at", f"2024-11-27T{local}:30+07:00", "--lang", "en", "--clock", "event")
    assert (done.status, done.err) == (0, "")
    first = done.out.decode().splitlines()[0]
    assert f"is at {expected}" in first and first.endswith(f"as of 2024-11-27 {local}:00+0700.")


@pytest.mark.usefixtures("folded")
def test_of_a_time_before_the_first_entry_nothing_is_said(siaga: Siaga):
    done = siaga("explain", "16.71", "--at", "2024-11-27T07:30:00+07:00", "--clock", "event")
    assert done.status == 1 and "nothing has been published about 16.71 until 2024-11-27T07:30:00+07:00" in done.err


@pytest.mark.usefixtures("folded")
@pytest.mark.parametrize(
    "arguments", [("explain", "16.71", "--at", "2024-11-27T08:05:00+07:00"), ("audit",)], ids=["explain", "audit"]
)
def test_the_wrong_clock_is_one_line(siaga: Siaga, arguments: tuple[str, ...]):
    done = siaga(*arguments, "--clock", "wall")
    assert (done.status, len(done.error_lines)) == (2, 1) and "was not written with this clock" in done.err


@pytest.mark.usefixtures("folded")
def test_where_the_ledger_lost_its_beginning_the_last_change_is_told(
    siaga: Siaga, broker: EmbeddedBroker, fresh_prefix: str
):
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    admin.delete_records({TopicPartition(fresh_prefix + "ledger", LEDGER): 1})
    admin.close()
    done = siaga("explain", "16.71", "--at", "2024-11-27T08:05:00+07:00", "--lang", "en", "--clock", "event")
    assert done.status == 0 and "it no longer holds its beginning" in done.err
    assert "raised to waspada (watch)" in done.out.decode() and "siaga" not in done.out.decode()


def test_a_regency_nobody_knows_and_a_time_that_is_none_are_one_line(siaga: Siaga):
    for arguments, said in (
        (("explain", "Atlantis"), "it is not in the roster"),
        (("explain", "16.71", "--at", "yesterday"), "is not RFC 3339"),
    ):
        done = siaga(*arguments)
        assert done.status == 2 and said in done.err and len(done.error_lines) == 1


def test_nothing_published_is_said(siaga: Siaga):
    done = siaga("explain", "16.72")
    assert done.status == 1 and "nothing has been published about 16.72" in done.err
