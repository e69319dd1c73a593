"""The contract as a page for people: docs/messages.md, written from the AsyncAPI document and the JSON Schemas.

Markdown, the same text every time: what the page says is what the documents say, so it is never edited by hand.
"""

import json
import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from schemas.asyncapi import asyncapi
from schemas.jsonschema import CONTRACTS, Contract, json_schema
from schemas.vocabulary import DAY_MS

PAGE = "messages"
WIDTH = 120
_TIME_FORMAT = "date-time"
_HEAD = """# Messages

Every public topic and message, written from the AsyncAPI document ([`asyncapi.json`](../schemas/json/asyncapi.json))
and the JSON Schemas by `siaga schemas messages`; do not edit it. How to publish: [publishing.md](publishing.md).

Names are those of the default prefix `siaga.` (`SIAGA_TOPIC_PREFIX`). An object holds the fields listed and no others.
"""


def messages_page() -> str:
    """The page's text."""
    document = asyncapi()
    by_topic = {contract.topic.value: contract for contract in CONTRACTS}
    sections = [_overview(document)]
    for name, channel in document["channels"].items():
        message = next(iter(channel["messages"]))
        sections.append(_section(channel, document["components"]["messages"][message], by_topic[name]))
    return "\n".join([_HEAD, *sections])


def _overview(document: dict[str, Any]) -> str:
    actions = {op["channel"]["$ref"].rpartition("/")[2]: op["action"] for op in document["operations"].values()}
    rows = []
    for name, channel in document["channels"].items():
        message = document["components"]["messages"][next(iter(channel["messages"]))]
        way = "you write" if actions[name] == "receive" else "you read"
        address = channel["address"]
        rows.append(
            (f"[`{address}`](#{_anchor(address)})", way, message["title"], channel["description"], _kept(channel))
        )
    return _table(("topic", "direction", "message", "what", "kept"), rows)


def _section(channel: dict[str, Any], message: dict[str, Any], contract: Contract) -> str:
    schema = json_schema(contract)
    is_headers = contract.key is None
    key = f"Key: {_key(message)} Schema: [`{contract.file}`](../schemas/json/{contract.file}), `{contract.id}`."
    parts = [f"## {channel['address']}", "", _wrapped(f"{channel['description']} {schema['description']}"), ""]
    parts += [_wrapped(key), ""]
    if is_headers:
        parts += [f"Value: {message['payload']['description']} Headers:", ""]
    parts.append(_fields(schema, schema.get("$defs", {}), contract.topic.value))
    for name, part in schema.get("$defs", {}).items():
        if "properties" in part:
            about = _wrapped(part["description"]) + "\n\n" if "description" in part else ""
            parts += [
                f"### {_named(name, contract.topic.value)}\n",
                about + _fields(part, schema["$defs"], contract.topic.value),
            ]
    for example in message.get("examples", ()):
        parts += ["Example:\n", f"```json\n{json.dumps(example['payload'], indent=2, ensure_ascii=False)}\n```\n"]
    return "\n".join(parts)


def _named(part: str, topic: str) -> str:
    """The heading of an object inside a message: parts of two messages may have one name."""
    return f"{part} of {topic}"


def _fields(schema: dict[str, Any], parts: dict[str, Any], topic: str) -> str:
    """The table of an object's fields; `parts` are the schema's definitions, `topic` names their headings."""
    required = set(schema.get("required", ()))
    rows = []
    for name, field in schema["properties"].items():
        need = "required" if name in required else _default(field)
        rows.append((f"`{name}`", _kind(field, parts, topic), need, _paragraph(field.get("description", ""))))
    return _table(("field", "value", "needed", "meaning"), rows)


def _default(field: dict[str, Any]) -> str:
    value = field.get("default")
    return "optional" if value is None else f"optional, `{json.dumps(value)}` if absent"


def _kind(field: dict[str, Any], parts: dict[str, Any], topic: str) -> str:
    """What a value may be, in words."""
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        is_object = "properties" in parts[name]
        return f"[{name}](#{_anchor(_named(name, topic))})" if is_object else _kind(parts[name], parts, topic)
    if "anyOf" in field:
        return "; or ".join(_kind(option, parts, topic) for option in field["anyOf"])
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{word}`" for word in field["enum"])
    if field.get("format") == _TIME_FORMAT:
        return "time, RFC 3339 with seconds and offset"
    if field["type"] == "array":
        most = f", at most {field['maxItems']}" if "maxItems" in field else ""
        return f"list of {_kind(field['items'], parts, topic)}{most}"
    if field["type"] == "object":
        return f"object of {_kind(field['additionalProperties'], parts, topic)} by name"
    return ", ".join([field["type"], *_bounds(field)])


def _bounds(field: dict[str, Any]) -> Iterator[str]:
    low, high = field.get("minimum"), field.get("maximum")
    if low is not None and high is not None:
        yield f"{low} to {high}"
    elif low is not None:
        yield f"at least {low}"
    if "exclusiveMinimum" in field:
        yield f"more than {field['exclusiveMinimum']}"
    if "maxLength" in field:
        yield f"{field.get('minLength', 0)} to {field['maxLength']} characters"
    if "pattern" in field:
        yield f"`{field['pattern']}`"


def _key(message: dict[str, Any]) -> str:
    key: dict[str, str] = message["bindings"]["kafka"]["key"]
    return key["description"] + (f" `{key['pattern']}`." if "pattern" in key else "")


def _kept(channel: dict[str, Any]) -> str:
    config = channel["bindings"]["kafka"]["topicConfiguration"]
    return f"{config['retention.ms'] // DAY_MS} days" if "retention.ms" in config else "the latest of each key"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def _paragraph(text: str) -> str:
    return " ".join(text.split())


def _wrapped(text: str) -> str:
    return textwrap.fill(_paragraph(text), WIDTH, break_long_words=False, break_on_hyphens=False)


def _anchor(heading: str) -> str:
    """As GitHub makes it: lower case, punctuation dropped, blanks as hyphens."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
