"""Laws of the room: each agency has its own, and those that the sources file does not name one together besides."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.risk.room import Holdings, Room

ROOM = Room(each=3, all=5, agencies=2)
AGENCIES = ["kpu", "bawaslu", "polda", "?a", "?b", "?c", "?kpu"]


def held(*agencies: str) -> Holdings:
    made = Holdings(ROOM)
    for agency in agencies:
        made.take(agency)
    return made


def has_room(agency: str, counts: Counter[str]) -> bool:
    """By the words of the ruleset."""
    unknown = {name: count for name, count in counts.items() if name.startswith("?") and count}
    fits = agency in unknown or len(unknown) < ROOM.agencies
    return counts[agency] < ROOM.each and (agency[0] != "?" or (fits and sum(unknown.values()) < ROOM.all))


@given(st.lists(st.tuples(st.sampled_from(["take", "take", "take", "give", "restore"]), st.sampled_from(AGENCIES))))
def test_there_is_room_by_what_is_held_whatever_came_and_went_and_after_a_restart(steps: list[tuple[str, str]]):
    holdings, counts = Holdings(ROOM), Counter[str]()
    for step, agency in steps:
        if step == "take":
            want = has_room(agency, counts)
            assert holdings.take(agency) is want
            counts[agency] += want
        elif step == "give" and counts[agency]:
            holdings.give(agency)
            counts[agency] -= 1
        elif step == "restore":
            before, holdings = holdings.by_agency, Holdings(ROOM)
            for name, count in before.items():
                for part in ([1] * count, [count])[count % 2]:  # words come back one by one, figures at once
                    holdings.put_back(name, part)
        assert holdings.by_agency == +counts


def test_agencies_of_the_file_are_as_many_as_it_names():
    names = [f"desk-{number}" for number in range(100)]
    assert held(*names, *names, *names, *names).by_agency == dict.fromkeys(names, ROOM.each)


@pytest.mark.parametrize("strangers", [("?a",) * 3 + ("?b",) * 3, tuple("?a" + str(n) for n in range(9))])
def test_strangers_leave_the_room_of_the_file_as_it_is(strangers):
    full = held(*strangers)
    assert not full.take("?z")
    assert [full.take("kpu") for _ in range(4)] == [True, True, True, False]


def test_what_a_stranger_gives_back_is_room_for_another():
    full = held("?a", "?b")
    assert not full.take("?c")
    full.give("?a")
    assert full.take("?c") and full.by_agency == {"?b": 1, "?c": 1}
