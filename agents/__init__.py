"""The worker: two Faust agents (intake and risk), their settings, logs and metrics, and what they need of Kafka."""
