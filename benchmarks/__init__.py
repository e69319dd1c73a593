"""Measurements of Siaga as it really runs: `python -m benchmarks`. Not part of the installed package, never timed in
tests.
"""
