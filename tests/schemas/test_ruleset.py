"""Laws of rulesets: complete, with a unit and a reason for each number, and one line for the first error."""

import re
import tomllib

import pytest

from schemas.ruleset import Ruleset, RulesetError
from streams.rules import Rules

TEXT = Ruleset.packaged_text()


def quantities(table: dict, path: str = "") -> list[tuple[str, dict]]:
    found = []
    for key, value in table.items():
        if isinstance(value, dict):
            found += [(f"{path}{key}", value)] if "value" in value else quantities(value, f"{path}{key}.")
    return found


def bare_numbers(table: dict, path: str = "") -> list[str]:
    found = []
    for key, value in table.items():
        if isinstance(value, dict) and "value" not in value:
            found += bare_numbers(value, f"{path}{key}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found.append(f"{path}{key}")
    return found


def test_the_default_is_named_and_versioned():
    assert Ruleset.default().id == "sumsel-pilkada-2024@8"


def test_every_number_has_a_unit_and_a_reason():
    assert bare_numbers(tomllib.loads(TEXT)) == ["version"]
    for path, quantity in quantities(tomllib.loads(TEXT)):
        assert quantity["unit"] and len(quantity["reason"]) >= 8, path


def test_severity_weights_are_the_contracts():
    assert [Rules(Ruleset.default()).kinds["clash", severity].window_milli for severity in range(1, 6)] == [
        1000, 2000, 4000, 8000, 16000,
    ]  # fmt: skip


def test_police_is_not_notified_of_logistics_and_all_are_of_a_death():
    categories = Ruleset.default().categories
    for category in ("logistics", "administration", "data_integrity", "eligibility", "money_politics", "protest"):
        assert "police" not in categories[category].routes + categories[category].grave_routes
    assert {"kpu", "bawaslu", "police", "governor", "kominda"} <= set(categories["fatality"].routes)


def test_a_protest_cannot_move_the_score():
    rules = Rules(Ruleset.default())
    assert all(not any(rules.kinds["protest", severity].pressure_milli.values()) for severity in range(1, 6))


def error_of(text: str) -> str:
    with pytest.raises(RulesetError) as raised:
        Ruleset.parse(text, "mine.toml")
    return str(raised.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'value = 25, unit = "points"',
            'value = 25, unit = "percent"',
            "ladder.waspada.raise_at: unit must be 'points'",
        ),
        ('value = 50, unit = "points"', 'value = "50", unit = "points"', "ladder.siaga.raise_at.value"),
        (
            'value = 50, unit = "points"',
            'value = 20, unit = "points"',
            "line 257, ladder: siaga.raise_at must be above waspada's 25",
        ),
        ("[ladder.awas]", "[ladder.merah]", "ladder.awas: Field required"),
        ("[silence]", "[silence]\nafter = 3", "silence.after: Extra inputs are not permitted"),
        ('profile = "supply"', 'profile = "suply"', "categories.logistics.profile names no profile: 'suply'"),
        ('utc_offset = "+07:00"', 'utc_offset = "WIB"', "election.utc_offset"),
        ('unit = "h", reason = "as long', 'unit = "h", because = "as long', "memory.incidents.reason: Field required"),
        ("version = 8", "version = 0", "version: Input should be greater than or equal to 1"),
        ('name = "sumsel-pilkada-2024"', 'name = "Sumsel 2024"', "name: String should match pattern"),
        ('model = "surprise"', 'model = "rolling_sum"', 'the table rolling_sum goes with model = "rolling_sum"'),
        ("reports_due = {", "reports_due = ", "not TOML"),
        ("half_life = { value = 55", "half_life = { value = 0", "surprise.half_life: value must be greater than 0"),
        (
            "few_reports_most = { value = 44",
            "few_reports_most = { value = 20",
            "surprise: few_reports_most must not be less",
        ),
        ("learned_least = { value = 0.7", "learned_least = { value = 7", "surprise: learned_least must not exceed"),
        ("voting_opens = { value = 7", "voting_opens = { value = 22", "election: voting_opens must come before"),
        ('confirmed = "awas"', 'confirmed = "waspada"', "immediate.severity_5: confirmed must not be a lower level"),
        ("[memory]", "[memry]", "memory: Field required; line 283, memry: not known"),
        ("half_life = {", "half_lif = {", "surprise.half_life: Field required; line 208, surprise.half_lif: not known"),
        ("0.07, 0.22,", "0.22, 0.07,", "turnout.curve: shares must be 24 that never fall"),
        ('profile = "voting"', 'profile = "votting"', "line 146, ruleset: categories.intimidation.profile names no"),
    ],
)
def test_an_error_names_line_and_field_in_one_line(old, new, said):
    assert old in TEXT
    message = error_of(TEXT.replace(old, new, 1))
    assert said in message and "\n" not in message and message.startswith("mine.toml")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("ladder.keep", "0", "ladder.keep must be greater than 0"),
        ("ladder.waspada.raise_at", "25.4", "ladder.waspada.raise_at: value must be a whole number, not 25.4"),
        ("ladder.awas.lower_below", "60.5", "ladder.awas.lower_below: value must be a whole number"),
        ("ladder.amend_points", "0.4", "ladder.amend_points: value must be a whole number"),
        ("groups.supply.most", "69.5", "groups.supply.most: value must be a whole number"),
        ("surprise.one_source_most", "40.5", "surprise.one_source_most: value must be a whole number"),
        ("surprise.one_report_most", "24.5", "surprise.one_report_most: value must be a whole number"),
        ("turnout.most", "24.6", "turnout.most: value must be a whole number"),
        ("turnout.outlier_stations_least", "29.5", "turnout.outlier_stations_least: value must be a whole number"),
        ("context.neighbour_siaga", "12.5", "context.neighbour_siaga: value must be a whole number"),
        ("province.member_siaga", "12.5", "province.member_siaga: value must be a whole number"),
        ("ladder.awas.raise_at", "101", "ladder.awas.raise_at must be at most 100: no score is higher"),
        ("ladder.awas.raise_at", "50", "ladder: awas.raise_at must be above siaga's 50"),
        ("ladder.siaga.lower_below", "51", "ladder: siaga.lower_below must not exceed its raise_at, 50"),
        ("ladder.siaga.lower_below", "14", "ladder: siaga.lower_below must not be below waspada's 15"),
        ("categories.protest.group", '"security"', 'categories.protest.group must be "expression"'),
        ("categories.protest.factor", "0.5", "categories.protest.factor must be 0: a protest is a right"),
        ("groups.expression.most", "10", "groups.expression.most must be 0: a right moves no score"),
        ("severity.4", "3", "severity.4 must not weigh less than severity.3"),
        ("silence.most_per_tick", "0", "silence.most_per_tick: value must be greater than 0"),
    ],
)
def test_an_error_names_its_line_and_field(field, value, said):
    *table, key = field.split(".")
    lines = TEXT.splitlines()
    number = lines.index(f"[{'.'.join(table)}]")
    number = next(n for n in range(number, len(lines)) if lines[n].startswith(f"{key} = "))
    old = lines[number]
    lines[number] = re.sub(r"value = [\d.]+|(?<== )\"\w+\"$", value if value[0] == '"' else f"value = {value}", old)
    assert lines[number] != old
    message = error_of("\n".join(lines))
    assert message.startswith(f"mine.toml line {number + 1}, ") and said in message


def test_the_plain_job_may_have_one_threshold_and_no_hysteresis():
    ladder = Ruleset.packaged("rolling-sum-60min").ladder
    assert ladder.keep.value == 0 and ladder.siaga.raise_at.value > 100


def test_the_line_is_that_of_the_field():
    lines = TEXT.splitlines()
    number = next(n for n, line in enumerate(lines, 1) if line.startswith("half_life"))
    wrong = TEXT.replace('unit = "min", reason = "a report counts half', 'unit = "h", reason = "a report counts half')
    with pytest.raises(RulesetError, match=f"mine.toml line {number}, surprise.half_life"):
        Ruleset.parse(wrong, "mine.toml")
