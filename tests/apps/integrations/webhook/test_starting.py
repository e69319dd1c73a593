"""What a sender checks before and after it joins its group, and when it ends by itself. No broker."""

from types import SimpleNamespace
from typing import Any

import pytest

from agents.health import END_AFTER_S, Health
from apps.integrations.sender_health import SenderHealth
from apps.integrations.webhook import starting
from apps.integrations.webhook.consumer import WebhookConsumer
from apps.integrations.webhook.starting import SenderEnds, SenderNames, client_id_of
from apps.integrations.webhook.target import parse_target

NAMES = SenderNames("e", "n", "g", "outward", "siaga-webhook-bbb")


class Admin:
    """Topics with their partitions, and client ids of the group's members."""

    def __init__(self, topics: dict[str, int], *clients: str) -> None:
        self.topics, self.clients = topics, clients

    async def list_topics(self) -> list[str]:
        return list(self.topics)

    async def describe_topics(self, names: list[str]) -> list[dict[str, Any]]:
        return [{"topic": name, "partitions": [{}] * self.topics[name]} for name in names]

    async def describe_consumer_groups(self, _: list[str]) -> list[Any]:
        members = [("member", client, "/127.0.0.1", b"", b"") for client in self.clients]
        return [SimpleNamespace(groups=[(0, "g", "Stable", "consumer", "range", members)])]

    async def start(self) -> None: ...

    async def close(self) -> None: ...


@pytest.mark.parametrize("topics", [{}, {"e": 3}, {"n": 3}])
async def test_a_topic_that_is_missing_is_waited_for_by_name(topics: dict[str, int]):
    with pytest.raises(LookupError, match="siaga topics creates it"):
        await starting._check_topics(Admin(topics), NAMES)


async def test_a_log_with_fewer_partitions_ends_the_sender():
    with pytest.raises(SenderEnds, match="n has 3 partitions, e 6: make them equal"):
        await starting._check_topics(Admin({"e": 6, "n": 3}), NAMES)
    assert len(await starting._check_topics(Admin({"e": 3, "n": 6}), NAMES)) == 3


async def test_members_of_the_same_url_and_of_the_version_before_are_no_strangers():
    admin = Admin({}, NAMES.client_id, "siaga-webhook", "siaga-webhook-ccc")
    assert await starting.strangers(admin, NAMES) == ["siaga-webhook-ccc"]


async def test_of_two_urls_that_join_at_once_under_one_name_one_goes_on(monkeypatch: pytest.MonkeyPatch):
    admin = Admin({}, "siaga-webhook-bbb", "siaga-webhook-ccc")
    monkeypatch.setattr(starting, "AIOKafkaAdminClient", lambda **_: admin)
    await starting.check_members({}, NAMES)
    other = SenderNames("e", "n", "g", "outward", "siaga-webhook-ccc")
    with pytest.raises(SenderEnds, match="another --name"):
        await starting.check_members({}, other)


def test_a_client_id_differs_by_path_and_shows_nothing_of_the_url():
    one, other = (client_id_of(parse_target(f"https://example.org/{token}", False)) for token in ("aaa", "bbb"))
    assert one != other and "aaa" not in one and "example" not in one


async def test_it_ends_with_one_line_when_kafka_stays_away_and_not_when_the_receiver_does():
    health, clock = SenderHealth("webhook", "siaga."), SimpleNamespace(now=0.0)
    for one in (health, health.receiver):
        one._clock = lambda: clock.now
    health.receiver.blocked("receiver, partition 1", "16.71: status 404", "compare the URL with the receiver's")
    clock.now += 10 * END_AFTER_S
    assert Health.hopeless(health) is None and health.report()["status"] == "waiting"
    health.blocked("Kafka", "no answer about e: TimeoutError", "is the broker up?")
    clock.now += END_AFTER_S
    consumer = WebhookConsumer({}, NAMES, None, 1.0, SimpleNamespace(health=health))  # type: ignore[arg-type]
    with pytest.raises(SenderEnds, match=r"Kafka has made no progress for 900 s: no answer about e"):
        await consumer._end_when_hopeless()
    assert health.report()["status"] == "stuck"
