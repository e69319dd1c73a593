"""The connections of viewers: server-sent events that resume after the last event that a viewer received."""

import asyncio

from aiohttp import web

from agents import metrics
from apps.board.broadcaster import Broadcaster
from apps.board.connections import Connection
from apps.board.event_buffer import GZIP_HEADER, EncodedEvent, EventBuffer
from apps.board.file_descriptors import VIEWERS_MAX
from apps.board.static_files import accepts_gzip

HEARTBEAT_S = 10.0
WRITE_MAX_BYTES = 256 * 1024
RETRY_MS = 1000


class ViewerConnections:
    """Serves /events. A viewer costs a task, a number and its socket's bounded buffer."""

    def __init__(
        self,
        buffer: EventBuffer,
        broadcaster: Broadcaster,
        heartbeat_s: float = HEARTBEAT_S,
        viewers_max: int = VIEWERS_MAX,
    ) -> None:
        self._buffer, self._broadcaster = buffer, broadcaster
        self._heartbeat_s, self._viewers_max = heartbeat_s, viewers_max
        self._tasks: set[asyncio.Task[object]] = set()

    async def events(self, request: web.Request) -> web.StreamResponse:
        """GET /events: `Last-Event-ID` (or `?last_event_id=`) resumes; one too old or unknown gets a snapshot."""
        if len(self._tasks) >= self._viewers_max:
            full = web.Response(status=503, text="too many viewers\n", headers={"Retry-After": "10"})
            full.force_close()  # keep-alive would hold one of the descriptors that are short
            return full
        if connection := Connection.of(request):
            connection.expect_nothing_more()
        last_id = request.headers.get("Last-Event-ID") or request.query.get("last_event_id")
        compressed = accepts_gzip(request)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        if compressed:
            response.headers["Content-Encoding"] = "gzip"
        task = asyncio.current_task()
        assert task is not None  # aiohttp runs every handler in a task
        self._tasks.add(task)
        self._update_count()
        try:
            await response.prepare(request)
            await self._serve(_EventWriter(response, compressed), self._buffer.parse_id(last_id))
        except ConnectionError:
            pass
        finally:
            self._tasks.discard(task)
            self._update_count()
        return response

    async def _serve(self, writer: "_EventWriter", seq: int | None) -> None:
        writer.open()
        if seq is not None and seq == self._buffer.head:  # who comes back learns at once how old its picture is
            await writer.write(EncodedEvent(seq, self._broadcaster.heartbeat()))
        while True:
            events = None if seq is None else self._buffer.since(seq)
            if events is None:
                events = [self._broadcaster.snapshot()]
            for event in events:
                await writer.write(event)
                seq = event.seq
            if seq is not None and self._buffer.head == seq:
                await writer.flush()
                try:
                    async with asyncio.timeout(self._heartbeat_s):
                        await self._buffer.wait_beyond(seq)
                except TimeoutError:
                    await writer.write(EncodedEvent(seq, self._broadcaster.heartbeat()))
                    await writer.flush()

    def close(self) -> None:
        """Close all connections, when the board stops."""
        for task in self._tasks:
            task.cancel()

    def _update_count(self) -> None:
        self._broadcaster.viewers = len(self._tasks)
        metrics.BOARD_VIEWERS.set(len(self._tasks))


class _EventWriter:
    """Writes events to one socket, several in one write."""

    def __init__(self, response: web.StreamResponse, compressed: bool) -> None:
        self._response, self._compressed = response, compressed
        self._pending: list[bytes] = []
        self._size = 0

    def open(self) -> None:
        """Begin the stream with the delay after which a browser reconnects."""
        retry = b"retry: %d\n\n" % RETRY_MS
        self._pending.append(GZIP_HEADER + EncodedEvent(0, retry).deflated if self._compressed else retry)

    async def write(self, event: EncodedEvent) -> None:
        """Add an event; flushes when the pending bytes are many."""
        piece = event.deflated if self._compressed else event.plain
        self._pending.append(piece)
        self._size += len(piece)
        if self._size >= WRITE_MAX_BYTES:
            await self.flush()

    async def flush(self) -> None:
        """Write what is pending and wait until the socket's buffer has room. Raises ConnectionError."""
        if not self._pending:
            return
        data = b"".join(self._pending)
        self._pending.clear()
        self._size = 0
        await self._response.write(data)
