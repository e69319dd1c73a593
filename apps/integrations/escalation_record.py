"""One record of `siaga.escalations` as an Escalation."""

from pydantic import ValidationError

from schemas.escalation import Escalation


class Unreadable(ValueError):
    """A record is no escalation. One line that names the field and echoes nothing of the record."""


def escalation_of(value: bytes | None) -> Escalation:
    """The escalation in a record's value. Raises Unreadable.

    A field that a newer worker adds is passed over: an alert must not be lost because its reader is older.
    """
    if value is None:
        raise Unreadable("a tombstone, no escalation")
    try:
        return Escalation.model_validate_json(value, extra="ignore")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "value"
        raise Unreadable(f"{field}: {first['msg']}"[:200]) from None
