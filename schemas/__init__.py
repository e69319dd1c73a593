"""Siaga's contracts: messages, rosters, rulesets, topics and the ledger's frames."""
