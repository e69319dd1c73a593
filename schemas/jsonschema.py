"""JSON Schema (2020-12) of every public message, generated from the models so that it cannot drift from them.

Ids are URNs: they name a contract and its version, not a place to fetch it. What a schema cannot say stays with the
models: the size limit, repeated keys, real calendar dates, and `reported_at` against `occurred_at`.
"""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from schemas.incident import Incident
from schemas.rejected import RejectedHeaders
from schemas.topics import Topic
from schemas.turnout import Turnout

DIALECT = GenerateJsonSchema.schema_dialect


@dataclass(frozen=True)
class Contract:
    """One message: its file is `<name>.json`, its id `urn:siaga:<name>:<version>`."""

    name: str
    model: type[BaseModel]
    topic: Topic
    mode: Literal["validation", "serialization"]
    version: int = 1

    @property
    def id(self) -> str:
        return f"urn:siaga:{self.name}:{self.version}"

    @property
    def file(self) -> str:
        return f"{self.name}.json"


# What Siaga reads is described as it may be written (defaults may be left out), what it writes as it will be read.
CONTRACTS: tuple[Contract, ...] = (
    Contract("incident", Incident, Topic.INCIDENTS, "validation"),
    Contract("turnout", Turnout, Topic.TURNOUT, "validation"),
    Contract("rejected-headers", RejectedHeaders, Topic.REJECTED, "serialization"),
)


class _Untitled(GenerateJsonSchema):
    """Field titles would only repeat the field's name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def json_schema(contract: Contract) -> dict[str, Any]:
    """The schema of one message."""
    schema = contract.model.model_json_schema(by_alias=True, mode=contract.mode, schema_generator=_Untitled)
    return {"$schema": DIALECT, "$id": contract.id} | schema
