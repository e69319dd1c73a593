"""Severity 4 and 5 raise at once; while words of one agency alone stand one rung lower, and unverified."""

from tests.streams.timelines import check


def test_a_death_raises_at_once_and_rises_when_another_agency_confirms():
    escalations = check("""
        10:00 Palembang: fatality 5 by polri is incident A
        10:00 => Palembang raised to siaga, unverified: grave_incident
        10:20 Palembang: A verified by bawaslu
        10:20 => Palembang raised to awas: grave_incident_confirmed
        10:21 => Province raised to waspada: members
        11:00 nothing
    """)
    assert escalations[0]["routes"] == ["kpu", "bawaslu", "gakkumdu", "police", "bpbd", "governor", "kominda"]
    assert escalations[1]["evidence"][0] == {
        "origin": "polri", "incident_id": "i-A", "sources": ["bawaslu", "polri"], "agencies": ["bawaslu", "polri"],
        "category": "fatality", "severity": 5, "status": "reported", "weight": 16,
    }  # fmt: skip


def test_the_same_source_cannot_confirm_itself():
    check("""
        10:00 OKI: clash 4 by polri is incident A
        10:00 => OKI raised to waspada, unverified: grave_incident
        10:10 OKI: A verified by polri
        10:20 OKI: clash 4 by polri
        10:50 nothing
    """)


def test_a_system_of_the_same_agency_cannot_confirm_it():
    check("""
        10:00 OKI: clash 4 by polri is incident A
        10:00 => OKI raised to waspada, unverified: grave_incident
        10:10 OKI: A verified by polres-oki of polri
        10:20 OKI: clash 4 by polres-oki of polri
        10:50 nothing
    """)


def test_another_agencys_report_of_something_else_confirms_nothing():
    """However serious: a report confirms an incident by naming it, or by people who join the two."""
    check("""
        10:00 OKI: clash 4 by polri
        10:00 => OKI raised to waspada, unverified: grave_incident
        10:10 OKI: property_attack 3 by bawaslu
        10:20 OKI: fatality 4 by bawaslu
        10:30 nothing
    """)


def test_a_confirmed_clash_holds_its_level_for_an_hour():
    check("""
        10:00 OKI: clash 4 by polri is incident A
        10:00 => OKI raised to waspada, unverified: grave_incident
        10:10 OKI: A clash 4 by bawaslu
        10:10 => OKI raised to siaga: grave_incident_confirmed
        11:15 OKI: logistics 1 by kpu
        11:30 => OKI lowered to waspada: calm   # an hour after the incident its rule ends; then half an hour of calm
        12:00 => OKI cleared: calm
        12:30 nothing
    """)


def test_two_numbers_that_people_join_confirm_each_other_and_apart_they_do_not():
    escalations = check("""
        10:00 OKI: clash 4 by polri is incident A
        10:00 => OKI raised to waspada, unverified: grave_incident
        10:05 OKI: clash 3 by bawaslu is incident B
        10:20 OKI: A and B are one
        10:20 => OKI raised to siaga: grave_incident_confirmed
        10:30 OKI: A and B are two
        10:30 => OKI amended at siaga, unverified: correction
        10:40 nothing
    """)
    assert [len(item["evidence"]) for item in escalations] == [1, 1, 2]


def test_what_turns_out_less_grave_is_amended():
    check("""
        10:00 OKI: clash 4 by polri is incident A
        10:00 => OKI raised to waspada, unverified: grave_incident
        10:10 OKI: A clash 2 by polri
        10:10 => OKI amended at waspada, unverified: correction
        10:40 => OKI cleared: calm
        11:00 nothing
    """)


def test_a_death_reported_hours_later_raises_when_it_is_reported():
    check("""
        12:00 OKI: logistics 1 by kpu
        13:00 OKI: fatality 5 by polri, occurred 10:30, is incident A
        13:00 => OKI raised to siaga, unverified: grave_incident
        13:20 OKI: A verified by bawaslu
        13:20 => OKI raised to awas: grave_incident_confirmed
        13:21 => Province raised to waspada: members
        13:50 nothing
    """)


def test_a_grave_incident_raises_once_and_not_with_every_revision():
    check("""
        08:00 OKI: clash 4 by polri is incident A
        08:00 => OKI raised to waspada, unverified: grave_incident
        08:55 OKI: logistics 1 by kpu
        09:30 => OKI cleared: calm
        10:00 OKI: A verified by bawaslu
        10:30 OKI: A resolved by bawaslu
        11:30 nothing
    """)


def test_an_incident_that_turns_out_graver_raises_again():
    check("""
        08:00 OKI: clash 4 by polri is incident A
        08:00 => OKI raised to waspada, unverified: grave_incident
        08:55 OKI: logistics 1 by kpu
        09:30 => OKI cleared: calm
        10:00 OKI: A clash 5 by polri
        10:00 => OKI raised to siaga, unverified: grave_incident
        10:30 nothing
    """)
