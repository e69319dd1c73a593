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


@pytest.fixture
def bereft() -> Evidence:
    """An honest run from which input and state were taken away, to plant something in."""
    from tests.chaos.planting import bereft_run, copied

    return copied(bereft_run())
