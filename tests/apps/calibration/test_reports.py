"""From ledger entries to incidents: each counts once, as its gravest standing word says, while one stands."""

from itertools import permutations

import pytest

from apps.calibration import reports as module
from apps.calibration.reports import MANY, Incident, Reports
from schemas.ledger import Entry, incident_digest
from schemas.vocabulary import HOUR_MS
from tests.apps.calibration.recorded import OFFSET_MS, START_MS, word

NINE_MS = START_MS + 9 * HOUR_MS


def taken(*entries: Entry, regency: str = "16.01") -> list[Incident]:
    reports = Reports(OFFSET_MS)
    for entry in entries:
        reports.take(regency, entry)
    return list(reports.incidents())


def confirmation(**changes: object) -> Entry:
    return word(source="bawaslu", agency="bawaslu", **changes)


def join(first: str = "polri 1", second: str = "kpu 1", is_undone: bool = False) -> Entry:
    return ["j", NINE_MS, first, second, is_undone, "kominda", "agencies_agree"]


def test_a_report_is_an_incident_of_its_agency():
    (found,) = taken(word())
    assert (found.regency, found.category, found.severity, found.agency) == ("16.01", "logistics", 2, "polri")


def test_the_newest_revision_counts_in_whatever_order_revisions_come():
    revisions = [word(revision=1, severity=1), word(revision=2, severity=3), word(revision=3, severity=2)]
    for order in permutations(revisions):
        assert [item.severity for item in taken(*order)] == [2]


def test_a_repeated_report_counts_once():
    assert len(taken(word(), word())) == 1


def test_a_retracted_incident_does_not_count_and_a_restored_one_does():
    retracted = word(revision=2, status="retracted")
    assert taken(word(), retracted) == []
    assert len(taken(word(), retracted, word(revision=3))) == 1


def test_an_incident_stands_while_another_sources_word_stands():
    (found,) = taken(word(), confirmation(), word(revision=2, status="retracted"))
    assert found.agency == "bawaslu"


def test_a_drill_does_not_count():
    assert taken(word(is_exercise=True)) == []


def test_what_several_agencies_tell_is_nobodys_alone():
    assert [item.agency for item in taken(word(), confirmation())] == [MANY]


def test_a_trifle_under_a_grave_incidents_number_does_not_stand_for_it():
    assert [item.agency for item in taken(word(severity=5), confirmation(severity=1))] == ["polri"]
    assert [item.agency for item in taken(word(severity=5), confirmation(severity=3))] == [MANY]


def test_joined_numbers_are_one_incident_and_undone_two_again():
    two = word(), word("kpu 1", source="kpu", agency="kpu")
    assert len(taken(*two)) == 2
    assert [item.agency for item in taken(*two, join())] == [MANY]
    assert len(taken(*two, join(), join(is_undone=True))) == 2
    assert len(taken(*two, join(), join("kpu 1", "polri 1", is_undone=True))) == 2


def test_three_numbers_that_were_joined_pairwise_are_one_incident():
    three = [word(f"{name} 1", source=name, agency=name) for name in ("polri", "kpu", "kodim")]
    for pairs in ((("polri 1", "kpu 1"), ("kodim 1", "kpu 1")), (("polri 1", "kpu 1"), ("kpu 1", "kodim 1"))):
        assert len(taken(*three, *(join(*pair) for pair in pairs))) == 1


def test_a_join_with_an_unknown_number_changes_nothing():
    assert len(taken(word(), join())) == 1


def test_what_people_took_out_does_not_count():
    evicted = ["e", NINE_MS, "polri", NINE_MS - 1, NINE_MS + 1, "kominda", "flood"]
    assert taken(word(), evicted) == []
    assert len(taken(word(at_ms=NINE_MS + HOUR_MS), evicted)) == 1
    assert len(taken(word(source="kpu"), evicted)) == 1
    assert taken(word(), ["x", NINE_MS, incident_digest("polri 1"), "kominda", "personal_data"]) == []


def test_numbers_of_another_regency_are_others():
    reports = Reports(OFFSET_MS)
    for regency in ("16.01", "16.02"):
        reports.take(regency, word())
    assert {item.regency for item in reports.incidents()} == {"16.01", "16.02"}


def test_turnout_ticks_and_notices_are_no_reports_and_move_the_clock():
    reports = Reports(OFFSET_MS)
    reports.take("*", ["k", NINE_MS + 7])
    reports.take("16.01", ["t", NINE_MS, "e", "v TPS 001", 300, 100, NINE_MS, 1, "kpu", False, "kpu", 0])
    assert (list(reports.incidents()), reports.newest_ms) == ([], NINE_MS + 7)


def test_what_is_held_is_bounded_and_what_is_beyond_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "OF_ONE_MOST", 3)
    reports = Reports(OFFSET_MS, held_most=5)
    for number in range(10):
        reports.take("16.01", word(f"polri {number}"))
    for number in range(10):
        reports.take("16.02", word(f"kpu {number}", source="kpu", agency="kpu"))
    assert len(list(reports.incidents())) == 5
    assert reports.surplus == {"16.01": 7, "16.02": 8}


def test_a_revision_has_room_where_its_number_is_held(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "OF_ONE_MOST", 1)
    assert [item.severity for item in taken(word(), word(revision=2, severity=3))] == [3]
