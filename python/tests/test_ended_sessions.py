"""What one `ray.init` leaves to the next one in the same process: nothing."""

import subprocess
import sys

CYCLES = """
import os
import ray

counts = []
for _ in range(4):
    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    ray.get(ray.put(bytes(1 << 20)))
    ray.shutdown()
    counts.append(len(os.listdir("/proc/self/fd")))
# The first one opens what stays.
print(counts[1:] == counts[:1] * 3, counts)
"""

LINES = """
import time
import ray

@ray.remote
def say(text):
    print(text)

for shown in (False, True):
    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=shown)
    ray.get(say.remote(f"shown {shown}"))
    time.sleep(1)
    ray.shutdown()
"""


def run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_descriptors():
    assert run(CYCLES).startswith("True"), run(CYCLES)


def test_lines_that_nobody_wanted():
    shown = run(LINES)
    assert "shown True" in shown
    assert "shown False" not in shown
