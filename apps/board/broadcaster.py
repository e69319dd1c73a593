"""From the board's state to its viewers: changes become events at a limited rate; snapshots are encoded once.

The rate is limited by the interval between two events and by the bytes per second to all viewers together."""

import asyncio
import contextlib
import time
from typing import Any

import orjson

from agents import metrics
from apps.board.board_state import BoardState, JsonObject
from apps.board.event_buffer import EncodedEvent, EventBuffer, encode_event
from apps.board.layout import RegencyPlace, lay_out
from apps.board.reader_progress import ReaderProgress
from schemas.roster import Roster

INTERVAL_MIN_S, INTERVAL_MAX_S = 0.15, 0.7
"""Changes within one interval share an event. The upper bound keeps an update within a second of its record."""
STATUS_EVERY_S = 1.0
"""How often the reader's status is looked at: viewers get its change at once, not with the next heartbeat."""
BYTES_PER_S = 20_000_000
"""What one board sends to all viewers together before it lengthens the interval; loopback and one core carry far more.
"""


class Broadcaster:
    """Appends what the state drains to the event buffer. One per board.

    Without `progress` (in tests) every change is sent at once, and no lag is reported."""

    def __init__(
        self,
        roster: Roster,
        state: BoardState,
        buffer: EventBuffer,
        facts: dict[str, Any],
        progress: ReaderProgress | None = None,
    ) -> None:
        self._roster, self._state, self._buffer, self._facts = roster, state, buffer, facts
        self._progress = progress
        self.viewers = 0
        self._changed = asyncio.Event()
        self._snapshot: EncodedEvent | None = None
        self._layout_codes: frozenset[str] = frozenset()
        self._layout: JsonObject = {}
        self._sent_at_end_s = time.monotonic()
        self._sent_status: JsonObject = {}

    @property
    def behind_s(self) -> float:
        """Seconds since viewers last had all that Kafka held: records not yet read count, and changes not yet sent."""
        if self._progress is None:
            return 0.0
        at_end_s = self._sent_at_end_s if self._changed.is_set() else self._progress.at_end_s
        return max(0.0, time.monotonic() - at_end_s)

    def notify_changed(self) -> None:
        """Wake `run`: the state has changed."""
        self._changed.set()

    async def run(self) -> None:
        """Send changes until cancelled.

        Nothing is sent before the reader has reached the end of the topics: half the rows would look like calm."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STATUS_EVERY_S):
                    await self._changed.wait()
            sent = 0
            if self._changed.is_set():
                self._changed.clear()
                sent = self.send_changes() if self._progress is None or self._progress.caught_up else 0
            self._send_status()
            await asyncio.sleep(min(INTERVAL_MAX_S, max(INTERVAL_MIN_S, sent * self.viewers / BYTES_PER_S)))

    def send_changes(self) -> int:
        """Append one event if anything changed. Returns the bytes that each viewer gets for it.

        The first event is a snapshot: a viewer that connected during start-up has no score histories yet. So is the
        first one after the topics were created again."""
        is_new, update = self._state.is_new, self._state.drain()
        if is_new:
            event = self._buffer.append("snapshot", orjson.dumps(self._everything()))
        elif update is None:
            self._record_delays()
            return 0
        else:
            layout = {"layout": self.layout()} if self._lacks_tiles() else {}
            event = self._buffer.append("update", orjson.dumps(update | self._now() | layout))
        self._record_delays()
        return len(event.plain)

    def _send_status(self) -> None:
        """Append an event without changes when reading stopped, resumed or met rows that it cannot read."""
        status = self._status()
        if status != self._sent_status and self._buffer.head:
            nothing: JsonObject = {"rows": [], "removed": [], "provinces": [], "escalations": []}
            self._buffer.append("update", orjson.dumps(nothing | self._now()))
            self._sent_status = status

    def _status(self) -> JsonObject:
        if self._progress is None:
            return {}
        return {
            "status": self._progress.status,
            "trouble": self._progress.trouble.value,
            "unreadable": sorted(self._state.unreadable),
            "missed_escalations": self._state.missed_escalations,
        }

    def _record_delays(self) -> None:
        """All records read so far are now with the viewers: observe each one's delay since its append."""
        if self._progress is None:
            return
        now_ms = time.time() * 1000
        for appended_ms in self._progress.take_append_times():
            metrics.BOARD_DELAY.observe(max(0.0, now_ms - appended_ms) / 1000)
        self._sent_at_end_s = self._progress.at_end_s
        metrics.BOARD_LAST_UPDATE.set(self._progress.newest_row_ms / 1000)

    def snapshot(self) -> EncodedEvent:
        """The whole state as one event with the id of the newest event, from which its reader continues.

        Encoded once and shared by all who need it."""
        if self._snapshot is None or self._snapshot.seq != self._buffer.head:
            event_id = self._buffer.event_id(self._buffer.head)
            data = encode_event("snapshot", orjson.dumps(self._everything()), event_id)
            self._snapshot = EncodedEvent(self._buffer.head, data)
        return self._snapshot

    def heartbeat(self) -> bytes:
        """Keeps an idle connection open: a comment for proxies, an event without id for the page."""
        return b": beat\n" + encode_event("beat", orjson.dumps(self._now()))

    def layout(self) -> JsonObject:
        """The tile map of the roster, and of regencies that have a row but are not in the roster."""
        codes = frozenset(self._roster) | self._state.rows.keys()
        if codes != self._layout_codes:
            places = [
                RegencyPlace(code, regency.name, regency.latitude, regency.longitude)
                for code, regency in self._roster.items()
            ]
            extra = sorted(codes - self._roster.keys())
            drawn = lay_out(places + [RegencyPlace(code, self._state.rows[code]["name"]) for code in extra])
            tiles = [[tile.code, tile.name, tile.column, tile.row] for tile in drawn.tiles]
            self._layout_codes = codes
            self._layout = {"columns": drawn.columns, "rows": drawn.rows, "tiles": tiles, "unlisted": extra}
        return self._layout

    def _everything(self) -> JsonObject:
        return self._state.snapshot() | self._now() | {"layout": self.layout(), "facts": self._facts}

    def _lacks_tiles(self) -> bool:
        return not self._state.rows.keys() <= self._layout_codes

    def _now(self) -> JsonObject:
        feed = self._progress.view() | self._status() if self._progress else None
        return {"now_ms": int(time.time() * 1000), "feed": feed}
