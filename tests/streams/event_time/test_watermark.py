"""Laws of an intake shard's watermark: when it wakes, publishes its progress, and falls idle."""

from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.vocabulary import MINUTE_MS
from streams.event_time.watermark import (
    DUE_EVENT_MS,
    DUE_WALL_MS,
    END_AFTER_MS,
    TRANSITIONS,
    Mark,
    Published,
    Signal,
    State,
    Watermark,
    diagram,
)

NOON_MS = 1_732_683_600_000
IDLE_AFTER_MS = 3_000
DOCS = Path(__file__).resolve().parents[3] / "docs" / "event-time.md"


class Shard:
    """A watermark with a clock of its own; every signal is committed."""

    def __init__(self, note: str = "") -> None:
        self.now_ms = NOON_MS
        self.watermark = Watermark(self.now_ms, IDLE_AFTER_MS)
        self.watermark.restore(note)

    def after(self, wall_ms: int) -> "Shard":
        self.now_ms += wall_ms
        return self

    def read(self, oldest_min: float, newest_min: float, appended_ago_ms: int = 0) -> Published | None:
        """Records of these minutes after noon, the last appended so long ago."""
        times = (NOON_MS + int(minute * MINUTE_MS) for minute in (oldest_min, newest_min))
        published = self.watermark.read(*times, self.now_ms - appended_ago_ms, self.now_ms)
        self.watermark.committed()
        return published

    def end(self) -> Published | None:
        published = self.watermark.end(self.now_ms)
        self.watermark.committed()
        return published


def at(minute: float, is_idle: bool = False) -> Published:
    return Published(NOON_MS + int(minute * MINUTE_MS), is_idle)


def under_way() -> Shard:
    """A shard that published its progress at noon."""
    shard = Shard()
    shard.read(-1, -1)
    assert shard.after(IDLE_AFTER_MS).read(0, 0) == at(0)
    return shard


def test_every_state_answers_every_signal():
    assert set(TRANSITIONS) == set(product(State, Signal))


def test_a_state_is_entered_with_a_watermark_and_left_with_one():
    assert all(publishes for (state, _), (to, publishes, _) in TRANSITIONS.items() if to is not state)


def test_no_shard_starts_twice():
    assert State.STARTING not in {transition.to for transition in TRANSITIONS.values()}


def test_only_a_shard_that_wakes_publishes_its_oldest_record():
    assert all((publishes is Mark.OLDEST) == (to is State.WAKING and state is not to)
               for (state, _), (to, publishes, _) in TRANSITIONS.items())  # fmt: skip


def test_a_shard_that_wakes_publishes_its_oldest_record_and_then_waits():
    shard = Shard()
    assert shard.read(2, 40) == at(2)
    assert shard.after(IDLE_AFTER_MS - 1).read(50, 50) is None
    assert shard.after(1).read(51, 51) == at(51)


def test_a_batch_of_rejected_records_wakes_a_shard_at_what_it_had_read():
    watermark = Watermark(NOON_MS, IDLE_AFTER_MS)
    assert watermark.read(2**63, 7, NOON_MS, NOON_MS) == Published(7, False)


def test_progress_is_due_after_a_minute_of_event_time():
    shard = under_way()
    almost = (DUE_EVENT_MS - 1) / MINUTE_MS
    assert shard.after(1).read(almost, almost) is None
    assert shard.after(1).read(1, 1) == at(1)


def test_progress_is_due_after_a_quarter_second_of_wall_time():
    shard = under_way()
    assert shard.after(DUE_WALL_MS - 1).read(0.5, 0.5) is None
    assert shard.after(1).read(0.5, 0.5) == at(0.5)


def test_without_progress_no_watermark_is_due():
    assert under_way().after(10 * DUE_WALL_MS).read(0, 0) is None


def test_a_shard_publishes_once_that_it_is_idle_and_again_that_it_is_not():
    shard = under_way()
    assert shard.after(IDLE_AFTER_MS).end() == at(0, is_idle=True)
    assert shard.after(IDLE_AFTER_MS).end() is None
    assert shard.after(1).read(0.3, 0.5) == at(0.3)


def test_a_publisher_that_is_still_writing_is_waited_for():
    shard = under_way()
    shard.after(IDLE_AFTER_MS).read(0.1, 0.1, appended_ago_ms=100)
    assert shard.after(IDLE_AFTER_MS - 101).end() is None
    assert shard.after(1).end() == at(0.1, is_idle=True)


def test_what_was_appended_long_ago_is_the_end_once_the_last_fetch_is_old_enough():
    shard = under_way()
    shard.after(IDLE_AFTER_MS).read(0.1, 0.1, appended_ago_ms=MINUTE_MS)
    assert shard.after(END_AFTER_MS - 1).end() is None
    assert shard.after(1).end() == at(0.1, is_idle=True)


def test_a_shard_that_has_just_woken_waits_for_others_before_it_falls_idle():
    shard = Shard()
    shard.after(10 * IDLE_AFTER_MS).read(0, 0, appended_ago_ms=MINUTE_MS)
    assert shard.after(IDLE_AFTER_MS - 1).end() is None
    assert shard.after(1).end() == at(0, is_idle=True)


def test_a_shard_that_was_opened_just_now_is_not_idle_yet():
    shard = Shard()
    assert shard.after(IDLE_AFTER_MS - 1).end() is None
    assert shard.after(1).end() == Published(0, True)


def test_what_was_published_counts_only_when_it_is_committed():
    watermark = Watermark(NOON_MS, IDLE_AFTER_MS)
    assert watermark.end(NOON_MS + IDLE_AFTER_MS) == Published(0, is_idle=True)
    assert watermark.end(NOON_MS + IDLE_AFTER_MS) == Published(0, is_idle=True)
    watermark.committed()
    assert not watermark.end(NOON_MS + IDLE_AFTER_MS)


def test_a_shard_that_has_read_nothing_notes_no_time():
    assert Watermark(NOON_MS, IDLE_AFTER_MS).note() == "0"


@pytest.mark.parametrize("note", ["", "x", "-5", "12.5 under way"])
def test_a_note_that_cannot_be_read_begins_at_no_time(note):
    assert Shard(note).watermark.newest_ms == 0


def test_a_shard_that_was_under_way_continues_at_once_after_a_restart():
    shard = Shard(under_way().watermark.note())
    assert shard.watermark.state is State.UNDER_WAY
    assert shard.read(0.1, 0.1) == at(0.1)


@pytest.mark.parametrize("state", [State.WAKING, State.IDLE])
def test_a_shard_that_was_not_under_way_wakes_again_after_a_restart(state):
    before = under_way()
    before.after(IDLE_AFTER_MS).end()
    if state is State.WAKING:
        before.read(1, 2)
    assert before.watermark.state is state
    again = Shard(before.watermark.note())
    assert again.watermark.newest_ms == before.watermark.newest_ms, "a restart does not turn the event clock back"
    assert again.read(3, 9) == at(3)


STEPS = st.lists(st.tuples(st.integers(0, 4_000), st.one_of(st.none(), st.integers(0, 5)), st.integers(0, 4_000)))


@given(STEPS)
def test_after_its_first_progress_no_watermark_goes_back_unless_the_shard_wakes(steps):
    shard, newest, last = Shard(), 0, None
    for wall_ms, minutes, ago_ms in steps:
        before = shard.watermark.state
        shard.after(wall_ms)
        if minutes is None:
            published = shard.end()
        else:
            newest += minutes
            published = shard.read(newest - minutes, newest, ago_ms)
        if published and last and (before, shard.watermark.state) != (before, State.WAKING):
            assert published.at_ms >= last.at_ms
        last = published or last


def test_the_diagram_in_the_docs_is_current():
    assert f"```mermaid\n{diagram()}```" in DOCS.read_text(encoding="utf-8"), (
        "put the text of streams.event_time.watermark.diagram() between the fences"
    )
