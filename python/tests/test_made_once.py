"""What the processes of a node make once for all, in folders that others might write to."""

import os

import pytest

from swift_ray.virtual_environment import made_once


def test_it_is_made_by_the_first(tmp_path):
    place = str(tmp_path / "kind" / "name")
    for is_first in (True, False, False):
        with made_once(place) as is_missing:
            assert is_missing == is_first


def test_a_lock_that_is_a_link_is_not_followed(tmp_path):
    valued = tmp_path / "valued"
    valued.write_text("text")
    os.symlink(valued, tmp_path / "name.lock")
    with pytest.raises(OSError):
        with made_once(str(tmp_path / "name")):
            pass
    assert valued.read_text() == "text"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make another user's file")
def test_what_another_user_has_completed_is_made_anew(tmp_path):
    place = tmp_path / "name"
    place.mkdir()
    (place / "python").write_text("theirs")
    os.chown(tmp_path / "name", 12345, -1)
    (tmp_path / "name.complete").touch()
    os.chown(tmp_path / "name.complete", 12345, -1)
    with made_once(str(place)) as is_missing:
        assert is_missing and not place.exists()
    with made_once(str(place)) as is_missing:
        assert not is_missing
