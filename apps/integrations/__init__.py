"""Escalations for others: Common Alerting Protocol documents and webhooks."""
