"""Publish JSON lines: read, check, send, remember how far the broker has acknowledged."""
