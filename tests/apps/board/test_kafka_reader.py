"""What ends a reading never ends the board: each error has a cause that is said, and the next reading begins."""

import asyncio
import logging
import ssl

import pytest
from aiokafka.errors import KafkaConnectionError, SaslAuthenticationFailed, TopicAuthorizationFailedError
from hypothesis import example, given
from hypothesis import strategies as st

from agents.batching.retry import Backoff
from agents.health import END_AFTER_S, Health
from agents.settings import Settings
from apps.board import server
from apps.board.board_state import BoardState
from apps.board.broker_clock import TOLERATED_MS, BrokerClock
from apps.board.kafka_reader import PART, KafkaReader
from apps.board.server import Board, BoardEnded
from apps.board.trouble import LINES, TopicsMissing, Trouble
from schemas.roster import Roster
from tests.apps.board.running_board import until

ERRORS = [
    (asyncio.CancelledError(), Trouble.BROKER),  # aiokafka's own, of a request whose connection is lost
    (KafkaConnectionError("host:9092"), Trouble.BROKER),
    (ConnectionResetError(), Trouble.BROKER),
    (TimeoutError(), Trouble.BROKER),
    (TopicsMissing("siaga.risk"), Trouble.TOPICS),
    (SaslAuthenticationFailed("password"), Trouble.REFUSED),
    (TopicAuthorizationFailedError(), Trouble.REFUSED),
    (ssl.SSLError(), Trouble.REFUSED),
    (ValueError("a defect"), Trouble.FAULT),
    (KeyError("a defect"), Trouble.FAULT),
]


def made_reader(health: Health | None = None) -> KafkaReader:
    settings = Settings.load({}, broker="127.0.0.1:1")
    made = KafkaReader(settings, BoardState(), lambda: None, health)
    made._backoff = Backoff(0.0, 0.0)
    return made


async def test_after_any_error_the_reader_says_the_cause_and_reads_again(monkeypatch, caplog):
    now = [0.0]
    health = Health("board", "siaga.", clock=lambda: now[0])
    reader, seen, left = made_reader(health), [], [error for error, _ in ERRORS]

    async def read() -> None:
        if reader.progress.trouble is not Trouble.NONE:
            seen.append(reader.progress.trouble)
        if not left:
            await asyncio.Event().wait()
        raise left.pop(0)

    monkeypatch.setattr(reader, "_read", read)
    reader.progress.trouble = Trouble.NONE
    task = asyncio.create_task(reader.run())
    await until(lambda: len(seen) == len(ERRORS), "every error was taken")
    assert seen == [trouble for _, trouble in ERRORS]
    now[0] = 20.0
    (stuck,) = health.stuck()
    assert (stuck.part, stuck.since_s, stuck.reason) == (PART, 20.0, LINES[Trouble.FAULT][0])
    warned = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warned) == 4, "one line for each new cause, none for its repetition"
    assert not any("password" in line or "defect" in line for line in warned)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_every_cause_has_a_reason_and_advice():
    assert LINES.keys() == set(Trouble) - {Trouble.NONE}


async def test_a_board_that_cannot_read_for_long_ends_with_one_line(monkeypatch):
    monkeypatch.setattr(server, "HEALTH_EVERY_S", 0.01)
    now = [0.0]
    board = Board(Settings.load({}, broker="127.0.0.1:1", board_port=0), Roster.default())
    board.health = board.reader._health = Health("board", "siaga.", clock=lambda: now[0])
    async with board.serving():
        await until(lambda: board.health.stuck(0), "it cannot read")
        now[0] = END_AFTER_S - 1
        ending = asyncio.create_task(board.until(asyncio.Event()))
        await asyncio.sleep(0.1)
        assert not ending.done()
        now[0] = END_AFTER_S + 1
        with pytest.raises(BoardEnded, match="^reading Kafka has made no progress for .*Kafka does not answer; start"):
            await ending


async def test_a_part_that_ends_ends_the_board_with_one_line():
    board = Board(Settings.load({}, broker="127.0.0.1:1", board_port=0), Roster.default())

    async def fail() -> None:
        raise RuntimeError("a defect")

    board.broadcaster.run = fail
    async with board.serving():
        with pytest.raises(BoardEnded, match="the board's broadcaster ended .RuntimeError: a defect.*start the board"):
            await board.until(asyncio.Event())


@example(3_001, [1])
@given(st.integers(-7_200_000, 7_200_000), st.lists(st.integers(0, 900), min_size=1, max_size=20))
def test_ages_are_counted_by_the_boards_clock_whatever_the_brokers_says(ahead_ms, delays_ms):
    clock, now_ms = BrokerClock(), 1_700_000_000_000
    for delay_ms in delays_ms:
        now_ms += 15_000
        clock.compare(now_ms - delay_ms + ahead_ms, now_ms)
    written_ms = clock.written_ms(now_ms - 60_000 + ahead_ms, now_ms)
    # A difference is seen but for the least delay of a row, and left where it looks smaller than the tolerance.
    assert abs(now_ms - 60_000 - written_ms) <= TOLERATED_MS + min(delays_ms)
    assert clock.written_ms(now_ms + ahead_ms + 90_000, now_ms) == now_ms, "no row is of the future"
