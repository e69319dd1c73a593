"""A flare-up that several sources report raises within minutes, and the level falls step by step."""

from tests.streams.timelines import check


def test_violence_reported_by_three_sources_raises_to_siaga():
    escalations = check("""
        08:00 Palembang: intimidation 2 by bawaslu
        08:04 Palembang: intimidation 3 by polri
        08:10 Palembang: clash 2 by pemantau
        08:11 => Palembang raised to waspada: incident_pressure
        08:15 Palembang: intimidation 3 by polri
        08:16 => Palembang raised to siaga: incident_pressure
        08:18 Palembang: intimidation 2 by pemantau
        08:25 Palembang: intimidation 2 by bawaslu
        09:21 => Palembang lowered to waspada: calm
        09:40 Palembang: logistics 1 by kpu       # after an hour without a report nothing would fall
        09:51 => Palembang cleared: calm
        10:00 nothing
    """)
    assert {item["episode"] for item in escalations} == {1}
    assert escalations[1]["routes"] == ["bawaslu", "police", "kpu", "governor"]
    assert [item["weight"] for item in escalations[1]["evidence"]] == [4, 4, 2, 2]


def test_eight_reports_in_an_hour_are_a_wave_in_palembang():
    check("""
        09:00 Palembang: intimidation 2 by polri, 5 times
        09:05 => Palembang raised to waspada, unverified: incident_pressure
        09:30 Palembang: intimidation 2 by bawaslu, 3 times
        09:32 => Palembang amended at waspada: confirmation
        09:33 => Palembang raised to siaga: incident_pressure
        09:40 nothing
    """)


def test_missing_ballots_go_to_the_election_offices_not_to_the_police():
    escalations = check("""
        08:00 Palembang: logistics 2 by kpu, 6 times
        08:05 Palembang: logistics 2 by bawaslu, 6 times
        08:06 => Palembang raised to waspada, unverified: incident_pressure
        08:08 => Palembang raised to siaga: incident_pressure
        08:20 nothing
    """)
    assert {tuple(item["routes"]) for item in escalations} == {("kpu", "bawaslu")}
