"""The consumer side of the transport: batches of whole partitions instead of records, one in flight per partition."""
