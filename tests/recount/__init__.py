"""What Siaga must publish, computed a second time: from its input topics, its ledger and the public documents.

Shares no code with Siaga (`test_independence.py`) and is slow and plain on purpose: dictionaries, `json`, `datetime`,
floating point, everything summed again at each look. `laws.check` judges all that a deployment left in Kafka; the chaos
runs, the worker's tests and the comparison with other stream processors (`benchmarks/peers`) use it.
"""
