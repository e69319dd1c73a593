"""Turnout with the figures of real elections, and as stations report it: what is legal alarms nobody."""

import json

import pytest

from schemas.roster import Roster
from schemas.turnout import VOTERS_MAX
from schemas.wire import Rejected, decode_turnout
from tests.streams.ledgers import PALEMBANG, fresh
from tests.streams.timelines import Timeline, check

# Pilgub 2024, South Sumatra (KPU): the ballots of the province.
RECEIVED, USED, DAMAGED, UNUSED = 6_547_195, 4_623_856, 3_676, 1_919_663
VALID, INVALID = 4_301_819, 322_037
TPS_MOST = {"Pemilu": 300, "Pilkada": 600}


def golden_lines(roster: Roster, used: int) -> list[str]:
    """Every station of the roster with its part of the ballots used, by its voters; the parts add up exactly."""
    lines, registered_all, before = [], sum(regency.registered for regency in roster.values()), 0
    for code, regency in roster.items():
        base, rest = divmod(regency.registered, regency.stations)
        for number in range(1, regency.stations + 1):
            registered = base + (number <= rest)
            voted = used * (before + registered) // registered_all - used * before // registered_all
            lines.append(f"13:00 {code}: TPS {number} voted {voted} of {registered}")
            before += registered
    return lines


def test_the_golden_vector_of_2024_gives_exactly_its_share_and_no_points():
    assert RECEIVED == USED + DAMAGED + UNUSED and USED == VALID + INVALID
    roster = Roster.default()
    timeline = Timeline("\n".join([*golden_lines(roster, USED), "15:59 nothing"]))
    assert timeline.play(fresh(roster=roster)) == []
    outputs = {code: row["turnout"] for code, row in timeline.rows.items()}
    registered = sum(regency.registered for regency in roster.values())
    assert sum(turnout["voted"] for turnout in outputs.values()) == USED
    assert sum(turnout["registered"] for turnout in outputs.values()) == registered
    for code, regency in roster.items():
        assert outputs[code]["stations_reported"] == regency.stations
        assert outputs[code]["share"] == round(outputs[code]["voted"] / regency.registered, 6)
        assert outputs[code]["share"] == pytest.approx(USED / registered, abs=1e-5)
        assert outputs[code]["over_capacity"] == outputs[code]["corrected"] == 0
        assert timeline.rows[code]["components"]["turnout"] == 0


def test_queued_voters_may_finish_after_closing():
    check("""
        13:00 Palembang: TPS 1-60 voted 300 of 500
        13:30 Palembang: TPS 1-60 voted 340 of 500
        14:30 Palembang: TPS 1-60 voted 380 of 500
        15:00 nothing
    """)


@pytest.mark.parametrize("most", TPS_MOST.values(), ids=TPS_MOST)
def test_a_full_house_is_within_capacity_and_one_voter_more_is_a_note(most):
    timeline = Timeline(f"""
        13:00 Palembang: TPS 1 voted {most} of {most}
        13:00 Palembang: TPS 2 voted {most + 1} of {most}
        13:00 Palembang: TPS 3-60 voted {most * 7 // 10} of {most}
        15:00 nothing
    """)
    assert timeline.play() == []
    row = timeline.rows[PALEMBANG]
    assert row["turnout"]["over_capacity"] == 1 and row["components"]["turnout"] == 0


def test_the_contract_takes_every_legal_station_and_no_regencys_total():
    def decode(voters):
        return decode_turnout(json.dumps({
            "event_id": "t1", "regency": PALEMBANG, "station": "TPS 1", "registered": voters, "voted": voters,
            "as_of": "2024-11-27T13:00:00+07:00", "source": "kpu-16",
        }).encode())  # fmt: skip

    for most in TPS_MOST.values():
        assert decode(most).voted == most < VOTERS_MAX
    smallest = min(regency.registered for regency in Roster.default().values())
    assert smallest > VOTERS_MAX
    with pytest.raises(Rejected):
        decode(smallest)
    with pytest.raises(Rejected):
        decode(VOTERS_MAX + 1)


def test_a_first_correction_downwards_alarms_nobody():
    check("""
        11:00 Palembang: TPS 1-60 voted 250 of 500
        11:30 Palembang: TPS 1-60 voted 240 of 500
        13:00 nothing
    """)


def test_many_stations_beyond_their_roll_bring_waspada_and_never_more():
    check("""
        12:00 Palembang: TPS 1-60 voted 501 of 500
        12:01 => Palembang raised to waspada, unverified: turnout_anomaly
        14:59 nothing
    """)
