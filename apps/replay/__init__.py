"""Play recorded elections: order by event time, pace, and converters from public sources."""
