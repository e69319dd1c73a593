"""The garbage collector is paused inside the block and never after it."""

import gc

import pytest

from agents.garbage_collection import gc_paused


def test_the_collector_runs_again_after_a_failure():
    with pytest.raises(ImportError), gc_paused():
        assert not gc.isenabled()
        raise ImportError("broken")
    assert gc.isenabled()
