import pytest

from agents.batching.commit import lane as lane_module
from agents.batching.commit import shard_set
from tests.agents.batching.commit.lane_scene import Scene


@pytest.fixture
async def scene(monkeypatch):
    scene = Scene()
    monkeypatch.setattr(shard_set, "Transactor", scene.producers)
    monkeypatch.setattr(shard_set, "take_ownership", scene.take_ownership)
    monkeypatch.setattr(lane_module, "POLL_S", 0.001)
    monkeypatch.setattr("agents.batching.offsets.reconciliation.has_records", scene.has_records)
    yield scene
    scene.producers.may_commit.set()
    scene.producers.may_start.set()
    await scene.lane.close()
