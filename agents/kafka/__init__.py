"""agents.kafka."""
