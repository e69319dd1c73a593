"""What was published and is no longer so is amended, in the same episode; what still is so is left alone."""

from tests.streams.timelines import Timeline, check


def test_a_second_sources_word_after_the_hour_still_confirms():
    check("""
        10:00 OKI: clash 4 by polri is incident A
        10:00 => OKI raised to waspada, unverified: grave_incident
        10:50 OKI: logistics 1 by kpu
        11:04 OKI: A verified by bawaslu
        11:04 => OKI amended at waspada: confirmation
        11:10 nothing
    """)


def test_who_takes_an_incident_back_does_not_bear_it_out():
    check("""
        10:00 OKI: clash 4 by polri is incident A
        10:00 => OKI raised to waspada, unverified: grave_incident
        10:10 OKI: A retracted by bawaslu
        10:10 => OKI amended at waspada, unverified: correction
        10:20 OKI: A clash 4 by polri
        10:30 nothing
    """)


def test_an_incident_behind_the_level_that_is_resolved_weighs_less_and_is_told():
    said = check("""
        08:00 Palembang: intimidation 2 by bawaslu
        08:04 Palembang: intimidation 3 by polri is incident A
        08:10 Palembang: clash 2 by pemantau
        08:11 => Palembang raised to waspada: incident_pressure
        08:20 Palembang: A resolved by polri
        08:20 => Palembang amended at waspada: correction
        08:25 nothing
    """)
    assert said[1]["evidence"][0]["status"] == "resolved" and said[1]["score"] < said[0]["score"]


def test_figures_that_were_wrong_and_are_set_right_amend_what_they_raised():
    wrong = "".join(f"        12:00 Pagar Alam: TPS {n} voted 320 of 300\n" for n in range(10))
    right = "".join(f"        12:20 Pagar Alam: TPS {n} voted 230 of 300\n" for n in range(10))
    said = check(
        wrong
        + "        12:01 => Pagar Alam raised to waspada: turnout_anomaly\n"
        + right
        + "        12:20 => Pagar Alam amended at waspada: correction\n"
        + "        12:25 => Pagar Alam amended at waspada: correction   # the rest is told together\n"
        + "        12:30 nothing\n"
    )
    assert said[1]["episode"] == said[0]["episode"] and said[0]["routes"] == ["kpu", "bawaslu"]


def test_taking_back_what_was_not_named_is_told_once_it_moves_the_score():
    """Twenty incidents are named; the others are behind the score as well."""
    many = "        08:00 Palembang: intimidation 2 by polri, 25 times\n"
    others = "".join(f"        08:05 Palembang: clash 1 by bawaslu is incident B{n}\n" for n in range(30))
    back = "".join(f"        08:40 Palembang: B{n} retracted by bawaslu\n" for n in range(30))
    lines = many + others + back
    said = Timeline(lines + "        08:50 nothing\n").play()
    amended = [item for item in said if item["change"] == "amended" and item["reason"] == "correction"]
    assert amended and amended[0]["regency"] == "16.71"
    assert not any(item["incident_id"].startswith("i-B") for item in amended[-1]["evidence"])


def test_evidence_is_what_adds_most_now_not_what_was_grave_long_ago():
    old = "        01:00 Palembang: intimidation 3 by polri, 22 times\n"
    new = "".join(
        f"        12:0{n} Palembang: clash 2 by {('polri', 'bawaslu')[n % 2]} is incident C{n}\n" for n in range(8)
    )
    said = [item for item in Timeline(old + new + "        12:10 nothing\n").play() if item["regency"] == "16.71"]
    newest = [item for item in said if item["change"] == "raised"][-1]
    assert {f"i-C{n}" for n in range(3)} <= {item["incident_id"] for item in newest["evidence"]}
    assert "governor" in newest["routes"]
    weights = [item["weight"] for item in newest["evidence"]]
    assert weights == sorted(weights, reverse=True)
