"""The event clock: how intake shards publish their progress, and how the risk fold gets its entries in event time."""
