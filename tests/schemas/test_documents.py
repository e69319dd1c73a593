"""The generated documents: current, valid, and true to topics and models."""

import io
import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings

from schemas.asyncapi import asyncapi, documents, render
from schemas.jsonschema import CONTRACTS, DIALECT, json_schema
from schemas.rejected import rejected_headers
from schemas.topics import SPECS, Direction, TopicNames
from schemas.vocabulary import RejectReason
from tests.schemas.messages import incidents, turnouts

COMMITTED = Path(__file__).resolve().parents[2] / "schemas" / "json"
SCHEMAS = {contract.name: json_schema(contract) for contract in CONTRACTS}
ASYNCAPI_SPECS = "@asyncapi/specs@6.11.1"  # AsyncAPI's own meta-schema, an npm package


def test_the_committed_documents_are_current():
    assert {path.name for path in COMMITTED.glob("*.json")} == set(documents()), "run: siaga schemas --out schemas/json"
    for file, document in documents().items():
        assert (COMMITTED / file).read_bytes() == render(document).encode(), (
            f"{file}: run siaga schemas --out schemas/json"
        )


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
def test_each_schema_is_valid_2020_12_with_an_id_of_its_own(contract):
    schema = json_schema(contract)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == DIALECT == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == contract.id
    assert len({other.id for other in CONTRACTS}) == len(CONTRACTS)
    assert schema["description"] and schema["required"]


def test_every_field_that_a_publisher_writes_has_a_description():
    for name in ("incident", "turnout", "rejected-headers"):
        assert all(field["description"] for field in SCHEMAS[name]["properties"].values())


@settings(max_examples=50, deadline=None)
@given(incidents(), turnouts())
def test_what_the_models_accept_the_schemas_accept(incident, turnout):
    jsonschema.Draft202012Validator(SCHEMAS["incident"]).validate(incident)
    jsonschema.Draft202012Validator(SCHEMAS["turnout"]).validate(turnout)


def test_the_headers_of_a_rejected_record_fit_their_schema():
    headers = dict(rejected_headers(RejectReason.SCHEMA, "severity: is missing", "siaga.incidents", 3, 2**63 - 1))
    jsonschema.Draft202012Validator(SCHEMAS["rejected-headers"]).validate({k: v.decode() for k, v in headers.items()})
    assert headers["siaga.source.offset"] == b"9223372036854775807"


def test_public_topics_and_no_others_are_channels_with_their_retention():
    channels = asyncapi()["channels"]
    for spec in SPECS:
        if spec.direction is Direction.INTERNAL:
            assert spec.topic.value not in channels
            continue
        channel = channels[spec.topic.value]
        assert channel["address"] == TopicNames()[spec.topic] == channel["bindings"]["kafka"]["topic"]
        config = channel["bindings"]["kafka"]["topicConfiguration"]
        assert config["cleanup.policy"] == spec.config["cleanup.policy"].split(",")
        assert config.get("retention.ms") == spec.retention_ms


def test_siaga_receives_its_inputs_and_sends_its_outputs():
    actions = {name: operation["action"] for name, operation in asyncapi()["operations"].items()}
    for spec in SPECS:
        if spec.direction is Direction.IN:
            assert actions[f"read-{spec.topic}"] == "receive"
        if spec.direction is Direction.OUT:
            assert actions[f"write-{spec.topic}"] == "send"


def test_every_reference_resolves_and_every_example_is_valid():
    document = asyncapi()

    def follow(node):
        if isinstance(node, dict):
            if "$ref" in node:
                resolve(node["$ref"])
            for child in node.values():
                follow(child)
        elif isinstance(node, list):
            for child in node:
                follow(child)

    def resolve(reference):
        if reference.startswith("./"):
            assert (COMMITTED / reference).is_file()
            return
        target = document
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]

    follow(document)
    examples = 0
    for message in document["components"]["messages"].values():
        for example in message.get("examples", ()):
            schema = json.loads((COMMITTED / message["payload"]["$ref"]).read_text(encoding="utf-8"))
            jsonschema.Draft202012Validator(schema).validate(example["payload"])
            examples += 1
    assert examples == len(CONTRACTS) - 1  # all but rejected, whose payload is anything


@pytest.fixture(scope="session")
def asyncapi_meta_schema(tmp_path_factory):
    if not (npm := shutil.which("npm")):
        pytest.skip("no npm here: AsyncAPI's meta-schema comes from its npm package")
    directory = tmp_path_factory.mktemp("asyncapi")
    packed = subprocess.run(
        [npm, "pack", "--silent", ASYNCAPI_SPECS],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if packed.returncode:
        pytest.skip(f"npm could not fetch {ASYNCAPI_SPECS}: no network?")
    (archive,) = directory.glob("*.tgz")
    with tarfile.open(archive) as files:
        return json.load(io.TextIOWrapper(files.extractfile("package/schemas/3.0.0.json"), encoding="utf-8"))


def test_the_document_is_valid_by_asyncapis_own_meta_schema(asyncapi_meta_schema):
    validator = jsonschema.Draft7Validator(asyncapi_meta_schema)
    assert [error.message[:300] for error in validator.iter_errors(asyncapi())] == []
    broken = asyncapi() | {"channels": {"incidents": {"adress": "siaga.incidents"}}}
    assert not validator.is_valid(broken)
