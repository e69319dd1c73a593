"""docs/publishing.md: its example runs, its reasons are all there are and each example earns its own, its links lead
somewhere.
"""

import json
import os
import re
import subprocess
import sys
import time

import pytest
from kafka import KafkaConsumer

from apps.embedded import EmbeddedBroker
from apps.embedded.jars import kafka_version
from schemas.roster import Roster
from schemas.sources import Sources
from schemas.topics import Topic
from schemas.vocabulary import RejectReason
from schemas.wire import decode_incident
from streams.admission import ClockMode, Gate, Rejection
from tests.apps.cli.siaga import ROOT, Siaga

PAGE = (ROOT / "docs" / "publishing.md").read_text(encoding="utf-8")


def test_the_python_example_publishes_a_valid_incident(broker: EmbeddedBroker, fresh_prefix: str):
    environ = {"SIAGA_BROKER": broker.bootstrap, "SIAGA_TOPIC_PREFIX": fresh_prefix}
    assert Siaga(environ)("topics").status == 0
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    subprocess.run([sys.executable, "-c", example], env=os.environ | environ, check=True, timeout=60)
    consumer = KafkaConsumer(
        fresh_prefix + "incidents", bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest", group_id=None
    )
    try:
        record = next(consumer)
    finally:
        consumer.close()
    assert decode_incident(record.value).regency.encode() == record.key


def test_every_reason_is_explained():
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) >= {reason.value for reason in RejectReason}


def test_links_lead_to_files():
    for link in re.findall(r"\]\((?!http)([^)#]+)", PAGE):
        assert (ROOT / "docs" / link).resolve().is_file(), link


def test_the_commands_it_shows_exist():
    for command in sorted(set(re.findall(r"^siaga (\w+)", PAGE, re.MULTILINE))):
        assert Siaga()(command, "--help").status == 0, command


def rejections() -> dict[str, tuple[str, str, str]]:
    """By reason: the example's language, its text, and the error that the page promises."""
    section = re.compile(r"^#### `(\w+)`\n\n```(\w+)\n(.*?)```\n\nError: `(.+?)`$", re.MULTILINE | re.DOTALL)
    return {reason: (language, text, error) for reason, language, text, error in section.findall(PAGE)}


def test_every_reason_has_an_example():
    assert set(rejections()) == {reason.value for reason in RejectReason}


@pytest.mark.parametrize("reason", sorted(rejections()))
def test_each_example_is_rejected_for_its_reason_with_its_error(reason: str):
    language, text, error = rejections()[reason]
    value = (
        subprocess.run(["sh", "-c", text], capture_output=True, check=True).stdout
        if language == "sh"
        else text.encode()
    )
    topic = Topic.TURNOUT if '"as_of"' in text else Topic.INCIDENTS
    gate = Gate(Roster.default(), ClockMode.WALL, Sources.default())
    decision = gate.admit(topic, value.rstrip(b"\n"), (), time.time_ns() // 1_000_000)
    assert decision == Rejection(RejectReason(reason), error)


@pytest.mark.parametrize(
    ("language", "file"), [("java", "java/Publish.java"), ("js", "node/publish.mjs"), ("sh", "kcat/publish.sh")]
)
def test_snippets_on_the_page_are_parts_of_the_examples(language: str, file: str):
    part = PAGE.partition("## Four complete examples")[2].partition("## How to send")[0]
    (shown,) = re.findall(rf"```{language}\n(.*?)```", part, re.DOTALL)
    assert shown in (ROOT / "examples" / "publishers" / file).read_text(encoding="utf-8")


def test_the_versions_it_names_are_those_the_examples_pin():
    examples = ROOT / "examples" / "publishers"
    pinned = json.loads((examples / "node" / "package.json").read_text())["dependencies"]["kafkajs"]
    assert f"kafkajs {pinned} " in PAGE
    assert (examples / "python" / "requirements.txt").read_text().split()[0].replace("==", " ") in PAGE
    assert f"kafka-clients-{kafka_version()}.jar" in PAGE
