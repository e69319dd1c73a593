"""The offline fold: what it admits, where it raises, and that it is deterministic."""

import orjson
import pytest

from apps.evaluation.alarms import TAIL_MS
from apps.evaluation.cases import Arrival, SimulatedCase
from apps.evaluation.experiment import evaluate_day
from apps.evaluation.offline import TICK_MS, fold_ledger, raises_of, span_ms, write_ledger
from apps.evaluation.ruleset_variants import SHIPPED, variants
from apps.evaluation.scoring import NEVER_MS, Raise
from apps.simulation.day import Plan
from apps.simulation.flareups import FlareUpSpec
from schemas.ledger import TICK_KEY
from schemas.roster import Roster
from schemas.ruleset import Ruleset
from schemas.vocabulary import HOUR_MS

ROSTER = Roster.parse("regency,name,stations,registered\n16.01,Hulu,600,240000\n16.02,Hilir,300,120000\n")
START_MS = Plan(0).start_ms


@pytest.fixture(scope="module")
def flareup_day():
    """A day with one obvious flare-up at ten and nothing else staged."""
    spec = FlareUpSpec("16.01", START_MS + 10 * HOUR_MS, "clash", size=40, duration_min=60)
    return SimulatedCase(Plan(11, flareups=(spec,), hoax_chance=0.0, turnout_every_min=0))


def test_ticks_cover_the_span_in_order_and_stamps_are_arrivals():
    truth, messages = SimulatedCase(Plan(3, flareups=(), turnout_every_min=0)).load(ROSTER)
    start_ms, end_ms = span_ms(truth.start_ms, truth.days, TAIL_MS)
    ledger = write_ledger(messages, ROSTER, start_ms, end_ms)
    ticks = [entries[0][1] for key, entries in ledger.frames if key == TICK_KEY]
    assert ticks == list(range(start_ms, end_ms + 1, TICK_MS))
    stamps = [entry[1] for _, entry in ledger.entries()]
    assert stamps == [message.at_ms for message in messages]
    assert ledger.rejected == {}


def test_rejected_messages_are_counted_by_reason():
    ledger = write_ledger([Arrival(START_MS, "incidents", b"{}")], ROSTER, START_MS, START_MS)
    assert ledger.rejected == {"schema": 1}


def test_an_obvious_flare_up_raises_siaga_in_its_place_and_time(flareup_day):
    evaluated = evaluate_day(flareup_day, ROSTER, variants(Ruleset.default(), curve=False))
    first = min(item.at_ms for item in evaluated.raises[SHIPPED] if item.regency == "16.01")
    assert START_MS + 10 * HOUR_MS < first < START_MS + 12 * HOUR_MS


def test_the_same_ledger_gives_the_same_escalations(flareup_day):
    truth, messages = flareup_day.load(ROSTER)
    frames = write_ledger(messages, ROSTER, *span_ms(truth.start_ms, truth.days, TAIL_MS)).frames
    first, second = (fold_ledger(frames, ROSTER, Ruleset.default()) for _ in range(2))
    assert orjson.dumps(first) == orjson.dumps(second)
    assert raises_of(first, ROSTER)


def test_only_a_rise_from_below_siaga_counts_as_a_raise():
    def escalation(regency, change, previous, level):
        return {"regency": regency, "change": change, "previous_level": previous, "level": level,
                "event_time": "2024-11-27T10:00:00+07:00"}  # fmt: skip

    escalations = [
        escalation("16.01", "raised", "normal", "waspada"),
        escalation("16.01", "raised", "waspada", "siaga"),
        escalation("16.01", "raised", "siaga", "awas"),
        escalation("16.01", "amended", "awas", "awas"),
        escalation("16", "raised", "normal", "siaga"),
        escalation("16.02", "raised", "normal", "awas"),
    ]
    assert [item.regency for item in raises_of(escalations, ROSTER)] == ["16.01", "16.02"]


def test_a_raise_lasts_until_the_regency_falls_below_siaga():
    def escalation(regency, change, previous, level, hour):
        return {"regency": regency, "change": change, "previous_level": previous, "level": level,
                "event_time": f"2024-11-27T{hour}:00:00+07:00"}  # fmt: skip

    escalations = [
        escalation("16.01", "raised", "normal", "siaga", 10),
        escalation("16.02", "raised", "normal", "awas", 11),
        escalation("16.01", "raised", "siaga", "awas", 12),
        escalation("16.01", "lowered", "awas", "siaga", 13),
        escalation("16.01", "cleared", "siaga", "normal", 14),
        escalation("16.01", "raised", "waspada", "siaga", 15),
    ]
    assert raises_of(escalations, ROSTER) == [
        Raise("16.01", START_MS + 10 * HOUR_MS, START_MS + 14 * HOUR_MS),
        Raise("16.02", START_MS + 11 * HOUR_MS, NEVER_MS),
        Raise("16.01", START_MS + 15 * HOUR_MS, NEVER_MS),
    ]


def test_the_variants_differ_in_the_points_of_evidence_only():
    shipped = Ruleset.default()
    changed = variants(shipped, curve=True)
    assert changed.pop(SHIPPED) is shipped and changed
    for name, ruleset in changed.items():
        factor = ruleset.surprise.points_per_digit.value / shipped.surprise.points_per_digit.value
        assert factor != 1 and name == f"points × {factor:g}"
        back = ruleset.surprise.model_copy(update={"points_per_digit": shipped.surprise.points_per_digit})
        assert ruleset.model_copy(update={"surprise": back}) == shipped
