"""apps.language."""
