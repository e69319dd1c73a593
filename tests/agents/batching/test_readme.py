"""The tables of the README are those of the code. On a failure the expected table is in the message."""

import logging
from pathlib import Path

from agents.batching.commit.failures import RESPONSES, Failure
from agents.batching.offsets.start import RULES
from agents.batching.patches.table import markdown

README = (Path(__file__).parents[3] / "agents" / "batching" / "README.md").read_text(encoding="utf-8")


def failures() -> str:
    lines = ["| failure | drops | pause | log |", "|---|---|---|---|"]
    for failure, response in RESPONSES.items():
        level = logging.getLevelName(response.log_level).lower() if response.log_level else "none, it is raised"
        what = "a shard" if failure is Failure.SHARD else "the lane"
        lines.append(f"| {what} {failure.value} | {response.drops.value} | {response.pause.value} | {level} |")
    return "\n".join(lines) + "\n"


def starts() -> str:
    lines = ["| when | then |", "|---|---|"]
    return "\n".join(lines + [f"| {rule.when} | {rule.verdict.value} |" for rule in RULES]) + "\n"


def test_the_readme_has_the_table_of_failures():
    assert failures() in README, failures()


def test_the_readme_has_the_rules_of_where_reading_starts():
    assert starts() in README, starts()


def test_the_readme_has_the_table_of_patches():
    assert markdown() in README, "python -m agents.batching.patches.table prints it"
