"""Rulesets: every policy number of the risk model as data, each with its unit and the reason for it.

A ruleset is a TOML file. Numbers are inline tables, `{ value = 90, unit = "min", reason = "why" }`, so that none comes
without its unit and its reason. `Ruleset.parse` checks all of it and names line and field of the first error. What the
numbers mean is in docs/risk-model.md; `streams/rules.py` compiles them for the risk fold.
"""

from schemas.ruleset.model import Profile, Ruleset, RulesetError

__all__ = ["Profile", "Ruleset", "RulesetError"]
