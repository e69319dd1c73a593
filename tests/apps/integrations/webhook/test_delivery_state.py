"""The state of a sender out of its log: what is settled, tried and refused, and where reading goes on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.integrations.webhook.delivery_state import EFFECTS, DeliveryState, NewerLog, Settlement, folded, parse
from apps.integrations.webhook.resuming import Offsets, resume
from schemas.notification import Event, Notification

IDS = {offset: f"{offset:032x}" for offset in range(60)}


def note(event: str, offset: int, below: int = 0, named: bool = True, **more: object) -> Notification:
    made = {
        "schema": "siaga.notification/1", "target": "t", "receiver": "https://a", "event": event,
        "at": "2024-11-27T01:14:00Z", "position": {"partition": 0, "offset": offset}, "settled_below": below,
    }  # fmt: skip
    made |= {"escalation_id": IDS[offset], "regency": "16.71"} if named else {}
    return Notification.model_validate(made | more)


def state(*notes: Notification) -> DeliveryState:
    """After these records, one a second."""
    return folded((one, 1000 * number) for number, one in enumerate(notes, 1))


def test_the_table_says_what_every_event_does():
    assert EFFECTS.keys() == set(Event)


def test_attempts_count_from_the_first_record_across_processes():
    found = state(
        note("started", 5, 5, named=False),
        note("failed", 7, 7, attempts=1),
        note("started", 7, 7, named=False),
        note("failed", 7, 7, attempts=40),
    )
    (tried,) = found.tried.values()
    assert (tried.first_ms, tried.attempts, found.last_ms) == (2000, 40, 4000)


def test_refused_stays_listed_until_it_is_delivered_or_dropped():
    refused = [note("failed", 3, 3), note("refused", 3, 4)]
    assert [one.last.event for one in state(*refused).refused.values()] == ["refused"]
    assert state(*refused).refused[3, IDS[3]].first_ms == 1000
    again = state(*refused, note("resend", 3))
    assert not again.refused and again.tried[3, IDS[3]].first_ms is None and again.settled_below == 4
    assert state(*refused, note("resend", 3), note("failed", 3, 4)).tried[3, IDS[3]].first_ms == 4000
    assert state(*refused, note("resend", 3), note("refused", 3, 4)).refused
    for end in ("delivered", "dropped", "expired"):
        found = state(*refused, note("resend", 3), note(end, 3, 4))
        assert not found.refused and not found.tried


def test_what_is_asked_for_by_its_position_alone_ends_with_its_id():
    found = state(note("started", 9, 9, named=False), note("resend", 3, named=False), note("delivered", 3, 9))
    assert not found.tried


def test_a_late_record_of_an_instance_that_was_cut_off_opens_nothing():
    assert not state(note("delivered", 3, 4), note("failed", 3, 3)).tried
    assert not state(note("delivered", 4, 3), note("failed", 4, 3)).tried


def test_of_two_senders_that_start_at_once_the_first_start_counts():
    assert state(note("started", 5, 5, named=False), note("started", 8, 8, named=False)).settled_below == 5


def test_a_topic_that_was_created_again_forgets_positions_and_keeps_the_list():
    found = state(note("refused", 7, 8), note("failed", 9, 8), note("recreated", 0, 0, named=False))
    assert found.settled_below == 0 and not found.settled and not found.tried and found.refused
    later = state(
        note("refused", 7, 8), note("recreated", 0, 0, named=False), note("delivered", 7, 8, escalation_id="f" * 32)
    )
    assert [key for key, _ in later.refused] == [7], "another escalation at the same offset settles nothing of it"


def test_each_escalation_knows_the_one_before_it_of_its_regency():
    found = state(note("delivered", 3, 4), note("delivered", 5, 6, regency="16.01"), note("failed", 8, 6))
    assert found.previous("16.71", 9) == IDS[8] and found.previous("16.71", 8) == IDS[3]
    assert found.previous("16.71", 3) is None and found.previous("16.02", 9) is None


@pytest.mark.parametrize("value", [None, b"", b"{}", b"[]", b"\xff", b'{"schema": 1}', b'{"schema": "other/1"}'])
def test_a_record_that_no_sender_wrote_is_ignored(value: bytes | None):
    assert parse(value) is None


def test_a_log_of_a_later_format_ends_the_sender_with_both_numbers():
    newer = note("delivered", 3).model_dump_json(by_alias=True).replace("notification/1", "notification/2")
    with pytest.raises(NewerLog, match=r"siaga\.notification/2, this version reads siaga\.notification/1: upgrade"):
        parse(newer.encode())
    more = note("delivered", 3).model_dump_json(by_alias=True).replace("{", '{"later": 1,', 1)
    assert parse(more.encode()) == note("delivered", 3), "a field that a later version adds changes nothing"


@given(st.permutations(range(10, 30)), st.integers(1, 20))
def test_no_crash_skips_what_is_not_settled(order: list[int], settled: int):
    """In whatever order escalations end: reading on at `below`, and skipping what ended, sends all the others."""
    settlement = Settlement(10)
    for offset in range(10, 30):
        settlement.read(offset)
    notes = [note("started", 10, 10, named=False)]
    for offset in order[:settled]:
        settlement.settle(offset)
        notes.append(note("delivered", offset, settlement.below))
    found = state(*notes)
    assert found.settled_below is not None
    again = {offset for offset in range(found.settled_below, 30) if (offset, IDS[offset]) not in found.settled}
    assert again == set(order[settled:])


BELOW = state(note("started", 5, 5, named=False), note("delivered", 20, 21))


@pytest.mark.parametrize(
    ("found", "offsets", "anchor_id", "offset", "event", "word"),
    [
        (DeliveryState(), Offsets(0, 9, 9), None, 9, "started", None),
        (DeliveryState(), Offsets(3, 9, 5), None, 5, "started", None),
        (DeliveryState(), Offsets(6, 9, 5), None, 6, "started", "1 escalations expired"),
        (DeliveryState(), Offsets(0, 9, None), None, 0, "started", None),
        (DeliveryState(), Offsets(0, 3, 5), None, 0, "started", "created again"),
        (BELOW, Offsets(0, 30, 7), IDS[20], 21, "started", None),
        (BELOW, Offsets(25, 30, None), None, 25, "started", "up to 4 escalations expired"),
        (BELOW, Offsets(0, 30, 21), IDS[1], 0, "recreated", "created again"),
        (BELOW, Offsets(0, 4, 21), None, 0, "recreated", "created again"),
        (state(note("delivered", 3, 4), note("delivered", 20, 21)), Offsets(0, 9, 21), IDS[3], 9, "recreated", "lost"),
        (state(note("delivered", 3, 4), note("failed", 6, 6), note("delivered", 20, 6)), Offsets(0, 5, 21), IDS[3], 5,
         "recreated", "lost"),
    ],
    ids=["group", "group-behind", "group-expired", "new-partition", "group-beyond", "log", "log-expired", "other-id",
         "shorter", "cut", "cut-below-tried"],
)  # fmt: skip
def test_where_reading_goes_on(found, offsets, anchor_id, offset, event, word):
    decided = resume(found, offsets, anchor_id)
    assert (decided.offset, decided.event) == (offset, event)
    assert (decided.line is None) == (word is None) and (word or "") in (decided.line or "")
