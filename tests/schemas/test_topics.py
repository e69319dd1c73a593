"""Topics: a publisher's own input has a name of its own and is like the common one in all else."""

import pytest

from schemas.topics import INPUT_NAME_MAX, INPUTS, LONGEST_NAME, SPECS, Topic, TopicNames, specs_with

NAMES = TopicNames("p.")


def test_own_inputs_follow_the_topics_that_every_deployment_has():
    specs = specs_with(["kpu", "polda"])
    assert specs[: len(SPECS)] == SPECS == specs_with([])
    assert [NAMES.of(spec) for spec in specs[len(SPECS) :]] == [
        "p.incidents.kpu", "p.turnout.kpu", "p.incidents.polda", "p.turnout.polda",
    ]  # fmt: skip


def test_an_own_input_has_the_settings_of_the_common_one():
    common = {spec.topic: spec.config for spec in SPECS}
    assert all(spec.config == common[spec.topic] for spec in specs_with(["kpu"])[len(SPECS) :])


@pytest.mark.parametrize("kind", INPUTS)
def test_the_input_without_a_name_is_the_common_topic(kind: Topic):
    assert NAMES.input(kind) == NAMES[kind] == f"p.{kind.value}"


def test_no_name_is_longer_than_the_longest():
    longest = max(len(TopicNames("").of(spec)) for spec in specs_with(["x" * INPUT_NAME_MAX]))
    assert longest == LONGEST_NAME
