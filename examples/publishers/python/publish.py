"""One incident, a revision, a retraction and a turnout count, sent to Siaga with kafka-python."""

import json
import os
import time
from datetime import datetime

from kafka import KafkaProducer

BROKER = os.environ.get("SIAGA_BROKER", "127.0.0.1:9092")
PREFIX = os.environ.get("SIAGA_TOPIC_PREFIX", "siaga.")

# In production use ids from your own database: a message that is sent again must have the same event_id.
run = f"python-{time.time_ns() // 1_000_000}"
now = datetime.now().astimezone().isoformat(timespec="seconds")

incident = {
    "schema": "siaga.incident/2",
    "event_id": f"{run}-1",
    "incident_id": f"{run}-incident",
    "origin": "example-python",  # whose number that is; to confirm another's incident send its origin and number
    "revision": 1,
    "regency": "16.71",
    "village": "16.71.01.1001",  # a TPS number counts within its village
    "station": "TPS 001",
    "category": "logistics",
    "severity": 2,
    "status": "reported",
    "occurred_at": now,
    "reported_at": now,
    "source": "example-python",
}
verified = incident | {"event_id": f"{run}-2", "revision": 2, "status": "verified", "severity": 3}
retracted = verified | {"event_id": f"{run}-3", "revision": 3, "status": "retracted"}
turnout = {
    "schema": "siaga.turnout/2",
    "event_id": f"{run}-4",
    "regency": "16.71",
    "village": "16.71.01.1001",
    "station": "TPS 001",
    "registered": 300,
    "voted": 120,
    "as_of": now,
    "source": "example-python",
}

producer = KafkaProducer(
    bootstrap_servers=BROKER,
    acks="all",  # with idempotence (kafka-python's default): nothing lost, repeated or reordered by a retry
    compression_type="gzip",
    key_serializer=str.encode,
    value_serializer=lambda message: json.dumps(message).encode(),
)
sent = [producer.send(PREFIX + "incidents", key=m["regency"], value=m) for m in (incident, verified, retracted)]
sent.append(producer.send(PREFIX + "turnout", key=turnout["regency"], value=turnout))
for future in sent:
    record = future.get(timeout=30)  # raises when the broker did not accept the record
    print(f"{record.topic} {record.partition}/{record.offset}")
producer.close()
