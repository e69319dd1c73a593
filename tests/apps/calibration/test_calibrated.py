"""The written ruleset: it parses, says what each new number comes from, and differs in nothing else."""

import tomllib
from random import Random

import pytest

from apps.calibration.calibrated import calibrated, whole_shares
from apps.calibration.estimates import estimate
from apps.calibration.posteriors import Posterior
from apps.calibration.table import lines
from apps.calibration.toml_text import toml_text
from schemas.ruleset import Ruleset
from tests.apps.calibration.recorded import BASE, STATIONS, poisson_days, rates_of, tally_of

CAMPAIGN = {category: rate * 0.2 * (2 if category == "logistics" else 1) for category, rate in rates_of(BASE).items()}
FOUND = estimate(tally_of(poisson_days(Random(1), CAMPAIGN, 14)), STATIONS, BASE, False)
ELECTION = estimate(tally_of(poisson_days(Random(2), rates_of(BASE), 3), 3), STATIONS, BASE, True)
NEW = calibrated(BASE, FOUND)


def text_of(ruleset: Ruleset) -> str:
    return toml_text(ruleset.model_dump(mode="json", exclude_none=True))


@pytest.mark.parametrize("name", ["sumsel-pilkada-2024", "rolling-sum-60min"])
def test_a_packaged_ruleset_that_is_written_is_read_as_it_was(name: str):
    ruleset = Ruleset.packaged(name)
    assert Ruleset.parse(text_of(ruleset)) == ruleset


def test_text_keeps_every_kind_of_value_and_order():
    tables = {
        "about": 'quotes " and \\ and\nlines, ž \x7f',
        "count": 3,
        "shares": [0.5, 1.0, 1e-9],
        "is": True,
        "a b": {"value": 1.5, "reason": "why"},
        "table": {"deep": {"deeper": {"on": False}}, "let": {"let_out": True, "reason": "why"}, "none": {}},
    }
    assert tomllib.loads(toml_text(tables)) == tables
    assert list(tomllib.loads(toml_text(tables))) == list(tables)


def test_the_output_is_a_ruleset_of_another_name():
    assert Ruleset.parse(text_of(NEW)) == NEW
    assert NEW.id == "sumsel-pilkada-2024-calibrated-20241114@8"


def test_a_second_calibration_has_a_higher_version_and_no_longer_name():
    again = calibrated(NEW, FOUND)
    assert (again.name, again.version) == (NEW.name, NEW.version + 1)


def test_a_long_name_is_cut():
    long = BASE.model_copy(update={"name": "x" * 64})
    assert calibrated(long, FOUND).name == "x" * 44 + "-calibrated-20241114"


def test_every_new_number_says_reports_days_interval_and_what_it_was():
    rate = NEW.categories["logistics"].base_rate
    assert rate.unit == "per 1000 stations and day"
    assert rate.value > BASE.categories["logistics"].base_rate.value
    reports = f"{FOUND.rates['logistics'].reports:.0f} reports of 140 regency-days"
    assert rate.reason.startswith(f"{reports}, 14 campaign days from 2024-11-01 to 2024-11-14; 90 % ")
    assert rate.reason.endswith("; sumsel-pilkada-2024@8 has 6.4")
    mix = NEW.mixes[NEW.categories["logistics"].mix]
    assert mix.reason.startswith(reports) and mix.reason.endswith("has 0.49, 0.44, 0.06, 0.005, 0.005")


def test_what_is_kept_and_all_other_tables_are_as_they_were():
    kept = [name for name, item in FOUND.rates.items() if item.kept]
    assert "fatality" in kept
    for name in kept:
        assert NEW.categories[name].base_rate == BASE.categories[name].base_rate
    for name, item in FOUND.mixes.items():
        if item.kept:
            assert NEW.mixes[NEW.categories[name].mix] == BASE.mixes[BASE.categories[name].mix]
    changed = {"name", "version", "about", "categories", "mixes"}
    assert NEW.profiles == BASE.profiles
    assert NEW.model_dump(exclude=changed) == BASE.model_dump(exclude=changed)


def test_mixes_that_nobody_uses_are_not_written():
    assert set(NEW.mixes) == {rule.mix for rule in NEW.categories.values()}


def test_hours_change_with_election_days_alone():
    new = calibrated(BASE, ELECTION)
    profile = new.profiles[new.categories["logistics"].profile]
    assert sum(profile.hours) == pytest.approx(1)
    assert profile.hours[12] > 0.3  # all of these reports are of noon
    assert "3 election days" in profile.reason


def test_whole_shares_add_up_to_1():
    thirds = [Posterior(1 / 3, 0, 1)] * 3
    assert whole_shares(thirds) == [0.3334, 0.3333, 0.3333]


def test_the_table_lists_what_changed_and_names_what_is_kept():
    text = list(lines(FOUND, BASE, NEW))
    rows = [line for line in text if line.startswith("| rate")]
    assert len(rows) == sum(not item.kept for item in FOUND.rates.values())
    (row,) = (line for line in rows if "logistics" in line)
    _, _, old, new, interval, reports, _ = row.split("|")
    assert (float(old), float(new)) == (6.4, NEW.categories["logistics"].base_rate.value)
    low, high = map(float, interval.split(" to "))
    assert low < float(new) < high
    assert int(reports) == round(FOUND.rates["logistics"].reports)
    assert text[0] == f"{BASE.id} -> {NEW.id}"
    assert "14 campaign days from 2024-11-01 to 2024-11-14, 140 regency-days" in text[1]
    assert "of the reports of an election day (90 %: " in text[2]
    assert any(line.startswith("kept, fewer than 10 reports tell them: rate") and "fatality" in line for line in text)
    assert len([line for line in text if line.startswith("| severities")]) == sum(
        not item.kept for item in FOUND.mixes.values()
    )


def test_the_table_of_election_days_names_hours_and_no_ratio():
    text = list(lines(ELECTION, BASE, calibrated(BASE, ELECTION)))
    assert any(line.startswith("| hours") for line in text)
    assert not any("of an election day" in line for line in text)
