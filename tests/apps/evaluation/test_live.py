"""`evaluate --live`: differences between expected and written ledger entries are found; real workers show none."""

import orjson
from click.testing import CliRunner

from apps.cli.evaluate import command
from apps.evaluation.cases import SimulatedCase
from apps.evaluation.live import admitted, compare, entries_by_regency
from apps.simulation.day import Plan
from schemas.ledger import TICK_KEY
from schemas.roster import Roster

CSV = "regency,name,stations,registered\n16.01,Hulu,40,16000\n16.02,Hilir,20,8000\n16.03,Kota,30,9000\n"
ROSTER = Roster.parse(CSV)


def expected_entries():
    _, messages = SimulatedCase(Plan(5)).load(ROSTER)
    return messages, admitted(messages, ROSTER)


def test_every_message_is_expected_once_with_its_event_time():
    messages, entries = expected_entries()
    assert sum(map(len, entries.values())) == len(messages)
    for (_, kind), found in entries.items():
        assert all(entry[1] == (entry[9] if kind == "i" else entry[6]) for entry in found)


def test_entries_are_grouped_by_regency_and_kind_without_ticks_and_notices():
    frames = [
        (TICK_KEY, [["k", 1]]),
        (b"16.01", [["i", 1, "a"], ["n", 1, "16.02"], ["t", 1, "b"]]),
        (b"16.01", [["i", 2, "c"]]),
    ]
    assert entries_by_regency(frames) == {
        ("16.01", "i"): [["i", 1, "a"], ["i", 2, "c"]],
        ("16.01", "t"): [["t", 1, "b"]],
    }


def test_a_lost_a_repeated_and_a_swapped_entry_are_each_reported():
    _, entries = expected_entries()
    key = ("16.01", "t")
    whole = entries[key]
    assert compare(entries, entries) == []
    for damaged in (whole[:-1], [whole[0], *whole], [whole[1], whole[0], *whole[2:]], []):
        (sentence,) = compare(entries, entries | {key: damaged})
        assert sentence.startswith("16.01, kind t:")


def test_a_day_through_broker_and_workers_agrees_exactly(broker, fresh_prefix, tmp_path):
    roster = tmp_path / "roster.csv"
    roster.write_text(CSV)
    spec = {"regency": "16.01", "onset": "09:00", "size": 30, "duration_min": 60}
    scenario = tmp_path / "scenario.json"
    scenario.write_bytes(orjson.dumps({"schema": "siaga.scenario/1", "days": [{"seed": 3, "flareups": [spec]}]}))
    environment = {
        "SIAGA_BROKER": broker.bootstrap,
        "SIAGA_TOPIC_PREFIX": fresh_prefix,
        "SIAGA_ROSTER": str(roster),
        "SIAGA_PARTITIONS": "3",
        "SIAGA_REPLICATION": "1",
    }
    result = CliRunner().invoke(command, ["--live", "--scenario", str(scenario)], env=environment)
    assert result.exit_code == 0, result.output
    assert "ledger agrees" in result.output
    assert " 0 escalations" not in result.output
