"""Laws of every world: a pure function of its seed, accepted by intake, a truth that matches, and nothing shared."""

from collections import Counter, defaultdict
from dataclasses import replace
from functools import lru_cache
from itertools import combinations
from statistics import fmean

import pytest

from apps.simulation.base_rates import BASE_RATES
from apps.simulation.day import Plan, simulate_day
from apps.simulation.flareups import FlareUpSpec
from apps.simulation.random_streams import random_stream
from apps.simulation.truth import epoch_ms
from apps.simulation.worlds import WORLDS, bulletins, clusters, drift, nature, shifts
from apps.simulation.worlds.desk import Habits, sources_of_day
from schemas.roster import Roster
from schemas.topics import Topic
from schemas.vocabulary import CATEGORIES, DAY_MS, HOUR_MS, MINUTE_MS
from streams.admission import Admitted, ClockMode, Gate

ROSTER = Roster.default()
DRAWN = {"clusters": clusters, "bulletins": bulletins, "shifts": shifts, "drift": drift}
SEEDS = range(40)

every_drawn_world = pytest.mark.parametrize("world", DRAWN)


@lru_cache(maxsize=len(WORLDS) * len(SEEDS))
def usual_day(world, seed):
    return simulate_day(ROSTER, Plan(seed, world=world, turnout_every_min=0))


def day_of(world, seed, **others):
    if not others:
        return usual_day(world, seed)
    return simulate_day(ROSTER, Plan(seed, world=world, **{"turnout_every_min": 0} | others))


def firsts(day):
    """The bodies of the first words of all incidents, each under the number that its source gave it."""
    found = {}
    for message in day.messages:
        body = message.body
        if message.topic == "incidents" and body["revision"] == 1 and "origin" not in body:
            found[body["regency"], body["source"], body["incident_id"]] = body
    return found


def ordinary(day):
    """First words that are of no flare-up, hoax or double: numbers of other desks begin higher."""
    return [body for (_, _, number), body in firsts(day).items() if number[9] in "012"]


def lines(day):
    return [(message.at_ms, message.topic, message.value) for message in day.messages]


def table_of(world, seed):
    """Hours and severities by category."""
    if world != "bawaslu":
        return DRAWN[world].hours(seed), DRAWN[world].severities(seed)
    hours, severities = {}, {}
    for rate in BASE_RATES:
        hours[rate.category] = [rate.hours.get(hour, 0) / sum(rate.hours.values()) for hour in range(24)]
        severities[rate.category] = [rate.severities.get(severity, 0.0) for severity in (1, 2, 3)]
    return hours, severities


def test_the_worlds_stand_in_their_order_and_one_is_for_validation_and_one_for_the_test():
    assert list(WORLDS) == ["bawaslu", "clusters", "bulletins", "shifts", "drift"]
    assert [world.split for world in WORLDS.values()] == ["training"] * 3 + ["validation", "test"]
    assert all(name == world.name and world.about for name, world in WORLDS.items())


def test_an_unknown_world_is_refused_by_name():
    with pytest.raises(ValueError, match="world: 'mars' is none of bawaslu, clusters"):
        simulate_day(ROSTER, Plan(1, world="mars"))


@every_drawn_world
def test_the_same_plan_gives_the_same_day_and_another_seed_another(world):
    plan = Plan(7, world=world, turnout_every_min=0)
    first, second, other = (simulate_day(ROSTER, replace(plan, seed=seed)) for seed in (7, 7, 8))
    assert lines(first) == lines(second) and first.truth == second.truth
    assert lines(first) != lines(other)


def test_the_same_seed_gives_days_of_different_worlds():
    days = {tuple(value for *_, value in lines(day_of(world, 7))) for world in WORLDS}
    assert len(days) == len(WORLDS)


@every_drawn_world
def test_intake_accepts_every_message(world):
    gate, topics = Gate(ROSTER, ClockMode.WALL), {"incidents": Topic.INCIDENTS, "turnout": Topic.TURNOUT}
    for seed in range(4):
        day = day_of(world, seed, hoax_chance=1.0, turnout_every_min=360 if seed == 0 else 0)
        for message in day.messages:
            admitted = gate.admit(topics[message.topic], message.value, (), message.at_ms)
            assert isinstance(admitted, Admitted), admitted
            assert admitted.regency == message.regency


@every_drawn_world
def test_messages_are_in_order_of_arrival_after_their_report_after_the_incident(world):
    for seed in range(5):
        messages = day_of(world, seed).messages
        assert [message.at_ms for message in messages] == sorted(message.at_ms for message in messages)
        for message in messages:
            occurred_ms, reported_ms = (epoch_ms(message.body[name]) for name in ("occurred_at", "reported_at"))
            assert occurred_ms <= reported_ms <= message.at_ms


@every_drawn_world
def test_only_an_exact_duplicate_repeats_an_event_id(world):
    for seed in range(5):
        values = defaultdict(set)
        for message in day_of(world, seed, hoax_chance=1.0, per_day=4).messages:
            values[message.body["source"], message.body["event_id"]].add(message.value)
        assert values and all(len(versions) == 1 for versions in values.values())


@every_drawn_world
def test_the_reported_incidents_of_a_flare_up_are_told_from_its_onset_to_its_end(world):
    found = 0
    for seed in range(12):
        day, quiet = day_of(world, seed, doubles=0.0), firsts(day_of(world, seed, doubles=0.0, flareups=()))
        staged = {key: body for key, body in firsts(day).items() if key not in quiet}
        for truth in day.truth.flareups:
            times = [epoch_ms(body["occurred_at"]) for key, body in staged.items() if key[0] == truth.regency]
            assert len(times) == truth.reported <= truth.size
            assert truth.onset_ms <= min(times) and max(times) <= truth.end_ms
            if truth.reported == truth.size:
                assert (min(times), max(times)) == (truth.onset_ms, truth.end_ms)
            found += 1
        assert {key[0] for key in staged} == {truth.regency for truth in day.truth.flareups}
    assert found >= 8


@every_drawn_world
def test_a_flare_up_has_the_band_of_its_reported_incidents_and_lies_in_the_day_one_to_a_regency(world):
    bands = {"hard": range(6, 11), "medium": range(11, 21), "obvious": range(21, 41)}
    seen = set()
    for seed in SEEDS:
        day = day_of(world, seed)
        start_ms, flareups = day.truth.start_ms, day.truth.flareups
        assert len({truth.regency for truth in flareups}) == len(flareups)
        for truth in flareups:
            assert truth.reported in bands[truth.band]
            assert start_ms <= truth.onset_ms < truth.end_ms < start_ms + DAY_MS
            seen.add(truth.band)
    assert seen == set(bands)


@every_drawn_world
def test_there_are_as_many_flare_ups_a_day_as_the_plan_says(world):
    """Poisson counts: the sum over the seeds is within three deviations."""
    for per_day, others in ((1.2, {}), (4.0, {"per_day": 4.0})):
        counts = [len(day_of(world, seed, **others).truth.flareups) for seed in SEEDS[:20]]
        assert abs(sum(counts) - per_day * len(counts)) < 3 * (per_day * len(counts)) ** 0.5
    assert not day_of(world, 1, flareups=()).truth.flareups


@every_drawn_world
def test_a_world_refuses_flare_ups_that_another_world_stages(world):
    spec = FlareUpSpec("16.71", Plan(0).start_ms + 9 * HOUR_MS)
    with pytest.raises(ValueError, match=f"flareups: world {world} draws its own"):
        day_of(world, 1, flareups=(spec,))


@every_drawn_world
@pytest.mark.parametrize(
    ("less", "more"),
    [({"flareups": ()}, {"per_day": 5.0}), ({"hoax_chance": 0.0}, {"hoax_chance": 1.0}), ({"doubles": 0.0}, {})],
)
def test_staging_one_purpose_leaves_all_other_messages_unchanged(world, less, more):
    without, added = (Counter(lines(day_of(world, 3, **others))) for others in (less, more))
    assert without and not without - added and added - without


@every_drawn_world
def test_ordinary_incidents_are_as_many_as_the_drawn_rates_say(world):
    """Over the seeds; the rates are off by 0.4 to 2.5 for each category, and none is off by the same."""
    told, expected, stations = 0, 0.0, sum(regency.stations for regency in ROSTER.values())
    published = defaultdict(float, {"neutrality": nature.NEUTRALITY})
    for rate in BASE_RATES:
        published[rate.category] += rate.per_station
    for seed in SEEDS:
        rates = nature.rates(Plan(seed), world)
        factors = [rates[category] / published[category] for category in rates]
        assert set(rates) == set(published) and len(set(factors)) == len(factors)
        assert min(factors) >= 0.4 and max(factors) <= 2.5
        told += len(ordinary(day_of(world, seed)))
        expected += sum(rates.values()) * stations
    assert abs(told / expected - 1) < 0.15  # bulletins and drift scatter by a third between days


@every_drawn_world
def test_a_day_has_some_hundred_incidents_and_its_nights_are_not_empty(world):
    counts, night = [], 0
    for seed in SEEDS:
        bodies = ordinary(day_of(world, seed))
        counts.append(len(bodies))
        night += sum(int(body["occurred_at"][11:13]) < 6 for body in bodies)
    assert min(counts) > 150 and max(counts) < 1500 and 350 < fmean(counts) < 750
    assert 0.1 < night / sum(counts) < 0.45


@every_drawn_world
def test_twice_the_background_brings_twice_the_incidents(world):
    once, twice = (sum(len(ordinary(day_of(world, seed, background=b))) for seed in range(10)) for b in (1.0, 2.0))
    assert 1.7 < twice / once < 2.3


@every_drawn_world
def test_incidents_have_the_hours_and_severities_of_the_drawn_tables(world):
    """Total variation between table and incidents, at ten times the rates. Clusters and regencies' paths scatter."""
    bodies = [body for body in ordinary(day_of(world, 5, background=10.0)) if body["severity"] <= 3]
    for drawn, size, read in (
        (table_of(world, 5)[0], 24, lambda body: int(body["occurred_at"][11:13])),
        (table_of(world, 5)[1], 3, lambda body: body["severity"] - 1),
    ):
        for category in ("administration", "intimidation", "data_integrity"):
            counts = Counter(read(body) for body in bodies if body["category"] == category)
            total = sum(counts.values())
            assert total > 200
            apart = sum(abs(counts[index] / total - drawn[category][index]) for index in range(size)) / 2
            assert apart < 0.2


def test_no_two_worlds_share_hours_or_severities():
    """Nor do two days of one: tables are drawn by the day's seed."""
    for seed in range(5):
        for one, other in combinations(WORLDS, 2):
            for first, second in zip(table_of(one, seed), table_of(other, seed), strict=True):
                for category in set(first) & set(second):
                    assert first[category] != pytest.approx(second[category], abs=0.005), (one, other, category)
    for world in DRAWN:
        for first, second in zip(table_of(world, 1), table_of(world, 2), strict=True):
            assert all(first[category] != second[category] for category in CATEGORIES)


@every_drawn_world
def test_tables_are_shares(world):
    for table in table_of(world, 3):
        assert set(table) == set(CATEGORIES)
        assert all(sum(row) == pytest.approx(1) and min(row) > 0 for row in table.values())


def test_no_two_worlds_share_a_source_or_a_kind_of_flare_up():
    sources, kinds = {}, {}
    for world in WORLDS:
        days = [day_of(world, seed) for seed in range(12)]
        sources[world] = {message.body["source"] for day in days for message in day.messages}
        kinds[world] = {truth.kind for day in days for truth in day.truth.flareups}
    for one, other in combinations(WORLDS, 2):
        assert not sources[one] & sources[other] and not kinds[one] & kinds[other]


@every_drawn_world
def test_three_to_nine_sources_report_and_in_one_regency_of_five_one_brings_most(world):
    counts, loud, places = set(), 0, 0
    for seed in SEEDS:
        day = day_of(world, seed)
        names = set(sources_of_day(seed, world, DRAWN[world].SOURCES))
        assert {message.body["source"] for message in day.messages} <= names
        counts.add(len(names))
        if len(names) >= 6:
            by_regency = defaultdict(Counter)
            for body in ordinary(day):
                by_regency[body["regency"]][body["source"]] += 1
            for told in by_regency.values():
                if told.total() >= 20:
                    places += 1
                    loud += max(told.values()) > 0.65 * told.total()
    assert min(counts) >= 3 and max(counts) <= 9 and len(counts) >= 5
    assert places > 100 and abs(loud / places - 0.2) < 0.1


@every_drawn_world
def test_the_share_of_the_severe_incidents_that_is_doubled_is_that_of_the_day(world):
    shares = []
    for seed in SEEDS:
        day, doubles = day_of(world, seed), Habits.draw(Plan(seed), world).doubles
        assert 0.1 <= doubles <= 0.4
        staged = [body for (*_, number), body in firsts(day).items() if number[9] in "01256"]
        severe = sum(body["severity"] >= 3 for body in staged)
        told_again = sum(event.kind == "doubled" for event in day.truth.others)
        shares.append((told_again - doubles * severe, severe * doubles * (1 - doubles)))
    apart, variance = (sum(column) for column in zip(*shares, strict=True))
    assert abs(apart) < 3 * variance**0.5


@every_drawn_world
def test_the_numbers_of_a_double_are_those_of_different_sources_on_one_place_and_category(world):
    count = 0
    for seed in range(6):
        day = day_of(world, seed)
        known = firsts(day)
        for event in day.truth.others:
            if event.kind == "doubled":
                bodies = [known[event.regency, *name.split(" ")] for name in event.note.split(", ")]
                assert len({body["source"] for body in bodies}) == len(bodies) in (2, 3)
                assert len({body["category"] for body in bodies}) == 1
                assert len({body["village"] for body in bodies if "village" in body}) <= 1
                assert all(event.onset_ms <= epoch_ms(body["occurred_at"]) <= event.end_ms for body in bodies)
                count += 1
    assert count > 20


@every_drawn_world
def test_a_hoax_wave_is_of_one_source_while_others_report_ordinary_things(world):
    for seed in range(6):
        day = day_of(world, seed, hoax_chance=1.0)
        (wave,) = [event for event in day.truth.others if event.kind == "hoax"]
        known = firsts(day)
        hoaxed, chatter = (
            [body for (*_, number), body in known.items() if number[9:11] in begins] for begins in (("90",), ("95",))
        )
        (source,) = {body["source"] for body in hoaxed}
        assert 5 <= len(hoaxed) <= 25 and wave.note.startswith(f"{len(hoaxed)} incidents from {source}")
        assert {body["regency"] for body in (*hoaxed, *chatter)} == {wave.regency}
        assert {body["severity"] for body in hoaxed} <= {2, 3} and {body["severity"] for body in chatter} == {1}
        assert chatter and source not in {body["source"] for body in chatter}
        assert all(wave.onset_ms <= epoch_ms(body["occurred_at"]) < wave.end_ms for body in hoaxed)


def test_hoax_waves_come_on_three_days_of_ten():
    for world in DRAWN:
        waves = sum(random_stream(seed, world, "hoax").random() < 0.3 for seed in SEEDS)
        told = sum(event.kind == "hoax" for seed in SEEDS for event in day_of(world, seed).truth.others)
        assert told == waves and 4 <= told <= 20


@every_drawn_world
def test_a_place_is_a_village_with_or_without_station_or_none_at_all(world):
    bodies = ordinary(day_of(world, 2, background=4.0))
    nowhere = [body for body in bodies if "village" not in body]
    assert not any("station" in body for body in nowhere)
    assert len(nowhere) / len(bodies) == pytest.approx(0.2 if world == "drift" else 0.0, abs=0.03)


def delays_min(world, seed):
    """Minutes from the incident to its report by source, stragglers left out."""
    found = defaultdict(list)
    for body in ordinary(day_of(world, seed)):
        found[body["source"]].append((epoch_ms(body["reported_at"]) - epoch_ms(body["occurred_at"])) / MINUTE_MS)
    return {source: sorted(minutes)[: int(len(minutes) * 0.95)] for source, minutes in found.items()}


def test_bulletins_leave_some_minutes_after_the_full_or_half_hour():
    for seed in range(5):
        for body in ordinary(day_of("bulletins", seed)):
            assert epoch_ms(body["reported_at"]) % (30 * MINUTE_MS) in range(MINUTE_MS, 3 * MINUTE_MS + 2000)


def test_in_shifts_one_source_is_late_by_half_an_hour_or_more():
    for seed in range(8):
        delays = {source: minutes for source, minutes in delays_min("shifts", seed).items() if len(minutes) >= 20}
        late = [source for source, minutes in delays.items() if fmean(minutes) > 30]
        assert len(late) <= 1 and all(max(delays[source]) < 30 for source in delays if source not in late)
    assert any(fmean(minutes) > 30 for seed in range(8) for minutes in delays_min("shifts", seed).values())


def test_half_of_the_flare_ups_in_bulletins_are_slow_and_ramps_gather_at_their_end():
    slow = [
        truth.end_ms - truth.onset_ms > 150 * MINUTE_MS
        for seed in range(20)
        for truth in day_of("bulletins", seed, per_day=6.0).truth.flareups
    ]
    assert len(slow) > 80 and abs(fmean(slow) - 0.5) < 0.15
    late = []
    for seed in range(8):
        day = day_of("drift", seed, per_day=6.0)
        known = firsts(day)
        for truth in day.truth.flareups:
            half_ms = (truth.onset_ms + truth.end_ms) / 2
            staged = [body for (code, _, n), body in known.items() if code == truth.regency and n[9] == "5"]
            late += [epoch_ms(body["occurred_at"]) > half_ms for body in staged]
    assert fmean(late) > 0.7
