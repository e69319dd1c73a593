"""The event clock: how intake shards publish watermarks, and how ledger entries are put in order of event time."""
