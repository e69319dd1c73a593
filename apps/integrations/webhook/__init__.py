"""apps.integrations.webhook."""
