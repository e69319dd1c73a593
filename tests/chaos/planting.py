"""What the tests of the checker share: evidence with a fault planted in it, and whether it is found."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache

from tests.chaos.checker import check
from tests.chaos.evidence import Evidence, Seen
from tests.chaos.honest import bereft_evidence, honest_evidence
from tests.chaos.policy import ROSTER, roster

PLACES = roster(ROSTER)


@cache
def honest_run() -> Evidence:
    return honest_evidence(seed=7, count=700)


@cache
def bereft_run() -> Evidence:
    return bereft_evidence(seed=8, count=500)


def copied(evidence: Evidence) -> Evidence:
    """One to plant something in; records themselves never change."""
    topics = {name: list(records) for name, records in evidence.topics.items()}
    return replace(
        evidence, topics=topics, ends=dict(evidence.ends), committed=dict(evidence.committed), cuts=list(evidence.cuts),
        begun=dict(evidence.begun), lost_states=[list(records) for records in evidence.lost_states],
    )  # fmt: skip


def found(evidence: Evidence, law: str, word: str) -> bool:
    return any(violation.law == law and word in violation.text for violation in check(evidence, PLACES))


def where(records: list[Seen], wanted: Callable[[Seen], object]) -> int:
    """Index of a record in the middle of those wanted."""
    indices = [index for index, record in enumerate(records) if wanted(record)]
    return indices[len(indices) // 2]


def entries_of(record: Seen) -> list:
    return json.loads(record.value)


def rewritten(record: Seen, **changes: object) -> Seen:
    return replace(record, value=json.dumps(json.loads(record.value) | changes).encode())
