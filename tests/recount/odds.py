"""The odds of an escalation as docs/risk-model.md says them, from the fields of the message itself."""

import math
from typing import Any

from tests.recount.policy import GROUPS


def odds(rules: dict[str, Any], e: dict[str, Any]) -> float | None:
    """The probability, with two decimals; None where the escalation claims no flare-up."""
    numbers = rules.get("odds")
    if numbers is None or e["change"] not in ("raised", "amended"):
        return None
    points = [e["components"].get(group, 0) for group in GROUPS]
    agencies = {agency for item in e["evidence"] for agency in item["agencies"]}
    per_report = sum(points) / max(1, len(e["evidence"]))
    z = numbers[e["level"]] + numbers["points"] * sum(points) / 10
    z += numbers["points_per_report"] * math.log2(1 + per_report)
    z += numbers["agencies"] * min(4, len(agencies))
    z += numbers["several_groups"] * (len([part for part in points if part]) >= 2)
    z += numbers["amended"] * (e["change"] == "amended")
    z += numbers["grave"] * e["reason"].startswith("grave_incident")
    z += numbers["unverified"] * e["unverified"]
    return min(0.99, max(0.01, round(math.exp(z) / (1 + math.exp(z)), 2)))
