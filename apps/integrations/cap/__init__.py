"""Common Alerting Protocol 1.2: one XML document for each escalation. See docs/integrations.md."""
