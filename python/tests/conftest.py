"""Tests run on our module; what Ray's own does is asked of another process (`real.py`)."""

import importlib.util
import os
import sys

import pytest

TESTS = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, TESTS)
if importlib.util.find_spec("swift_ray") is None:
    # Not installed: the checkout.
    sys.path.insert(0, os.path.dirname(TESTS))

import swift_ray

swift_ray.install()

import real


@pytest.fixture(scope="session")
def both():
    """both(function): what a function of `corpus.py` returns on our module and on Ray's own."""

    def call(function):
        return function(), real.call(function)

    return call
