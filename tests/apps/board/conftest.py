"""Fixtures: a board on the session's broker, and a page in Chromium."""

from collections.abc import AsyncIterator

import pytest

from apps.embedded import EmbeddedBroker
from tests.apps.board.boards import BoardWithoutKafka
from tests.apps.board.chromium import chromium_page
from tests.apps.board.running_board import RunningBoard


@pytest.fixture
async def running(broker: EmbeddedBroker, fresh_prefix: str) -> AsyncIterator[RunningBoard]:
    async with RunningBoard(broker.bootstrap, fresh_prefix) as board:
        yield board


@pytest.fixture
async def page(running: RunningBoard) -> AsyncIterator["object"]:
    """A page of its own, closed before the board stops."""
    async with chromium_page() as made:
        yield made


@pytest.fixture
async def alone() -> AsyncIterator[BoardWithoutKafka]:
    async with BoardWithoutKafka() as board:
        yield board
