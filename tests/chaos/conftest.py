import pytest

from tests.chaos.small import SmallCluster


@pytest.fixture
def cluster(broker, fresh_prefix, tmp_path):
    """Three partitions and no worker yet, on the session's broker."""
    settings = {"SIAGA_TICK_SECONDS": "0.5", "SIAGA_PARTITIONS": "3"}
    with SmallCluster(broker, tmp_path, broker.bootstrap, fresh_prefix, **settings) as made:
        yield made
