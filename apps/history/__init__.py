"""apps.history."""
