"""One guarded Kafka for all tests of this folder, with a user for each role; each module has topics of its own."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.security.deployment import STRANGER, USERS, GuardedDeployment
from tests.security.guarded import Guarded, guarded_kafka


@pytest.fixture(scope="session")
def guarded() -> Iterator[Guarded]:
    with tempfile.TemporaryDirectory(prefix="siaga-guarded-") as home, guarded_kafka(Path(home)) as running:
        running.add_users(*USERS.values(), STRANGER)
        yield running


@pytest.fixture(scope="module")
def deployment(guarded: Guarded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedDeployment]:
    directory = tmp_path_factory.mktemp("deployment")
    with GuardedDeployment(guarded, f"{directory.name}.", directory, SIAGA_TICK_SECONDS="0.5") as made:
        yield made
