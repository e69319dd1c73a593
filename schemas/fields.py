"""Field types that incident and turnout messages share, with the public contract's rules.

Strict: a string is a string, a number a number, nothing is converted. Times are RFC 3339 with seconds and an offset.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any

from pydantic import ConfigDict, Field, GetPydanticSchema
from pydantic_core import core_schema

# RFC 3339 section 5.6. No leap second: neither Python nor Kafka can hold one, and none is announced.
TIMESTAMP_PATTERN = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?"
    r"([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
ID_MAX_CHARS = 128
ID_PATTERN = rf"^[!-~]{{1,{ID_MAX_CHARS}}}$"  # printable ASCII without blanks: times, base64, UUIDs, URNs
REGENCY_PATTERN = r"^[0-9]{2}\.[0-9]{2}$"
VILLAGE_PATTERN = r"^[0-9]{2}\.[0-9]{2}\.[0-9]{2}\.[0-9]{4}$"
SOURCE_PATTERN = r"^[a-z0-9-]{1,32}$"
STATION_RAW_MAX_CHARS = 256  # as it is sent, with its blanks; schemas/stations.py bounds the compared form
REVISION_MAX = 2**53 - 1  # the largest integer every JSON reader holds exactly (RFC 8259, section 6)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Lengths of texts with at most milliseconds, whose parts come again and again: `...:05Z`, `...:05.123Z` and the same
# with `+07:00`.
_USUAL_LENGTHS = frozenset({20, 24, 25, 29})
_PARTS_KEPT = 8_192  # two hours of seconds; a thousand milliseconds in eight offsets

# Frozen and strict; an unknown field is an error: what the schema does not name must not enter.
MESSAGE = ConfigDict(frozen=True, strict=True, extra="forbid", serialize_by_alias=True)


# In capitals, because fromisoformat does not know the lower-case t and z that RFC 3339 allows.
TIMESTAMP_TEXT = core_schema.str_schema(strict=True, pattern=TIMESTAMP_PATTERN, to_upper=True)


def _timestamp_schema(_source: Any, _handler: Any) -> core_schema.CoreSchema:
    text = core_schema.no_info_after_validator_function(datetime.fromisoformat, TIMESTAMP_TEXT)
    value = core_schema.datetime_schema(strict=True, tz_constraint="aware")
    return core_schema.json_or_python_schema(
        text, core_schema.union_schema([value, text]), serialization=core_schema.simple_ser_schema("datetime")
    )


def one_of(words: Iterable[str]) -> GetPydanticSchema:
    """One of these words (an enum's values, for one) as a plain string: the hot path then carries no enum objects."""
    allowed = [str(word) for word in words]
    return GetPydanticSchema(lambda _source, _handler: core_schema.literal_schema(allowed))


EventId = Annotated[str, Field(pattern=ID_PATTERN)]
RegencyCode = Annotated[str, Field(pattern=REGENCY_PATTERN)]
VillageCode = Annotated[str, Field(pattern=VILLAGE_PATTERN)]
StationId = Annotated[str, Field(min_length=1, max_length=STATION_RAW_MAX_CHARS)]
SourceName = Annotated[str, Field(pattern=SOURCE_PATTERN)]
Revision = Annotated[int, Field(ge=1, le=REVISION_MAX)]
Timestamp = Annotated[
    datetime,
    GetPydanticSchema(_timestamp_schema),
    Field(json_schema_extra={"format": "date-time"}),
]


def milliseconds(moment: datetime) -> int:
    """Whole milliseconds since the Unix epoch of an aware time, exact for any offset, rounded down."""
    since = moment - _EPOCH
    # Dividing one timedelta by another gives the same and takes twice the time.
    return (since.days * 86_400 + since.seconds) * 1_000 + since.microseconds // 1_000


def milliseconds_of(text: str) -> int:
    """`milliseconds` of a time that matches TIMESTAMP_PATTERN, in capitals. Raises ValueError for a day that no
    calendar has.

    Half the price, on the hot path of every event: most texts have parts that were seen before.
    """
    if len(text) not in _USUAL_LENGTHS:
        return milliseconds(datetime.fromisoformat(text))
    return _second(text[:19]) + _fraction_and_offset(text[19:])


@lru_cache(_PARTS_KEPT)
def _second(text: str) -> int:
    """Milliseconds of a local time as if it were UTC."""
    return milliseconds(datetime.fromisoformat(text + "Z"))


@lru_cache(_PARTS_KEPT)
def _fraction_and_offset(text: str) -> int:
    """Milliseconds that `.123+07:00` adds to a local time to make it UTC."""
    return milliseconds(datetime.fromisoformat("1970-01-01T00:00:00" + text))
