"""Published rows and escalations, read back: their schema says whether this version knows what they hold."""

from typing import Any

import orjson

from schemas.escalation import ESCALATION_SCHEMA
from schemas.province import PROVINCE_SCHEMA
from schemas.risk import RISK_SCHEMA

Message = dict[str, Any]
_READ = dict(schema.split("/") for schema in (RISK_SCHEMA, PROVINCE_SCHEMA, ESCALATION_SCHEMA))


class NewerMessage(Exception):
    """A message of a later version than this one reads. One line."""


def message_of(value: bytes) -> Message:
    """A published message. Raises NewerMessage."""
    message: Message = orjson.loads(value)
    name, _, number = str(message.get("schema")).partition("/")
    if name in _READ and number.isdigit() and int(number) > int(_READ[name]):
        raise NewerMessage(
            f"{name}/{number} is published, this version reads {name}/{_READ[name]}: use the version of the workers"
        )
    return message
