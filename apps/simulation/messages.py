"""What a simulated day is made of: one message, and the moment it reaches Siaga."""

from typing import Any, NamedTuple


class Message(NamedTuple):
    """`at_ms`: arrival, milliseconds since the epoch. `topic`: `incidents` or `turnout`. `body`: JSON-able, by the
    contract.
    """

    at_ms: int
    topic: str
    body: dict[str, Any]

    @property
    def regency(self) -> str:
        return self.body["regency"]
