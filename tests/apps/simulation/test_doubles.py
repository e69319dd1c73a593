"""Severe incidents told under several numbers: how many, by whom, where and when, and that nothing else changes."""

import json
from collections import defaultdict

from apps.simulation.day import Plan, simulate_day
from apps.simulation.doubles import DOUBLES
from apps.simulation.truth import epoch_ms
from schemas.roster import Roster
from schemas.vocabulary import MINUTE_MS
from schemas.wire import decode_incident

DAYS = 12


def day_of(seed, doubles, **others):
    return simulate_day(Roster.default(), Plan(seed, flareups=(), turnout_every_min=0, doubles=doubles, **others))


def doubled(day):
    return [event for event in day.truth.others if event.kind == "doubled"]


def first_reports(day):
    """The first word of each incident by regency, origin and number, drills and hoaxes left out."""
    return {
        (body["regency"], body["source"], body["incident_id"]): body
        for body in (message.body for message in day.messages)
        if body["revision"] == 1 and "origin" not in body and body["incident_id"][9] == "0"
    }


def test_the_asked_share_of_the_severe_incidents_is_told_again():
    severe = told_again = thrice = 0
    for seed in range(DAYS):
        severe += sum(body["severity"] >= 3 for body in first_reports(day_of(seed, 0.0)).values())
        events = doubled(day_of(seed, 0.3))
        told_again += len(events)
        thrice += sum(event.note.count(",") == 2 for event in events)
    assert severe > 200 and abs(told_again / severe - 0.3) < 0.06
    assert abs(thrice / told_again - 1 / 3) < 0.15


def test_few_are_by_default_and_none_at_share_0_and_all_at_share_1():
    assert 0 < DOUBLES < 0.1
    assert not doubled(day_of(1, 0.0))
    severe = [body for body in first_reports(day_of(1, 0.0)).values() if body["severity"] >= 3]
    assert len(doubled(day_of(1, 1.0))) == len(severe)


def test_a_double_is_of_another_agency_nearby_soon_and_not_graver():
    count = 0
    for seed in range(DAYS):
        day = day_of(seed, 0.3)
        reports = first_reports(day)
        for event in doubled(day):
            first, *others = (reports[event.regency, *name.split(" ")] for name in event.note.split(", "))
            assert len({first["source"], *(other["source"] for other in others)}) == 1 + len(others)
            for other in others:
                count += 1
                assert (other["village"], other["category"]) == (first["village"], first["category"])
                assert other.get("station", first["station"]) == first["station"]
                apart_ms = epoch_ms(other["occurred_at"]) - epoch_ms(first["occurred_at"])
                assert -5 * MINUTE_MS <= apart_ms <= 90 * MINUTE_MS
                assert other["severity"] == first["severity"] or (first["severity"], other["severity"]) == (3, 2)
    assert count > 50


def test_a_double_never_names_the_number_of_the_other():
    for seed in range(3):
        day = day_of(seed, 1.0)
        second = {name for event in doubled(day) for name in event.note.split(", ")[1:]}
        told = defaultdict(set)
        for body in (message.body for message in day.messages):
            told[body.get("origin", body["source"]) + " " + body["incident_id"], body["regency"]].add("origin" in body)
        assert all(False in told[name, event.regency] for event in doubled(day) for name in event.note.split(", "))
        assert second


def test_doubles_leave_times_and_facts_of_all_other_reports_unchanged():
    def told(day):
        return [
            {k: v for k, v in m.body.items() if k not in ("event_id", "incident_id")} | {"at": m.at_ms} for m in day
        ]

    alone, with_doubles = (day_of(5, share).messages for share in (0.0, 0.3))
    left = [json.dumps(item) for item in told(with_doubles)]
    for item in told(alone):
        left.remove(json.dumps(item))
    assert left


def test_messages_of_doubles_are_valid_and_arrive_after_their_report():
    for message in day_of(2, 1.0).messages:
        assert decode_incident(json.dumps(message.body).encode())
        assert epoch_ms(message.body["reported_at"]) <= message.at_ms
