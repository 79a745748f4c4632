"""What becomes of a client's requests whose connection breaks, or that leaves: answered once, and nothing is kept."""

from client_program import run

RELAY = """
import random
import socket
import threading
import time


class Relay:
    # Passes bytes on between clients and the server; loses the server's, and cuts all connections, when it is told.
    def __init__(self):
        self.loses = False
        # How much clients may still send before all is cut.
        self.left = float("inf")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.sockets = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            near, _ = self.listener.accept()
            far = socket.create_connection(("127.0.0.1", 50051))
            self.sockets += [near, far]
            threading.Thread(target=self.pump, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self.pump, args=(far, near, True), daemon=True).start()

    def pump(self, source, target, is_server_s):
        try:
            while data := source.recv(1 << 14):
                if not (is_server_s and self.loses):
                    target.sendall(data)
                if not is_server_s:
                    self.left -= len(data)
                    if self.left < 0:
                        self.left = float("inf")
                        self.cut()
        except OSError:
            pass
        for one in (source, target):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        self.loses = False
        sockets, self.sockets = self.sockets, []
        for one in sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


client.disconnect()
relay = Relay()
client.connect(relay.address)
"""


def test_a_client_that_connects_again_is_answered_once():
    """Its requests come again, whoever has answered them, when it has lost the answers."""
    result = run(
        RELAY + """
@client.remote
class Journal:
    def __init__(self):
        self.lines = []

    def write(self, line):
        self.lines.append(line)
        return len(self.lines)

    def read(self):
        return self.lines


random.seed(1)
journal = Journal.remote()
client.get(journal.read.remote())
(references,) = servicer.object_refs.values()
expected, counts, puts = [], [], []
for turn in range(3):
    for number in range(turn * 100, turn * 100 + 100):
        line = random.choice([number, number, number, (number,), [number, "x" * 70_000]])
        expected.append(line)
        counts.append(journal.write.remote(line))
        if number % 100 < 50:
            puts.append(client.put(number))
        elif number % 100 == 50:
            assert client.get(counts[-1]) == len(counts)
            relay.loses = True
    # What is lost was answered before.
    limit = time.monotonic() + 30
    while len(references) < len(counts) + len(puts) and time.monotonic() < limit:
        time.sleep(0.01)
    relay.cut()
result["lines"] = client.get(journal.read.remote()) == expected
result["counts"] = client.get(counts) == list(range(1, len(expected) + 1))
result["puts"] = [number % 100 for number in client.get(puts)] == list(range(50)) * 3
""",
        before="",
    )
    assert result == {"lines": True, "counts": True, "puts": True}


def test_a_large_value_whose_client_connects_again_is_put_once():
    """Its parts come again from the first one, wherever the connection broke; so does all if the answer was lost."""
    result = run(
        RELAY + """
import numpy as np

kept = [client.put(1)]
(references,) = servicer.object_refs.values()
begin()
result["same"] = []


def cut_later():
    # What is lost was answered before.
    limit = time.monotonic() + 30
    while len(references) <= len(kept) and time.monotonic() < limit:
        time.sleep(0.01)
    relay.cut()


def put(value):
    kept.append(client.put(value))
    result["same"].append(bool(np.array_equal(client.get(kept[-1]), value)))


# Two parts, which come without a word of the server.
relay.loses = True
threading.Thread(target=cut_later).start()
put(np.arange(800_000))
for left in (1_000, 3_000_000, 6_000_000, 13_000_000, 19_990_000):
    relay.left = left
    put(np.arange(2_500_000))
result["kept"] = len(kept), len(references)
result["seen"] = seen["put"]
""",
        before="",
    )
    assert result == {"same": [True] * 6, "kept": [7, 7], "seen": 0}


def test_what_has_come_of_a_value_when_its_client_leaves_is_given_back():
    result = run(
        """
import pickle
import threading
import time

import grpc
import numpy as np
from ray.core.generated import ray_client_pb2 as messages
from ray.job_config import JobConfig
from swift_ray import memory
from ray._private.state import state


def used():
    with disable_client_hook():
        return memory.memory_info(state).store_stats.object_store_bytes_used


def eventually(condition):
    limit = time.monotonic() + 30
    while not condition() and time.monotonic() < limit:
        time.sleep(0.1)
    return condition()


data = pickle.dumps(np.zeros(50_000_000, "u1"), 5)
channel = grpc.insecure_channel("127.0.0.1:50051")
stream = channel.stream_stream(
    "/ray.rpc.RayletDataStreamer/Datapath",
    request_serializer=messages.DataRequest.SerializeToString,
    response_deserializer=messages.DataResponse.FromString,
)
initialized, is_over = threading.Event(), threading.Event()


def requests():
    init = messages.InitRequest(job_config=pickle.dumps(JobConfig()), reconnect_grace_period=0)
    yield messages.DataRequest(req_id=1, init=init)
    initialized.wait(30)
    put = messages.PutRequest(data=data[:3_000_000], chunk_id=0, total_chunks=20, total_size=len(data))
    yield messages.DataRequest(req_id=2, put=put)
    is_over.wait(60)


before = used()
answers = stream(requests(), metadata=[("client_id", "another"), ("reconnecting", "False")])
next(answers)
initialized.set()
result["comes"] = eventually(lambda: used() >= before + 50_000_000)
answers.cancel()
result["is_gone"] = eventually(lambda: used() == before)
is_over.set()
""",
        before="",
    )
    assert result == {"comes": True, "is_gone": True}
