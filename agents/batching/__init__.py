"""Batches of a partition instead of single records, exactly once: the part that another Faust user can copy."""
