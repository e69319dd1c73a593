"""Messages as a publisher sends them to a worker."""

import json


def incident_at(at: str, number: object, regency: str, **changes: object) -> bytes:
    """An incident that occurred and was reported at `at` (RFC 3339), the mildest there is."""
    message = {
        "event_id": f"e-{number}",
        "incident_id": f"i-{number}",
        "revision": 1,
        "regency": regency,
        "category": "logistics",
        "severity": 1,
        "status": "reported",
        "occurred_at": at,
        "reported_at": at,
        "source": "kpu-sumsel",
    }
    return json.dumps(message | changes).encode()
