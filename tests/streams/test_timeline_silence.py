"""Silence is published, holds the level, and never counts as calm."""

from schemas.ledger import TICK_KEY
from tests.streams.ledgers import EIGHT_MS, HOUR_MS, OKI, PAGAR_ALAM, PALEMBANG, fresh, incident, notice, run, tick
from tests.streams.timelines import check

AWAS_AT_EIGHT = """
        08:00 Palembang: intimidation 3 by polri, 10 times
        08:01 Palembang: clash 3 by bawaslu, 10 times
        08:02 => Palembang raised to waspada: incident_pressure
        08:03 => Palembang raised to awas: incident_pressure
        08:04 => Province raised to waspada: members
"""


def test_three_hours_without_a_report_are_published_and_the_next_report_too():
    escalations = check("""
        08:00 Palembang: logistics 1 by kpu
        11:00 => Palembang stale: silence
        12:00 Palembang: logistics 1 by kpu
        12:00 => Palembang recovered: reports_resumed
        13:00 nothing
    """)
    assert escalations[0]["routes"] == ["kpu", "bawaslu"] and escalations[0]["evidence"] == []


def test_silence_at_night_is_published_only_when_reports_were_expected():
    outputs = run([
        (PAGAR_ALAM, [incident("a", EIGHT_MS + 10 * HOUR_MS, severity=1)]),
        *(tick(EIGHT_MS + 10 * HOUR_MS + minutes * 60_000) for minutes in range(0, 600, 5)),
    ])  # fmt: skip
    assert outputs.changes() == [] and outputs.row(PAGAR_ALAM)["data_status"] == "stale"
    next_day = run([
        (PAGAR_ALAM, [incident("a", EIGHT_MS + 10 * HOUR_MS, severity=1)]),
        *(tick(EIGHT_MS + 10 * HOUR_MS + minutes * 60_000) for minutes in range(0, 1080, 5)),
        (PAGAR_ALAM, [incident("b", EIGHT_MS + 28 * HOUR_MS, severity=1)]),
    ])  # fmt: skip
    assert [(item["change"], item["event_time"][11:13]) for item in next_day.changes()] == [
        ("stale", "00"),
        ("recovered", "05"),
    ]


def test_silence_holds_the_level():
    check(
        AWAS_AT_EIGHT
        + """
        11:10 => Palembang stale: silence     # the score has been low for long, but nobody reported calm
        15:00 Palembang: logistics 1 by kpu
        15:00 => Palembang recovered: reports_resumed
        15:00 => Palembang lowered to siaga: calm
        15:30 => Palembang lowered to waspada: calm
        15:30 => Province cleared: calm
        16:30 nothing                         # an hour after the last report the level stays
    """
    )


def test_a_level_falls_as_soon_as_turnout_shows_that_the_regency_reports():
    check(
        AWAS_AT_EIGHT
        + """
        09:15 Palembang: TPS 7 voted 210 of 500
        10:10 Palembang: TPS 8 voted 210 of 500
        10:53 => Palembang lowered to siaga: calm
        11:05 Palembang: TPS 9 voted 210 of 500
        11:23 => Palembang lowered to waspada: calm
        11:23 => Province cleared: calm
        11:53 => Palembang cleared: calm
        12:10 nothing
    """
    )


def test_a_regency_that_never_reported_is_silent_and_that_is_not_published():
    outputs = run([tick(EIGHT_MS + minutes * 60_000) for minutes in range(0, 600, 5)])
    assert outputs.changes() == []
    assert outputs.row(PALEMBANG)["data_status"] == "silent"


def test_a_jump_of_the_clock_alarms_nobody():
    """Silence is what ticks observed; one tick a day ahead is a clock that was set, or a replay that began."""
    reported = [(PALEMBANG, [incident("a", EIGHT_MS, severity=1)])]
    outputs = run([tick(EIGHT_MS), *reported, tick(EIGHT_MS + 24 * HOUR_MS), tick(EIGHT_MS + 48 * HOUR_MS)])
    assert outputs.changes() == []
    assert outputs.row(PALEMBANG)["data_status"] == "live"


def test_the_clock_never_goes_back():
    table = fresh()
    table.apply(0, TICK_KEY, [["k", EIGHT_MS + HOUR_MS]])
    table.apply(1, TICK_KEY, [["k", EIGHT_MS]])
    assert table.clock_ms == EIGHT_MS + HOUR_MS


def test_notices_of_neighbours_do_not_shorten_a_silence():
    """They move the clock but are no report from the regency itself."""
    frames = [(PALEMBANG, [incident("a", EIGHT_MS, severity=1)]), tick(EIGHT_MS)]
    for seconds in range(0, 3 * 3600 + 60, 30):
        at_ms = EIGHT_MS + seconds * 1000
        frames.append((PALEMBANG, [notice(at_ms + 29_000, OKI)]))
        frames.append(tick(at_ms + 30_000))
    assert [change["change"] for change in run(frames).changes(PALEMBANG)] == ["stale"]
