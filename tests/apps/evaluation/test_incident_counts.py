"""Incidents count once, if live and real; a retraction subtracts from then on, a late report corrects the past."""

from apps.evaluation.incident_counts import CountedIncident, IncidentCounter, counts_by_step
from schemas.vocabulary import HOUR_MS, MINUTE_MS


def entry(
    at_min, event, incident="polri-16 1", revision=1, status="reported", occurred_min=None, exercise=False,
    source="polri-16",
):  # fmt: skip
    occurred = (at_min if occurred_min is None else occurred_min) * MINUTE_MS
    at_ms = at_min * MINUTE_MS
    return [
        "i", at_ms, event, incident, revision, None, "clash", 3, status, occurred, at_ms, source, exercise, source,
    ]  # fmt: skip


def reduced(*entries):
    counter = IncidentCounter()
    for item in entries:
        counter.add(item)
    return counter.incidents()


def counted(incidents, hours):
    return [list(counts) for counts in counts_by_step(incidents, 0, HOUR_MS, hours)]


def test_duplicates_revisions_exercises_and_turnout_add_nothing():
    incidents = reduced(
        entry(10, "e1"),
        entry(20, "e1"),
        entry(30, "e2", revision=2, status="verified"),
        entry(40, "e3", incident="polri-16 2", exercise=True),
        ["t", 0, "e4", " s", 300, 10, 0, 1, "kpu-16", False, "kpu-16", 1000],
        ["k", 0],
    )
    assert incidents == [CountedIncident(10 * MINUTE_MS, 10 * MINUTE_MS)]


def test_a_retracted_incident_is_subtracted_from_its_retraction_on():
    incidents = reduced(entry(10, "e1"), entry(130, "e2", revision=2, status="retracted"))
    assert counted(incidents, 3) == [[1], [1, 0], [0, 0, 0]]


def test_an_equal_or_lower_revision_retracts_nothing():
    assert reduced(entry(10, "e1", revision=2), entry(20, "e2", revision=1, status="retracted"))[0].retracted_ms is None


def test_another_source_retracts_its_own_word_only():
    told = entry(10, "e1"), entry(20, "e1", source="kpu-16")
    after_one = entry(30, "e2", revision=2, status="retracted", source="kpu-16")
    after_both = entry(40, "e2", revision=2, status="retracted")
    assert [item.retracted_ms for item in reduced(*told, after_one)] == [None]
    assert [item.retracted_ms for item in reduced(*told, after_one, after_both)] == [40 * MINUTE_MS]


def test_equal_numbers_of_two_origins_are_two_incidents():
    assert len(reduced(entry(10, "e1"), entry(20, "e1", "kpu-16 1", source="kpu-16"))) == 2


def test_a_report_within_the_hour_counts_when_it_is_reported():
    assert counted(reduced(entry(70, "e1", occurred_min=50)), 2) == [[0], [0, 1]]


def test_a_late_report_counts_in_the_step_in_which_it_occurred():
    assert counted(reduced(entry(190, "e1", occurred_min=10)), 4) == [[0], [0, 0], [0, 0, 0], [1, 0, 0, 0]]
