"""The ruleset of another operating point: three lines differ, and workers take it."""

import pytest

from apps.evaluation.chosen_ruleset import chosen_text
from schemas.ruleset import Ruleset, RulesetError

TEXT = Ruleset.packaged_text()


def changed_lines(text):
    pairs = zip(TEXT.splitlines(), text.splitlines(), strict=True)
    return [new for old, new in pairs if old != new]


def test_name_points_and_the_point_differ_and_nothing_else():
    text = chosen_text(TEXT, 12.5, 0.5, 'for "half" a false one')
    assert [line.split(" = ")[0] for line in changed_lines(text)] == ["name", "points_per_digit", "false_per_100"]
    chosen, packaged = Ruleset.parse(text), Ruleset.default()
    assert chosen.id == f"{packaged.name}-false-0-5@{packaged.version}"
    assert chosen.surprise.points_per_digit.value == 12.5
    assert f"{packaged.surprise.points_per_digit.value:g} of {packaged.id}" in chosen.surprise.points_per_digit.reason
    assert (chosen.operating_point.false_per_100.value, chosen.odds) == (0.5, packaged.odds)


def test_a_second_choice_does_not_lengthen_the_name():
    twice = chosen_text(chosen_text(TEXT, 12.5, 0.5, "the first one"), 20, 10, "the second one")
    assert Ruleset.parse(twice).name == "sumsel-pilkada-2024-false-10"


def test_a_number_in_a_table_of_its_own_is_named_and_not_guessed_at():
    line = next(line for line in TEXT.splitlines() if line.startswith("false_per_100"))
    table = '[operating_point.false_per_100]\nvalue = 3\nunit = "per 100 regency-days"\nreason = "as it was asked for"'
    text = TEXT.replace(line, "").replace("[operating_point]", table)
    assert Ruleset.parse(text)
    with pytest.raises(RulesetError, match="mine: operating_point.false_per_100 does not stand on a line of its own"):
        chosen_text(text, 12.5, 1, "the reason for it", "mine")


def test_what_is_no_ruleset_is_refused():
    with pytest.raises(RulesetError, match="mine"):
        chosen_text("name = 3", 12.5, 1, "the reason for it", "mine")
