"""Our module has Ray's names, with Ray's values, and says why some are left out."""

import corpus
import pytest
import ray._raylet as raylet

from swift_ray.raylet.names import ABSENT, PASSED_ON


@pytest.fixture(scope="module")
def real_names():
    import real

    return real.call(corpus.names)


def is_module_attribute(name):
    return name.startswith("__") and name.endswith("__") and name not in ABSENT


def test_every_name_is_there_or_left_out_for_a_reason(real_names):
    missing = [
        name
        for name in real_names
        if name not in ABSENT and not is_module_attribute(name) and not hasattr(raylet, name)
    ]
    assert missing == []


def test_tables_name_nothing_that_ray_does_not_have(real_names):
    assert sorted(set(ABSENT) - set(real_names)) == []
    assert sorted(set(PASSED_ON) - set(real_names)) == []


def test_names_left_out_raise_with_their_own_name():
    for name, reason in ABSENT.items():
        with pytest.raises(AttributeError, match=name) as caught:
            getattr(raylet, name)
        assert reason in str(caught.value)
    with pytest.raises(AttributeError, match="no attribute 'nothing_like_this'"):
        raylet.nothing_like_this


def test_names_passed_on_are_rays_own_objects():
    import ray

    assert raylet.ObjectRefGenerator is ray.ObjectRefGenerator
    assert raylet.GetTimeoutError is ray.exceptions.GetTimeoutError


def test_constants_and_settings_have_rays_values(both):
    ours, theirs = both(corpus.constants)
    assert ours == theirs


WRITTEN_ELSEWHERE = {
    "CoreWorker",
    "GcsClient",
    "GlobalStateAccessor",
    "GcsErrorSubscriber",
    "GcsLogSubscriber",
}


def test_classes_have_rays_module_bases_and_attributes(both):
    ours, theirs = both(corpus.class_shapes)
    for name, (module, qualified, bases, attributes) in theirs.items():
        if name in ABSENT or name in WRITTEN_ELSEWHERE:
            continue
        assert ours[name][:2] == (module, qualified), name
        assert ours[name][2] == bases or name in ("SerializedRayObject",), name
        assert sorted(set(attributes) - set(ours[name][3])) == [], name
