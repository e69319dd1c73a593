"""Publish JSON lines: read, check, send, save how far the broker has acknowledged; redrive rejected records."""
