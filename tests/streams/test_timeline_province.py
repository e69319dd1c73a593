"""Spill-over between neighbours, and a storm of regencies as one escalation of the province."""

from tests.streams.timelines import check


def test_a_storm_is_escalated_once_more_for_the_province():
    escalations = check("""
        10:00 OKI: clash 3 by polri, 5 times
        10:02 OKI: clash 3 by bawaslu, 5 times
        10:00 Palembang: clash 3 by polri, 5 times
        10:02 Palembang: clash 3 by bawaslu, 5 times
        10:02 => OKI raised to waspada, unverified: incident_pressure
        10:02 => Palembang raised to waspada, unverified: incident_pressure
        10:03 => OKI raised to awas: incident_pressure
        10:03 => Palembang raised to awas: incident_pressure
        10:04 => Province raised to siaga: members
        10:20 nothing
    """)
    storm = escalations[-1]
    assert storm["regency"] == "16" and storm["evidence"] == []  # aggregates only
    assert storm["routes"] == ["governor", "kominda", "kpu", "bawaslu"]
    assert storm["components"] == {"members_awas": 50, "members_siaga": 0, "members_waspada": 0}


def test_unrest_next_door_makes_the_same_reports_weigh_more():
    check("""
        10:00 OKI: clash 3 by polri, 5 times
        10:02 OKI: clash 3 by bawaslu, 5 times
        10:02 => OKI raised to waspada, unverified: incident_pressure
        10:03 => OKI raised to awas: incident_pressure
        10:04 => Province raised to waspada: members
        10:15 Palembang: intimidation 2 by polri
        10:16 Palembang: intimidation 2 by polri
        10:17 Palembang: intimidation 2 by bawaslu
        10:18 Palembang: intimidation 1 by bawaslu
        10:18 => Palembang raised to waspada: incident_pressure
        10:25 nothing
    """)


def test_without_unrest_next_door_they_do_not_raise():
    check("""
        10:15 Palembang: intimidation 2 by polri
        10:16 Palembang: intimidation 2 by polri
        10:17 Palembang: intimidation 2 by bawaslu
        10:18 Palembang: intimidation 1 by bawaslu
        10:25 nothing
    """)


def test_unrest_next_door_alone_raises_nobody():
    check("""
        10:00 OKI: clash 3 by polri, 5 times
        10:02 OKI: clash 3 by bawaslu, 5 times
        10:02 => OKI raised to waspada, unverified: incident_pressure
        10:03 => OKI raised to awas: incident_pressure
        10:04 => Province raised to waspada: members
        10:30 nothing
    """)


def test_a_province_is_unverified_until_a_second_source_confirms_its_members():
    escalations = check("""
        10:00 OKI: clash 5 by pemantau is incident A
        10:00 => OKI raised to siaga, unverified: grave_incident
        10:00 Palembang: clash 5 by pemantau
        10:00 => Palembang raised to siaga, unverified: grave_incident
        10:01 => Province raised to waspada, unverified: members
        10:30 OKI: A verified by polri
        10:30 => OKI raised to awas: grave_incident_confirmed
        10:30 => Province amended at waspada: confirmation
        10:40 nothing
    """)
    raised, amended = (item for item in escalations if item["regency"] == "16")
    assert amended["episode"] == raised["episode"] and amended["threshold"] == raised["threshold"] == 25


def test_members_confirmed_later_at_the_level_they_hold_confirm_the_province():
    check("""
        10:00 OKI: clash 5 by pemantau is incident A
        10:00 => OKI raised to siaga, unverified: grave_incident
        10:00 Palembang: clash 5 by pemantau is incident B
        10:00 => Palembang raised to siaga, unverified: grave_incident
        10:01 => Province raised to waspada, unverified: members
        10:50 OKI: logistics 1 by kpu
        10:50 Palembang: logistics 1 by kpu
        11:02 OKI: A verified by polri
        11:02 => OKI amended at siaga: confirmation
        11:03 Palembang: B verified by polri
        11:03 => Palembang amended at siaga: confirmation
        11:03 => Province amended at waspada: confirmation
        11:10 nothing
    """)


def test_a_province_that_enough_verified_members_carry_is_verified():
    check("""
        10:00 OKI: clash 5 by pemantau is incident A
        10:00 => OKI raised to siaga, unverified: grave_incident
        10:00 OKI: A verified by polri
        10:00 => OKI raised to awas: grave_incident_confirmed
        10:00 Palembang: clash 5 by pemantau
        10:00 => Palembang raised to siaga, unverified: grave_incident
        10:01 => Province raised to waspada: members
        10:10 nothing
    """)


def test_unverified_members_that_fall_confirm_nothing():
    check("""
        10:00 Pagar Alam: clash 4 by pemantau is incident A
        10:00 => Pagar Alam raised to waspada, unverified: grave_incident
        10:00 Pagar Alam: A verified by polri
        10:00 => Pagar Alam raised to siaga: grave_incident_confirmed
        10:00 Palembang: clash 5 by pemantau is incident B
        10:00 => Palembang raised to siaga, unverified: grave_incident
        10:01 => Province raised to waspada, unverified: members
        10:31 Palembang: B retracted by pemantau
        10:31 => Palembang amended at siaga, unverified: correction
        11:10 => Palembang lowered to waspada, unverified: calm
        11:10 Palembang: logistics 1 by kpu
        11:40 => Palembang cleared: calm      # only verified members are left, but nobody confirmed the escalation
        11:50 nothing
    """)
