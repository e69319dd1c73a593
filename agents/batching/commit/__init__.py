"""Lanes: batches of partitions are folded and committed in one transaction, exactly once."""
