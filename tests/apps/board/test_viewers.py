"""The live connection, seen from the wire: resume without loss, snapshots for who is too late, bounded memory for who
is slow.

Here the table is fed directly; tests/apps/board/test_feed.py has the board on Kafka.
"""

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

from apps.board.journal import Journal
from apps.board.publisher import Publisher
from apps.board.table import BoardTable
from apps.board.viewers import WRITE_MAX_BYTES, Viewers
from benchmarks.viewing import chunks, connect
from schemas.roster import Roster
from tests.apps.board.board_scene import until
from tests.apps.board.examples import give_escalation, give_row
from tests.apps.board.sse_client import Stream


class Line:
    """A table, its journal and /events on a port of its own."""

    def __init__(self, journal: Journal | None = None, beat_s: float = 60) -> None:
        self.table, self.journal = BoardTable(), journal or Journal()
        self.publisher = Publisher(Roster.default(), self.table, self.journal, {"clock": "wall"})
        self.viewers = Viewers(self.journal, self.publisher, beat_s)

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
        give_row(self.table, score=score, **fields)
        self.publisher.publish()


def scores(event) -> list[int]:
    return [row["score"] for row in event.data["rows"]]


async def test_a_new_viewer_gets_a_snapshot_and_then_every_update():
    async with Line() as line:
        line.row(1)
        async with Stream(line.url) as stream:
            first = await stream.next()
            assert (first.name, scores(first)) == ("snapshot", [1])
            line.row(2)
            line.row(3)
            assert [scores(await stream.next()) for _ in range(2)] == [[2], [3]]


async def test_a_broken_connection_resumes_without_loss_or_repeat():
    async with Line() as line:
        line.row(1)
        async with Stream(line.url) as stream:
            await stream.next()
            line.row(2)
            seen = (await stream.next()).id
        line.row(3)
        give_escalation(line.table, escalation_id="while-away")
        line.publisher.publish()
        line.row(4)
        async with Stream(line.url, last_id=seen) as stream:
            events = [await stream.next() for _ in range(3)]
        assert {event.name for event in events} == {"update"}
        assert [scores(event) for event in events] == [[3], [], [4]]
        assert [item["escalation_id"] for item in events[1].data["escalations"]] == ["while-away"]


@pytest.mark.parametrize("last_id", ["ffffffff-1", "nonsense", "-", "1"])
async def test_an_id_of_another_board_gets_a_snapshot(last_id):
    async with Line() as line:
        line.row(1)
        async with Stream(line.url, last_id=last_id) as stream:
            assert (await stream.next()).name == "snapshot"


async def test_who_was_away_too_long_gets_a_snapshot_that_holds_everything():
    async with Line(Journal(frames_max=3)) as line:
        line.row(1)
        async with Stream(line.url) as stream:
            seen = (await stream.next()).id
        give_escalation(line.table, escalation_id="missed")
        for score in range(2, 12):
            line.row(score)
        async with Stream(line.url, last_id=seen) as stream:
            event = await stream.next()
            assert (event.name, scores(event)) == ("snapshot", [11])
            assert [item["escalation_id"] for item in event.data["escalations"]] == ["missed"]
            line.row(12)
            assert scores(await stream.next()) == [12]


async def test_a_quiet_line_beats():
    async with Line(beat_s=0.05) as line, Stream(line.url) as stream:
        assert (await stream.next()).name == "snapshot"
        beat = await stream.next()
        assert (beat.name, beat.id) == ("beat", None)
        assert beat.data["now_ms"] > 0


async def test_all_viewers_share_one_encoding():
    async with Line() as line, contextlib.AsyncExitStack() as stack:
        line.row(1)
        streams = [await stack.enter_async_context(Stream(line.url)) for _ in range(20)]
        ids = {(await stream.next()).id for stream in streams}
        assert len(ids) == 1
        assert line.publisher.snapshot() is line.publisher.snapshot()
        line.row(2)
        await asyncio.gather(*(stream.next() for stream in streams))
        (frame,) = line.journal.since(line.journal.head - 1)
        assert "deflated" in frame.__dict__, "compressed once, kept with the frame"


async def test_a_viewer_without_gzip_reads_the_same():
    async with Line() as line:
        line.row(5)
        plain = {"Accept-Encoding": "identity"}
        async with aiohttp.ClientSession() as session, session.get(line.url + "events", headers=plain) as response:
            assert "Content-Encoding" not in response.headers
            assert await response.content.readuntil(b"\n\n") == b"retry: 1000\n\n"
            assert (await response.content.readuntil(b"\n")).startswith(b"event: snapshot")


async def test_a_viewer_that_reads_nothing_costs_bounded_memory_and_then_sees_the_present():
    """Megabytes pass it by; what is held for it stays under one write, and when it reads again it ends at the newest
    row.
    """
    async with Line(Journal(frames_max=50, bytes_max=1_000_000)) as line:
        line.row(0)
        reader, writer = await _narrow_connection(line.port)
        await until(lambda: line.publisher.viewers == 1, "the viewer is connected")
        for score in range(400):
            give_row(line.table, score=score % 100, as_of="2024-11-27T12:00:00+07:00")
            for number in range(40):
                give_escalation(line.table, escalation_id=f"{score}-{number}", reason="x" * 500)
            line.publisher.publish()
            await asyncio.sleep(0)
            assert line.journal.bytes_held <= 1_000_000
            assert _most_buffered(line) <= 2 * WRITE_MAX_BYTES + 64 * 1024
        line.row(77, name="the newest")
        tail = b""
        while b"the newest" not in tail:
            piece = await asyncio.wait_for(reader.read(1 << 16), 10)
            assert piece, "the connection ended"
            tail = (tail + piece)[-400_000:]
        writer.close()


async def test_leaving_frees_the_place():
    async with Line() as line:
        async with Stream(line.url) as stream:
            await stream.next()
            assert line.publisher.viewers == 1
        await until(lambda: line.publisher.viewers == 0, "the viewer is gone")


def _most_buffered(line: Line) -> int:
    protocols = line.runner.server.connections
    return max(protocol.transport.get_write_buffer_size() for protocol in protocols if protocol.transport)


async def _narrow_connection(port: int):
    """A connection whose kernel takes little, so that the server feels at once that nobody reads."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=raw, limit=4096)
    writer.write(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
    return reader, writer


def test_a_snapshot_is_json_of_one_line():
    table = BoardTable()
    give_row(table, name="a\nb")
    publisher = Publisher(Roster.default(), table, Journal(), {})
    data = publisher.snapshot().plain.split(b"data: ", 1)[1]
    assert data.count(b"\n") == 2
    assert orjson.loads(data)["rows"][0]["name"] == "a\nb"


async def test_a_thousand_viewers_hear_every_update(many_descriptors):
    """What that costs, and whom: `python -m benchmarks.viewers`."""
    many_descriptors(2 * 1000 + 200)
    async with Line() as line, asyncio.TaskGroup() as group:
        line.row(0)
        viewers = [group.create_task(_heard(line.port, last=5)) for _ in range(1000)]
        await until(lambda: line.publisher.viewers == 1000, "a thousand viewers", 60)
        for score in range(1, 6):
            line.row(score)
            await asyncio.sleep(0)
    assert all(viewer.result() == [0, 1, 2, 3, 4, 5] for viewer in viewers)


async def _heard(port: int, last: int) -> list[int]:
    """The scores of one regency as a viewer hears them, up to `last`."""
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
    """A way to have so many file descriptors during the test; skips where the system grants fewer."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)

    def have(count: int) -> None:
        if before[1] != resource.RLIM_INFINITY and before[1] < count:
            pytest.skip(f"the system grants {before[1]} file descriptors, this needs {count}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], count), before[1]))

    yield have
    resource.setrlimit(resource.RLIMIT_NOFILE, before)
