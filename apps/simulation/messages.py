"""The messages of a simulated day: what one is, its bytes, and the id of a polling station."""

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


def station_id(regency: str, number: int) -> str:
    """`16.71-0042`: a polling station's id, unique over the roster."""
    return f"{regency}-{number:04d}"
