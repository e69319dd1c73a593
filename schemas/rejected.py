"""Why an input record is rejected, and the headers that a rejected record carries.

The rejected record's key and value are the original bytes; all that Siaga adds is in its headers.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from schemas.vocabulary import RejectReason

HEADER_REASON = "siaga.reason"
HEADER_ERROR = "siaga.error"
HEADER_TOPIC = "siaga.source.topic"
HEADER_PARTITION = "siaga.source.partition"
HEADER_OFFSET = "siaga.source.offset"
HEADER_KEY_CUT = "siaga.truncated.key"
HEADER_VALUE_CUT = "siaga.truncated.value"
#: Key and value together are kept whole up to this size, which no uncompressed record exceeds on a broker with Kafka's
#: default limit. What inflated beyond it keeps its beginning.
WHOLE_MAX_BYTES = 1024 * 1024
CUT_KEY_BYTES = 1024
CUT_VALUE_BYTES = 64 * 1024
ERROR_MAX_CHARS = 200


_Whole = Annotated[str, Field(pattern=r"^[0-9]{1,19}$")]


class RejectedHeaders(BaseModel):
    """What a rejected record's headers say; every value is UTF-8 text."""

    model_config = ConfigDict(frozen=True)

    reason: Annotated[RejectReason, Field(alias=HEADER_REASON, description="The rule that rejected the record.")]
    error: Annotated[str, Field(alias=HEADER_ERROR, max_length=ERROR_MAX_CHARS, description="One line, no payload.")]
    topic: Annotated[str, Field(alias=HEADER_TOPIC, description="Topic of the original record.")]
    partition: Annotated[_Whole, Field(alias=HEADER_PARTITION, description="Its partition, in decimal.")]
    offset: Annotated[_Whole, Field(alias=HEADER_OFFSET, description="Its offset, in decimal.")]
    key_bytes: Annotated[
        _Whole | None,
        Field(alias=HEADER_KEY_CUT, description="Only when the key is cut to its beginning: its whole size in bytes."),
    ] = None
    value_bytes: Annotated[
        _Whole | None,
        Field(
            alias=HEADER_VALUE_CUT, description="Only when the value is cut to its beginning: its whole size in bytes."
        ),
    ] = None


class Rejected(Exception):
    """An input record that is not accepted. `error` is one short line that holds nothing of the payload."""

    def __init__(self, reason: RejectReason, error: str) -> None:
        super().__init__(f"{reason}: {error}")
        self.reason = reason
        self.error = error


def rejected_headers(
    reason: RejectReason, error: str, topic: str, partition: int, offset: int
) -> tuple[tuple[str, bytes], ...]:
    """Kafka headers of a rejected record; `topic`, `partition` and `offset` are where the original lies."""
    return (
        (HEADER_REASON, reason.value.encode()),
        (HEADER_ERROR, error.encode()),
        (HEADER_TOPIC, topic.encode()),
        (HEADER_PARTITION, b"%d" % partition),
        (HEADER_OFFSET, b"%d" % offset),
    )
