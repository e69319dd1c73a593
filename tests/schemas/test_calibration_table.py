"""The ruleset's table about calibration: its bounds, and errors that name line and field."""

import pytest

from schemas.ruleset import Ruleset, RulesetError

TEXT = Ruleset.packaged_text()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "rate_spread = { value = 1.7",
            "rate_spread = { value = 1",
            "rate_spread: value must be greater than 1, a factor",
        ),
        ("mix_strength = { value = 20", "mix_strength = { value = 0", "mix_strength: value must be greater than 0"),
        (
            "campaign_level = { value = 0.11",
            "campaign_level = { value = 1.1",
            "campaign_level: value must be from 0 to 1",
        ),
        ("days_least = { value = 3", "days_least = { value = 3.5", "days_least: value must be a whole number, not 3.5"),
        ("reports_least = ", "report_least = ", "reports_least: Field required"),
    ],
)
def test_a_wrong_number_is_one_line_that_names_it(old: str, new: str, said: str):
    text = TEXT.replace(old, new)
    assert text != TEXT
    with pytest.raises(RulesetError, match=r"mine.toml line \d+, calibration\." + said):
        Ruleset.parse(text, "mine.toml")


def test_both_packaged_rulesets_have_the_same_table():
    assert Ruleset.packaged("rolling-sum-60min").calibration == Ruleset.default().calibration
