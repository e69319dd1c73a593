"""streams.risk."""
