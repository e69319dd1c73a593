"""Between the table and the viewers: changes become journal frames at a steady pace, snapshots are encoded once per
change.
"""

import asyncio
import time

import orjson

from agents import metrics
from apps.board.feed import FeedState
from apps.board.journal import Frame, Journal, encode_event
from apps.board.layout import Place, lay_out
from apps.board.table import BoardTable
from schemas.roster import Roster

PACE_MIN_S, PACE_MAX_S = 0.15, 0.7
"""Changes within one pace go out together. The upper end keeps an update within a second of its record."""
BYTES_PER_S = 20_000_000
"""What one board may send to all viewers together before it paces itself slower; loopback and a core carry far more."""


class Publisher:
    """Turns what the table drains into frames. One per board."""

    def __init__(self, roster: Roster, table: BoardTable, journal: Journal, facts: dict) -> None:
        self._roster, self._table, self._journal, self._facts = roster, table, journal, facts
        self.state: FeedState | None = None
        self.viewers = 0
        self._dirty = asyncio.Event()
        self._snapshot: Frame | None = None
        self._layout: tuple[frozenset[str], dict] = (frozenset(), {})
        self._shown_level = time.monotonic()

    @property
    def behind_s(self) -> float:
        """Seconds since the viewers last had all that Kafka held: what is not read yet counts, and what is read but not
        out.
        """
        if self.state is None:
            return 0.0
        level = self._shown_level if self._dirty.is_set() else self.state.last_level
        return max(0.0, time.monotonic() - level)

    def changed(self) -> None:
        """Tell it that the table holds something new."""
        self._dirty.set()

    async def run(self) -> None:
        """Publish changes until cancelled. Nothing goes out before the table is whole: half a table would look like
        calm.
        """
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            sent = self.publish() if self.state is None or self.state.caught_up else 0
            await asyncio.sleep(min(PACE_MAX_S, max(PACE_MIN_S, sent * self.viewers / BYTES_PER_S)))

    def publish(self) -> int:
        """Append one frame if anything changed. Returns the bytes each viewer gets for it.

        The first frame is whole: who came while the table was still being read has no trends yet.
        """
        update = self._table.drain()
        if update is None:
            self._given()
            return 0
        if self._journal.head == 0:
            frame = self._journal.append("snapshot", orjson.dumps(self._whole()))
        else:
            layout = {"layout": self.layout()} if self._unplaced() else {}
            frame = self._journal.append("update", orjson.dumps(update | self._now() | layout))
        self._given()
        return len(frame.plain)

    def _given(self) -> None:
        """All that was taken so far is with the viewers now: say how late each record was, and what they are level
        with.
        """
        if self.state is None:
            return
        now_ms = time.time() * 1000
        for appended_ms in self.state.taken_ms:
            metrics.BOARD_DELAY.observe(max(0.0, now_ms - appended_ms) / 1000)
        self.state.taken_ms.clear()
        self._shown_level = self.state.last_level
        metrics.BOARD_LAST_UPDATE.set(self.state.newest_row_ms / 1000)

    def snapshot(self) -> Frame:
        """Everything as one event whose id is the journal's head: who reads it goes on from there. Shared by all who
        ask.
        """
        if self._snapshot is None or self._snapshot.seq != self._journal.head:
            event_id = self._journal.event_id(self._journal.head)
            data = encode_event("snapshot", orjson.dumps(self._whole()), event_id)
            self._snapshot = Frame(self._journal.head, data)
        return self._snapshot

    def beat(self) -> bytes:
        """A sign of life: a comment for proxies, an event without id for the page."""
        return b": beat\n" + encode_event("beat", orjson.dumps(self._now()))

    def layout(self) -> dict:
        """The tile map of the roster, and of regencies that have a row but are not in it."""
        codes = frozenset(self._roster) | self._table.rows.keys()
        if codes != self._layout[0]:
            places = [
                Place(code, regency.name, regency.latitude, regency.longitude) for code, regency in self._roster.items()
            ]
            extra = sorted(codes - self._roster.keys())
            drawn = lay_out(places + [Place(code, self._table.rows[code].get("name", code)) for code in extra])
            tiles = [[tile.code, tile.name, tile.column, tile.row] for tile in drawn.tiles]
            self._layout = (codes, {"columns": drawn.columns, "rows": drawn.rows, "tiles": tiles})
        return self._layout[1]

    def _whole(self) -> dict:
        return self._table.snapshot() | self._now() | {"layout": self.layout(), "facts": self._facts}

    def _unplaced(self) -> bool:
        return not self._table.rows.keys() <= self._layout[0]

    def _now(self) -> dict:
        return {"now_ms": int(time.time() * 1000), "feed": self.state.view() if self.state else None}
