"""Since when a regency is stale or silent: rows say that it is, not since when."""


class Quiet:
    """Of one regency. Known exactly when the change was seen; after a restart the last `stale` escalation tells it."""

    def __init__(self) -> None:
        self._status = ""
        self._seen_ms = 0  # as_of of the first row with this status
        self._is_seen = False  # whether the row before it had another status
        self._told_ms = 0  # event time of the last `stale` escalation, 0 after `recovered`

    def take_row(self, status: str, as_of_ms: int) -> None:
        if status != self._status:
            self._is_seen = bool(self._status)
            self._status, self._seen_ms = status, as_of_ms

    def take_escalation(self, change: str, event_ms: int) -> None:
        if change == "stale":
            self._told_ms = event_ms
        elif change == "recovered":
            self._told_ms = 0

    def since_ms(self, row_since_ms: int) -> int | None:
        """Regency clock at which the quiet began or was first seen; None while reports come in.

        A regency that never reported is silent since its clock began, which is its row's `since` while its level never
        changed."""
        if self._status == "live":
            return None
        if self._status == "silent":
            return min(self._seen_ms, row_since_ms)
        return self._seen_ms if self._is_seen or not self._told_ms else min(self._seen_ms, self._told_ms)
