"""Measurements of Siaga as it runs: `python -m benchmarks`. Not installed, and never timed in tests."""
