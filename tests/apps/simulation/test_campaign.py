"""Laws of campaigns: what lasts over weeks is the same on each of its days, what happens is not."""

from dataclasses import replace
from datetime import date
from statistics import fmean, geometric_mean

import pytest

from apps.simulation.campaign import campaign_days
from apps.simulation.course import LEVEL, Course
from apps.simulation.day import Plan, simulate_day
from apps.simulation.truth import epoch_ms
from apps.simulation.worlds import WORLDS, nature
from apps.simulation.worlds.desk import Habits
from schemas.roster import Roster
from schemas.topics import Topic
from schemas.vocabulary import CATEGORIES, HOUR_MS
from streams.admission import Admitted, ClockMode, Gate

ROSTER = Roster.default()
QUIET = {"flareups": (), "hoax_chance": 0.0, "turnout_every_min": 0}
DRAWN = [world for world in WORLDS if world != "bawaslu"]

every_world = pytest.mark.parametrize("world", WORLDS)


def election(world, seed=7, **others):
    return Plan(seed, world=world, **QUIET | others)


def lines(day):
    return [(message.at_ms, message.topic, message.value) for message in day.messages]


def bodies(day):
    return [message.body for message in day.messages if message.topic == "incidents"]


@every_world
def test_a_day_whose_campaign_has_its_own_seed_is_the_day_without_one(world):
    plan = election(world, flareups=None)
    first, second = (simulate_day(ROSTER, replace(plan, campaign=campaign)) for campaign in (None, 7))
    assert lines(first) == lines(second)
    assert lines(first) != lines(simulate_day(ROSTER, replace(plan, campaign=8))) or world == "bawaslu"


@pytest.mark.parametrize("world", DRAWN)
def test_rates_levels_and_habits_last_over_a_campaign_and_differ_between_campaigns(world):
    first, second = campaign_days(election(world), 2)
    other, _ = campaign_days(election(world, 8), 2)
    for drawn in (
        lambda plan: nature.rates(plan, world),
        lambda plan: plan.course.levels,
        lambda plan: Habits.draw(plan, world),
    ):
        assert drawn(first) == drawn(second) != drawn(other)


@pytest.mark.parametrize("world", DRAWN)
def test_sources_last_over_a_campaign_and_its_election_day(world):
    plan = election(world)
    days = [simulate_day(ROSTER, day) for day in (*campaign_days(plan, 4), plan)]
    sources = [{body["source"] for body in bodies(day)} for day in days]
    assert all(found <= sources[-1] for found in sources)


@every_world
def test_days_of_a_campaign_share_no_message_and_no_number(world):
    first, second, last = (simulate_day(ROSTER, plan) for plan in (*campaign_days(election(world), 2), election(world)))
    ids = [{(body["regency"], body["source"], body["event_id"]) for body in bodies(day)} for day in (first, second)]
    assert ids[0].isdisjoint(ids[1])
    days = [{body["occurred_at"][:10] for body in bodies(day)} for day in (first, second, last)]
    assert [min(found) for found in days] == ["2024-11-25", "2024-11-26", "2024-11-27"]


def test_the_days_of_a_campaign_end_before_its_election_day():
    plans = campaign_days(election("shifts"), 3)
    assert [plan.day for plan in plans] == [date(2024, 11, day) for day in (24, 25, 26)]
    assert len({plan.seed for plan in plans} | {election("shifts").seed}) == 4


@every_world
def test_a_campaign_day_has_its_share_of_the_election_days_reports(world):
    shares = []
    for seed in range(8):
        plan = election(world, seed, doubles=0.0)
        days = [len(bodies(simulate_day(ROSTER, day))) for day in campaign_days(plan, 3)]
        shares.append(fmean(days) / len(bodies(simulate_day(ROSTER, plan))))
    assert LEVEL[0] * 0.6 < min(shares) < max(shares) < LEVEL[1] * 1.8
    assert LEVEL[0] < geometric_mean(shares) < LEVEL[1]


def test_levels_of_categories_scatter_about_a_common_one_within_the_bounds():
    means = [
        geometric_mean(Course.of_campaign(0, seed, "shifts").levels[category] for category in CATEGORIES)
        for seed in range(200)
    ]
    assert LEVEL[0] * 0.8 < min(means) < 0.07 and 0.2 < max(means) < LEVEL[1] * 1.25
    levels = Course.of_campaign(0, 1, "shifts").levels
    assert set(levels) == set(CATEGORIES) and len(set(levels.values())) == len(CATEGORIES)


def test_an_election_day_has_every_level_and_its_own_times():
    course = election("shifts").course
    assert not course.is_campaign and {course.level(category) for category in CATEGORIES} == {1.0}


@every_world
def test_campaign_days_are_lively_by_day(world):
    by_day = []
    for seed in range(6):
        for plan in campaign_days(election(world, seed), 3):
            for body in bodies(simulate_day(ROSTER, plan)):
                by_day.append(7 * HOUR_MS <= epoch_ms(body["occurred_at"]) - plan.start_ms < 21 * HOUR_MS)
    assert 0.7 < fmean(by_day) < 0.95


@every_world
def test_a_campaign_day_has_no_turnout_and_intake_accepts_it(world):
    gate = Gate(ROSTER, ClockMode.WALL)
    (plan,) = campaign_days(election(world, turnout_every_min=60, flareups=None, hoax_chance=1.0), 1)
    messages = simulate_day(ROSTER, plan).messages
    assert messages and {message.topic for message in messages} == {"incidents"}
    for message in messages:
        assert isinstance(gate.admit(Topic.INCIDENTS, message.value, (), message.at_ms), Admitted)
