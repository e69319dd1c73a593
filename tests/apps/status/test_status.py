"""`siaga status` on a real deployment."""

import asyncio
import json
import sys

import pytest

from tests.agents.deployment import Deployment, until

SIAGA = (sys.executable, "-m", "apps.cli.main")


@pytest.fixture
def deployment(broker, fresh_prefix, tmp_path):
    with Deployment(broker.bootstrap, fresh_prefix, tmp_path, SIAGA_TICK_SECONDS="0.5") as made:
        yield made


async def test_it_names_who_works_and_says_when_nobody_does(deployment, free_port):
    def roles() -> list[str]:
        return [one["role"] for one in json.loads(deployment.run("status", "--json", check=False).stdout)["processes"]]

    nobody = deployment.run("status", check=False)
    assert nobody.returncode == 1 and "problem: no worker is in the group" in nobody.stdout
    deployment.start("a")
    deployment.start("b")
    await until(lambda: deployment.run("status", check=False).returncode == 0, 180, "a deployment that works")
    found = json.loads(deployment.run("status", "--json").stdout)
    assert found["problems"] == [] and found["members"] == 2
    assert [one["name"] for one in found["processes"]] == ["a", "b"]
    read = [sum(one["partitions"].values()) for one in found["processes"]]
    assert sum(read) == 9  # two inputs and the ledger with three partitions each
    board, cap = (("board", "--board-port", str(free_port)), ("cap",))
    others = [deployment.start(words[0], (*SIAGA, *words)) for words in (board, cap)]
    await until(lambda: roles() == ["board", "cap", "worker", "worker"], 180, "a status of each")
    for other in others:
        other.terminate()
        assert await asyncio.to_thread(other.wait, 60) == 0
    assert roles() == ["worker", "worker"], "who ends removes its status"
    await deployment.stop_workers()
    ended = json.loads(deployment.run("status", "--json", check=False).stdout)
    assert ended["processes"] == []
