"""A flare-up told by several sources rises within minutes and falls step by step."""

from tests.streams.timelines import check


def test_violence_told_by_three_sources():
    said = check("""
        08:00 Palembang: intimidation 2 by bawaslu
        08:04 Palembang: intimidation 3 by polri
        08:10 Palembang: clash 2 by pemantau
        08:11 => Palembang raised to waspada: incident_pressure
        08:15 Palembang: intimidation 3 by polri
        08:18 Palembang: intimidation 2 by pemantau
        08:19 => Palembang raised to siaga: incident_pressure
        08:25 Palembang: intimidation 2 by bawaslu
        09:07 => Palembang lowered to waspada: calm
        09:30 Palembang: logistics 1 by kpu       # unheard for an hour, nothing would fall
        09:37 => Palembang cleared: calm
        10:00 nothing
    """)
    assert {item["episode"] for item in said} == {1}
    assert said[1]["routes"] == ["bawaslu", "police", "kpu", "governor"]
    assert [item["weight"] for item in said[1]["evidence"]] == [4, 4, 2, 2, 2]


def test_twelve_reports_in_an_hour_are_a_wave_in_palembang():
    check("""
        09:00 Palembang: intimidation 2 by polri, 6 times
        09:06 => Palembang raised to waspada, unverified: incident_pressure
        09:30 Palembang: intimidation 2 by bawaslu, 6 times
        09:30 => Palembang amended at waspada: confirmation
        09:35 => Palembang raised to siaga: incident_pressure
        09:40 nothing
    """)


def test_missing_ballots_are_told_to_the_election_offices_not_to_the_police():
    said = check("""
        08:00 Palembang: logistics 2 by kpu, 6 times
        08:05 Palembang: logistics 2 by bawaslu, 6 times
        08:06 => Palembang raised to waspada, unverified: incident_pressure
        08:09 => Palembang raised to siaga: incident_pressure
        08:20 nothing
    """)
    assert {tuple(item["routes"]) for item in said} == {("kpu", "bawaslu")}
