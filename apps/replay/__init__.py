"""Recorded elections: converters of public data, and replay of recordings onto the input topics."""
