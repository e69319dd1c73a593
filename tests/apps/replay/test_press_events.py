"""The Sumsel press events: 19 rows, each read once, the exercise as one, second reports as further words."""

import csv
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from apps.replay import press_events
from apps.replay.italy2020 import SourceError
from schemas.incident import Incident
from schemas.wire import decode_incident

FILE = "sumsel_press_events.csv"


@pytest.fixture(scope="module")
def incidents(shared_data: Path) -> list[Incident]:
    return [decode_incident(line) for line in press_events.incident_lines(shared_data / FILE)]


def history(incidents: list[Incident], regency: str, incident_id: str) -> list[Incident]:
    return [one for one in incidents if (one.regency, one.incident_id) == (regency, incident_id)]


def test_every_row_of_the_file_is_in_the_table_and_every_entry_has_a_row(shared_data: Path, incidents: list[Incident]):
    with (shared_data / FILE).open(encoding="utf-8", newline="") as file:
        counts = [int(row["count"]) for row in csv.DictReader(file)]
    assert len(counts) == len(press_events.ROWS) == 19
    assert len(incidents) == sum(counts) == 67


def test_event_ids_are_unique_by_source_and_each_word_counts_up_from_one(incidents: list[Incident]):
    assert len({(one.source, one.event_id) for one in incidents}) == len(incidents)
    revisions = defaultdict(list)
    for one in incidents:
        revisions[one.regency, one.origin, one.incident_id, one.source].append(one.revision)
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in revisions.values())
    assert len({word[:3] for word in revisions}) == 37


def test_the_drill_in_jakabaring_is_the_only_exercise(incidents: list[Incident]):
    (drill,) = [one for one in incidents if one.is_exercise]
    assert (drill.regency, drill.category, drill.occurred_at.date().isoformat()) == ("16.71", "clash", "2024-08-22")


def test_three_papers_on_rawas_ilir_are_three_words_on_one_incident(incidents: list[Incident]):
    first, second, third = history(incidents, "16.13", "rawas-ilir-clash-01")
    assert [one.status for one in (first, second, third)] == ["reported", "verified", "verified"]
    assert len({one.source for one in (first, second, third)}) == 3
    assert {one.origin for one in (first, second, third)} == {first.source}
    assert second.occurred_at == third.occurred_at < third.reported_at


def test_twenty_stations_with_swapped_ballots_are_twenty_resolved_incidents(incidents: list[Incident]):
    swapped = [one for one in incidents if one.incident_id.startswith("ballot-swapped")]
    assert Counter(one.status for one in swapped) == {"reported": 20, "resolved": 20}


def test_an_incident_without_a_repeated_vote_stays_open(incidents: list[Incident]):
    last = {(one.regency, one.incident_id): one for one in incidents}
    open_ones = {key for key, one in last.items() if one.status != "resolved" and one.category == "eligibility"}
    assert open_ones == {
        ("16.06", "double-voting-02"),
        ("16.02", "revote-advised-01"),
        ("16.02", "revote-advised-02"),
    }


def test_a_later_word_keeps_the_time_of_the_event(incidents: list[Incident]):
    first, settled = history(incidents, "16.72", "revote-advised-01")
    assert settled.occurred_at == first.occurred_at
    assert settled.reported_at.date().isoformat() == "2024-12-01"


def test_an_unknown_row_is_an_error_with_its_line_number(tmp_path: Path):
    file = tmp_path / FILE
    file.write_text(
        "ts_local,ts_precision,kemendagri_code,place,event_kind,count,note,source_url\n"
        "2024-02-14T00:00:00+07:00,day,16.13,X,ballot_shortage,1,,https://www.example.com/a\n"
        "2024-02-15T00:00:00+07:00,day,16.13,X,meteor,1,,https://www.example.com/a\n"
    )
    with pytest.raises(SourceError, match="line 3"):
        list(press_events.incident_lines(file))
