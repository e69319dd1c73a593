"""Laws of the event clock: what a worker may tell everyone about time."""

from agents.clock import EVENT_TICK_MS, EventClock

NOON = 1_732_683_600_000


def test_the_first_event_is_told_at_once():
    assert EventClock().due_ms(NOON) == NOON


def test_nothing_is_told_again_within_a_minute_of_event_time():
    clock = EventClock()
    clock.told(NOON)
    assert clock.due_ms(NOON + EVENT_TICK_MS - 1) is None
    assert clock.due_ms(NOON + EVENT_TICK_MS) == NOON + EVENT_TICK_MS


def test_time_is_not_told_while_a_shard_has_older_records_waiting():
    clock = EventClock()
    clock.progress("incidents-0", caught_up=True)
    clock.progress("turnout-3", caught_up=False)
    assert clock.due_ms(NOON) is None
    clock.progress("turnout-3", caught_up=True)
    assert clock.due_ms(NOON) == NOON


def test_the_newest_time_of_any_shard_is_told():
    clock = EventClock()
    clock.seen(NOON)
    assert clock.due_ms(NOON - 5_000) == NOON


def test_a_tick_counts_as_told_only_when_it_is_committed():
    clock = EventClock()
    assert clock.due_ms(NOON) == NOON
    assert clock.due_ms(NOON) == NOON
