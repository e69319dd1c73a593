"""streams.storage."""
