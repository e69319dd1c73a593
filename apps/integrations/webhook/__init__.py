"""Webhooks: each escalation as a signed HTTP POST, at least once, in order. See docs/integrations.md."""
