"""Where references were made, in what `ray memory` shows."""

import os

import numpy
import pytest
import ray
from ray._private.internal_api import memory_summary
from waiting import eventually

FILE = os.path.basename(__file__)


@pytest.fixture(scope="module")
def recording():
    ray.init(
        "local",
        num_cpus=2,
        object_store_memory=256 << 20,
        include_dashboard=False,
        log_to_driver=False,
        _system_config={"record_ref_creation_sites": True},
    )
    yield
    ray.shutdown()


def lines(text: str = "") -> list[str]:
    """The lines of `ray memory` that show a reference, with this text in them."""
    shown = memory_summary(ray.get_runtime_context().gcs_address, line_wrap=False).splitlines()
    return [line for line in shown if " | " in line and text in line and "Object Ref" not in line]


def test_values_that_are_put(recording):
    value = ray.put("a value")
    (line,) = lines(value.hex())
    assert "(put object)" in line and f"{FILE}:test_values_that_are_put:" in line
    del value
    assert eventually(lambda: not lines())


def test_results_and_large_arguments(recording):
    @ray.remote
    def look(array):
        return memory_summary(ray.get_runtime_context().gcs_address, line_wrap=False)

    result = look.remote(numpy.zeros(100_000))
    shown = ray.get(result)
    made = [line for line in shown.splitlines() if "(task call)" in line]
    # The argument and the result, in the driver; the argument again, where it is used.
    assert len(made) == 2 and all(f"{FILE}:test_results_and_large_arguments:" in line for line in made)
    assert sum("(deserialize task arg)" in line for line in shown.splitlines()) == 1
    del result
    assert eventually(lambda: not lines())


def test_actors_and_what_they_keep(recording):
    @ray.remote
    class Keeper:
        def keep(self, refs):
            self.refs = refs

    keeper = Keeper.remote()
    value = ray.put("kept")
    kept = value.hex()
    ray.get(keeper.keep.remote([value]))
    assert len(lines("ACTOR_HANDLE")) == 1 and "(actor call)" in lines("ACTOR_HANDLE")[0]
    assert eventually(lambda: [line for line in lines(kept) if "(deserialize actor task arg)" in line])
    del keeper, value
    assert eventually(lambda: not lines())
