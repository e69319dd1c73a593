"""The laws of the pace are tested: each entry of counts, or of a pace, that is not the recount's is found."""

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.recount import pace
from tests.recount.laws import check as check_anew
from tests.recount.pace import Told
from tests.recount.pace_laws import differs
from tests.recount.policy import GROUPS, HOUR_MS, RULESET, Policy
from tests.recount.records import Evidence, Record
from tests.recount.sample_runs import PLACES, TOLD, check, fields_of, pace_run, where

KINDS = ("c", "p")
STEP_MS = 15_000


def is_of(record: Record, kind: str) -> bool:
    """Whether a record of the ledger is an entry of a kind that has several categories, counts of several agencies of
    the first, and a past."""
    [entry, *_] = fields_of(record)
    if entry[0] != kind or len(entry[-2]) < 2 or not max(entry[-1]):
        return False
    if kind == "p":
        return min(entry[-2].values()) > 1
    return len(next(iter(entry[-2].values()))) > 1 and all(min(of.values()) > 1 for of in entry[-2].values())


def indices(run: Evidence, kind: str) -> list[int]:
    return [index for index, record in enumerate(run.topics["ledger"]) if is_of(record, kind)]


def of_pace(run: Evidence, word: str) -> list[str]:
    """What the laws of the pace say that begins so."""
    faults = [v.text for v in check(run, PLACES) if v.law == "B"]
    return [text for text in faults if re.match(f"{word}: [0-9.]+ was (not )?told", text)]


def test_a_run_breaks_no_law_and_holds_something_to_judge(paced):
    assert check(paced, PLACES) == []
    entries = [(r.key_text, e) for r in paced.topics["ledger"] for e in fields_of(r)]
    assert {entry[2] for _, entry in entries if entry[0] == "c"} == set(TOLD)
    assert {key for key, entry in entries if entry[0] == "p"} == set(PLACES)
    assert {"raised", "lowered"} <= {record.json()["change"] for record in paced.topics["escalations"]}


#: Numbers of the ruleset by which rows or paces must differ when they are so many times as large.
TIMES = {
    "hours_even": 0.9, "mix_common": 0.8, "doubt": 0.9, "dispersion": 0.5, "expected_share": 1.1, "learning": 1.5,
    "learned_least": 1.25, "pace_shape": 1.2, "pace_least": 1.8, "pace_most": 0.2, "pace_member_most": 0.5,
    "pace_free": 0.5,
}  # fmt: skip


@pytest.mark.parametrize("name", TIMES)
def test_with_another_number_in_the_ruleset_a_run_breaks_a_law(name):
    policy = Policy(RULESET.read_text(encoding="utf-8"))
    policy.surprise[name] *= TIMES[name]
    assert check(pace_run(), PLACES, policy) != []


@pytest.mark.parametrize(
    "name, other_ms", [("COUNTS_FOR_MS", 4 * HOUR_MS), ("COUNTS_FOR_MS", 60_000), ("WAIT_MS", 400_000)]
)
def test_with_another_time_a_run_breaks_a_law(monkeypatch, name, other_ms):
    """How long a pace counts, and how long the province waits for counts."""
    monkeypatch.setattr(pace, name, other_ms)
    assert check_anew(pace_run(), PLACES) != []


@pytest.mark.parametrize("kind", KINDS)
def test_a_lost_and_a_doubled_one_are_found(paced, kind):
    ledger = paced.topics["ledger"]
    index = where(ledger, lambda r: is_of(r, kind))
    ledger.insert(index, replace(ledger[index], offset=ledger[index].offset + 1))
    assert of_pace(paced, "doubled") and not of_pace(paced, "lost")
    del ledger[index : index + 2]
    assert of_pace(paced, "lost")


@pytest.mark.parametrize("kind", KINDS)
def test_all_lost_together_are_found(paced, kind):
    paced.topics["ledger"] = [r for r in paced.topics["ledger"] if fields_of(r)[0][0] != kind]
    assert len(of_pace(paced, "lost")) > 100


def shifted(counts: dict[str, int], more: int) -> dict[str, int]:
    """With more of the first."""
    return counts | {first(counts): counts[first(counts)] + more}


def first(counts: dict) -> str:
    return next(iter(counts))


def without(counts: dict) -> dict:
    return {name: count for name, count in counts.items() if name != first(counts)}


def backwards(counts: dict) -> dict:
    return dict(reversed(counts.items()))


def renamed(counts: dict[str, int]) -> dict[str, int]:
    return {"!" if name == first(counts) else name: count for name, count in counts.items()}


def within(change: Callable[[dict], dict]) -> Callable[[list], dict[int, object]]:
    """The same of the agencies of the first category."""
    return lambda e: {-2: e[-2] | {first(e[-2]): change(e[-2][first(e[-2])])}}


#: What an entry says instead: its fields by number.
WRONG: dict[str, Callable[[list], dict[int, object]]] = {
    "a category left out": lambda e: {-2: without(e[-2])},
    "a category that is none": lambda e: {-2: e[-2] | {"earthquake": 0}},
    "another order": lambda e: {-2: backwards(e[-2])},
    "the past": lambda e: {-1: [max(e[-1]) + 1, *e[-1][1:]]},
}
#: Of one kind.
WRONG_OF: dict[str, dict[str, Callable[[list], dict[int, object]]]] = {
    "c": {
        "a count": within(lambda of: shifted(of, 1)),
        "a count that is lower": within(lambda of: shifted(of, -1)),
        "a category of no report": lambda e: {-2: e[-2] | {"fatality": {"kpu": 1}}},
        "a category of no agency": lambda e: {-2: e[-2] | {"fatality": {}}},
        "an agency left out": within(without),
        "another agency": within(renamed),
        "an agency of no report": within(lambda of: of | {"~": 1}),
        "an agency that has none": within(lambda of: of | {"~": 0}),
        "another order of the agencies": within(backwards),
    },
    "p": {
        "a count": lambda e: {-2: shifted(e[-2], 1)},
        "a count that is lower": lambda e: {-2: shifted(e[-2], -1)},
        "a category of no report": lambda e: {-2: e[-2] | {"fatality": 1}},
        "stations": lambda e: {3: e[3] + 1},
    },
}


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_values_are_found(paced, kind):
    ledger, planted = paced.topics["ledger"], {}
    wrong = WRONG | WRONG_OF[kind]
    some = indices(paced, kind)
    for index, (name, change) in zip(some[:: len(some) // len(wrong)], wrong.items(), strict=False):
        [entry] = fields_of(ledger[index])
        for number, value in change(entry).items():
            entry[number] = value
        planted[name] = str(entry)
        ledger[index] = replace(ledger[index], value=json.dumps([entry]).encode())
    faults = of_pace(paced, "wrong")
    assert [name for name in wrong if not any(planted[name] in fault for fault in faults)] == []


@pytest.mark.parametrize("kind", KINDS)
def test_those_that_are_late_or_early_are_found(paced, kind):
    ledger, some = paced.topics["ledger"], indices(paced, kind)
    for index, more_ms in zip(some[:: len(some) // 3], (STEP_MS, -STEP_MS, 1), strict=False):
        [entry] = fields_of(ledger[index])
        entry[1] += more_ms
        ledger[index] = replace(ledger[index], value=json.dumps([entry]).encode())
    assert len(of_pace(paced, "spurious")) >= 3 <= len(of_pace(paced, "lost"))


def test_counts_of_another_regency_are_found(paced):
    ledger = paced.topics["ledger"]
    index = where(ledger, lambda r: is_of(r, "c"))
    [entry] = fields_of(ledger[index])
    entry[2] = next(code for code in PLACES if code != entry[2])
    ledger[index] = replace(ledger[index], value=json.dumps([entry]).encode())
    assert of_pace(paced, "(spurious|doubled)") and of_pace(paced, "lost")


def test_a_pace_that_a_regency_did_not_apply_is_found(paced):
    """Its rows and escalations are of a pace that is four times as high."""
    ledger = paced.topics["ledger"]
    for index, record in enumerate(ledger):
        entries = fields_of(record)
        for entry in entries:
            if entry[0] == "p":
                entry[4] = {name: 4 * count for name, count in entry[4].items()}
        ledger[index] = replace(record, value=json.dumps(entries).encode())
    faults = {(v.law, v.text.split(":")[0]) for v in check(paced, PLACES)}
    assert len({code for _, code in faults} & set(PLACES)) > 3


def test_a_number_may_be_off_only_where_it_was_rounded():
    slack = Counter({"logistics": 0, "clash": 1, "security": 0})
    told = Told(["p", 1, "16", 9, {"clash": 1000}, [0, 500, 0, 0]], slack)
    assert not differs(["p", 1, "16", 9, {"clash": 999}, [0, 500, 0, 0]], told)
    assert not differs(["p", 1, "16", 9, {"clash": 1001}, [0, 500, 0, 0]], told)
    assert differs(["p", 1, "16", 9, {"clash": 998}, [0, 500, 0, 0]], told)
    assert differs(["p", 1, "16", 9, {"logistics": 1, "clash": 1000}, [0, 500, 0, 0]], told)
    assert differs(["p", 1, "16", 9, {"clash": 1000}, [0, 501, 0, 0]], told)


def test_what_a_regency_counts_may_never_be_off_and_its_past_only_where_it_was_rounded():
    counts = {"clash": {"*": 10, "x": 1000}}
    told = Told(["c", 1, "16.01", counts, [0, 500, 0, 0]], Counter({"clash": 1, "security": 0, "logistics": 1}))
    assert not differs(["c", 1, "16.01", counts, [0, 500, 0, 0]], told)
    assert differs(["c", 1, "16.01", {"clash": {"*": 10, "x": 999}}, [0, 500, 0, 0]], told)
    assert differs(["c", 1, "16.01", {"clash": {"x": 1000, "*": 10}}, [0, 500, 0, 0]], told)
    by_group = Told(told.fields, Counter(dict.fromkeys(GROUPS, 1)))
    assert not differs(["c", 1, "16.01", counts, [0, 499, 0, 0]], by_group)
    assert differs(["c", 1, "16.01", counts, [0, 498, 0, 0]], by_group)
