"""Values of packages that Ray has its pickler taught: pyarrow, Starlette, pydantic. They are skipped where one is missing."""

import pytest
import ray

pytestmark = pytest.mark.usefixtures("cluster")


def test_a_slice_of_a_table_takes_its_own_part_with_it():
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table({"number": list(range(100_000))})

    @ray.remote
    def part(whole, start):
        return whole.slice(start, 10)

    whole = ray.put(table)
    parts = ray.get([part.remote(whole, start) for start in (0, 50_000)], timeout=60)
    assert [one["number"].to_pylist()[0] for one in parts] == [0, 50_000]
    for one in (table.slice(7, 10), parts[1]):
        assert len(ray.cloudpickle.dumps(one)) < 10_000


def test_a_package_that_is_imported_late_in_a_worker():
    pytest.importorskip("pyarrow")

    @ray.remote
    class Worker:
        def nothing(self):
            return 1

        def size_of_slice(self):
            import pyarrow

            return len(ray.cloudpickle.dumps(pyarrow.table({"a": list(range(100_000))}).slice(5, 5)))

    worker = Worker.remote()
    assert ray.get(worker.nothing.remote(), timeout=60) == 1
    assert ray.get(worker.size_of_slice.remote(), timeout=60) < 10_000


def test_the_state_of_an_application():
    datastructures = pytest.importorskip("starlette.datastructures")
    state = datastructures.State({"a": 1})
    assert ray.get(ray.put(state)).a == 1

    @ray.remote
    def change(given):
        given.b = given.a + 1
        return given

    assert ray.get(change.remote(state), timeout=60).b == 2


def test_a_field_of_a_model():
    fields = pytest.importorskip("pydantic.v1.fields")
    config = pytest.importorskip("pydantic.v1").BaseConfig

    def field():
        return fields.ModelField(
            name="number", type_=int, class_validators={}, model_config=config, default=3, required=False
        )

    assert ray.get(ray.put(field())).default == 3

    @ray.remote
    def default_of(given):
        return given.default, type(given).__name__

    assert ray.get(default_of.remote(field()), timeout=60) == (3, "ModelField")


def test_what_ray_finds_out_of_pydantic_when_it_imports_it_first():
    pydantic = pytest.importorskip("pydantic")

    @ray.remote
    def found():
        # Ray Data's tasks begin so.
        import ray.util.state
        from ray._common.pydantic_compat import PYDANTIC_INSTALLED

        return PYDANTIC_INSTALLED, ray.util.state.common.ListApiOptions(limit=3).limit

    assert pydantic.VERSION
    assert ray.get(found.remote(), timeout=60) == (True, 3)
