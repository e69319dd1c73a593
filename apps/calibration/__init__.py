"""A ruleset whose rates and severities follow from weeks of recorded reports (docs/operating/calibrate.md)."""
