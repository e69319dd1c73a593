"""JSON Schema (2020-12) of every public message, generated from the models so that it cannot drift from them.

Ids are URNs: they name a contract and its version, not a place to fetch it. What a schema cannot say stays with the
models: the size limit, repeated keys, real calendar dates, `reported_at` against `occurred_at`,
and that components add up to a score.
"""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from schemas.escalation import Escalation
from schemas.fields import REGENCY_PATTERN
from schemas.incident import Incident
from schemas.notification import TARGET_PATTERN, Notification
from schemas.outward import Outward
from schemas.province import ProvinceRow
from schemas.rejected import RejectedHeaders
from schemas.risk import RiskRow
from schemas.topics import Topic
from schemas.turnout import Turnout

DIALECT = GenerateJsonSchema.schema_dialect


@dataclass(frozen=True)
class Contract:
    """One message: its file is `<name>.json`, its id `urn:siaga:<name>:<version>`; `key`: the key's pattern,
    `key_about` what it is."""

    name: str
    model: type[BaseModel]
    topic: Topic
    key: str | None = REGENCY_PATTERN
    version: int = 2
    key_about: str = "Code of the regency or province."

    @property
    def id(self) -> str:
        return f"urn:siaga:{self.name}:{self.version}"

    @property
    def file(self) -> str:
        return f"{self.name}.json"


PROVINCE_PATTERN = r"^[0-9]{2}$"
EITHER_PATTERN = r"^[0-9]{2}(\.[0-9]{2})?$"

CONTRACTS: tuple[Contract, ...] = (
    Contract("incident", Incident, Topic.INCIDENTS),
    Contract("turnout", Turnout, Topic.TURNOUT),
    Contract("risk", RiskRow, Topic.RISK),
    Contract("province", ProvinceRow, Topic.PROVINCE, key=PROVINCE_PATTERN),
    Contract("escalation", Escalation, Topic.ESCALATIONS, key=EITHER_PATTERN),
    Contract("rejected-headers", RejectedHeaders, Topic.REJECTED, key=None),
    Contract(
        "notification", Notification, Topic.NOTIFICATIONS, key=TARGET_PATTERN, version=1, key_about="The sender's name."
    ),
)
#: What a webhook posts: made of an escalation, on no topic.
OUTWARD = Contract("outward", Outward, Topic.ESCALATIONS, version=1)


class _Untitled(GenerateJsonSchema):
    """Field titles would only repeat the field's name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def json_schema(contract: Contract) -> dict[str, Any]:
    """The schema of one message."""
    schema = contract.model.model_json_schema(by_alias=True, schema_generator=_Untitled)
    return {"$schema": DIALECT, "$id": contract.id} | schema
