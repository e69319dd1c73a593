"""Writes the ruleset of another operating point: the text in force with three lines changed."""

import re

from schemas.ruleset import Ruleset, RulesetError
from schemas.toml_lines import line_of

_SUFFIX = re.compile(r"-false-[0-9-]+$")


def chosen_text(text: str, points_per_digit: float, most: float, basis: str, origin: str = "ruleset") -> str:
    """The text with a name of its own, other points for each digit, and the point that they were chosen for.

    `text`: a ruleset; `most`: false per 100 regency-days; `basis`: in words, why these. Comments stay. Raises
    RulesetError where one of the three does not stand on a line of its own."""
    ruleset = Ruleset.parse(text, origin)
    name = f"{_SUFFIX.sub('', ruleset.name)}-false-{f'{most:g}'.replace('.', '-')}"
    before = f"{ruleset.surprise.points_per_digit.value:g} of {ruleset.id}"
    changes = {
        ("name",): f'"{name}"',
        ("surprise", "points_per_digit"): _quantity(points_per_digit, "points", f"{before}, changed for {basis}"),
        ("operating_point", "false_per_100"): _quantity(most, "per 100 regency-days", basis),
    }
    lines = text.splitlines()
    for path, value in changes.items():
        number, key = line_of(text, path), path[-1]
        if not re.match(rf"\s*{key}\s*=", lines[number - 1]):
            raise RulesetError(f"{origin}: {'.'.join(path)} does not stand on a line of its own")
        lines[number - 1] = f"{key} = {value}"
    changed = "\n".join(lines) + "\n"
    Ruleset.parse(changed, f"{origin}, changed")
    return changed


def _quantity(value: float, unit: str, reason: str) -> str:
    said = reason.replace("\\", "").replace('"', "'")
    return f'{{ value = {value:g}, unit = "{unit}", reason = "{said}" }}'
