"""What a process answers at /healthz."""

import json
import urllib.error
import urllib.request
from typing import Any


def health_of(port: int) -> tuple[int, dict[str, Any]]:
    """Status and body; status 0 when nothing answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
    except OSError:
        return 0, {}
