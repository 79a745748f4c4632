"""The rows of a notebook in `benchmarks/` end, too, where no head comes up."""

import os

import pytest

BENCHMARKS = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "benchmarks")


def test_a_head_that_says_nothing_is_ended(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import notebook

    monkeypatch.setattr(notebook, "COMMAND", "import time; time.sleep(1000)")
    monkeypatch.setattr(notebook, "LIMIT_SECONDS", 1)
    with pytest.raises(RuntimeError, match="no head was started within 1 s"), notebook.head(dict(os.environ)):
        pass
