"""Evaluation: Siaga and published baselines on days with known truth, scored by one rule (docs/evaluation.md)."""
