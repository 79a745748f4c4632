"""What comes of a task, without a cluster."""

import pytest
import ray  # noqa: F401

from swift_ray.raylet.execution import Execution
from swift_ray.raylet.results import Results


@pytest.mark.parametrize("value", [[1], iter([1]), None])
def test_items_come_of_generators_only(value):
    execution = Execution.__new__(Execution)
    execution.results = Results(None)
    execution.call = lambda *arguments: value
    streaming, plain = ({"generator": one, "returns": 1} for one in ([0, 0], None))
    with pytest.raises(ValueError, match='num_returns="streaming" must return a generator'):
        execution.produce(None, None, streaming, {}, [], {})
    with pytest.raises(ValueError, match='num_returns="dynamic" must return a generator'):
        execution.produce(None, None, streaming, {"dynamic": True}, [], {})
    assert execution.produce(None, None, plain, {}, [], {}) is value
