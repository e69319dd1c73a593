"""Siaga's pure core: intake decisions and the risk fold. No Kafka, no clock, no files, no randomness."""
