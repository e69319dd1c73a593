"""The list of what stays refused, and what people may ask for. No broker."""

from types import SimpleNamespace

import pytest

from apps.cli.main import main
from apps.integrations.webhook.refused_list import NotListed, States, asked, listed, states_of
from schemas.notification import Event, Notification
from tests.apps.integrations.webhook.test_delivery_state import IDS, note


def logged(*notes: Notification, partition: int = 0) -> list[SimpleNamespace]:
    return [
        SimpleNamespace(value=one.line(), partition=partition, timestamp=1_732_670_000_000 + 1000 * number)
        for number, one in enumerate(notes)
    ]


@pytest.fixture
def states() -> States:
    """Of the sender t: 3 refused, 5 tried, 6 delivered, in partition 0; 3 no escalation in partition 1."""
    mine = [
        note("started", 3, 3, named=False), note("failed", 3, 3, attempts=1), note("failed", 5, 3, attempts=4),
        note("refused", 3, 4, attempts=900, answer={"status": 404, "reason": "not_found", "duration_ms": 9}),
        note("delivered", 6, 4),
    ]  # fmt: skip
    where = {"partition": 1, "offset": 3}
    other = [note(event, 3, 3, named=False, position=where) for event in ("started", "unreadable")]
    garbage = [SimpleNamespace(value=b"{}", partition=0, timestamp=1)]
    return states_of([*logged(*mine), *garbage, *logged(*other, partition=1)])


def test_the_list_says_what_to_whom_since_when_and_why(states: States):
    first, second = [one.line() for one in listed(states, None, also_tried=False)]
    second, first = (first, second) if first["escalation_id"] is None else (second, first)
    assert first == {
        "target": "t", "receiver": "https://a", "state": "refused", "escalation_id": IDS[3], "position": "0/3",
        "regency": "16.71", "level": None, "change": None, "first": "2024-11-27T01:13:21Z",
        "last": "2024-11-27T01:13:23Z", "attempts": 900, "status": 404, "reason": "not_found",
    }  # fmt: skip
    assert second["position"] == "1/3" and list(listed(states, "another", also_tried=True)) == []


def test_what_is_still_tried_is_listed_on_demand(states: States):
    assert [one.last.escalation_id for one in listed(states, "t", also_tried=True) if not one.is_refused] == [IDS[5]]


def positions(found: list[Notification]) -> list[tuple[int, int]]:
    return sorted((one.position.partition, one.position.offset) for one in found)


def test_all_is_what_stays_refused_and_an_id_or_position_may_be_anything_the_sender_knows(states: States):
    assert positions(asked(states, "t", (), True, Event.RESEND)) == [(0, 3), (1, 3)]
    assert positions(asked(states, "t", ("1/3", IDS[6], "0/77"), False, Event.RESEND)) == [(0, 6), (0, 77), (1, 3)]
    (again,) = asked(states, "t", (IDS[3],), False, Event.RESEND)
    assert (again.event, again.receiver, again.settled_below) == ("resend", "https://a", 0)
    (dropped,) = asked(states, "t", (IDS[3],), False, Event.DROPPED)
    assert dropped.escalation_id == IDS[3] and dropped.event == "dropped"


@pytest.mark.parametrize(
    ("name", "which", "event", "said"),
    [
        ("other", "x", Event.RESEND, "no sender named other in the log of notifications; there are: t"),
        ("t", "f" * 32, Event.RESEND, "not in the list of t"),
        ("t", "9/3", Event.RESEND, "not in the list of t"),
        ("t", IDS[6], Event.DROPPED, "not in the list of t"),
    ],
)
def test_what_nobody_knows_is_one_line(states: States, name: str, which: str, event: Event, said: str):
    with pytest.raises(NotListed) as caught:
        asked(states, name, (which,), False, event)
    assert said in str(caught.value)


@pytest.mark.parametrize("arguments", [(), ("--all", "0/3")])
def test_ids_or_all_and_not_both(arguments: tuple[str, ...]):
    with pytest.raises(SystemExit) as caught:
        main(["webhook", "resend", "--name", "t", *arguments])
    assert caught.value.code == 2
