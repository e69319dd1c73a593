"""What is held of a regency: bounds, signs of life, and what people take out."""

import pytest

from tests.recount.outcomes import Outcomes, digest_of
from tests.recount.policy import Limits
from tests.recount.sample_entries import HOUR_MS, MINUTE_MS, SECOND_MS, TEN_MS, figure, regency, told, word

WIB_MS = 7 * HOUR_MS


def held(*entries: list, limits: Limits | None = None, expected: int = 100) -> Outcomes:
    made = Outcomes(WIB_MS, None, expected, limits)
    for entry in entries:
        made.take(entry)
    return made


def stranger(source: str, number: str = "", **changes: object) -> list:
    return word(source, number, agency=f"?{source}", **changes)


def test_words_of_one_agency_and_of_all_strangers_are_bounded_and_revisions_are_taken():
    first = stranger("x")
    made = held(first, *map(stranger, "xxyz"), limits=Limits(2, 9, 2, 9))
    assert made.excluded["surplus"] == 1 and made.words.held == {"?x": 2, "?y": 1, "?z": 1}
    made.take(stranger("z"))
    assert made.excluded["surplus"] == 2, "all together have twice as many"
    assert made.take(stranger("x", first[3], revision=2)), "a revision adds no word"
    made = held(word("x"), word("x-2", agency="x"), word("x-3", agency="x"), limits=Limits(2, 9, 9, 9))
    assert made.excluded["surplus"] == 1, "of one agency, not of one source"


def test_figures_are_bounded_and_a_new_agency_beyond_the_last_is_surplus():
    made = held(*(figure("x", f"TPS {n}") for n in range(3)), limits=Limits(9, 2, 9, 9))
    assert made.excluded["surplus"] == 1 and len(made.stations) == 2
    made = held(*map(stranger, "xyz"), figure("z", "TPS 1"), stranger("x"), limits=Limits(9, 9, 9, 2))
    assert made.excluded["surplus"] == 1 and made.words.held.total() == 3 and len(made.stations) == 1


def test_strangers_take_no_room_of_the_agencies_of_the_file_and_these_none_of_theirs():
    limits = Limits(2, 2, 1, 1)
    made = held(*map(stranger, "xxyx"), *map(word, "xxyyzz"), limits=limits)
    assert made.excluded["surplus"] == 2 and made.words.held == {"?x": 2, "x": 2, "y": 2, "z": 2}
    made = held(*map(word, "xxyyzzxz"), *map(stranger, "xx"), limits=limits)
    assert made.excluded["surplus"] == 2 and made.words.held == {"?x": 2, "x": 2, "y": 2, "z": 2}


def test_a_surplus_message_is_known_by_its_id():
    surplus = word("x")
    made = held(word("x"), surplus, surplus, [*surplus[:7], 5, *surplus[8:]], limits=Limits(1, 1, 9, 9))
    assert made.excluded == {"surplus": 1, "duplicate": 1, "id_reused": 1, "late": 0}


def test_more_stations_than_there_are_count_as_unlisted():
    made = held(*(figure("x", f"TPS {n}") for n in range(5)), expected=3)
    assert (made.turnout()["stations_reported"], made.turnout()["unlisted"]) == (3, 2)


FIRST = word("x", "x 1")


@pytest.mark.parametrize(
    "changes, is_sign",
    [
        ({"revision": 2, "severity": 4}, True),
        ({"revision": 2, "status": "verified"}, True),
        ({"revision": 2}, False),
        ({"revision": 2, "reported_ms": TEN_MS + HOUR_MS}, False),
        ({"revision": 2, "status": "retracted"}, False),
        ({"revision": 1}, False),
        ({"event_id": FIRST[2]}, False),
        ({"key": "x 2", "is_exercise": True}, False),
        ({"key": "x 2", "status": "retracted"}, False),
        ({"key": "x 2"}, True),
    ],
)
def test_a_sign_of_life_is_a_standing_word_that_is_new_or_says_something_else(changes, is_sign):
    made = held(FIRST)
    assert made.take(word("x", "x 1", **changes)).is_sign == is_sign


def test_taking_back_and_telling_again_is_no_sign_of_life():
    made = held(FIRST, word("x", "x 1", revision=2, status="retracted"))
    assert not made.take(word("x", "x 1", revision=3, severity=4)).is_sign
    assert made.take(word("x", "x 1", revision=4, severity=5)).is_sign
    assert made.take(figure("x", "TPS 1")).is_sign


def test_evict_takes_out_what_a_source_first_told_in_that_time_and_all_it_has_retracted():
    old, back = word("x", "x 1", TEN_MS), word("x", "x 2", TEN_MS)
    back_again = word("x", "x 2", TEN_MS + 1, revision=2, status="retracted")
    late, other = word("x", "x 3", TEN_MS + HOUR_MS), word("y", "x 3", TEN_MS + HOUR_MS)
    made = held(old, back, back_again, other, late, figure("x", "TPS 1"), figure("x", "TPS 2", TEN_MS + HOUR_MS))
    effect = made.take(["e", TEN_MS + HOUR_MS, "x", TEN_MS + 1, TEN_MS + HOUR_MS, "duty_officer", "flood"])
    assert effect.numbers == {"x 2", "x 3"} and effect.stations == {" TPS 2"}
    assert {number: set(words) for number, words in made.words.words.items()} == {"x 1": {"x"}, "x 3": {"y"}}
    assert list(made.stations) == [" TPS 1"] and made.figures["x"] == 1 and made.words.held["x"] == 1
    assert made.take(late).numbers == frozenset() and made.excluded["id_reused"] == 1, "its id stays known"
    assert not made.take(["e", TEN_MS + HOUR_MS, "x", TEN_MS + 1, TEN_MS + HOUR_MS, "duty_officer", "flood"])


def test_what_was_never_applied_is_not_taken_out_and_its_repeat_stays_a_repeat():
    said, counted = word("x", "x 1", revision=5), figure("x", "TPS 1", revision=5)
    old, older = word("x", "x 1"), figure("x", "TPS 1")
    made = held(said, old, counted, older, ["e", TEN_MS, "x", 0, TEN_MS, "duty_officer", "flood"])
    assert (made.excluded["duplicate"], made.excluded["id_reused"]) == (2, 0)
    for entry in (old, older, said, counted):
        made.take(entry)
    assert (made.excluded["duplicate"], made.excluded["id_reused"]) == (4, 2)


def test_a_figure_taken_out_leaves_the_next_in_order_and_ends_its_dispute():
    made = held(figure("kpu", "TPS 1", rank=1), figure("y", "TPS 1", voted=140))
    assert made.turnout()["conflicting"] == 1 and made.turnout()["voted"] == 100
    made.take(figure("kpu", "TPS 1", rank=1, revision=2, voted=90))
    assert made.turnout()["corrected"] == 1
    made.take(["e", TEN_MS, "kpu", 0, TEN_MS, "duty_officer", "flood"])
    assert made.turnout()["corrected"] == 0
    assert made.turnout()["conflicting"] == 0 and made.turnout()["voted"] == 140


def test_erase_takes_an_incident_out_with_all_words_and_leaves_what_was_joined_to_it():
    made = held(word("x", "x 1"), word("y", "x 1"), word("y", "y 1"), word("z", "z 1", severity=2))
    for number in ("y 1", "z 1"):
        made.take(["j", TEN_MS, "x 1", number, False, "duty_officer", "same_place_and_time"])
    effect = made.take(["x", TEN_MS, digest_of("x 1"), "duty_officer", "personal_data"])
    assert effect.numbers == {"x 1", "y 1", "z 1"} and made.words.incident("x 1") is None
    left = made.words.incident("z 1")
    assert left is not None and (left.id, left.agencies) == ("y 1", {"y", "z"})
    assert not made.take(["x", TEN_MS, digest_of("x 1"), "duty_officer", "personal_data"])


def test_an_escalation_that_names_an_erased_incident_is_amended():
    grave = word("x", "x 1", severity=4)
    made = regency(grave, ["k", TEN_MS + 15 * SECOND_MS])
    made.last.named = ["x 1"]
    made.take(["x", TEN_MS + 6 * MINUTE_MS, digest_of("x 1"), "duty_officer", "personal_data"])
    changes = made.evaluate(None)
    assert [(change.kind, change.reason) for change in changes] == [("amended", "correction")]
    assert told(made, ["k", TEN_MS + 7 * MINUTE_MS]).known.incidents == {}


CONFIRMED = [word("x", "x 1"), word("y", "x 1"), word("z", "z 1")]


@pytest.mark.parametrize(
    "decision, stays",
    [
        (["j", TEN_MS, "z 1", "x 1", False, "duty_officer", "same_place_and_time"], True),
        (["j", TEN_MS, "x 1", "z 1", False, "duty_officer", "same_place_and_time"], True),
        (["x", TEN_MS, digest_of("x 1"), "duty_officer", "personal_data"], False),
        (["x", TEN_MS, digest_of("z 1"), "duty_officer", "personal_data"], True),
        (["e", TEN_MS, "y", 0, TEN_MS + HOUR_MS, "duty_officer", "flood"], False),
        (["e", TEN_MS, "z", 0, TEN_MS + HOUR_MS, "duty_officer", "flood"], True),
    ],
)
def test_a_named_incident_stays_confirmed_when_it_is_joined_and_not_when_it_is_taken_out(decision, stays):
    made = regency(word("x", severity=4), ["k", TEN_MS + 15 * SECOND_MS], *CONFIRMED)
    made.last.named, made.last.is_confirmed_since = ["x 1"], True
    made.take(decision)
    assert made.last.is_confirmed_since == stays
    assert made.last.named == ([] if decision[2] == digest_of("x 1") else ["x 1"])
