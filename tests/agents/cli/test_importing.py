"""The garbage collector rests while modules are imported, and never longer."""

import gc

import pytest

from agents.cli.importing import importing


def test_the_collector_rests_and_works_again():
    with importing():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_works_again_when_an_import_fails():
    with pytest.raises(ImportError), importing():
        raise ImportError("broken")
    assert gc.isenabled()
