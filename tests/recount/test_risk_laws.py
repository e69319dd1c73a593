"""The recount of the risk model is tested: each wrong value in a row, an escalation or a notice is found."""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from tests.recount.comparison import score_faults
from tests.recount.ladder import Ladder
from tests.recount.policy import DAY_MS, DEFAULT_POLICY
from tests.recount.records import Evidence, Record
from tests.recount.sample_deployment import START_MS
from tests.recount.sample_runs import (
    PLACES,
    Faults,
    check,
    fields_of,
    found,
    revote_evidence,
    rewritten,
    where,
)
from tests.recount.scoring import PARTS, Score

HOUR_LATER = "2024-11-27T09:30:00.000Z"
OTHER_ID = "f" * 32
fault = FAULTS = Faults()


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(exact, name):
    assert FAULTS.unfound(name, exact) == []


def middle_row(run: Evidence) -> int:
    """Of a regency with points in every part that is planted in, beside no escalation."""

    def is_wanted(row: dict) -> bool:
        has_parts = min(row["components"]["security"], row["components"]["supply"]) > 10
        return has_parts and 15 < row["score"] < 95 and (row["regency"], row["ledger"]["offset"]) not in escalated

    escalated = {(e["regency"], e["ledger"]["offset"]) for e in map(Record.json, run.topics["escalations"])}
    return where(run.topics["risk"], lambda record: is_wanted(record.json()))


def with_part(row: dict, part: str, more: int) -> dict:
    return row["components"] | {part: row["components"][part] + more}


ROW_FAULTS: dict[str, Callable[[dict], dict]] = {
    "score": lambda row: {"score": row["score"] + 5},
    "components": lambda row: {"components": dict.fromkeys(row["components"], 0) | {"prior": row["score"]}},
    "components are": lambda row: {"score": row["score"] + 3, "components": with_part(row, "security", 3)},
    "level": lambda row: {"level": "normal" if row["level"] != "normal" else "awas"},
    "data_status": lambda row: {"data_status": "silent"},
    "since": lambda row: {"since": HOUR_LATER},
    "as_of": lambda row: {"as_of": HOUR_LATER},
    "name": lambda row: {"name": "Kota Lain"},
    "ruleset": lambda row: {"ruleset": "sumsel-pilkada-2024@1"},
    "schema": lambda row: {"schema": "siaga.risk/1"},
    "windows": lambda row: {"windows": row["windows"] | {"6h": {"incidents": 0, "weight": 0}}},
    "excluded": lambda row: {"excluded": row["excluded"] | {"duplicate": 999}},
    "excluded: id_reused": lambda row: {"excluded": row["excluded"] | {"id_reused": 99}},
    "candidates": lambda row: {"candidates": row["candidates"] + 1},
    "candidate_pairs": lambda row: {"candidate_pairs": [*row["candidate_pairs"], {}]},
    "confidence": lambda row: {"confidence": row["confidence"] | {"sources": 99}},
    "ledger": lambda row: {"ledger": row["ledger"] | {"partition": 7}},
    "fields": lambda row: {"note": 1},
} | {
    f"turnout.{name}": lambda row, name=name: {"turnout": row["turnout"] | {name: 1.5}}
    for name in (
        "stations_expected", "stations_reported", "registered", "voted", "share", "over_capacity", "corrected",
        "unlisted", "conflicting",
    )
}  # fmt: skip


@pytest.mark.parametrize("name", ROW_FAULTS)
def test_a_wrong_value_in_a_row_is_found(exact, name):
    rows, index = exact.topics["risk"], middle_row(exact)
    rows[index] = rewritten(rows[index], **ROW_FAULTS[name](rows[index].json()))
    assert found(exact, "C", name.partition(".")[0].partition(":")[0])


@fault(("C", "lost: no row"))
def seven_lost_rows_of_a_regency(run):
    rows = run.topics["risk"]
    mine = [index for index, record in enumerate(rows) if record.key == b"16.71"]
    for index in reversed(mine[len(mine) // 2 :][:7]):
        del rows[index]


@fault(("C", "lost: no row"))
def a_row_lost_with_its_state(run):
    """Only where the batch ends, as the state topic says, shows that there must have been a row."""
    row = run.topics["risk"].pop(middle_row(run)).json()
    head, at = row["regency"].encode() + b"/h", row["ledger"]["offset"]
    state = run.topics["risk-state"]
    run.topics["risk-state"] = [r for r in state if r.key != head or r.json()["offset"] != at]


@fault(("C", "which holds nothing of it"))
def a_row_of_an_offset_that_does_not_exist(run):
    rows, index = run.topics["risk"], middle_row(run)
    ledger = rows[index].json()["ledger"]
    rows[index] = rewritten(rows[index], ledger=ledger | {"offset": ledger["offset"] + 1})


#: What must be found is the name up to the colon.
ESCALATION_FAULTS: dict[str, Callable[[dict], dict]] = {
    "score": lambda e: {"score": e["score"] - 4},
    "components": lambda e: {"components": dict.fromkeys(e["components"], 0) | {"prior": e["score"]}},
    "evidence": lambda e: {"evidence": e["evidence"][1:]},
    "evidence: order": lambda e: {"evidence": e["evidence"][::-1]},
    "evidence: weight": lambda e: {"evidence": [e["evidence"][0] | {"weight": 3}, *e["evidence"][1:]]},
    "evidence: agencies": lambda e: {"evidence": [e["evidence"][0] | {"agencies": ["x"]}, *e["evidence"][1:]]},
    "evidence: origin": lambda e: {"evidence": [e["evidence"][0] | {"origin": "x"}, *e["evidence"][1:]]},
    "unverified": lambda e: {"unverified": not e["unverified"]},
    "odds": lambda e: {"odds": round(1 - e["odds"] / 2, 2)},
    "odds: none": lambda e: {"odds": None},
    "routes": lambda e: {"routes": e["routes"][1:]},
    "routes: order": lambda e: {"routes": e["routes"][::-1]},
    "reason": lambda e: {"reason": "spill_over"},
    "threshold": lambda e: {"threshold": e["threshold"] + 1},
    "event_time": lambda e: {"event_time": HOUR_LATER},
    "name": lambda e: {"name": "Kota Lain"},
    "ruleset": lambda e: {"ruleset": "sumsel-pilkada-2024@1"},
    "fields": lambda e: {"note": 1},
    "missing": lambda e: {"change": "garbage"},
    "missing: amended": lambda e: {"change": "amended"},
    "previous_level": lambda e: {"previous_level": "awas"},
    "episode": lambda e: {"episode": e["episode"] + 1},
}


@pytest.mark.parametrize("name", ESCALATION_FAULTS)
def test_a_wrong_value_in_an_escalation_is_found(exact, name):
    def is_wanted(e: dict) -> bool:
        return e["change"] == "raised" and min(len(e["evidence"]), len(e["routes"])) > 2

    escalations = exact.topics["escalations"]
    index = where(escalations, lambda record: is_wanted(record.json()))
    escalations[index] = rewritten(escalations[index], **ESCALATION_FAULTS[name](escalations[index].json()))
    assert found(exact, "B", name.partition(":")[0])


@pytest.mark.parametrize("change", ["raised", "lowered", "cleared", "amended", "stale", "recovered"])
def test_lost_escalations_of_any_kind_are_found(exact, change):
    """Of each regency the first; each is missing but the few at whose level rounding may have decided, which other laws
    find."""
    escalations = exact.topics["escalations"]
    lost = {r.key_text: r for r in reversed(escalations) if r.json()["change"] == change and r.key != b"16"}
    exact.topics["escalations"] = [r for r in escalations if r is not lost.get(r.key_text)]
    faults = [(v.law, v.text) for v in check(exact, PLACES)]
    assert {text.partition(":")[0] for _, text in faults} >= set(lost)
    missing = {text.partition(":")[0] for law, text in faults if law == "B" and f"missing: {change}" in text}
    assert len(missing) > 0.7 * len(lost) > 0


@pytest.mark.parametrize("change", ["amended", "stale", "recovered"])
def test_a_spurious_escalation_with_an_id_of_its_own_is_found(exact, change):
    escalations = exact.topics["escalations"]
    index = where(escalations, lambda r: r.json()["change"] == "raised")
    level = escalations[index].json()["level"]
    again = rewritten(escalations[index], escalation_id=OTHER_ID, change=change, previous_level=level)
    escalations.insert(index + 1, replace(again, offset=again.offset + 1))
    assert found(exact, "B", f"spurious: {change}")


def test_stations_that_vote_again_break_no_law_and_their_shares_are_judged_apart():
    run = revote_evidence(seed=3)
    assert check(run, PLACES) == []
    entries = [entry for record in run.topics["ledger"] for entry in fields_of(record) if record.key != b"*"]
    days = [START_MS + n * DAY_MS for n in range(4)]
    for start_ms, end_ms in pairwise(days):
        shares = [e[7] for e in entries if e[0] == "n" and e[7] is not None and start_ms <= e[1] < end_ms]
        assert min(shares) < 1_500 and max(shares) > 6_500
    rows = [record.json() for record in run.topics["risk"]]
    assert 0 < max(row["turnout"]["corrected"] for row in rows) < 20
    assert max(row["components"]["turnout"] for row in rows) == 10  # the counts keep to no curve, so that is judged too


@fault(("B", "which holds nothing of it"))
def a_spurious_escalation_at_an_offset_of_another_regency(run):
    escalations = run.topics["escalations"]
    ledger = escalations[0].json()["ledger"] | {"offset": 10**6}
    escalations.append(rewritten(escalations[0], escalation_id=OTHER_ID, ledger=ledger))


@pytest.mark.parametrize("code", ["16.71", "16.01"])
def test_all_escalations_of_a_regency_lost_together_are_found(exact, code):
    """No escalation, no notice to others, and rows that say normal, as if its fold had raised nothing."""
    key, topics = code.encode(), exact.topics
    topics["escalations"] = [r for r in topics["escalations"] if r.key != key]
    topics["ledger"] = [r for r in topics["ledger"] if not any(e[0] == "n" and e[2] == code for e in fields_of(r))]
    topics["risk"] = [rewritten(r, level="normal") if r.key == key else r for r in topics["risk"]]
    assert found(exact, "B", f"{code}: at ledger offset") and found(exact, "B", "missing: raised")


def is_notice(record: Record, of_share: bool, to_province: bool) -> bool:
    [entry, *_] = fields_of(record)
    return entry[0] == "n" and (not entry[5]) == of_share and (len(record.key) == 2) == to_province


@pytest.mark.parametrize("to_province", [False, True])
@pytest.mark.parametrize("of_share", [False, True])
def test_a_lost_and_a_doubled_notice_are_found(exact, of_share, to_province):
    ledger = exact.topics["ledger"]
    index = where(ledger, lambda r: is_notice(r, of_share, to_province))
    ledger.insert(index, replace(ledger[index], offset=ledger[index].offset + 1))
    assert found(exact, "B", "doubled")
    del ledger[index : index + 2]
    assert found(exact, "B", "was not notified")


@pytest.mark.parametrize("field, value", [(3, "awas"), (6, "silent"), (7, 9_999), (8, "x")])
def test_a_wrong_value_in_a_notice_is_found(exact, field, value):
    ledger = exact.topics["ledger"]
    index = where(ledger, lambda r: is_notice(r, True, False) and len(fields_of(r)) == 1)
    [entry] = fields_of(ledger[index])
    entry[field] = value
    ledger[index] = replace(ledger[index], value=json.dumps([entry]).encode())
    assert found(exact, "B", "which is not so")


@pytest.mark.parametrize("to_province", [False, True])
def test_a_notice_that_hides_on_whom_a_level_rests_alone_is_found(exact, to_province):
    ledger = exact.topics["ledger"]
    index = where(ledger, lambda r: is_notice(r, False, to_province) and len(fields_of(r)) == 1)
    [entry] = fields_of(ledger[index])
    ledger[index] = replace(ledger[index], value=json.dumps([[*entry[:8], "" if entry[8] else "x"]]).encode())
    assert found(exact, "B", "was not notified")


PROVINCE_FAULTS: dict[str, object] = {
    "level": "normal", "score": 1, "since": HOUR_LATER, "regencies": {}, "elevated": [], "not_live": ["16.01"],
    "components": {}, "ruleset": "other@1", "as_of": HOUR_LATER, "fields": 1,
}  # fmt: skip


@pytest.mark.parametrize("name", PROVINCE_FAULTS)
def test_a_wrong_value_in_a_provinces_row_is_found(exact, name):
    rows = exact.topics["province"]
    index = where(rows, lambda r: r.json()["score"] > 30)
    rows[index] = rewritten(rows[index], **{name: PROVINCE_FAULTS[name]})
    assert found(exact, "C", f"its row: {name}")


@fault(("C", "16: lost: no row"))
def a_lost_row_of_a_province(run):
    del run.topics["province"][len(run.topics["province"]) // 2]


PROVINCE_ESCALATION_FAULTS = {
    "reason": "calm", "routes": [], "score": 1, "unverified": True, "name": "16", "odds": 0.5,
}  # fmt: skip


@pytest.mark.parametrize("name", PROVINCE_ESCALATION_FAULTS)
def test_a_wrong_value_in_a_provinces_escalation_is_found(exact, name):
    escalations = exact.topics["escalations"]
    index = where(escalations, lambda r: r.key == b"16" and r.json()["change"] == "raised")
    fault = PROVINCE_ESCALATION_FAULTS[name]
    if name == "unverified":
        fault = not escalations[index].json()[name]
    escalations[index] = rewritten(escalations[index], **{name: fault})
    assert found(exact, "B", f"16: at ledger offset {escalations[index].json()['ledger']['offset']} {name}")


@fault(("B", "16: at ledger offset"))
def a_lost_escalation_of_a_province(run):
    del run.topics["escalations"][where(run.topics["escalations"], lambda r: r.key == b"16")]


def test_the_worked_example_of_the_document_comes_out():
    policy = DEFAULT_POLICY
    nine, ten = (policy.digits(2264, "intimidation", 2, hour) for hour in (9, 10))
    ordinary = policy.expected(2264, "security", 40)
    assert (round(nine, 2), round(ten, 2)) == (0.95, 0.97)
    assert (round(ordinary.mean, 2), round(ordinary.variance, 2)) == (0.85, 0.46)


def test_where_rounding_decides_on_a_level_the_recount_follows_the_published_one():
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
