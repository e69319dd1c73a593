"""A wave of one source reaches waspada, unverified, and no further until another source corroborates it."""

from tests.streams.timelines import check


def test_one_source_alone_never_reaches_siaga():
    check("""
        10:00 Pagar Alam: intimidation 3 by pemantau, 8 times
        10:02 => Pagar Alam raised to waspada, unverified: incident_pressure
        10:10 Pagar Alam: eligibility 3 by pemantau, 8 times
        11:00 nothing
    """)


def test_a_second_source_lets_it_rise():
    check("""
        10:00 Pagar Alam: intimidation 3 by pemantau, 8 times
        10:02 => Pagar Alam raised to waspada, unverified: incident_pressure
        10:20 Pagar Alam: clash 3 by polri, 3 times
        10:20 => Pagar Alam amended at waspada: confirmation
        10:21 => Pagar Alam raised to awas: incident_pressure
        10:22 => Province raised to waspada: members
        10:25 nothing
    """)


def test_a_retracted_wave_is_amended_in_its_episode_and_then_cleared():
    escalations = check("""
        10:00 Pagar Alam: intimidation 3 by pemantau is incident A
        10:01 Pagar Alam: intimidation 3 by pemantau is incident B
        10:02 Pagar Alam: clash 3 by pemantau is incident C
        10:02 => Pagar Alam raised to waspada, unverified: incident_pressure
        10:30 Pagar Alam: A retracted by pemantau
        10:30 => Pagar Alam amended at waspada, unverified: correction
        10:30 Pagar Alam: B retracted by pemantau
        10:30 Pagar Alam: C retracted by pemantau
        10:35 => Pagar Alam amended at waspada, unverified: correction   # the rest together, five minutes later
        11:00 => Pagar Alam cleared: calm
        11:30 nothing
    """)
    assert [item["episode"] for item in escalations] == [1, 1, 1, 1]
    assert escalations[2]["evidence"] == []


def test_who_tells_of_something_else_confirms_nothing():
    check("""
        10:00 Pagar Alam: intimidation 3 by pemantau, 8 times
        10:02 => Pagar Alam raised to waspada, unverified: incident_pressure
        10:20 Pagar Alam: natural_hazard 2 by bpbd
        10:30 nothing
    """)
