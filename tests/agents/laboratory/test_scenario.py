"""`--scenario`: days of others are read as documented, and what is wrong is said in one line that names the field."""

import json

import pytest

from agents.laboratory.cases import CaseError, RecordedCase, SimulatedCase
from agents.laboratory.scenario import ScenarioError, load_scenario
from agents.simulation.day import Plan, simulate_day
from agents.simulation.files import write_day
from agents.simulation.truth import HOUR_MS, MINUTE_MS
from schemas.roster import Roster

ROSTER = Roster.parse("regency,name,stations,registered\n16.01,Hulu,40,16000\n16.02,Hilir,20,8000\n")
INCIDENT = {
    "event_id": "e1",
    "incident_id": "i1",
    "revision": 1,
    "regency": "16.01",
    "category": "clash",
    "severity": 3,
    "status": "reported",
    "occurred_at": "2024-11-27T10:00:00+07:00",
    "reported_at": "2024-11-27T10:05:00+07:00",
    "source": "polri-16",
}
RECORDED = {
    "start": "2024-11-27T00:00:00+07:00",
    "incidents": [INCIDENT],
    "truth": {
        "flareups": [{"regency": "16.01", "onset": "2024-11-27T09:55:00+07:00", "end": "2024-11-27T11:00:00+07:00"}]
    },
}


def scenario(tmp_path, *days, **fields):
    path = tmp_path / "scenario.json"
    path.write_text(json.dumps({"schema": "siaga.scenario/1", "days": list(days), **fields}))
    return load_scenario(path, ROSTER)


def test_flare_up_specs_and_a_seed_make_a_day(tmp_path):
    spec = {"regency": "16.01", "onset": "10:30", "kind": "clash", "size": 12, "duration_min": 60, "report_share": 0.5}
    (case,) = scenario(tmp_path, {"seed": 7, "flareups": [spec], "hoax_chance": 0}).cases
    truth, messages = case.load(ROSTER)
    (flareup,) = truth.flareups
    assert (flareup.regency, flareup.size, flareup.reported) == ("16.01", 12, 6)
    assert flareup.onset_ms == truth.start_ms + 10 * HOUR_MS + 30 * MINUTE_MS
    assert messages


def test_flare_ups_may_be_left_to_chance(tmp_path):
    (case,) = scenario(tmp_path, {"seed": 7, "flareups": "chance", "background": 2}).cases
    assert case == SimulatedCase(Plan(7, background=2))


def test_messages_with_their_truth_are_a_day(tmp_path):
    (case,) = scenario(tmp_path, RECORDED, grace_min=30).cases
    truth, messages = case.load(ROSTER)
    assert isinstance(case, RecordedCase)
    assert [(message.at_ms - truth.start_ms, message.topic) for message in messages] == [(605 * MINUTE_MS, "incidents")]
    assert json.loads(messages[0].value) == INCIDENT
    assert truth.flareups[0].end_ms == truth.start_ms + 11 * HOUR_MS


def test_without_arrival_times_the_order_of_the_lines_stands(tmp_path):
    earlier = INCIDENT | {"event_id": "e0", "reported_at": "2024-11-27T09:00:00+07:00"}
    broken = {"no": "incident"}
    day = RECORDED | {"incidents": [INCIDENT, earlier, broken]}
    truth, messages = scenario(tmp_path, day).cases[0].load(ROSTER)
    assert [message.at_ms - truth.start_ms for message in messages] == [605 * MINUTE_MS] * 3


def test_what_simulate_writes_is_a_scenario_and_the_same_day(tmp_path):
    day = simulate_day(ROSTER, Plan(seed=3, per_day=2))
    write_day(day, tmp_path)
    (case,) = load_scenario(tmp_path / "truth.json", ROSTER).cases
    truth, messages = case.load(ROSTER)
    simulated_truth, simulated = SimulatedCase(day.plan).load(ROSTER)
    assert [(m.at_ms, m.topic, json.loads(m.value)) for m in messages] == [
        (m.at_ms, m.topic, json.loads(m.value)) for m in sorted(simulated, key=lambda m: m.at_ms)
    ]
    assert truth.flareups == simulated_truth.flareups and truth.others == simulated_truth.others


@pytest.mark.parametrize(
    ("day", "line"),
    [
        ({}, "seed: must be a whole number"),
        ({"seed": 1, "colour": "red"}, "colour: unknown field"),
        ({"seed": 1, "date": "tomorrow"}, "date: 'tomorrow' is not a date"),
        ({"seed": 1, "flareups": [{"regency": "99.99", "onset": "10:00"}]}, "flareup 1, regency: '99.99'"),
        ({"seed": 1, "flareups": [{"regency": "16.01", "onset": "10:00", "size": 0}]}, "flareup 1, size: 0 is not"),
        (RECORDED | {"start": "2024-11-27"}, "start: must be an RFC 3339 time"),
        (RECORDED | {"incidents": "absent.jsonl"}, "incidents: must be a list of messages or a file"),
        (RECORDED | {"truth": {"flareups": [{"regency": "16.01"}]}}, "flareup 1, onset: must be an RFC 3339 time"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_the_field(tmp_path, day, line):
    with pytest.raises(ScenarioError) as wrong:
        scenario(tmp_path, day)
    assert line in str(wrong.value) and "\n" not in str(wrong.value)


def test_arrival_times_must_be_as_many_as_messages(tmp_path):
    (tmp_path / "arrivals.json").write_text('{"incidents": [1, 2]}')
    (case,) = scenario(tmp_path, RECORDED | {"arrivals": "arrivals.json"}).cases
    with pytest.raises(CaseError, match="1 messages but 2 arrival times"):
        case.load(ROSTER)
