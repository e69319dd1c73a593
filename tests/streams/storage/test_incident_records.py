"""How incidents lie in the state: one record for a frame, the newest revision counts, no other segment is kept."""

from streams.storage.segments import LARGEST
from tests.streams.ledgers import EIGHT_MS, HOUR_MS, MINUTE_MS, PALEMBANG, RULES, fresh, incident, restored, run, tick

DAYS_MS = int(RULES.memory.incidents.value) * HOUR_MS  # an incident that occurs so late counts as long


def segments(outputs) -> list[bytes]:
    return sorted(key for key in outputs.state if key.startswith(b"16.71/i/"))


def test_the_incidents_of_one_frame_are_one_record():
    outputs = run([(PALEMBANG, [incident(n, EIGHT_MS, incident=n) for n in range(5)])])
    assert segments(outputs) == [b"16.71/i/1"]
    assert outputs.state[b"16.71/i/1"].count(b'"reported"') == 5


def test_a_large_frame_is_cut_so_that_no_record_is_too_large_for_kafka():
    count = 2 * LARGEST + 1
    outputs = run(
        [(PALEMBANG, [incident("x" * 50 + str(n), EIGHT_MS, incident="y" * 50 + str(n)) for n in range(count)])]
    )
    assert len(segments(outputs)) == 3
    assert max(map(len, outputs.state.values())) < 512 * 1024
    assert sum(len(state.incidents.records) for state in restored(outputs.state)) == count


def test_a_segment_whose_incidents_were_all_revised_is_dropped():
    first = (PALEMBANG, [incident("a", EIGHT_MS, incident="x"), incident("b", EIGHT_MS, incident="y")])
    one = (PALEMBANG, [incident("c", EIGHT_MS + MINUTE_MS, incident="x", revision=2)])
    other = (PALEMBANG, [incident("d", EIGHT_MS + MINUTE_MS, incident="y", revision=2)])
    assert segments(run([first, one])) == [b"16.71/i/1", b"16.71/i/2"]
    assert segments(run([first, one, other])) == [b"16.71/i/2", b"16.71/i/3"]


def test_of_two_revisions_in_one_frame_the_newer_is_kept():
    outputs = run(
        [(PALEMBANG, [incident("a", EIGHT_MS, incident="x"), incident("b", EIGHT_MS, incident="x", revision=7)])]
    )
    [record] = [state.incidents.records["bawaslu i-x"] for state in restored(outputs.state) if state.incidents.records]
    assert record.revision == 7


def test_a_forgotten_incident_does_not_come_back_by_an_older_record():
    """It was revised, and the segment of its first revision lives on for the sake of another incident."""
    horizon_ms = int(RULES.memory.incidents.value) * HOUR_MS
    first = [
        incident("a", EIGHT_MS, incident="x"),
        incident("b", EIGHT_MS, incident="y", occurred_ms=EIGHT_MS + DAYS_MS),
    ]
    revised = [incident("c", EIGHT_MS + MINUTE_MS, incident="x", occurred_ms=EIGHT_MS, revision=2)]
    table = fresh()
    outputs = run([(PALEMBANG, first), (PALEMBANG, revised), tick(EIGHT_MS + horizon_ms + 2 * HOUR_MS)], table)
    [kept] = [state.incidents.records for state in table if state.incidents.records]
    [back] = [state.incidents.records for state in restored(outputs.state) if state.incidents.records]
    assert kept == back and "bawaslu i-y" in kept


def test_a_forgotten_incident_does_not_come_back_with_the_second_restart():
    """The first one reads only the newest record of each incident."""
    horizon_ms = int(RULES.memory.incidents.value) * HOUR_MS
    lasting = incident("b", EIGHT_MS, incident="y", occurred_ms=EIGHT_MS + DAYS_MS)
    revised = [incident("c", EIGHT_MS + MINUTE_MS, incident="x", occurred_ms=EIGHT_MS, revision=2)]
    written = run([(PALEMBANG, [incident("a", EIGHT_MS, incident="x"), lasting]), (PALEMBANG, revised)])
    table = restored(written.state)
    table.apply(2, tick(0)[0].encode(), tick(EIGHT_MS + horizon_ms + 2 * HOUR_MS)[1])
    written.take(table.drain())
    [kept] = [state.incidents.records for state in table if state.incidents.records]
    [back] = [state.incidents.records for state in restored(written.state) if state.incidents.records]
    assert kept == back


def test_after_a_restart_the_newest_revision_counts_and_numbers_continue():
    first = run([(PALEMBANG, [incident("a", EIGHT_MS, incident="x"), incident("b", EIGHT_MS, incident="y")])])
    second = run(
        [(PALEMBANG, [incident("c", EIGHT_MS, incident="x", revision=2)])], restored(first.state), first_offset=1
    )
    assert b"16.71/i/2" in second.state
    both = restored(first.state | second.state)
    [records] = [state.incidents.records for state in both if state.incidents.records]
    assert {name: record.revision for name, record in records.items()} == {"bawaslu i-x": 2, "bawaslu i-y": 1}
