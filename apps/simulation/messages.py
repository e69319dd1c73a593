"""The messages of a simulated day: what one is, its bytes, and the parts of its ids."""

from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

import orjson


class SimulatedMessage(NamedTuple):
    """A message and its arrival.

    `at_ms`: arrival at Siaga, milliseconds since the epoch. `topic`: `incidents` or `turnout`. `body`: the message as
    the contract says, ready for JSON."""

    at_ms: int
    topic: str
    body: dict[str, Any]

    @property
    def regency(self) -> str:
        """The regency's code, the key of the record."""
        return str(self.body["regency"])

    @property
    def value(self) -> bytes:
        """The bytes of the record on its topic."""
        return orjson.dumps(self.body)


def date_in_ids(start_ms: int, offset_min: int) -> str:
    """`20241127`: the local date at `start_ms`. Ids carry it, so that days of different dates share none."""
    return datetime.fromtimestamp(start_ms // 1000, timezone(timedelta(minutes=offset_min))).strftime("%Y%m%d")
