"""How far the board has read Kafka, for the page, /healthz and metrics."""

import time
from dataclasses import dataclass, field
from typing import Any

from apps.board.trouble import Trouble

BEHIND_AFTER_S = 10.0


@dataclass
class ReaderProgress:
    """`at_end_s` is monotonic time, `newest_row_ms` append time (Unix)."""

    caught_up: bool = False
    lag_records: int = 0
    at_end_s: float = field(default_factory=time.monotonic)
    newest_row_ms: int = 0
    unreadable: int = 0
    broker_clock_ahead_ms: int = 0
    trouble: Trouble = Trouble.BROKER
    _append_times_ms: list[int] = field(default_factory=list)

    @property
    def behind_s(self) -> float:
        """Seconds since the reader was last at the end of every partition."""
        return max(0.0, time.monotonic() - self.at_end_s)

    @property
    def healthy(self) -> bool:
        """Whether the reader caught up once and was at the end within BEHIND_AFTER_S."""
        return self.caught_up and self.behind_s < BEHIND_AFTER_S

    @property
    def status(self) -> str:
        """`starting` until all was read once, `behind` when that was long ago, else `ok`."""
        return "ok" if self.healthy else ("behind" if self.caught_up else "starting")

    def add_append_time(self, appended_ms: int) -> None:
        """Note a record's append time. Records read while catching up do not count: nobody waited for them."""
        if self.caught_up:
            self._append_times_ms.append(appended_ms)

    def take_append_times(self) -> list[int]:
        """Append times of the records read since the last call."""
        taken, self._append_times_ms = self._append_times_ms, []
        return taken

    def view(self) -> dict[str, Any]:
        """For /healthz and the page. `newest_row_ms` is the broker's append time of the newest row, Unix time."""
        return {
            "status": self.status,
            "caught_up": self.caught_up,
            "lag_records": self.lag_records,
            "behind_s": round(self.behind_s, 1),
            "newest_row_ms": self.newest_row_ms,
            "unreadable_records": self.unreadable,
            "broker_clock_ahead_s": round(self.broker_clock_ahead_ms / 1000, 1),
            "trouble": self.trouble.value,
        }
