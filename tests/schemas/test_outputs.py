"""What the fold writes is what the published schemas promise, on a rough day of random incidents and turnout."""

import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta

import jsonschema
import pytest

from schemas.jsonschema import CONTRACTS, json_schema
from schemas.ledger import TICK_KEY
from schemas.roster import Roster
from schemas.ruleset import Ruleset
from schemas.topics import Topic
from schemas.vocabulary import Category, Status
from streams.admission import Admitted, ClockMode, Gate, tick_entry
from streams.table import RiskTable
from tests.schemas.messages import incident, turnout

DAWN = datetime.fromisoformat("2024-11-27T06:00:00+07:00")
MESSAGES = 600  # one every 90 s
OUTPUTS = [contract for contract in CONTRACTS if contract.topic in (Topic.RISK, Topic.PROVINCE, Topic.ESCALATIONS)]


def rough_day(roster: Roster) -> Iterator[tuple[Topic, bytes]]:
    """Random messages over all regencies: every category, severity and status, turnout that falls and exceeds, two
    agencies on one incident, under one number and under two, and at one station.
    """
    chance = random.Random(7)
    for number in range(1, MESSAGES + 1):
        moment = (DAWN + timedelta(seconds=90 * number)).isoformat()
        regency = chance.choice(list(roster))
        common = {"event_id": f"e-{number}", "regency": regency, "source": chance.choice(["bawaslu", "kpu"])}
        common["village"] = f"{regency}.01.1001" if chance.random() < 0.5 else None
        if chance.random() < 0.3:
            counts = {"station": f"TPS {chance.randint(1, 30)}", "voted": chance.randint(0, 700)}
            yield Topic.TURNOUT, turnout(as_of=moment, **common, **counts)
            continue
        common["source"] = chance.choice(["bawaslu", "kpu", "polda"])
        details = {"incident_id": f"i-{number % 40}", "revision": number, "severity": chance.randint(1, 5)}
        details["origin"] = chance.choice([None, "bawaslu", "polda"])
        details |= {"category": chance.choice(list(Category)), "status": chance.choice(list(Status))}
        yield Topic.INCIDENTS, incident(occurred_at=moment, reported_at=moment, **common, **details)


@pytest.fixture(scope="module")
def written() -> dict[Topic, list[bytes]]:
    """All the fold writes about that day, with a tick every half hour and every notice delivered."""
    roster = Roster.default()
    table, gate = RiskTable(0, 1, roster, Ruleset.default()), Gate(roster, ClockMode.EVENT)
    values: dict[Topic, list[bytes]] = {contract.topic: [] for contract in OUTPUTS}
    offset = 0
    for number, (topic, value) in enumerate(rough_day(roster)):
        admitted = gate.admit(topic, value, (), 0, 2**42)
        assert isinstance(admitted, Admitted)
        frames = [(admitted.regency.encode(), admitted.entry)]
        if number % 20 == 19:
            frames.append((TICK_KEY, tick_entry(admitted.event_ms)))
        while frames:
            key, entry = frames.pop(0)
            table.apply(offset, key, [entry])
            offset += 1
            drained = table.drain()
            frames += [(target.encode(), notice) for target, notice in drained.notices]
            values[Topic.RISK] += [row for _, row in drained.rows]
            values[Topic.PROVINCE] += [row for _, row in drained.provinces]
            values[Topic.ESCALATIONS] += [message for _, message in drained.escalations]
    return values


@pytest.mark.parametrize("contract", OUTPUTS, ids=lambda contract: contract.name)
def test_every_output_is_valid_by_its_model_and_by_its_json_schema(written, contract):
    values = written[contract.topic]
    assert len(values) >= 20
    validator = jsonschema.Draft202012Validator(json_schema(contract))
    for value in values:
        validator.validate(json.loads(value))
        contract.model.model_validate_json(value)


def test_the_rough_day_shows_pairs_and_incidents_of_two_agencies(written):
    assert any(json.loads(row)["candidate_pairs"] for row in written[Topic.RISK])
    cited = [item for message in written[Topic.ESCALATIONS] for item in json.loads(message)["evidence"]]
    assert any(len(item["agencies"]) > 1 for item in cited)
