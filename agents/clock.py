"""Where wall time enters. The fold only ever reads what was written on the ledger."""

import time


def wall_ms() -> int:
    """Wall time, Unix milliseconds."""
    return time.time_ns() // 1_000_000
