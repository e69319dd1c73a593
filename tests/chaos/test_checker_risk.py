"""The recount of the risk model is checked: each wrong value planted in a row, an escalation, a notice or a note is
found.
"""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.chaos.evidence import Evidence, Seen
from tests.chaos.judging import score_faults
from tests.chaos.ladder import Ladder
from tests.chaos.planting import entries_of, found, rewritten, where
from tests.chaos.policy import DEFAULT_POLICY
from tests.chaos.scoring import PARTS, Score

CODE = "16.71"
HOUR_LATER = "2024-11-27T09:30:00.000Z"


def of(record: Seen) -> dict:
    return json.loads(record.value)


def busy(row: dict) -> bool:
    """A row with something in every part that is planted in."""
    return min(row["components"]["security"], row["components"]["supply"]) > 10 and 15 < row["score"] < 95


def middle_row(evidence: Evidence, code: str = CODE) -> int:
    """Of a busy regency, in the middle of its rows, beside no escalation."""
    told = {(e["regency"], e["ledger"]["offset"]) for e in map(of, evidence.topics["escalations"])}
    rows = evidence.topics["risk"]
    return where(rows, lambda r: busy(row := of(r)) and (row["regency"], row["ledger"]["offset"]) not in told)


def shifted(row: dict) -> dict:
    return row["components"] | {
        "security": row["components"]["security"] - 5,
        "supply": row["components"]["supply"] + 5,
    }


def raised(row: dict) -> dict:
    return {
        "score": row["score"] + 3,
        "components": row["components"] | {"security": row["components"]["security"] + 3},
    }


def other_window(row: dict) -> dict:
    six = row["windows"]["6h"]
    return {"windows": row["windows"] | {"6h": six | {"incidents": six["incidents"] + 1}}}


ROW_PLANTS: dict[str, Callable[[dict], dict]] = {
    "score": lambda row: {"score": row["score"] + 5},
    "score and component": raised,
    "components": lambda row: {"components": shifted(row)},
    "level": lambda row: {"level": "normal" if row["level"] != "normal" else "awas"},
    "data_status": lambda row: {"data_status": "silent"},
    "since": lambda row: {"since": HOUR_LATER},
    "as_of": lambda row: {"as_of": row["since"]},
    "name": lambda row: {"name": "Kota Lain"},
    "ruleset": lambda row: {"ruleset": "sumsel-pilkada-2024@1"},
    "schema": lambda row: {"schema": "siaga.risk/2"},
    "windows": other_window,
    "excluded": lambda row: {"excluded": row["excluded"] | {"duplicate": 999}},
    "confidence": lambda row: {"confidence": row["confidence"] | {"sources": 99}},
    "ledger": lambda row: {"ledger": row["ledger"] | {"partition": 7}},
    "fields": lambda row: {"note": 1},
} | {
    f"turnout.{name}": lambda row, name=name: {"turnout": row["turnout"] | {name: 1.5}}
    for name in ("stations_expected", "stations_reported", "registered", "voted", "share", "over_capacity", "corrected")
}


@pytest.mark.parametrize("name", ROW_PLANTS)
def test_a_wrong_value_in_a_middle_row_is_found(planted, name):
    rows = planted.topics["risk"]
    index = middle_row(planted)
    rows[index] = rewritten(rows[index], **ROW_PLANTS[name](of(rows[index])))
    assert found(planted, "C", "components are" if name == "score and component" else name.partition(".")[0])


def test_seven_middle_rows_lost_are_found(planted):
    rows = planted.topics["risk"]
    mine = [index for index, record in enumerate(rows) if record.key == CODE.encode()]
    for index in reversed(mine[len(mine) // 2 :][:7]):
        del rows[index]
    assert found(planted, "C", "lost: no row")


def test_a_row_lost_with_its_state_is_found(planted):
    """Only where the batch ends, as the state topic tells it, says that there must have been a row."""
    index = middle_row(planted)
    row = of(planted.topics["risk"].pop(index))
    head = row["regency"].encode() + b"/h"
    planted.topics["risk-state"] = [
        r for r in planted.topics["risk-state"] if r.key != head or of(r)["offset"] != row["ledger"]["offset"]
    ]
    assert found(planted, "C", "lost: no row")


def test_a_row_of_a_frame_that_there_is_not_is_found(planted):
    rows = planted.topics["risk"]
    index = middle_row(planted)
    ledger = of(rows[index])["ledger"]
    rows[index] = rewritten(rows[index], ledger=ledger | {"offset": ledger["offset"] + 1})
    assert found(planted, "C", "which holds nothing of it")


ESCALATION_PLANTS: dict[str, Callable[[dict], dict]] = {
    "score": lambda e: {"score": e["score"] - 4},
    "components": lambda e: {"components": dict.fromkeys(e["components"], 0) | {"prior": e["score"]}},
    "evidence": lambda e: {"evidence": e["evidence"][1:]},
    "evidence: order": lambda e: {"evidence": e["evidence"][::-1]},
    "evidence: weight": lambda e: {"evidence": [e["evidence"][0] | {"weight": 3}, *e["evidence"][1:]]},
    "unverified": lambda e: {"unverified": not e["unverified"]},
    "routes": lambda e: {"routes": e["routes"][1:]},
    "routes: order": lambda e: {"routes": e["routes"][::-1]},
    "reason": lambda e: {"reason": "spill_over"},
    "threshold": lambda e: {"threshold": e["threshold"] + 1},
    "event_time": lambda e: {"event_time": HOUR_LATER},
    "name": lambda e: {"name": "Kota Lain"},
    "ruleset": lambda e: {"ruleset": "sumsel-pilkada-2024@1"},
    "fields": lambda e: {"note": 1},
    "missing: raised": lambda e: {"change": "garbage"},
    "missing: raised ": lambda e: {"change": "amended"},
    "previous_level": lambda e: {"previous_level": "awas"},
    "episode": lambda e: {"episode": e["episode"] + 1},
}


@pytest.mark.parametrize("name", ESCALATION_PLANTS)
def test_a_wrong_value_in_an_escalation_is_found(planted, name):
    escalations = planted.topics["escalations"]
    index = where(
        escalations, lambda r: (e := of(r))["change"] == "raised" and len(e["evidence"]) > 2 and len(e["routes"]) > 2
    )
    escalations[index] = rewritten(escalations[index], **ESCALATION_PLANTS[name](of(escalations[index])))
    assert found(planted, "B", name.partition(": ")[0] if name[:7] != "missing" else name.strip())


@pytest.mark.parametrize("change", ["raised", "lowered", "cleared", "amended", "stale", "recovered"])
def test_a_lost_escalation_of_any_kind_is_found(planted, change):
    escalations = planted.topics["escalations"]
    del escalations[where(escalations, lambda r: of(r)["change"] == change and r.key != b"16")]
    assert found(planted, "B", f"missing: {change}")


@pytest.mark.parametrize("change", ["amended", "stale", "recovered"])
def test_a_spurious_escalation_with_a_fresh_id_is_found(planted, change):
    escalations = planted.topics["escalations"]
    index = where(escalations, lambda r: of(r)["change"] == "raised")
    level = of(escalations[index])["level"]
    again = rewritten(escalations[index], escalation_id="f" * 32, change=change, previous_level=level)
    escalations.insert(index + 1, replace(again, offset=again.offset + 1))
    assert found(planted, "B", f"spurious: {change}")


def test_a_spurious_escalation_at_a_frame_of_others_is_found(planted):
    escalations = planted.topics["escalations"]
    first = of(escalations[0])
    escalations.append(rewritten(escalations[0], escalation_id="f" * 32, ledger=first["ledger"] | {"offset": 10**6}))
    assert found(planted, "B", "which holds nothing of it")


def silenced(evidence: Evidence, code: str) -> None:
    """As if the fold had been deaf: no escalation, none told to others, rows that say normal."""
    evidence.topics["escalations"] = [r for r in evidence.topics["escalations"] if r.key != code.encode()]
    evidence.topics["ledger"] = [
        r for r in evidence.topics["ledger"] if not any(e[0] == "n" and e[2] == code for e in entries_of(r))
    ]
    evidence.topics["risk"] = [
        rewritten(r, level="normal") if r.key == code.encode() else r for r in evidence.topics["risk"]
    ]


@pytest.mark.parametrize("code", ["16.71", "16.01"])
def test_all_of_a_regencys_alarms_gone_together_are_found(planted, code):
    silenced(planted, code)
    assert found(planted, "B", f"{code}: at ledger offset") and found(planted, "B", "missing: raised")


def is_notice(record: Seen, of_share: bool, to_province: bool = False) -> bool:
    [entry, *_] = entries_of(record)
    return entry[0] == "n" and (not entry[5]) == of_share and (len(record.key) == 2) == to_province


NOTICES = [(False, False), (True, False), (False, True), (True, True)]


@pytest.mark.parametrize("of_share, to_province", NOTICES)
def test_a_lost_notice_is_found(planted, of_share, to_province):
    ledger = planted.topics["ledger"]
    del ledger[where(ledger, lambda r: is_notice(r, of_share, to_province))]
    assert found(planted, "B", "was not told")


@pytest.mark.parametrize("of_share, to_province", NOTICES)
def test_a_doubled_notice_is_found(planted, of_share, to_province):
    ledger = planted.topics["ledger"]
    index = where(ledger, lambda r: is_notice(r, of_share, to_province))
    ledger.insert(index, replace(ledger[index], offset=ledger[index].offset + 1))
    assert found(planted, "B", "doubled")


@pytest.mark.parametrize("field, value", [(3, "awas"), (6, "silent"), (7, 9_999), (8, True)])
def test_a_wrong_notice_is_found(planted, field, value):
    ledger = planted.topics["ledger"]
    index = where(ledger, lambda r: is_notice(r, True) and len(entries_of(r)) == 1)
    [entry] = entries_of(ledger[index])
    entry[field] = value
    ledger[index] = replace(ledger[index], value=json.dumps([entry]).encode())
    assert found(planted, "B", "which is not so")


@pytest.mark.parametrize("to_province", [False, True])
def test_a_doubt_kept_from_others_is_found(planted, to_province):
    ledger = planted.topics["ledger"]
    index = where(ledger, lambda r: is_notice(r, False, to_province) and len(entries_of(r)) == 1)
    [entry] = entries_of(ledger[index])
    ledger[index] = replace(ledger[index], value=json.dumps([[*entry[:8], not entry[8]]]).encode())
    assert found(planted, "B", "was not told")


PROVINCE_PLANTS: dict[str, object] = {
    "level": "normal", "score": 1, "since": HOUR_LATER, "regencies": {}, "elevated": [], "not_live": ["16.01"], "components": {},
    "ruleset": "other@1", "as_of": HOUR_LATER, "fields": 1,
}  # fmt: skip


@pytest.mark.parametrize("name", PROVINCE_PLANTS)
def test_a_wrong_value_in_a_provinces_row_is_found(planted, name):
    rows = planted.topics["province"]
    index = where(rows, lambda r: of(r)["score"] > 30)
    rows[index] = rewritten(rows[index], **{name: PROVINCE_PLANTS[name]})
    assert found(planted, "C", f"its row: {name}")


def test_lost_rows_of_a_province_are_found(planted):
    rows = planted.topics["province"]
    del rows[len(rows) // 2]
    assert found(planted, "C", "16: lost: no row")


@pytest.mark.parametrize(
    "name, value", [("reason", "calm"), ("routes", []), ("score", 1), ("unverified", True), ("name", "16")]
)
def test_a_wrong_value_in_a_provinces_escalation_is_found(planted, name, value):
    escalations = planted.topics["escalations"]
    index = where(escalations, lambda r: r.key == b"16" and of(r)["change"] == "raised")
    escalations[index] = rewritten(escalations[index], **{name: value})
    assert found(planted, "B", f"16: at ledger offset {of(escalations[index])['ledger']['offset']} {name}")


def test_a_provinces_escalation_lost_is_found(planted):
    escalations = planted.topics["escalations"]
    del escalations[where(escalations, lambda r: r.key == b"16")]
    assert found(planted, "B", "16: at ledger offset")


@pytest.mark.parametrize("topic", ["risk", "province", "escalations"])
def test_a_record_under_another_key_is_found(planted, topic):
    records = planted.topics[topic]
    records[5] = replace(records[5], key=b"16.99")
    assert found(planted, "C", "misplaced")


@pytest.mark.parametrize("topic", ["province", "intake-state", "risk"])
def test_an_output_that_hides_its_end_is_found(planted, topic):
    stable, high = planted.ends[topic, 1]
    planted.ends[topic, 1] = stable - 1, high
    assert found(planted, "D", f"{topic}[1] is stable up to")


@pytest.mark.parametrize("place, word", [(-1, "the group says"), (10, "goes back")])
def test_a_note_of_intake_that_is_behind_is_found(planted, place, word):
    notes = planted.topics["intake-state"]
    mine = [index for index, record in enumerate(notes) if record.partition == 1 and record.key == b"p.turnout"]
    notes[mine[place]] = rewritten(notes[mine[place]], offset=of(notes[mine[place]])["offset"] // 3)
    assert found(planted, "D", word)


def test_the_worked_example_of_the_document_comes_out():
    policy = DEFAULT_POLICY
    nine, ten = (policy.digits(2264, "intimidation", 2, hour) for hour in (9, 10))
    assert (round(nine, 2), round(ten, 2), round(policy.expected(2264, "security", 40), 2)) == (0.63, 0.66, 0.90)


def test_where_rounding_decides_on_a_level_the_recount_follows_what_was_published():
    ladder = Ladder(DEFAULT_POLICY)
    ladder.look(0, 25, 0, may_fall=True)
    ladder.look(60_000, 25, 0, may_fall=True)
    assert ladder.level == 1 and not ladder.had_tie(0, 1, 60_000)
    ladder.look(75_000, 24, 0, may_fall=True, is_unsure=True)
    assert ladder.had_tie(0, 1, 75_000) and not ladder.had_tie(0, 1, 300_000)
    assert not ladder.had_tie(1, 0, 75_000) and not ladder.had_tie(1, 2, 75_000)
    ladder.follow(2, 75_000)
    assert ladder.level == 2
    ladder.follow(0, 90_000)
    assert ladder.level == 0


def test_only_a_sum_next_to_a_whole_number_may_be_a_point_off():
    parts = dict.fromkeys(PARTS, 0) | {"security": 30, "supply": 4}
    row = {"score": 34, "components": parts | {"security": 29, "supply": 5}}
    assert list(score_faults(row, Score(parts, 34, 34, frozenset({"security", "integrity"})))) == []
    assert list(score_faults(row, Score(parts, 34, 34, frozenset({"integrity"})))) != []
    assert list(score_faults(row | {"score": 35}, Score(parts, 34, 34, frozenset(PARTS)))) != []
