"""Nothing that is written changes without a number, and no release's format loses anything under its number."""

import json
from copy import deepcopy

import pytest

from tests.formats.continued import Dump, lines_of
from tests.formats.fingerprint import NUMBERS, RELEASES, WRITTEN, holds, of_ledger, of_state, written_now

ADVICE = """
What is written under {family} format {number} is no longer what tests/formats/written.json says.
A field more, which the release before reads past and which this one can do without: run
`python -m tests.formats.fingerprint`. Everything else is a new number, in two releases: raise what is read in the
first, what is written in the next, and add a dump (docs/decisions/0027-formats.md).
"""
LEDGER = "siaga.ledger"


@pytest.fixture(scope="module")
def now() -> dict:
    return json.loads(json.dumps(written_now()))


@pytest.mark.parametrize("family", NUMBERS)
def test_what_is_written_has_the_structure_of_its_number(family: str, now: dict):
    committed = json.loads(WRITTEN.read_text())[family]
    assert now[family] == committed, ADVICE.format(family=family, number=NUMBERS[family])


@pytest.mark.parametrize(
    "path", sorted(RELEASES.glob("*/*.jsonl.xz")), ids=lambda path: f"{path.parent.name} {path.stem}"
)
def test_a_release_wrote_nothing_under_this_number_that_is_gone(path, now: dict):
    """So that it can go on from what this one writes."""
    dump = Dump(lines_of(path))
    frames = [(record.value, dict(record.headers)) for record in dump.written(LEDGER) if b'"?"' not in record.value]
    state = of_state(record for held in dump.state.values() for record in held.items())
    for family, kinds in (("state", state), ("ledger", of_ledger(frames))):
        for kind, node in kinds.items():
            assert holds(now[family]["kinds"][kind], node), f"{kind} of {path.parent.name}"


def test_a_field_that_is_gone_renamed_or_of_another_type_is_no_addition(now: dict):
    head = now["state"]["kinds"]["head"]
    for change in ("gone", "renamed", "type", "column"):
        other = deepcopy(now["state"]["kinds"]["incidents" if change == "column" else "head"])
        if change == "column":
            other["fields"]["rows"]["items"]["columns"]["13"] = {"types": ["int"]}
            assert not holds(other, now["state"]["kinds"]["incidents"])
            continue
        offset = other["fields"].pop("offset")
        if change == "renamed":
            other["fields"]["position"] = offset
        elif change == "type":
            other["fields"]["offset"] = {"types": ["str"]}
        assert not holds(other, head)
    more = deepcopy(head)
    more["fields"]["new"] = {"types": ["int"]}
    assert holds(more, head) and not holds(head, more)
