"""Ids, descriptors and languages are Ray's, byte for byte."""

import copy
import ctypes
import pickle

import corpus
import native_api
import pytest
import ray._raylet as raylet
import real


def compare(ours, theirs):
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs):
        assert one == other


def test_ids(both):
    compare(*both(corpus.ids))


def test_ids_made_from_ids(both):
    compare(*both(corpus.derived_ids))


def test_descriptors(both):
    compare(*both(corpus.descriptors))


def test_languages(both):
    compare(*both(corpus.languages))


def test_language_out_of_range_is_refused():
    for number in (-1, 4):
        with pytest.raises(ValueError):
            raylet.Language(number)


def test_base_id_has_no_instances():
    with pytest.raises(NotImplementedError):
        raylet.BaseID()
    with pytest.raises(NotImplementedError):
        raylet.BaseID.size()


def test_ids_are_random_and_copied():
    for name in corpus.CLASSES:
        kind = getattr(raylet, name)
        if hasattr(kind, "from_random"):
            assert kind.from_random() != kind.from_random()
        one = kind(bytes(range(kind.size())))
        assert copy.copy(one) == one and copy.deepcopy(one) == one
        assert len({one, kind(bytes(range(kind.size())))}) == 1
        with pytest.raises(TypeError):
            __import__("weakref").ref(one)


class Waits(raylet.ObjectRef):
    """Like the Ray Client's references: no `super().__init__`, the id comes later."""

    def __init__(self, value):
        self.value = value
        self.asked = 0

    def binary(self):
        self.asked += 1
        self._set_id(self.value)
        return super().binary()


def test_subclass_without_init_gets_its_id_later():
    one, same = Waits(bytes(range(28))), Waits(bytes(range(28)))
    assert (
        one.is_nil()
        and one.owner_address() == b""
        and one.call_site() == ""
        and one.tensor_transport() is None
    )
    assert one == same and one.asked == 1
    assert bytes(one) == bytes(range(28)) and not one.is_nil() and one.task_id().binary() == bytes(range(24))
    assert one != raylet.ObjectRef(bytes(range(28)))
    before = hash(one)
    one._set_id(b"x" * 28)
    assert hash(one) != before
    assert issubclass(Waits, raylet.BaseID) and pickle.loads(pickle.dumps(raylet.ObjectRef.nil())).is_nil()


def unpickle_and_show(pickles):
    return [repr(pickle.loads(one)) for one in pickles]


def test_rays_module_reads_our_pickles():
    ours = [getattr(raylet, name)(bytes(range(size))) for name, size in corpus.CLASSES.items()]
    ours += [raylet.Language.JAVA, raylet.PythonFunctionDescriptor("m", "f", "c", "h")]
    ours += [raylet.StreamingGeneratorStats(1.5)]
    assert real.call(unpickle_and_show, [pickle.dumps(one) for one in ours]) == [repr(one) for one in ours]


def test_ids_through_the_c_interface():
    order = "ObjectRef JobID TaskID ActorID NodeID WorkerID PlacementGroupID ClusterID FunctionID ActorClassID UniqueID"
    for number, name in enumerate(order.split()):
        kind, value = getattr(raylet, name), bytes(range(corpus.CLASSES[name]))
        one = native_api.interface.id_new(number, value)
        assert type(one) is kind and one == kind(value)
        address = native_api.interface.id_bytes(one, number)
        assert ctypes.string_at(address, len(value)) == value
        with pytest.raises(TypeError, match=f"expected {name}"):
            native_api.interface.id_bytes("text", number)
    later = Waits(bytes(range(28)))
    assert ctypes.string_at(native_api.interface.id_bytes(later, 0), 28) == b"\xff" * 28
