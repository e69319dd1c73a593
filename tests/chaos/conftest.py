import pytest

from tests.chaos.evidence import Evidence


@pytest.fixture
def honest() -> Evidence:
    from tests.chaos.planting import honest_run

    return honest_run()


@pytest.fixture
def planted(honest: Evidence) -> Evidence:
    from tests.chaos.planting import copied

    return copied(honest)
