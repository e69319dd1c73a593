"""apps.integrations.cap."""
