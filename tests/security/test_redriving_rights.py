"""`siaga redrive` with least privilege: a file needs a publisher's rights, the rejected topic an operator's too."""

import json
import time

from tests.chaos.traffic import turnout
from tests.security.deployment import GuardedDeployment


def line(prefix: str) -> bytes:
    source = {"topic": prefix + "turnout", "partition": 0, "offset": 1}
    value = turnout("r-1", "16.71", time.time()).decode()
    return json.dumps({"source": source, "key": None, "value": value}).encode() + b"\n"


def test_a_publisher_may_redrive_a_file_and_nobody_else(deployment: GuardedDeployment) -> None:
    for role in ("reader", "operator"):
        refused = deployment.siaga(role)("redrive", "-", stdin=line(deployment.prefix))
        assert refused.status == 1, refused.err
        assert refused.error_lines[-1].startswith("Error: ") and len(refused.error_lines) <= 2, refused.err
    done = deployment.siaga("publisher")("redrive", "-", stdin=line(deployment.prefix))
    assert (done.status, done.error_lines) == (0, ["1 read, 1 redriven, 0 still fail"])


def test_only_who_may_read_rejects_redrives_from_the_topic(deployment: GuardedDeployment) -> None:
    refused = deployment.siaga("publisher")("redrive", "--reason", "future")
    assert (refused.status, len(refused.error_lines)) == (1, 1), refused.err
    checked = deployment.siaga("operator")("redrive", "--reason", "future", "--check")
    assert (checked.status, checked.error_lines) == (0, ["0 read, 0 would be redriven, 0 still fail"])
