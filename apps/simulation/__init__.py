"""Seeded, deterministic election days with known truth: what the laboratory scores against and what `simulate`
publishes.
"""
