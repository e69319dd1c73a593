"""The reference job of the comparison as a ruleset: the packaged rolling sum with the job's threshold and changes.

Text in, text out, so that the comparison's interpreter needs nothing of Siaga; `siaga worker` validates the result.
"""

import re
from pathlib import Path

PACKAGED = Path(__file__).resolve().parents[2] / "schemas/rulesets/rolling-sum-60min.toml"
#: The scaled severity weight 1. A ruleset's threshold is at most 1,000 and the job's is near 15,000, so both are
#: scaled; 0.032 and its doubles are whole thousandths, in which Siaga counts, so nothing is rounded.
UNIT = 0.032
STEP_S = 60


def reference_ruleset(threshold: int) -> str:
    """TOML of the job with this threshold, in severity weights 1, 2, 4, 8, 16."""
    text = PACKAGED.read_text(encoding="utf-8")
    text = _set(text, "", "name", '"peers-rolling-sum"')
    for severity in range(1, 6):
        text = _set_value(text, "severity", str(severity), UNIT * 2 ** (severity - 1))
    text = _set_value(text, "rolling_sum", "threshold", UNIT * threshold)
    # The job moves its window by the minute, and weighs a protest like any other incident, at once.
    text = _set_value(text, "ladder", "step", STEP_S)
    text = _set(text, "categories.protest", "group", '"process"')
    return _set_value(text, "categories.protest", "factor", 1)


def _find(text: str, table: str, pattern: str) -> re.Match[str]:
    """The first match within a table, or before the first table. Raises LookupError when there is none."""
    begin = text.index(f"\n[{table}]\n") + 1 if table else 0
    end = text.find("\n[", begin)
    found = re.compile(pattern, re.MULTILINE).search(text, begin, end if end >= 0 else len(text))
    if found is None:
        raise LookupError(f"{PACKAGED.name}: no {pattern} in [{table}]")
    return found


def _set(text: str, table: str, key: str, to: str) -> str:
    """The text with the whole value of one key replaced."""
    found = _find(text, table, rf"^{key} = (.*)$")
    return text[: found.start(1)] + to + text[found.end(1) :]


def _set_value(text: str, table: str, key: str, value: float) -> str:
    """The text with a quantity's number replaced, its unit kept."""
    unit = _find(text, table, rf'^{key} = .*unit = ("[^"]*")')[1]
    to = f'{{ value = {round(value, 9)!r}, unit = {unit}, reason = "as the reference job has it, scaled" }}'
    return _set(text, table, key, to)
