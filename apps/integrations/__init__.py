"""Escalations for other systems: Common Alerting Protocol documents, and webhooks."""
