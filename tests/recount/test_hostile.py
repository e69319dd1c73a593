"""Days on which somebody does to the inputs what a publisher can do: recounted, and bounded as the contract says."""

import json
from dataclasses import replace
from functools import cache

import pytest

from tests.chaos.hostile import ALONE, TOGETHER
from tests.recount import sample_runs
from tests.recount.policy import Policy
from tests.recount.records import Evidence
from tests.recount.sample_runs import PLACES, check, fields_of, low_rules, where


@cache
def hostile_run() -> Evidence:
    return sample_runs.hostile_evidence(seed=3, count=200)


@cache
def low_run() -> Evidence:
    return sample_runs.hostile_evidence(seed=1305, count=120, sources=(*TOGETHER, *ALONE), is_low=True)


#: As the ledger names them.
STRANGERS = {"?" + source for source in ALONE}


def entries_of(run: Evidence, kind: str) -> list[list]:
    return [entry for record in run.topics["ledger"] for entry in fields_of(record) if entry[0] == kind]


def test_a_hostile_day_breaks_no_law_and_holds_something_to_judge():
    run = hostile_run()
    assert check(run, PLACES) == []
    assert min(len(entries_of(run, kind)) for kind in ("j", "e", "x")) > 1
    assert {entry[8] for entry in entries_of(run, "n")} >= {"", *STRANGERS}
    assert {record.headers["siaga.reason"].decode() for record in run.topics["rejected"]} >= {"future"}
    changes = {(e["change"], e["reason"]) for e in (r.json() for r in run.topics["escalations"])}
    assert changes >= {("amended", "correction"), ("raised", "grave_incident")}


def test_a_day_with_little_memory_breaks_no_law_and_has_surplus():
    run = low_run()
    assert check(run, PLACES, Policy(low_rules())) == []
    assert max(record.json()["excluded"]["surplus"] for record in run.topics["risk"]) > 5


@pytest.mark.parametrize("kind", ["e", "x"])
def test_a_removal_that_was_not_applied_is_found(kind):
    run = sample_runs.copied(hostile_run())
    run.topics["ledger"] = [r for r in run.topics["ledger"] if fields_of(r)[0][0] != kind]
    assert {violation.law for violation in check(run, PLACES)} & {"B", "C"}


@pytest.mark.parametrize("sole", ["", "kpu"])
def test_a_notice_of_another_agency_is_found(sole):
    run = sample_runs.copied(hostile_run())
    ledger = run.topics["ledger"]
    index = where(
        ledger, lambda r: len(fields_of(r)) == 1 and fields_of(r)[0][0] == "n" and fields_of(r)[0][8] in STRANGERS
    )
    [entry] = fields_of(ledger[index])
    ledger[index] = replace(ledger[index], value=json.dumps([[*entry[:8], sole]]).encode())
    assert "B" in {violation.law for violation in check(run, PLACES)}


@pytest.mark.parametrize("name", ["incidents_least", "all_agencies_times", "agencies_most"])
def test_with_another_limit_the_surplus_is_another(name):
    low = f"{name} = {{ value = {sample_runs.LOW[name]},"
    text = low_rules()
    assert text.count(low) == 1
    assert "C" in {violation.law for violation in check(low_run(), PLACES, Policy(text.replace(low, low[:-1] + "0,")))}
