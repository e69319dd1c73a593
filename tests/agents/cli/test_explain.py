"""`siaga explain` on a real broker: what was published is said in plain words."""

import pytest
from kafka import KafkaProducer

from agents.embedded import EmbeddedBroker
from tests.agents.cli.siaga import Siaga
from tests.streams.ledgers import EIGHT_MS, MINUTE_MS, PALEMBANG, incident, run, tick

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


@pytest.mark.usefixtures("published")
def test_the_past_is_told_by_the_escalations(siaga: Siaga):
    done = siaga("explain", "16.71", "--at", "2024-11-27T08:05:00+07:00", "--lang", "en")
    assert done.status == 0
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
