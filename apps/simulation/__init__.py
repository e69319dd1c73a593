"""Simulated election days with known truth, deterministic by seed: for `simulate`, `evaluate` and the benchmarks."""
