"""The AsyncAPI 3.0 document: Siaga's public channels, generated from topics and models.

Internal topics are left out: nobody but Siaga reads or writes them. Payloads refer to the JSON Schema files beside the
document.
"""

import json
from typing import Any

from schemas.examples import EXAMPLES
from schemas.jsonschema import CONTRACTS, OUTWARD, Contract, json_schema
from schemas.topics import DEFAULT_PARTITIONS, SPECS, Direction, TopicNames, TopicSpec

ASYNCAPI_FILE = "asyncapi.json"
KAFKA_BINDING = "0.5.0"
VERSION = "2.0.0"  # of the public contract, not of the program

_ABOUT = (
    "Siaga reads incidents and turnout, and keeps a rolling risk table per regency with escalations. Outputs are "
    "exactly once to readers with isolation.level=read_committed. Any client, partitioner and Kafka compression codec "
    "may publish."
)


def asyncapi() -> dict[str, Any]:
    """The document, for the default topic prefix and partition count."""
    public = [spec for spec in SPECS if spec.direction is not Direction.INTERNAL]
    described = [(spec, contract) for spec in public for contract in CONTRACTS if contract.topic is spec.topic]
    return {
        "asyncapi": "3.0.0",
        "id": "urn:siaga:contract:2",
        "info": {"title": "Siaga", "version": VERSION, "description": _ABOUT},
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {
                "host": "{broker}",
                "protocol": "kafka",
                "description": "Any Apache Kafka that SIAGA_BROKER names.",
                "variables": {
                    "broker": {"default": "localhost:9092", "description": "host:port of a bootstrap broker"}
                },
            }
        },
        "channels": {spec.topic.value: _channel(spec, contract) for spec, contract in described},
        "operations": dict(_operation(spec, contract) for spec, contract in described),
        "components": {"messages": {_message_name(contract): _message(spec, contract) for spec, contract in described}},
    }


def documents() -> dict[str, dict[str, Any]]:
    """Every generated document by file name."""
    return {contract.file: json_schema(contract) for contract in (*CONTRACTS, OUTWARD)} | {ASYNCAPI_FILE: asyncapi()}


def render(document: dict[str, Any]) -> str:
    """A document's text: the same bytes every time."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _message_name(contract: Contract) -> str:
    return "rejected" if contract.name == "rejected-headers" else contract.name


def _channel(spec: TopicSpec, contract: Contract) -> dict[str, Any]:
    name = _message_name(contract)
    return {
        "address": TopicNames()[spec.topic],
        "description": spec.about[0].upper() + spec.about[1:] + ".",
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        "bindings": {"kafka": _topic_binding(spec)},
    }


def _topic_binding(spec: TopicSpec) -> dict[str, Any]:
    config: dict[str, Any] = dict(spec.config)
    config["cleanup.policy"] = config["cleanup.policy"].split(",")
    config |= {name: int(value) for name, value in config.items() if isinstance(value, str) and value.isdecimal()}
    return {
        "topic": TopicNames()[spec.topic],
        "partitions": DEFAULT_PARTITIONS,
        "topicConfiguration": config,
        "bindingVersion": KAFKA_BINDING,
    }


def _operation(spec: TopicSpec, contract: Contract) -> tuple[str, dict[str, Any]]:
    """AsyncAPI 3 tells what the described application, Siaga, does: it receives what others publish."""
    action, verb = ("receive", "read") if spec.direction is Direction.IN else ("send", "write")
    channel = f"#/channels/{spec.topic.value}"
    return f"{verb}-{spec.topic.value}", {
        "action": action,
        "channel": {"$ref": channel},
        "summary": f"Siaga {verb}s {spec.about}.",
        "messages": [{"$ref": f"{channel}/messages/{_message_name(contract)}"}],
    }


def _message(spec: TopicSpec, contract: Contract) -> dict[str, Any]:
    name = _message_name(contract)
    message: dict[str, Any] = {
        "name": name,
        "title": contract.model.__name__.removesuffix("Headers"),
        "contentType": "application/json",
        "bindings": {"kafka": {"key": _key(contract), "bindingVersion": KAFKA_BINDING}},
        "payload": {"$ref": f"./{contract.file}"},
    }
    if name == "rejected":
        message["contentType"] = "application/octet-stream"
        message["headers"] = {"$ref": f"./{contract.file}"}
        message["payload"] = {"description": "The original bytes, whatever they are."}
    elif spec.direction is Direction.IN:
        message["headers"] = _CLOUDEVENTS
    if name in EXAMPLES:
        message["examples"] = [{"name": name, "payload": EXAMPLES[name]}]
    return message


def _key(contract: Contract) -> dict[str, Any]:
    if contract.key is None:
        return {"description": "The original key, whatever it is."}
    return {"type": "string", "pattern": contract.key, "description": contract.key_about}


_CLOUDEVENTS = {
    "type": "object",
    "description": "None is needed. CloudEvents in binary mode are accepted; another declared encoding is rejected.",
    "properties": {
        "content-type": {
            "type": "string",
            "description": "If present, a JSON media type.",
            "examples": ["application/json"],
        },
        "ce_specversion": {"type": "string"},
        "ce_id": {"type": "string"},
        "ce_source": {"type": "string"},
        "ce_type": {"type": "string"},
    },
}
