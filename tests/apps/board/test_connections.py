"""Laws of the board's connections: who is counted with whom, what is refused, and who is cut off."""

import asyncio
import errno
import socket
import time
from collections.abc import Iterator

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from agents import metrics
from apps.board.connections import IDLE_LEAST_S, Connection, ConnectionLimits, Connections
from apps.board.file_descriptors import CONNECTIONS_MAX, RESERVED, VIEWERS_MAX, Capacity
from apps.board.listener import Listener
from apps.board.refusals import LOG_EVERY_S, Refusal, Refusals
from tests.apps.board.running_board import until


def counted(reason: Refusal) -> float:
    return metrics.BOARD_REFUSED.labels(reason.value)._value.get()


class Transport(asyncio.Transport):
    """What waits for the client, as the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting, self.aborted, self.reads = 0, False, True

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True


class Handler(asyncio.Protocol):
    """In place of aiohttp's protocol."""

    def __init__(self) -> None:
        self.received = b""

    def data_received(self, data: bytes) -> None:
        self.received += data


def connections(total: int = 10, per_address: int = 4) -> Connections:
    return Connections(ConnectionLimits(total, per_address), Refusals())


@pytest.mark.parametrize(("asked", "limits"), [(0, (268, 268)), (128, (268, 128)), (1000, (268, 134)), (1, (268, 1))])
def test_one_address_has_half_at_most_unless_it_has_no_limit(asked: int, limits: tuple[int, int]):
    assert ConnectionLimits.within(268, asked) == limits


def test_an_address_that_has_its_share_is_refused_and_the_others_are_not():
    some = connections()
    made = [some.open("192.0.2.1", Handler()) for _ in range(4)]
    assert some.refusal("192.0.2.1") is Refusal.ADDRESS and some.refusal("192.0.2.2") is None
    made[0].connection_lost(None)
    made[0].close()  # counted once
    assert some.refusal("192.0.2.1") is None and len(some) == 3


def filled(monkeypatch: pytest.MonkeyPatch) -> tuple[Connections, list[Transport], list[float]]:
    """Three connections of three, opened a second apart, their transports, and the clock."""
    now, some, transports = [1000.0], connections(total=3), [Transport() for _ in range(3)]
    monkeypatch.setattr("apps.board.connections.time.monotonic", lambda: now[0])
    for number, transport in enumerate(transports):
        some.open(f"192.0.2.{number}", Handler()).connection_made(transport)
        now[0] += 1
    return some, transports, now


def test_when_all_are_taken_and_none_is_idle_everybody_is_refused(monkeypatch):
    some, transports, now = filled(monkeypatch)
    now[0] -= IDLE_LEAST_S
    assert some.refusal("192.0.2.9") is Refusal.FULL and not any(one.aborted for one in transports)


def test_when_all_are_taken_the_longest_idle_ends_for_a_new_one(monkeypatch):
    some, transports, now = filled(monkeypatch)
    transports[0].waiting = 5000  # an answer is on its way
    now[0] += IDLE_LEAST_S
    assert some.refusal("192.0.2.9") is None
    assert [one.aborted for one in transports] == [False, True, False] and len(some) == 2


async def test_a_connection_with_a_request_in_progress_is_not_idle(monkeypatch):
    some, transports, now = filled(monkeypatch)
    now[0] += IDLE_LEAST_S
    asked, done = asyncio.Event(), asyncio.Event()

    async def handler(_request: web.Request) -> web.Response:
        asked.set()
        await done.wait()
        return web.Response()

    first = next(iter(some._idle))
    monkeypatch.setattr(Connection, "of", lambda _request: first)
    task = asyncio.create_task(some.middleware()(make_mocked_request("GET", "/"), handler))
    await asked.wait()
    assert some.refusal("192.0.2.9") is None and [one.aborted for one in transports] == [False, True, False]
    done.set()
    await task
    assert len(some._idle) == 2, "it is idle again, and young"


def test_addresses_of_one_ipv6_network_are_one_and_mapped_ones_are_ipv4():
    some = connections(per_address=1)
    some.open("2001:db8:0:1::1", Handler())
    some.open("::ffff:192.0.2.1", Handler())
    assert some.refusal("2001:db8:0:1:ffff::2") is Refusal.ADDRESS and some.refusal("192.0.2.1") is Refusal.ADDRESS
    assert some.refusal("2001:db8:0:2::1") is None and some.refusal("fe80::1%eth0") is None


def test_a_client_that_reads_nothing_is_timed_and_one_that_reads_a_little_is_not():
    connection, transport = connections().open("192.0.2.1", Handler()), Transport()
    connection.connection_made(transport)
    now_s = time.monotonic()
    for waiting, seconds, unread in [(0, 5, 0), (900, 1, 1), (950, 20, 21), (949, 5, 0), (949, 7, 7), (0, 60, 0)]:
        now_s, transport.waiting = now_s + seconds, waiting
        assert round(connection.unread_s(now_s)) == unread


async def test_who_reads_nothing_is_cut_off_by_the_sweep():
    some = Connections(ConnectionLimits(10, 10), Refusals(), unread_s=0.01)
    reading, deaf = Transport(), Transport()
    for transport in (reading, deaf):
        some.open("192.0.2.1", Handler()).connection_made(transport)
    deaf.waiting, before = 1000, counted(Refusal.UNREAD)
    task = asyncio.create_task(some.sweep())
    await until(lambda: deaf.aborted, "it is cut off")
    task.cancel()
    assert not reading.aborted and counted(Refusal.UNREAD) > before


def test_a_client_that_does_not_read_is_not_read():
    connection, transport = connections().open("192.0.2.1", Handler()), Transport()
    connection.connection_made(transport)
    connection.pause_writing()
    assert not transport.reads
    connection.resume_writing()
    assert transport.reads


def test_what_comes_behind_an_endless_answer_ends_the_connection():
    handler, transport = Handler(), Transport()
    connection = Connection(handler, lambda: None, Refusals())
    connection.connection_made(transport)
    connection.data_received(b"first")
    connection.expect_nothing_more()
    connection.data_received(b"second")
    assert handler.received == b"first" and transport.aborted


@pytest.mark.parametrize("descriptors", [16, 64, 100, 300, 1024, 8192, 1_000_000])
def test_connections_leave_descriptors_and_viewers_leave_connections(descriptors: int):
    fit = Capacity.of(descriptors)
    assert 0 < fit.viewers < fit.connections < descriptors
    assert fit.viewers <= VIEWERS_MAX and fit.connections <= CONNECTIONS_MAX
    assert descriptors - fit.connections >= min(RESERVED, descriptors // 2)


class FailingSockets:
    """`sock_accept` fails so many times, then there is nobody to accept."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int, times: int) -> None:
        self.number, self.times, self.calls = number, times, 0
        monkeypatch.setattr(asyncio.get_running_loop(), "sock_accept", self.accept, raising=False)

    async def accept(self, _listening: socket.socket) -> tuple[socket.socket, tuple[str, int]]:
        self.calls += 1
        if self.calls <= self.times:
            raise OSError(self.number, "no")
        await asyncio.Event().wait()
        raise AssertionError


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ECONNABORTED, errno.EPERM])
async def test_no_error_of_accept_ends_the_loop_and_each_is_followed_by_a_pause(monkeypatch, listening, number):
    failing, before = FailingSockets(monkeypatch, number, times=3), counted(Refusal.DESCRIPTORS)
    pauses = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await real(0)

    monkeypatch.setattr("apps.board.listener.asyncio.sleep", sleep)
    task = asyncio.create_task(Listener(listening, Handler, connections(), Refusals()).run())
    while failing.calls < 4:
        await real(0.01)
    assert not task.done() and [pause >= 0.1 for pause in pauses[:3]] == [True] * 3
    assert counted(Refusal.DESCRIPTORS) - before == (3 if number in (errno.EMFILE, errno.ENFILE, errno.ENOMEM) else 0)
    task.cancel()


def test_a_flood_of_refusals_is_one_line_a_minute(monkeypatch, caplog):
    now = [1000.0]
    monkeypatch.setattr("apps.board.refusals.time.monotonic", lambda: now[0])
    refusals = Refusals()
    for _ in range(50):
        refusals.add(Refusal.ADDRESS, "too many")
        refusals.add(Refusal.HOST, "another host")
    now[0] += LOG_EVERY_S
    refusals.add(Refusal.ADDRESS, "too many")
    assert [record.getMessage() for record in caplog.records] == [
        "too many (times: 1)", "another host (times: 1)", "too many (times: 50)",
    ]  # fmt: skip
