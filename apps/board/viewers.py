"""The live connection of one viewer: server-sent events that resume where the last connection broke."""

import asyncio

from aiohttp import web

from agents import metrics
from apps.board.assets import accepts_gzip
from apps.board.descriptors import VIEWERS_MAX
from apps.board.journal import GZIP_HEADER, Frame, Journal
from apps.board.publisher import Publisher

BEAT_S = 10.0
WRITE_TIMEOUT_S = 30.0
"""A viewer that takes nothing for so long is cut off; it comes back with its last event id, or for a snapshot."""
WRITE_MAX_BYTES = 256 * 1024
RETRY_MS = 1000


class Viewers:
    """Serves /events. A viewer costs a task, a number and its socket's bounded buffer."""

    def __init__(self, journal: Journal, publisher: Publisher, beat_s: float = BEAT_S, most: int = VIEWERS_MAX) -> None:
        self._journal, self._publisher, self._beat_s, self._most = journal, publisher, beat_s, most
        self._tasks: set[asyncio.Task] = set()

    async def events(self, request: web.Request) -> web.StreamResponse:
        """GET /events: `Last-Event-ID` (or `?last_event_id=`) resumes; too old or unknown gets a snapshot."""
        if len(self._tasks) >= self._most:
            full = web.Response(status=503, text="too many viewers\n", headers={"Retry-After": "10"})
            full.force_close()  # a connection kept for later would hold the descriptor that there is none for
            return full
        asked = request.headers.get("Last-Event-ID") or request.query.get("last_event_id")
        packed = accepts_gzip(request)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        if packed:
            response.headers["Content-Encoding"] = "gzip"
        task = asyncio.current_task()
        self._tasks.add(task)
        self._count()
        try:
            await response.prepare(request)
            await self._serve(_Line(response, packed), self._journal.parse_id(asked))
        except (ConnectionError, TimeoutError):
            if request.transport is not None:
                request.transport.abort()
        finally:
            self._tasks.discard(task)
            self._count()
        return response

    async def _serve(self, line: "_Line", seq: int | None) -> None:
        await line.open()
        while True:
            frames = None if seq is None else self._journal.since(seq)
            if frames is None:
                frames = [self._publisher.snapshot()]
            for frame in frames:
                await line.write(frame)
                seq = frame.seq
            if self._journal.head == seq:
                await line.flush()
                try:
                    async with asyncio.timeout(self._beat_s):
                        await self._journal.wait_beyond(seq)
                except TimeoutError:
                    await line.write(Frame(seq, self._publisher.beat()))
                    await line.flush()

    def close(self) -> None:
        """End all connections: the board stops."""
        for task in self._tasks:
            task.cancel()

    def _count(self) -> None:
        self._publisher.viewers = len(self._tasks)
        metrics.BOARD_VIEWERS.set(len(self._tasks))


class _Line:
    """Frames to one socket, several in one write."""

    def __init__(self, response: web.StreamResponse, packed: bool) -> None:
        self._response, self._packed = response, packed
        self._pending: list[bytes] = []
        self._size = 0

    async def open(self) -> None:
        hello = b"retry: %d\n\n" % RETRY_MS
        self._pending.append(GZIP_HEADER + Frame(0, hello).deflated if self._packed else hello)

    async def write(self, frame: Frame) -> None:
        piece = frame.deflated if self._packed else frame.plain
        self._pending.append(piece)
        self._size += len(piece)
        if self._size >= WRITE_MAX_BYTES:
            await self.flush()

    async def flush(self) -> None:
        """Hand over what is pending and wait until the socket has room again, which is what holds a slow viewer back."""
        if not self._pending:
            return
        data = b"".join(self._pending)
        self._pending.clear()
        self._size = 0
        async with asyncio.timeout(WRITE_TIMEOUT_S):
            await self._response.write(data)
