"""State records: how a regency's state is written and read back. Decides nothing."""
