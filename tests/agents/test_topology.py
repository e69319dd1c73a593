"""The stages as data: the picture in the README, and what agrees with the topics of the contract."""

import re
from pathlib import Path

from agents.topology import BESIDE, RISK, STAGES, diagram
from schemas.topics import INPUTS, SPECS, Direction, Topic

README = Path(__file__).resolve().parents[2] / "README.md"


def test_the_picture_in_the_readme_is_the_diagram_of_the_stages():
    """Generate it with `python -m agents.topology`."""
    text = README.read_text(encoding="utf-8")
    (picture,) = re.findall(r"<!-- topology:begin -->\n```mermaid\n(.*?)```\n<!-- topology:end -->", text, re.DOTALL)
    assert picture == diagram()


def test_every_topic_is_read_or_written_by_a_stage():
    inputs = {topic for stage in STAGES for topic in stage.inputs}
    outputs = {topic for stage in STAGES for topic in (*stage.outputs, stage.state, stage.notes) if topic}
    assert inputs | outputs | BESIDE == set(Topic)
    assert inputs - outputs == set(INPUTS)


def test_stages_write_no_input_topic_and_restore_from_compacted_ones():
    specs = {spec.topic: spec for spec in SPECS}
    for stage in STAGES:
        assert all(specs[topic].direction is not Direction.IN for topic in stage.outputs)
        assert all(specs[topic].retention_ms is None for topic in (stage.state, stage.notes) if topic)
    assert RISK.state is Topic.STATE
