"""What was published and is no longer so is amended, in the same episode; what still is so is left alone."""

import pytest

from tests.streams.timelines import Timeline, check


def test_a_second_agency_confirms_after_the_hour_too():
    check("""
        10:00 OKI: clash 4 by polri is incident A
        10:00 => OKI raised to waspada, unverified: grave_incident
        10:50 OKI: logistics 1 by kpu
        11:04 OKI: A verified by bawaslu
        11:04 => OKI amended at waspada: confirmation
        11:10 nothing
    """)


def test_a_retraction_by_another_source_confirms_and_takes_back_nothing():
    escalations = check("""
        10:00 OKI: clash 4 by polri is incident A
        10:00 => OKI raised to waspada, unverified: grave_incident
        10:10 OKI: A retracted by bawaslu
        10:55 OKI: clash 1 by polri
        10:59 nothing
    """)
    assert escalations[0]["evidence"][0]["sources"] == ["polri"]


def test_a_milder_word_of_another_source_confirms_and_lowers_nothing():
    """Two agencies say that it happened: it is confirmed. Which of them is right about how grave it was is open."""
    escalations = check("""
        10:00 OKI: clash 4 by polri is incident A
        10:00 => OKI raised to waspada, unverified: grave_incident
        10:10 OKI: A clash 3 by bawaslu
        10:10 => OKI raised to siaga: grave_incident_confirmed
        10:20 nothing
    """)
    assert escalations[1]["evidence"][0]["severity"] == 4


def test_a_trifle_or_something_else_under_the_same_number_confirms_nothing():
    check("""
        10:00 OKI: clash 4 by polri is incident A
        10:00 => OKI raised to waspada, unverified: grave_incident
        10:10 OKI: A clash 1 by bawaslu
        10:20 OKI: A logistics 4 by kpu
        10:25 nothing
    """)


def test_a_confirmation_is_lost_with_the_second_agencys_word():
    escalations = check("""
        10:00 OKI: clash 4 by polri is incident A
        10:00 => OKI raised to waspada, unverified: grave_incident
        10:05 OKI: A verified by bawaslu
        10:05 => OKI raised to siaga: grave_incident_confirmed
        10:20 OKI: A retracted by bawaslu
        10:20 => OKI amended at siaga, unverified: correction
        10:25 OKI: A clash 4 by bawaslu
        10:25 => OKI amended at siaga: confirmation
        10:30 nothing
    """)
    assert [item["evidence"][0]["agencies"] for item in escalations] == [
        ["polri"], ["bawaslu", "polri"], ["polri"], ["bawaslu", "polri"],
    ]  # fmt: skip


CONFIRMED_BY_A_JOIN = """
        10:00 OKI: money_politics 4 by polri is incident A
        10:00 => OKI raised to waspada, unverified: grave_incident
        10:40 OKI: administration 1 by kpu is incident B
        10:50 OKI: money_politics 1 by polri
        10:55 OKI: money_politics 2 by polri
        11:03 OKI: money_politics 3 by bawaslu, occurred 10:00, is incident C
        11:04 OKI: A and C are one
        11:04 => OKI amended at waspada: correction
        11:20 OKI: logistics 2 by polri   # most points rest on one agency again, and there are no more of them
        11:21 OKI: logistics 2 by polri
"""


@pytest.mark.parametrize("joined", ["A and C", "C and A"])
def test_a_join_confirms_a_cited_incident_whichever_number_it_goes_by(joined):
    check(
        CONFIRMED_BY_A_JOIN.replace("A and C", joined).replace(
            "2 by polri\n        11:03", "2 by polri is incident D\n        11:03"
        )
        + "        11:22 OKI: D resolved by polri\n"
        + "        11:22 => OKI amended at waspada: correction\n"
        + "        11:27 nothing\n"
    )


@pytest.mark.parametrize("joined", ["A and B", "B and A"])
def test_a_confirmed_incident_that_is_joined_to_a_third_number_stays_confirmed(joined):
    check(
        CONFIRMED_BY_A_JOIN
        + f"        11:22 OKI: {joined} are one\n"
        + "        11:22 => OKI amended at waspada: correction\n" * (joined == "B and A")
        + "        11:27 nothing\n"
    )


def test_a_cited_incident_that_is_resolved_weighs_less_and_is_amended():
    escalations = check("""
        08:00 Palembang: intimidation 2 by bawaslu
        08:04 Palembang: intimidation 3 by polri is incident A
        08:05 Palembang: intimidation 2 by pemantau
        08:10 Palembang: clash 2 by bawaslu
        08:11 => Palembang raised to siaga: incident_pressure
        08:20 Palembang: A resolved by polri
        08:20 => Palembang amended at siaga: correction
        08:25 nothing
    """)
    assert escalations[1]["evidence"][0]["status"] == "resolved" and escalations[1]["score"] < escalations[0]["score"]


def test_corrected_turnout_amends_what_the_wrong_figures_raised():
    wrong = "".join(f"        12:00 Pagar Alam: TPS {n} voted 320 of 300\n" for n in range(10))
    right = "".join(f"        12:20 Pagar Alam: TPS {n} voted 230 of 300\n" for n in range(10))
    escalations = check(
        wrong
        + "        12:01 => Pagar Alam raised to waspada, unverified: turnout_anomaly\n"
        + right
        + "        12:20 => Pagar Alam amended at waspada, unverified: correction\n"
        + "        12:25 => Pagar Alam amended at waspada, unverified: correction   # the rest together\n"
        + "        12:30 nothing\n"
    )
    assert escalations[1]["episode"] == escalations[0]["episode"] and escalations[0]["routes"] == ["kpu", "bawaslu"]


def test_retractions_of_incidents_that_were_not_cited_amend_once_they_move_the_score():
    """Twenty incidents are cited; the others are part of the score as well."""
    many = "        08:00 Palembang: intimidation 2 by polri, 25 times\n"
    others = "".join(f"        08:05 Palembang: clash 1 by bawaslu is incident B{n}\n" for n in range(30))
    back = "".join(f"        08:40 Palembang: B{n} retracted by bawaslu\n" for n in range(30))
    lines = many + others + back
    escalations = Timeline(lines + "        08:50 nothing\n").play()
    amended = [item for item in escalations if item["change"] == "amended" and item["reason"] == "correction"]
    assert amended and amended[0]["regency"] == "16.71"
    assert not any(item["incident_id"].startswith("i-B") for item in amended[-1]["evidence"])


def test_citations_are_what_adds_most_now_not_what_was_grave_long_ago():
    old = "        01:00 Palembang: intimidation 3 by polri, 22 times\n"
    new = "".join(
        f"        12:0{n} Palembang: clash 2 by {('polri', 'bawaslu')[n % 2]} is incident C{n}\n" for n in range(8)
    )
    escalations = [
        item for item in Timeline(old + new + "        12:10 nothing\n").play() if item["regency"] == "16.71"
    ]
    newest = [item for item in escalations if item["change"] == "raised"][-1]
    assert {f"i-C{n}" for n in range(3)} <= {item["incident_id"] for item in newest["evidence"]}
    assert "governor" in newest["routes"]
    weights = [item["weight"] for item in newest["evidence"]]
    assert weights == sorted(weights, reverse=True)
