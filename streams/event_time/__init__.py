"""streams.event_time."""
