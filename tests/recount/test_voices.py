"""A run in which everybody speaks of the same things is recounted: words, joins, the sources file, listed stations."""

import json
from dataclasses import replace
from functools import cache

import pytest

from tests.recount import sample_runs
from tests.recount.records import Evidence
from tests.recount.sample_runs import LISTED, PLACES, check, fields_of, where
from tests.recount.sources import Sources
from tests.recount.stations import station_roster


@cache
def busy_run() -> Evidence:
    return sample_runs.busy_evidence(seed=12, count=500)


@pytest.fixture
def busy() -> Evidence:
    return sample_runs.copied(busy_run())


def laws_broken(run: Evidence) -> set[str]:
    return {violation.law for violation in check(run, PLACES, stations=station_roster(LISTED))}


def test_an_exact_run_breaks_no_law_and_holds_something_to_judge(busy):
    assert check(busy, PLACES, stations=station_roster(LISTED)) == []
    rows = [record.json() for record in busy.topics["risk"]]
    assert all(max(row["excluded"][name] for row in rows) for name in ("duplicate", "exercise", "id_reused"))
    assert all(max(row["turnout"][name] for row in rows) for name in ("unlisted", "conflicting"))
    assert max(row["candidates"] for row in rows) > 10 == max(len(row["candidate_pairs"]) for row in rows)
    evidence = [item for record in busy.topics["escalations"] for item in record.json()["evidence"]]
    assert any(len(item["sources"]) > len(item["agencies"]) > 1 for item in evidence)
    undone = [e[4] for record in busy.topics["ledger"] for e in fields_of(record) if e[0] == "j"]
    assert min(undone.count(True), undone.count(False)) > 20
    reasons = {record.headers["siaga.reason"].decode() for record in busy.topics["rejected"]}
    assert reasons >= {"source_not_allowed", "personal_data", "unsupported_version", "unknown_village"}


def test_a_join_that_was_not_applied_is_found(busy):
    ledger = busy.topics["ledger"]
    joins = [index for index, record in enumerate(ledger) if fields_of(record)[0][0] == "j"]
    for index in reversed(joins):
        del ledger[index]
    assert laws_broken(busy) & {"B", "C"}


@pytest.mark.parametrize("kind, field, value", [("i", 13, "x"), ("i", 3, "polda 1"), ("t", 10, "x"), ("t", 11, 9)])
def test_another_agency_number_or_rank_on_the_ledger_is_found(busy, kind, field, value):
    ledger = busy.topics["ledger"]
    index = where(ledger, lambda record: [entry[0] for entry in fields_of(record)] == [kind])
    [entry] = fields_of(ledger[index])
    entry[field] = value
    ledger[index] = replace(ledger[index], value=json.dumps([entry]).encode())
    assert "A" in laws_broken(busy)


def test_a_run_with_another_sources_file_or_station_roster_is_found(busy):
    others = check(busy, PLACES, sources=Sources({}), stations=station_roster(LISTED))
    assert {"lost", "doubled"} <= {violation.text.partition(":")[0] for violation in others if violation.law == "A"}
    assert {violation.law for violation in check(busy, PLACES)} >= {"C"}
