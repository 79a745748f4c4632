"""The small helpers answer as Ray's own do."""

import os
import sys

import helpers
import pytest
import ray._raylet as raylet


@pytest.mark.parametrize("name", ["network", "ports", "labels", "time_series", "settings", "tokens", "exits"])
def test_helper(both, name):
    ours, theirs = both(getattr(helpers, name))
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs):
        assert one == other


def test_settings_that_make_no_sense_are_refused(monkeypatch):
    for settings in ("no json", "[1]"):
        with pytest.raises(ValueError):
            raylet.Config.initialize(settings)
    monkeypatch.setenv("RAY_health_check_period_ms", "soon")
    with pytest.raises(ValueError, match="RAY_health_check_period_ms is 'soon'"):
        raylet.Config.initialize("")
    monkeypatch.delenv("RAY_health_check_period_ms")
    monkeypatch.setenv("RAY_AUTH_MODE", "perhaps")
    raylet.Config.initialize("")
    with pytest.raises(ValueError, match="perhaps"):
        raylet.get_authentication_mode()
    monkeypatch.delenv("RAY_AUTH_MODE")
    raylet.Config.initialize("")


def test_gcs_client_options():
    options = raylet.GcsClientOptions.create(
        "1.2.3.4:5", None, allow_cluster_id_nil=True, fetch_cluster_id_if_nil=False
    )
    assert options.address == "1.2.3.4:5" and options.cluster_id.is_nil()
    cluster = raylet.ClusterID.from_random()
    assert raylet.GcsClientOptions.create("h:1", cluster.hex(), False, False).cluster_id == cluster
    assert raylet.GcsClientOptions.create("h:1", None, False, True).fetch_cluster_id_if_nil
    with pytest.raises(ValueError):
        raylet.GcsClientOptions.create("h:1", None, False, False)


def test_profile_events():
    seen = []
    with raylet.ProfileEvent(lambda *event: seen.append(event), b"task", b"{}") as event:
        event.set_extra_data(b"more")
    kind, start, end, extra = seen.pop()
    assert (kind, extra) == (b"task", b"more") and 0 < start <= end
    with pytest.raises(ValueError):
        with raylet.ProfileEvent(lambda *event: seen.append(event), b"task"):
            raise ValueError("wrong")
    assert b"ValueError" in seen[0][3] and b'"value": "wrong"' in seen[0][3]
    with raylet.EmptyProfileEvent():
        pass


def test_events_keep_the_last():
    event = raylet.RayEvent(1, 2, 3, "entity", "message", "session", b"data", 7)
    assert (event.entity_id, event.event_type) == ("entity", 2)
    recorder = raylet.EventRecorder
    recorder.emit(event)
    assert recorder.instance() is None
    recorder.initialize(1, "127.0.0.1", "00", 3)
    recorder.emit_batch([event] * 5)
    assert recorder.instance().events == [event] * 3
    recorder.shutdown()
    assert recorder.instance() is None


def test_what_is_unavailable_names_itself():
    client = raylet.RayletClient("127.0.0.1", 1)
    for call in (client.async_get_worker_pids, client.async_get_agent_pids):
        with pytest.raises(NotImplementedError, match=call.__name__):
            call()
    with pytest.raises(NotImplementedError, match="get_session_key_from_storage"):
        raylet.get_session_key_from_storage("h", 1, "u", "p", False, {}, "k")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_process_title():
    program = (
        "import os, sys; os.environ['LATER'] = 'x'; import swift_ray; swift_ray.install(); import ray._raylet as raylet\n"
        "assert 'secret' in raylet.getproctitle()\n"
        "for title in ('ray::some_task', 'ray::' + 'x' * 300, 'ray::IDLE'):\n"
        "    raylet.setproctitle(title)\n"
        "    assert raylet.getproctitle() == title\n"
        "    shown = open('/proc/self/cmdline').read().rstrip('\\0')\n"
        "    assert shown == title, shown\n"
        "    assert open('/proc/self/comm').read().strip() == title[:15]\n"
        "    assert os.environ['LATER'] == 'x' and os.environ['BEFORE'] == 'y'\n"
        "    assert os.popen('echo $BEFORE $LATER').read() == 'y x\\n'\n"
    )
    import subprocess

    environment = {**os.environ, "BEFORE": "y", "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", program, "--secret"], check=True, env=environment, timeout=60)


def test_port_files_with_no_port_in_them_are_not_believed(tmp_path):
    node = raylet.NodeID.from_random().hex()
    for text in ("0x1", "99999999", "-1", "1 2"):
        (tmp_path / raylet.get_port_filename(node, "port")).write_text(text)
        with pytest.raises(RuntimeError, match="Timed out waiting for file"):
            raylet.wait_for_persisted_port(str(tmp_path), node, "port", 20, 10)
