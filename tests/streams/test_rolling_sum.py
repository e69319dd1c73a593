"""The plain job of stream benchmarks: the severity sum of the last hour against a threshold."""

import orjson

from schemas.ruleset import Ruleset
from streams.rules import Rules
from tests.streams.ledgers import EIGHT_MS, HOUR_MS, MINUTE_MS, PALEMBANG, fresh, incident, run, tick

PLAIN = Rules(Ruleset.packaged("rolling-sum-60min"))  # threshold 100


def reports(count: int, severity: int, at_ms: int, first: int = 0) -> list:
    return [(PALEMBANG, [incident(first + n, at_ms + n * 1000, "clash", severity)]) for n in range(count)]


def test_each_crossing_from_below_is_one_escalation():
    """Seven of weight 16 are 112; after an hour they are gone, and seven more cross again."""
    later_ms = EIGHT_MS + 2 * HOUR_MS
    frames = [*reports(7, 5, EIGHT_MS), tick(EIGHT_MS + HOUR_MS + MINUTE_MS), *reports(7, 5, later_ms, first=100)]
    escalations = run(frames, fresh(PLAIN)).changes(PALEMBANG)
    assert [(item["change"], item["ledger"]["offset"]) for item in escalations] == [
        ("raised", 6),
        ("cleared", 7),
        ("raised", 14),
    ]
    assert escalations[0]["components"] == {"rolling_sum": 100} and escalations[0]["reason"] == "rolling_sum"


def test_below_the_threshold_nothing_is_escalated():
    outputs = run(reports(99, 1, EIGHT_MS), fresh(rules=PLAIN))
    assert outputs.changes() == []
    assert orjson.loads(outputs.rows[PALEMBANG])["score"] == 99


def test_many_crossings_in_one_frame_are_decided_entry_by_entry():
    entries = [entry for _, frame in reports(8, 5, EIGHT_MS) for entry in frame]
    escalations = run([(PALEMBANG, entries)], fresh(PLAIN)).changes(PALEMBANG)
    assert [item["score"] for item in escalations] == [100]
    assert len(escalations[0]["evidence"]) == 7  # as of the seventh report, not of the frame's end
