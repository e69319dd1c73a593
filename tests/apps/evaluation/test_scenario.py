"""`--scenario`: days are read as documented; an invalid one is one line that names file, day and field."""

import json

import pytest

from apps.evaluation.cases import RecordedCase, SimulatedCase
from apps.evaluation.scenario import ScenarioError, load_scenario
from apps.simulation.day import Plan, simulate_day
from apps.simulation.scenario_files import write_day
from schemas.roster import Roster
from schemas.vocabulary import HOUR_MS, MINUTE_MS

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


def test_flare_ups_may_be_random(tmp_path):
    (case,) = scenario(tmp_path, {"seed": 7, "flareups": "chance", "background": 2, "doubles": 0.3}).cases
    assert case == SimulatedCase(Plan(7, background=2, doubles=0.3))


def test_messages_with_their_truth_are_a_day(tmp_path):
    (case,) = scenario(tmp_path, RECORDED, grace_min=30).cases
    truth, messages = case.load(ROSTER)
    assert isinstance(case, RecordedCase)
    assert [(message.at_ms - truth.start_ms, message.topic) for message in messages] == [(605 * MINUTE_MS, "incidents")]
    assert json.loads(messages[0].value) == INCIDENT
    assert truth.flareups[0].end_ms == truth.start_ms + 11 * HOUR_MS


def test_without_arrival_times_messages_keep_the_order_of_lines(tmp_path):
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


def recorded(**fields):
    """The recorded day with another flare-up."""
    return RECORDED | {"truth": {"flareups": [RECORDED["truth"]["flareups"][0] | fields]}}


def serious(**fields):
    other = {"kind": "serious", "regency": "16.01", "onset": "2024-11-27T09:00:00Z", "end": "2024-11-27T09:00:00Z"}
    return RECORDED | {"truth": {"others": [other | fields]}}


WRONG_DAYS = [
    ({}, "seed: must be a whole number"),
    ({"seed": True}, "seed: must be a whole number"),
    ({"seed": 1, "colour": "red"}, "colour: unknown field"),
    ({"seed": 1, "date": "tomorrow"}, "date: 'tomorrow' is not a date"),
    ({"seed": 1, "date": "9999-12-31"}, "date: must be from 1971 to 2199"),
    ({"seed": 1, "utc_offset_h": 100}, "utc_offset_h: 100 is not from -12 to 14"),
    ({"seed": 1, "utc_offset_h": "7"}, "utc_offset_h: '7' is not a number"),
    ({"seed": 1, "background": 0}, "background: must be greater than 0"),
    ({"seed": 1, "background": -1}, "background: -1 is not from 0 to 1000"),
    ({"seed": 1, "hoax_chance": 5}, "hoax_chance: 5 is not from 0 to 1"),
    ({"seed": 1, "doubles": 1.5}, "doubles: 1.5 is not from 0 to 1"),
    ({"seed": 1, "flareups_per_day": -1}, "flareups_per_day: -1 is not from"),
    ({"seed": 1, "turnout_every_min": -5}, "turnout_every_min: -5 is not from 0 to 1440"),
    ({"seed": 1, "turnout_every_min": 0.4}, "turnout_every_min: 0.4 is not a whole number"),
    ({"seed": 1, "flareups": None}, 'flareups: must be a list or "chance"'),
    ({"seed": 1, "arrivals": []}, "arrivals: unknown field"),
    ({"seed": 1, "flareups": [{"regency": "99.99", "onset": "10:00"}]}, "flareup 1, regency: '99.99'"),
    ({"seed": 1, "flareups": [{"regency": "16.01", "onset": "10:00", "size": 0}]}, "flareup 1, size: 0 is not"),
    ({"seed": 1, "flareups": [{"regency": "16.01", "onset": "10:00", "kind": []}]}, "flareup 1, kind: [] is none of"),
    (
        {"seed": 1, "flareups": [{"regency": "16.01", "onset": "2024-11-28T10:00:00+07:00"}]},
        "flareup 1, onset: 2024-11-28T10:00:00+07:00 is outside the day",
    ),
    (RECORDED | {"start": "2024-11-27"}, "start: must be an RFC 3339 time"),
    (RECORDED | {"start": "9999-12-31T00:00:00Z"}, "start: must be from 1970 to 2200"),
    (RECORDED | {"seed": True}, "seed: must be a whole number"),
    (RECORDED | {"days": 0}, "days: 0 is not from 1 to 366"),
    (RECORDED | {"days": 1e9}, "days: 1000000000.0 is not from 1 to 366"),
    (RECORDED | {"days": 1.5}, "days: 1.5 is not a whole number"),
    (RECORDED | {"incidents": "absent.jsonl"}, "incidents: must be a list of messages or a file"),
    (RECORDED | {"incidents": [INCIDENT, "clash"]}, "incidents line 2: must be an object"),
    (RECORDED | {"turnout": [None]}, "turnout line 1: must be an object"),
    (RECORDED | {"incidents": "strings.jsonl"}, "strings.jsonl line 3: must be an object"),
    (RECORDED | {"truth": []}, "truth: must be an object with flareups"),
    (RECORDED | {"truth": {"flareups": None}}, "truth, flareups: must be a list"),
    (RECORDED | {"truth": {"flareups": ["clash"]}}, "flareup 1: must be an object"),
    (RECORDED | {"truth": {"flareup": []}}, "truth, flareup: unknown field"),
    (RECORDED | {"truth": {"flareups": [{"regency": "16.01"}]}}, "flareup 1, onset: must be an RFC 3339 time"),
    (recorded(regency=["16.01"]), "flareup 1, regency: ['16.01'] is not text"),
    (recorded(regency="99.99"), "flareup 1, regency: '99.99' is not in the roster"),
    (recorded(end="2024-11-27T09:00:00+07:00"), "flareup 1, end: 2024-11-27T09:00:00+07:00 is before the onset"),
    (recorded(onset="2024-11-26T23:59:00+07:00"), "flareup 1, onset: 2024-11-26T23:59:00+07:00 is outside the day"),
    (
        recorded(onset="2024-11-28T03:00:00+07:00", end="2024-11-28T04:00:00+07:00"),
        "flareup 1, onset: 2024-11-28T03:00:00+07:00 is outside the day",
    ),
    (recorded(size=-1), "flareup 1, size: -1 is not from 0"),
    (recorded(reported="3"), "flareup 1, reported: '3' is not a number"),
    (RECORDED | {"truth": {"others": {}}}, "truth, others: must be a list"),
    (serious(kind="rumour"), "other 1, kind: must be one of serious"),
    (serious(regency="99.99"), "other 1, regency: '99.99' is not in the roster"),
    (serious(end="2024-11-27T08:00:00Z"), "other 1, end: 2024-11-27T08:00:00Z is before the onset"),
    (RECORDED | {"arrivals": {"incidents": [1]}}, "arrivals: must be the name of a JSON file"),
    (RECORDED | {"arrivals": "absent.json"}, "arrivals: must be the name of a JSON file"),
]


@pytest.mark.parametrize(("day", "line"), WRONG_DAYS, ids=[line for _, line in WRONG_DAYS])
def test_an_invalid_day_is_one_line_that_names_file_day_and_field(tmp_path, day, line):
    (tmp_path / "strings.jsonl").write_text('{}\n\n"clash"\n')
    with pytest.raises(ScenarioError) as wrong:
        scenario(tmp_path, {"seed": 1}, day)
    said = str(wrong.value)
    assert said.startswith(f"{tmp_path / 'scenario.json'} day 2") and line in said and "\n" not in said


@pytest.mark.parametrize("grace", [-10, True, "60", None])
def test_an_invalid_grace_is_one_line_that_names_file_and_field(tmp_path, grace):
    with pytest.raises(ScenarioError, match=r"scenario.json, grace_min: .* is not"):
        scenario(tmp_path, RECORDED, grace_min=grace)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("[1]", "must be an object with incidents and turnout"),
        ('{"incident": [1]}', "must be an object with incidents and turnout"),
        ('{"incidents": 1}', "incidents must be a list of milliseconds"),
        ('{"incidents": ["1"]}', "incidents 1: '1' is not whole milliseconds"),
        ('{"incidents": [true]}', "incidents 1: True is not whole milliseconds"),
        ('{"incidents": [0.5]}', "incidents 1: 0.5 is not whole milliseconds"),
        ('{"incidents": [-1]}', "incidents 1: -1 is not whole milliseconds"),
        ('{"incidents": [1e18]}', "incidents 1: 1e+18 is not whole milliseconds"),
        ('{"incidents": [1, 2]}', "incidents: 1 messages but 2 arrival times"),
        ("{", "arrivals.json: "),
    ],
)
def test_invalid_arrival_times_are_one_line_that_names_file_and_day(tmp_path, content, line):
    (tmp_path / "arrivals.json").write_text(content)
    with pytest.raises(ScenarioError) as wrong:
        scenario(tmp_path, RECORDED | {"arrivals": "arrivals.json"})
    said = str(wrong.value)
    assert said.startswith(f"{tmp_path / 'scenario.json'} day 1, arrivals: ") and line in said and "\n" not in said


@pytest.mark.parametrize(
    "day",
    [
        {"seed": -1, "utc_offset_h": 5.5, "turnout_every_min": 0, "hoax_chance": 0, "background": 0.01},
        {"seed": 1, "flareups": [{"regency": "16.01", "onset": "2024-11-27T23:59:00+07:00"}]},
        RECORDED | {"days": 2, "seed": None, "arrivals": None},
        RECORDED | {"truth": {}},
        recorded(end="2024-11-27T09:55:00+07:00", spread_of=None, band="hard", size=3, reported=2),
        recorded(onset="2024-11-28T02:59:00+07:00", end="2024-11-28T05:00:00+07:00"),
        serious(kind="silence", regency=None),
        serious(kind="exercise", note="drill"),
    ],
)
def test_every_documented_form_is_read(tmp_path, day):
    assert len(scenario(tmp_path, day, grace_min=0, about="mine").cases) == 1


def test_arrival_times_are_milliseconds_after_the_start(tmp_path):
    (tmp_path / "arrivals.json").write_text('{"incidents": [1500.0], "turnout": []}')
    truth, (message,) = scenario(tmp_path, RECORDED | {"arrivals": "arrivals.json"}).cases[0].load(ROSTER)
    assert message.at_ms == truth.start_ms + 1500
