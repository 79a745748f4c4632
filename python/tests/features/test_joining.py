"""A cluster that was started by `ray start`, and a program that joins it."""

import subprocess
import sys

from heads import free_port, needs_command, started_head

DRIVER = """
import ray
ray.init(address="ADDRESS", log_to_driver=False)

@ray.remote
def double(x):
    return 2 * x

print("result", ray.get([double.remote(i) for i in range(5)]), ray.cluster_resources()["CPU"])
"""


@needs_command
def test_start_and_join(tmp_path):
    port = free_port()
    with started_head(tmp_path, f"--port={port}", "--num-cpus=3"):
        program = DRIVER.replace("ADDRESS", f"127.0.0.1:{port}")
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert "result [0, 2, 4, 6, 8] 3.0" in done.stdout, done.stdout + done.stderr
