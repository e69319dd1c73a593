"""The garbage collector rests as long as it is told to, and never longer."""

import gc

import pytest

from agents.collector import collector_rests


def test_the_collector_rests_and_works_again():
    with collector_rests():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_works_again_when_the_work_fails():
    with pytest.raises(ImportError), collector_rests():
        raise ImportError("broken")
    assert gc.isenabled()
