"""Rounds of a partition's deliveries: order, who overtakes whom, the end after a day. No broker, no network."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from agents.health import STUCK_AFTER_S
from apps.integrations.escalation_records import DeliveryCounts
from apps.integrations.sender_health import SenderHealth
from apps.integrations.webhook import delivery
from apps.integrations.webhook.delivery import PartitionDelivery, Sending
from apps.integrations.webhook.delivery_state import DeliveryState, parse
from apps.integrations.webhook.http_attempt import Answer
from apps.integrations.webhook.notifications import Author
from schemas.notification import AnswerReason, Notification
from tests.agents.deployment import until
from tests.apps.integrations.escalations import PACKAGED, escalation, value

DAY_S = 86_400.0
WITHIN_S = 30


class Scene:
    """A partition with a receiver that answers by `answers(regency, id, posts of it)` and a log in memory."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, overtake_s: float = 60.0, retry_s: float = DAY_S) -> None:
        monkeypatch.setattr(delivery, "OVERTAKE_AFTER_S", overtake_s)
        monkeypatch.setattr(delivery, "backoff_s", lambda failures, asked: self.pause(failures, asked))
        self.pauses: list[tuple[int, float | None]] = []
        self.posts: list[tuple[str, dict[str, str]]] = []
        self.log: list[Notification] = []
        self.answers: Callable[[str, int], AnswerReason] = lambda name, before: AnswerReason.ACCEPTED
        self.is_member = True
        self.health = SenderHealth("webhook", "siaga.")
        self.names: dict[str, str] = {}
        sending = Sending(self, self, Author("t", "https://a"), DeliveryCounts("t"), self.health, PACKAGED, retry_s)  # type: ignore[arg-type]
        self.delivery = PartitionDelivery(sending, 0, DeliveryState(), 0, self.commit)

    def pause(self, failures: int, asked: float | None) -> float:
        self.pauses.append((failures, asked))
        return 0.001

    async def post(self, escalation_id: str, _: bytes, order: dict[str, str]) -> Answer:
        name = self.names[escalation_id]
        before = [posted for posted, _ in self.posts].count(name)
        self.posts.append((name, order))
        await asyncio.sleep(0)
        return Answer(self.answers(name, before), "by the test", 200)

    async def write(self, one: Notification) -> int:
        read = parse(one.line())
        assert read == one, "what is written is read again as it was"
        self.log.append(one)
        return 1000 * len(self.log)

    async def commit(self, below: int) -> bool:
        return self.is_member

    async def offer(self, name: str, offset: int, **changes: Any) -> None:
        """An escalation called `name`, its first letter for a regency."""
        made = escalation(offset) | {"regency": f"16.{ord(name[0]) - 64:02}"} | changes
        self.names[made["escalation_id"]] = name
        record = {"topic": "e", "partition": 0, "offset": offset, "timestamp": 5, "value": value(offset, **changes)}
        record["value"] = value(offset, regency=made["regency"], **changes)
        await self.delivery.offer(SimpleNamespace(**record))

    @property
    def posted(self) -> list[str]:
        return [name for name, _ in self.posts]

    def events(self, event: str) -> list[str]:
        return [self.names.get(one.escalation_id or "", "?") for one in self.log if one.event == event]


@pytest.fixture
async def scene(monkeypatch: pytest.MonkeyPatch):
    made: list[Scene] = []

    def make(**options: float) -> Scene:
        made.append(Scene(monkeypatch, **options))
        return made[-1]

    yield make
    for one in made:
        await one.delivery.stopped(1)


async def test_a_regency_is_in_order_and_waits_for_no_other(scene):
    run = scene()
    run.answers = lambda name, before: AnswerReason.NOT_FOUND if name == "A1" and before < 5 else AnswerReason.ACCEPTED
    for offset, name in enumerate(["A1", "B1", "A2", "B2"]):
        await run.offer(name, offset)
    await until(lambda: len(run.events("delivered")) == 4, WITHIN_S, "all delivered")
    assert run.events("delivered") == ["B1", "B2", "A1", "A2"] and run.posted[-1] == "A2"
    assert run.log[-1].settled_below == 4


async def test_a_later_escalation_overtakes_one_that_stays_refused_and_says_so(scene):
    run = scene(overtake_s=0.0)
    run.answers = lambda name, before: AnswerReason.NOT_FOUND if name == "A1" else AnswerReason.ACCEPTED
    await run.offer("A1", 0)
    await run.offer("A2", 1, level="awas")
    await until(lambda: "A2" in run.events("delivered"), WITHIN_S, "the graver one")
    at = run.posted.index("A2")
    assert run.posted[at - 1] == "A1", "right after the receiver refused the earlier one again"
    first = next(key for key, name in run.names.items() if name == "A1")
    assert run.posts[at][1] == {"siaga-sequence": "1", "siaga-previous": first, "siaga-pending": first}
    assert run.log[-1].settled_below == 0, "a restart reads the first one again"


async def test_within_the_first_minute_order_is_worth_more(scene):
    run = scene(overtake_s=3600.0)
    run.answers = lambda name, before: AnswerReason.SERVER_ERROR if name == "A1" else AnswerReason.ACCEPTED
    await run.offer("A1", 0)
    await run.offer("A2", 1)
    await until(lambda: run.posted.count("A1") > 20, WITHIN_S, "many attempts")
    assert "A2" not in run.posted


async def test_a_receiver_that_is_not_there_is_tried_once_a_round(scene):
    run = scene(overtake_s=0.0)
    run.answers = lambda name, before: AnswerReason.UNREACHABLE
    for offset, name in enumerate(["A1", "A2", "A3"]):
        await run.offer(name, offset)
    await until(lambda: len(run.posted) > 10, WITHIN_S, "some rounds")
    assert set(run.posted) == {"A1"}


async def test_what_is_refused_for_the_whole_time_is_listed_and_the_rest_goes_on(scene):
    run = scene(retry_s=0.05)
    run.answers = lambda name, before: AnswerReason.NOT_FOUND if name == "A1" else AnswerReason.ACCEPTED
    await run.offer("A1", 0)
    await run.offer("A2", 1)
    await until(lambda: "A2" in run.events("delivered"), WITHIN_S, "the one after it")
    assert run.events("refused") == ["A1"] and run.posted.count("A1") >= 2
    refused = next(one for one in run.log if one.event == "refused")
    assert refused.attempts == run.posted.count("A1") and refused.answer and refused.answer.reason == "not_found"
    last = next(order for name, order in run.posts if name == "A2")
    assert "siaga-pending" not in last and last["siaga-previous"] == refused.escalation_id


async def test_the_log_has_the_first_attempt_changes_and_the_end_and_not_each_attempt(scene):
    run = scene()
    kinds = [AnswerReason.NOT_FOUND] * 40 + [AnswerReason.SERVER_ERROR] * 40 + [AnswerReason.ACCEPTED]
    run.answers = lambda name, before: kinds[before]
    await run.offer("A1", 0)
    await until(lambda: run.events("delivered"), WITHIN_S, "delivered")
    assert [(one.event, one.attempts) for one in run.log] == [("failed", 1), ("failed", 41), ("delivered", 81)]


async def test_a_receiver_that_alternates_fills_no_log(scene):
    run = scene()
    kinds = [AnswerReason.NOT_FOUND, AnswerReason.SERVER_ERROR]
    run.answers = lambda name, before: kinds[before % 2] if before < 300 else AnswerReason.ACCEPTED
    await run.offer("A1", 0)
    await until(lambda: run.events("delivered"), WITHIN_S, "delivered")
    assert len(run.log) <= 22


async def test_the_pause_grows_and_begins_anew_after_a_delivery(scene):
    run = scene()
    run.answers = lambda name, before: AnswerReason.SERVER_ERROR if before < 3 else AnswerReason.ACCEPTED
    await run.offer("A1", 0)
    await run.offer("A2", 1)
    await until(lambda: len(run.events("delivered")) == 2, WITHIN_S, "both")
    assert [failures for failures, _ in run.pauses] == [1, 2, 3, 1, 2, 3]


async def test_an_escalation_of_a_later_version_waits_and_holds_up_no_other_regency(scene):
    run = scene()
    await run.offer("A1", 0, schema="siaga.escalation/3")
    await run.offer("B1", 1)
    await until(lambda: run.events("delivered") == ["B1"], WITHIN_S, "the other one")
    assert run.posted == ["B1"] and run.log[-1].settled_below == 0
    failed = next(one for one in run.log if one.event == "failed")
    assert failed.answer and failed.answer.reason == "unsupported_version" and failed.regency == "16.01"


async def test_a_record_that_is_no_escalation_is_listed_and_skipped(scene):
    run = scene()
    await run.delivery.offer(SimpleNamespace(topic="e", partition=0, offset=0, timestamp=5, value=b"\xff"))
    await run.offer("A1", 1)
    await until(lambda: run.events("delivered") == ["A1"], WITHIN_S, "the next one")
    assert [one.event for one in run.log] == ["unreadable", "delivered"] and run.log[-1].settled_below == 2


async def test_an_instance_without_its_partition_begins_nothing_more(scene):
    run = scene()
    run.is_member = False
    await run.offer("A1", 0)
    await run.offer("A2", 1)
    await until(lambda: run.events("delivered") == ["A1"], WITHIN_S, "the post in progress")
    await run.delivery.stopped(1)
    assert run.posted == ["A1"] and not run.delivery.has_room


async def test_the_receivers_trouble_is_reported_and_does_not_count_as_the_senders(scene):
    run = scene()
    run.answers = lambda name, before: AnswerReason.UNAUTHORIZED
    await run.offer("A1", 0)
    await until(lambda: run.health.receiver.stuck(0.0), WITHIN_S, "reported")
    run.health.receiver._clock = lambda: 1e12  # long after
    (waiting,) = run.health.report()["waiting"]  # type: ignore[misc]
    assert run.health.report()["status"] == "waiting" and not run.health.stuck() and not run.health.hopeless()
    assert waiting["since_s"] > STUCK_AFTER_S and "secret" in waiting["advice"] and "16.01" in waiting["reason"]
    run.answers = lambda name, before: AnswerReason.ACCEPTED
    await until(lambda: run.events("delivered"), WITHIN_S, "it takes it now")
    await until(lambda: run.health.report()["status"] == "ok", WITHIN_S, "reported as over")
