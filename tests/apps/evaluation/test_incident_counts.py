"""What counts for the baselines: once, live, real; a retraction takes back from its moment on, a late report corrects
the past.
"""

from apps.evaluation.incident_counts import IncidentCounter, CountedIncident, histories
from apps.simulation.truth import HOUR_MS, MINUTE_MS


def entry(at_min, event, incident="a", revision=1, status="reported", occurred_min=None, exercise=False):
    occurred = (at_min if occurred_min is None else occurred_min) * MINUTE_MS
    at_ms = at_min * MINUTE_MS
    return ["i", at_ms, event, incident, revision, None, "clash", 3, status, occurred, at_ms, "polri-16", exercise]


def noted(*entries):
    book = IncidentCounter()
    for item in entries:
        book.note(item)
    return book.sightings()


def counted(sightings, hours):
    return [list(counts) for counts in histories(sightings, 0, HOUR_MS, hours)]


def test_duplicates_revisions_exercises_and_turnout_add_nothing():
    seen = noted(
        entry(10, "e1"),
        entry(20, "e1"),
        entry(30, "e2", revision=2, status="verified"),
        entry(40, "e3", incident="b", exercise=True),
        ["t", 0, "e4", "s", 300, 10, 0, 1, "kpu-16", False],
        ["k", 0],
    )
    assert seen == [CountedIncident(10 * MINUTE_MS, 10 * MINUTE_MS)]


def test_a_retraction_takes_the_incident_back_from_its_moment_on():
    seen = noted(entry(10, "e1"), entry(130, "e2", revision=2, status="retracted"))
    assert counted(seen, 3) == [[1], [1, 0], [0, 0, 0]]


def test_an_equal_or_lower_revision_retracts_nothing():
    assert noted(entry(10, "e1", revision=2), entry(20, "e2", revision=1, status="retracted"))[0].retracted_ms is None


def test_a_report_within_the_hour_counts_when_it_is_heard():
    assert counted(noted(entry(70, "e1", occurred_min=50)), 2) == [[0], [0, 1]]


def test_a_late_report_counts_where_it_occurred_and_raises_nothing_now():
    assert counted(noted(entry(190, "e1", occurred_min=10)), 4) == [[0], [0, 0], [0, 0, 0], [1, 0, 0, 0]]
