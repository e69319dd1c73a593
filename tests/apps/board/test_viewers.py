"""/events on the wire: resume without loss, a snapshot for a viewer too far behind, bounded memory for a slow one.

Without Kafka: the state is written directly. tests/apps/board/test_server.py runs the board on Kafka."""

import asyncio
import contextlib
import re
import resource
import socket
from typing import Self

import aiohttp
import orjson
import pytest
from aiohttp import web

from apps.board.board_state import BoardState
from apps.board.broadcaster import Broadcaster
from apps.board.event_buffer import EventBuffer
from apps.board.viewers import WRITE_MAX_BYTES, ViewerConnections
from benchmarks.viewing import chunks, connect
from schemas.roster import Roster
from tests.apps.board.event_stream import Stream
from tests.apps.board.records import put_escalation, put_row
from tests.apps.board.running_board import until


class EventServer:
    """A state, its event buffer and /events on a port of its own."""

    def __init__(self, buffer: EventBuffer | None = None, heartbeat_s: float = 60) -> None:
        self.state, self.buffer = BoardState(), buffer or EventBuffer()
        self.broadcaster = Broadcaster(Roster.default(), self.state, self.buffer, {"clock": "wall"})
        self.viewers = ViewerConnections(self.buffer, self.broadcaster, heartbeat_s)

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/events", self.viewers.events, allow_head=False)
        self.runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        self.port = self.runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self.port}/"
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.viewers.close()
        await self.runner.cleanup()

    def row(self, score: int, **fields) -> None:
        put_row(self.state, score=score, **fields)
        self.broadcaster.send_changes()


def scores(event) -> list[int]:
    return [row["score"] for row in event.data["rows"]]


async def test_a_new_viewer_gets_a_snapshot_and_then_every_update():
    async with EventServer() as server:
        server.row(1)
        async with Stream(server.url) as stream:
            first = await stream.next()
            assert (first.name, scores(first)) == ("snapshot", [1])
            server.row(2)
            server.row(3)
            assert [scores(await stream.next()) for _ in range(2)] == [[2], [3]]


async def test_a_broken_connection_resumes_without_loss_or_repeat():
    async with EventServer() as server:
        server.row(1)
        async with Stream(server.url) as stream:
            await stream.next()
            server.row(2)
            seen = (await stream.next()).id
        server.row(3)
        put_escalation(server.state, escalation_id="while-away")
        server.broadcaster.send_changes()
        server.row(4)
        async with Stream(server.url, last_id=seen) as stream:
            events = [await stream.next() for _ in range(3)]
        assert {event.name for event in events} == {"update"}
        assert [scores(event) for event in events] == [[3], [], [4]]
        assert [item["escalation_id"] for item in events[1].data["escalations"]] == ["while-away"]


@pytest.mark.parametrize("last_id", ["ffffffff-1", "nonsense", "-", "1"])
async def test_an_unknown_event_id_gets_a_snapshot(last_id):
    async with EventServer() as server:
        server.row(1)
        async with Stream(server.url, last_id=last_id) as stream:
            assert (await stream.next()).name == "snapshot"


async def test_a_viewer_away_for_too_long_gets_a_complete_snapshot():
    async with EventServer(EventBuffer(events_max=3)) as server:
        server.row(1)
        async with Stream(server.url) as stream:
            seen = (await stream.next()).id
        put_escalation(server.state, escalation_id="missed")
        for score in range(2, 12):
            server.row(score)
        async with Stream(server.url, last_id=seen) as stream:
            event = await stream.next()
            assert (event.name, scores(event)) == ("snapshot", [11])
            assert [item["escalation_id"] for item in event.data["escalations"]] == ["missed"]
            server.row(12)
            assert scores(await stream.next()) == [12]


async def test_an_idle_connection_gets_heartbeats():
    async with EventServer(heartbeat_s=0.05) as server, Stream(server.url) as stream:
        assert (await stream.next()).name == "snapshot"
        beat = await stream.next()
        assert (beat.name, beat.id) == ("beat", None)
        assert beat.data["now_ms"] > 0


async def test_viewers_share_one_encoding():
    async with EventServer() as server, contextlib.AsyncExitStack() as stack:
        server.row(1)
        streams = [await stack.enter_async_context(Stream(server.url)) for _ in range(20)]
        ids = {(await stream.next()).id for stream in streams}
        assert len(ids) == 1
        assert server.broadcaster.snapshot() is server.broadcaster.snapshot()
        server.row(2)
        await asyncio.gather(*(stream.next() for stream in streams))
        (event,) = server.buffer.since(server.buffer.head - 1)
        assert "deflated" in event.__dict__, "compressed once, kept with the event"


async def test_a_viewer_without_gzip_gets_plain_events():
    async with EventServer() as server:
        server.row(5)
        plain = {"Accept-Encoding": "identity"}
        async with aiohttp.ClientSession() as session, session.get(server.url + "events", headers=plain) as response:
            assert "Content-Encoding" not in response.headers
            assert await response.content.readuntil(b"\n\n") == b"retry: 1000\n\n"
            assert (await response.content.readuntil(b"\n")).startswith(b"event: snapshot")


async def test_a_viewer_that_reads_nothing_costs_bounded_memory():
    """Megabytes are published; its buffer stays under two writes, and when it reads again it gets the newest row."""
    async with EventServer(EventBuffer(events_max=50, bytes_max=1_000_000)) as server:
        server.row(0)
        reader, writer = await _narrow_connection(server.port)
        await until(lambda: server.broadcaster.viewers == 1, "the viewer is connected")
        for score in range(400):
            put_row(server.state, score=score % 100, as_of="2024-11-27T12:00:00+07:00")
            for number in range(40):
                put_escalation(server.state, escalation_id=f"{score}-{number}", reason="x" * 500)
            server.broadcaster.send_changes()
            await asyncio.sleep(0)
            assert server.buffer.bytes_held <= 1_000_000
            assert _most_buffered(server) <= 2 * WRITE_MAX_BYTES + 64 * 1024
        server.row(77, name="the newest")
        tail = b""
        while b"the newest" not in tail:
            piece = await asyncio.wait_for(reader.read(1 << 16), 10)
            assert piece, "the connection ended"
            tail = (tail + piece)[-400_000:]
        writer.close()


async def test_a_closed_connection_is_no_longer_counted():
    async with EventServer() as server:
        async with Stream(server.url) as stream:
            await stream.next()
            assert server.broadcaster.viewers == 1
        await until(lambda: server.broadcaster.viewers == 0, "the viewer is gone")


def _most_buffered(server: EventServer) -> int:
    protocols = server.runner.server.connections
    return max(protocol.transport.get_write_buffer_size() for protocol in protocols if protocol.transport)


async def _narrow_connection(port: int):
    """A connection with a tiny receive buffer, so that the server's writes block soon."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=raw, limit=4096)
    writer.write(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
    return reader, writer


def test_a_snapshot_is_json_of_one_line():
    table = BoardState()
    put_row(table, name="a\nb")
    publisher = Broadcaster(Roster.default(), table, EventBuffer(), {})
    data = publisher.snapshot().plain.split(b"data: ", 1)[1]
    assert data.count(b"\n") == 2
    assert orjson.loads(data)["rows"][0]["name"] == "a\nb"


async def test_a_thousand_viewers_get_every_update(many_descriptors):
    many_descriptors(2 * 1000 + 200)
    async with EventServer() as server, asyncio.TaskGroup() as group:
        server.row(0)
        viewers = [group.create_task(_received_scores(server.port, last=5)) for _ in range(1000)]
        await until(lambda: server.broadcaster.viewers == 1000, "a thousand viewers", 60)
        for score in range(1, 6):
            server.row(score)
            await asyncio.sleep(0)
    assert all(viewer.result() == [0, 1, 2, 3, 4, 5] for viewer in viewers)


async def _received_scores(port: int, last: int) -> list[int]:
    """The scores of one regency that a viewer receives, up to `last`."""
    reader, writer = await connect(port)
    found: list[int] = []
    async with asyncio.timeout(120):
        async for text, _ in chunks(reader):
            found += [int(score) for score in re.findall(rb'"score":(\d+)', text)]
            if found and found[-1] == last:
                break
    writer.close()
    return found


@pytest.fixture
def many_descriptors():
    """Raises the limit of file descriptors for the test; skips where the system grants fewer."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)

    def have(count: int) -> None:
        if before[1] != resource.RLIM_INFINITY and before[1] < count:
            pytest.skip(f"the system grants {before[1]} file descriptors, this needs {count}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], count), before[1]))

    yield have
    resource.setrlimit(resource.RLIMIT_NOFILE, before)
