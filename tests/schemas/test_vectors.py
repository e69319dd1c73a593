"""Golden vectors: records and what becomes of them, for this implementation and for any other.

`vectors.json` is a list of records: `topic`, `value` as text (or `hex`; neither is a null value), optional `headers`
and `clock_ms` (event clock; none seen yet if absent); then the ledger `entry` it becomes or the `reason` of its
refusal. `beyond_json_schema` says why the published JSON Schema cannot refuse it. What is expected was set by hand.
"""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from schemas.jsonschema import CONTRACTS, json_schema
from schemas.roster import Roster
from schemas.topics import Topic
from schemas.vocabulary import RejectReason
from streams.admission import ClockMode, Gate

VECTORS = json.loads(Path(__file__).with_name("vectors.json").read_text(encoding="utf-8"))
GATE = Gate(Roster.default(), ClockMode.EVENT)
YEAR_2100_MS = 4_102_444_800_000  # of the wall clock, which no vector is about
SCHEMAS = {contract.topic: json_schema(contract) for contract in CONTRACTS}


def value_of(vector: dict[str, Any]) -> bytes | None:
    if "hex" in vector:
        return bytes.fromhex(vector["hex"])
    return None if vector["value"] is None else vector["value"].encode()


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_each_vector_is_accepted_or_rejected_as_it_says(vector):
    headers = tuple((name, content.encode()) for name, content in vector.get("headers", ()))
    decision = GATE.admit(Topic(vector["topic"]), value_of(vector), headers, vector.get("clock_ms", 0), YEAR_2100_MS)
    if "entry" in vector:
        assert decision.entry == vector["entry"]
    else:
        assert decision.reason is RejectReason(vector["reason"])


#: The JSON Schema describes the message, not the envelope around it.
DECIDABLE = [
    vector
    for vector in VECTORS
    if vector.get("reason") in (None, RejectReason.SCHEMA)
    and ["content-type", "application/cloudevents+json"] not in vector.get("headers", [])
]


@pytest.mark.parametrize("vector", DECIDABLE, ids=[vector["name"] for vector in DECIDABLE])
def test_the_json_schema_agrees_with_the_vectors_where_it_can(vector):
    validator = jsonschema.Draft202012Validator(SCHEMAS[Topic(vector["topic"])])
    takes = validator.is_valid(json.loads(value_of(vector)))
    assert takes is ("entry" in vector or "beyond_json_schema" in vector)


def test_every_reason_that_needs_no_wall_clock_has_a_vector():
    assert {vector["reason"] for vector in VECTORS if "reason" in vector} == set(RejectReason) - {RejectReason.FUTURE}
