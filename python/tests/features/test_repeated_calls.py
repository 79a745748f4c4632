"""What a method does the first time it does each time: our loop takes a shorter way from the second call on."""

import pytest
import ray

pytestmark = pytest.mark.usefixtures("cluster")

TIMES = 3


def actor_of_many_methods(**options):
    """An actor whose class travels by value."""

    class Base:
        @staticmethod
        def inherited(value):
            return "inherited", value

        @classmethod
        def of_base(cls, value):
            return cls.kind, value

    class Many(Base):
        kind = "many"

        def __init__(self):
            self.count = 0

        def value(self, *args, **kwargs):
            return args, kwargs

        @staticmethod
        def of_none(value):
            return "static", value

        @classmethod
        def of_class(cls, value):
            return cls.kind, value

        def fail(self, number):
            raise KeyError(number)

        def fail_until(self, count):
            self.count += 1
            if self.count < count:
                raise OSError(f"try {self.count}")
            return self.count

        def item(self):
            yield 7

        def items(self):
            for number in range(3):  # noqa: UP028 (what is sent in goes to this generator)
                yield number

        def pair(self):
            return 1, 2

        def nothing(self):
            return None

        def unpicklable(self):
            import threading

            return threading.Lock()

        def where(self):
            context = ray.get_runtime_context()
            return context.get_task_id(), context.get_task_name(), context.get_actor_id()

        def puts(self):
            reference = ray.put(5)
            return ray.get(reference), [reference]

        def leave_on(self, count):
            self.count += 1
            if self.count == count:
                try:
                    ray.actor.exit_actor()
                except SystemExit:
                    return "stays"
            return self.count

    return ray.remote(Many).options(**options).remote()


@pytest.fixture(scope="module")
def many(cluster):
    return actor_of_many_methods()


def test_arguments_come_each_time(many):
    reference = ray.put("stored")
    for number in range(TIMES):
        assert ray.get(many.value.remote()) == ((), {})
        assert ray.get(many.value.remote(number, reference, key=[number])) == (
            (number, "stored"),
            {"key": [number]},
        )


def test_methods_of_no_instance(many):
    for number in range(TIMES):
        assert ray.get(many.of_none.remote(number)) == ("static", number)
        assert ray.get(many.of_class.remote(number)) == ("many", number)
        assert ray.get(many.inherited.remote(number)) == ("inherited", number)
        assert ray.get(many.of_base.remote(number)) == ("many", number)


def test_errors(many):
    for number in range(TIMES):
        with pytest.raises(KeyError, match=str(number)) as raised:
            ray.get(many.fail.remote(number))
        assert "Many.fail" in str(raised.value)
        with pytest.raises(TypeError, match="lock"):
            ray.get(many.unpicklable.remote())


def test_calls_on_threads():
    actor = actor_of_many_methods(max_concurrency=3)
    for number in range(TIMES):
        assert ray.get(actor.value.remote(number, key=2)) == ((number,), {"key": 2})
        with pytest.raises(KeyError, match=str(number)):
            ray.get(actor.fail.remote(number))
    assert len(set(ray.get([actor.where.remote() for _ in range(TIMES)]))) == TIMES


def test_more_names_than_are_remembered(many):
    for number in range(1_200):
        call = many.value.options(name=f"call {number}").remote(number)
        if number % 100 == 0:
            assert ray.get(call) == ((number,), {})
            with pytest.raises(KeyError):
                ray.get(many.fail.remote(number))
    assert ray.get(call) == ((1_199,), {})


def test_errors_of_arguments(many):
    for _ in range(TIMES):
        with pytest.raises(KeyError):
            ray.get(many.value.remote(many.fail.remote(1)))


def test_calls_that_are_made_again():
    actor = actor_of_many_methods()
    for number in range(TIMES):
        call = actor.fail_until.options(max_task_retries=3, retry_exceptions=[OSError])
        assert ray.get(call.remote(2 * (number + 1))) == 2 * (number + 1)


def test_generators_as_values(many):
    for _ in range(TIMES):
        assert ray.get(many.item.options(num_returns=1).remote()) == 7
        assert [ray.get(item) for item in many.items.options(num_returns="streaming").remote()] == [0, 1, 2]
        assert ray.get(many.items.options(num_returns=3).remote()) == [0, 1, 2]


def test_numbers_of_results(many):
    for _ in range(TIMES):
        assert ray.get(many.pair.remote()) == (1, 2)
        assert ray.get(many.pair.options(num_returns=2).remote()) == [1, 2]
        assert ray.get(many.nothing.remote()) is None
        assert many.nothing.options(num_returns=0).remote() is None


def test_each_call_knows_what_it_is(many):
    references = [many.where.remote() for _ in range(TIMES)]
    for reference, (task, name, actor) in zip(references, ray.get(references), strict=True):
        assert task == reference.task_id().hex()
        assert name == "Many.where"
        assert actor == many._actor_id.hex()
    assert ray.get(many.where.options(name="other").remote())[1] == "other"


def test_calls_use_ray(many):
    for _ in range(TIMES):
        value, (reference,) = ray.get(many.puts.remote())
        assert value == ray.get(reference) == 5


@pytest.mark.parametrize("count", [1, 2, 3])
def test_an_actor_leaves_in_a_later_call(count):
    actor = actor_of_many_methods()
    assert ray.get([actor.leave_on.remote(count) for _ in range(count - 1)]) == list(range(1, count))
    with pytest.raises(ray.exceptions.RayActorError):
        ray.get(actor.leave_on.remote(count))


def test_calls_of_concurrency_groups():
    @ray.remote(concurrency_groups={"io": 2})
    class Grouped:
        @ray.method(concurrency_group="io")
        def group(self):
            import threading

            return (
                threading.current_thread() is threading.main_thread(),
                ray.get_runtime_context().get_task_name(),
            )

    actor = Grouped.remote()
    for _ in range(TIMES):
        assert ray.get(actor.group.remote()) == (False, "Grouped.group")
