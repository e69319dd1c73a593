"""The laboratory: Siaga and the published baselines on days of known truth, scored by one rule (docs/evaluation.md)."""
