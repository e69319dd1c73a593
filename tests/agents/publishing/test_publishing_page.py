"""docs/publishing.md: its example runs, its reasons are all there are, its links lead somewhere."""

import os
import re
import subprocess
import sys
from pathlib import Path

from kafka import KafkaConsumer

from agents.embedded import EmbeddedBroker
from schemas.rejected import Reason
from schemas.wire import decode_incident
from tests.agents.cli.siaga import ROOT, Siaga

PAGE = (ROOT / "docs" / "publishing.md").read_text(encoding="utf-8")


def test_the_python_example_publishes_a_good_incident(broker: EmbeddedBroker, fresh_prefix: str):
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
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) >= {reason.value for reason in Reason}


def test_links_lead_to_files():
    for link in re.findall(r"\]\((?!http)([^)#]+)", PAGE):
        assert (ROOT / "docs" / link).resolve().is_file(), link


def test_the_commands_it_shows_exist():
    for command in sorted(set(re.findall(r"^siaga (\w+)", PAGE, re.MULTILINE))):
        assert Siaga()(command, "--help").status == 0, command
        assert Path(ROOT / "agents" / "cli" / f"{command}.py").is_file()
