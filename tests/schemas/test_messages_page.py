"""docs/messages.md: current, complete, the same every time, and its links and examples hold."""

import json
import re
from pathlib import Path

import jsonschema

from schemas.asyncapi import asyncapi
from schemas.jsonschema import CONTRACTS, json_schema
from schemas.messages_page import messages_page
from schemas.vocabulary import RejectReason

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = messages_page()


def sections() -> dict[str, str]:
    """Text of each section by the topic that is its heading."""
    parts = re.split(r"^## (.+)$", PAGE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_committed_page_is_current():
    assert (DOCS / "messages.md").read_bytes() == PAGE.encode(), "run: siaga schemas messages > docs/messages.md"


def test_it_is_the_same_every_time():
    assert messages_page() == PAGE


def test_every_public_topic_has_a_section_and_every_field_a_row():
    assert list(sections()) == [channel["address"] for channel in asyncapi()["channels"].values()]
    for contract in CONTRACTS:
        schema = json_schema(contract)
        objects = [schema, *(part for part in schema.get("$defs", {}).values() if "properties" in part)]
        rows = re.findall(r"^\| `([^`]+)` \|", sections()[f"siaga.{contract.topic.value}"], re.MULTILINE)
        assert sorted(rows) == sorted(field for part in objects for field in part["properties"])


def test_every_reason_of_a_rejection_is_named():
    (row,) = re.findall(r"^\| `siaga.reason` \| (.+?) \|", PAGE, re.MULTILINE)
    assert row == ", ".join(f"`{reason}`" for reason in RejectReason)


def test_its_examples_fit_their_schemas():
    shown = {topic: re.findall(r"```json\n(.*?)```", text, re.DOTALL) for topic, text in sections().items()}
    for contract in CONTRACTS:
        examples = shown[f"siaga.{contract.topic.value}"]
        assert len(examples) == (contract.key is not None)
        for example in examples:
            jsonschema.Draft202012Validator(json_schema(contract)).validate(json.loads(example))


def test_its_links_lead_to_headings_and_files():
    headings = re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
    anchors = [heading.lower().replace(".", "").replace(" ", "-") for heading in headings]
    assert len(set(anchors)) == len(anchors)
    links = re.findall(r"\]\(([^)]+)\)", PAGE)
    assert links
    for link in links:
        assert link[1:] in anchors if link.startswith("#") else (DOCS / link).is_file(), link
