"""The risk of one regency: incidents, turnout, silence, score, level, and what is published. Writes no message."""
