"""The size of a record as a measure of what folding it costs."""

from .fold import Output, Record

#: Bytes that a record counts for besides its value: folding an empty one takes time too.
_RECORD_BYTES = 100


def size_of(record: Record | Output) -> int:
    """The same where it is written and where it is read."""
    return _RECORD_BYTES + len(record.value or b"")
