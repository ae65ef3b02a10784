#!/usr/bin/python3
"""The mapper between the broker and the platform stand-in, as real programs:

 (a) bad payloads: after each one the same process goes on, a counter grew, and the next good reading arrives;
 (b) SIGKILL of the mapper at random moments under load: the stand-in holds every reading whose PUBACK was seen.

    tests/system/mapper_test.py                 # as in CI: two kills
    tests/system/mapper_test.py --kills 20      # the campaign
"""

import argparse
import base64
import json
import os
import random
import sys
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))

from mqtt_client import Client  # noqa: E402
from stack import Program, Stack, StackError, default_bin, free_port  # noqa: E402

MAPPING = """mapping: readings
from: { topic: "r/{station}", format: json }
device:
  externalId: "=payload.sn"
  type: c8y_Serial
  create: { name: "Station ${station}", type: station }
to:
  - measurement: { type: reading, r: { n: { value: "=payload.n" } } }
"""
DEPTH = 3000
BAD = [b"", b" ", b"{", b"}", b"nonsense", b"{'sn':'s'}", b'{"sn":"s","n":}', b'{"sn":"s","n":1,}', b'{"sn":"s" "n":1}',
       b'{"sn":"s","n":01}', b'{"sn":"s","n":1}{"sn":"s","n":2}', b'{"sn":"s","n":NaN}', b'{"sn":"s","n":1e400}',
       b'{"sn":"s","n":99999999999999999999999}', b"\xff\xfe\x00", b'{"sn":"\xff","n":1}', b'{"sn":"s","n":"text"}',
       b'{"sn":"s","n":[1,2]}', b'{"sn":"s","n":{}}', b'{"sn":"","n":1}', b'{"sn":null,"n":1}', b'{"sn":"null","n":1}',
       b'{"sn":"undefined","n":1}', b'{"n":1}', b'{"sn":{"a":1},"n":1}', b"[" * DEPTH + b"]" * DEPTH,
       b'{"sn":"s","n":1', b'\x00{"sn":"s","n":1}', b'{"sn":"s\\ud800","n":1}', b"null", b"true", b"[]", b"7"]


def ask(port: int, path: str):
    request = urllib.request.Request("http://127.0.0.1:%d%s" % (port, path))
    request.add_header("Authorization", "Basic " + base64.b64encode(b"t0815/admin:admin-secret").decode())
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


class World:
    """Stack, stand-in and mapper."""

    def __init__(self, directory: str):
        self.stack = Stack(directory)
        self.sim_port, self.ops_port = free_port(), free_port()
        os.makedirs(self.stack.path("mappings/t0815"))
        self.stack._write("mappings/t0815/readings.yaml", MAPPING)
        self.stack._write("mapper.yaml", "\n".join([
            "ops: { address: 127.0.0.1, port: %d }" % self.ops_port,
            'messaging: { url: "ws://127.0.0.1:%d", secret_file: %s }' % (self.stack.messaging_port, self.stack.path("link-secret")),
            "platform:", "  url: http://127.0.0.1:%d" % self.sim_port,
            "  tenants: [ { tenant: t0815, user: admin, password: admin-secret } ]",
            "mappings: { directory: %s }" % self.stack.path("mappings"), ""]))
        self.mapper = self.stack._program("mapper", self.ops_port)
        self.sim = Sim(os.path.join(directory, "platform-sim"), self.sim_port, self.stack.path("sim.log"))

    def __enter__(self):
        self.sim.start()
        self.stack.start()
        self.mapper.start()
        return self

    def __exit__(self, kind, *rest):
        self.mapper.end()
        self.sim.end()
        self.stack.__exit__(kind, *rest)

    def counters(self) -> float:
        """Everything the mapper counts as not mapped."""
        return sum(value for name, value in self.mapper.metrics().items()
                   if name.startswith(("mapper_messages_failed_total", "mapper_messages_unmatched_total")))

    def numbers(self):
        """The readings the stand-in holds."""
        page, found = 1, []
        while True:
            some = ask(self.sim_port, "/measurement/measurements?pageSize=2000&currentPage=%d" % page)["measurements"]
            found += [int(one["r"]["n"]["value"]) for one in some if "r" in one]
            if len(some) < 2000:
                return found
            page += 1

    def wait_for(self, holds, seconds: float, what: str):
        deadline = time.monotonic() + seconds
        while not holds():
            self.stack.check()
            self.mapper.check()
            if time.monotonic() > deadline:
                raise StackError("%s did not happen within %d s\n%s" % (what, seconds, self.mapper.log_tail(20)))
            time.sleep(0.02)


class Sim(Program):
    def __init__(self, path: str, port: int, log_path: str):
        super().__init__("platform-sim", path, "", port, log_path)

    def spawn(self):
        import subprocess
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([self.path, "--port=%d" % self.health_port, "--measurements-kept=200000"],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        self.expected_down = False

    def wait_healthy(self, seconds: float = 20):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.check()
            try:
                ask(self.health_port, "/tenant/currentTenant")
                return
            except OSError:
                time.sleep(0.02)
        raise StackError("the stand-in does not answer:\n" + self.log_tail())


def bad_payloads(world: World):
    client = Client(world.stack.mqtt_port, "bad-payloads")
    process, good = world.mapper.process.pid, 0
    for case in BAD:
        before = world.counters()
        client.publish("r/1", case)
        good += 1
        client.publish("r/1", json.dumps({"sn": "good", "n": good}).encode())
        world.wait_for(lambda: good in world.numbers(), 10, "the good reading behind %r" % case[:40])
        world.wait_for(lambda: world.counters() > before, 5, "a counter for %r" % case[:40])
        if world.mapper.process.pid != process:
            raise StackError("another process answers after %r" % case[:40])
    found = sorted(world.numbers())
    if found != list(range(1, good + 1)):
        raise StackError("the stand-in holds %r" % found)
    lines = len(world.mapper.log().splitlines())
    if lines > 40 + 2 * len(BAD):
        raise StackError("%d log lines for %d bad payloads" % (lines, len(BAD)))
    client.disconnect()
    print("%d bad payloads: each counted, the next good reading arrived; %d log lines" % (len(BAD), lines), flush=True)


def kills(world: World, rounds: int, chance: random.Random):
    client = Client(world.stack.mqtt_port, "killed-mapper")
    start = 1_000_000
    number = start
    for _ in range(rounds):
        until = time.monotonic() + chance.uniform(0.2, 1.0)
        while time.monotonic() < until:
            client.publish("r/%d" % (number % 3), json.dumps({"sn": "s%d" % (number % 3), "n": number}).encode())
            number += 1
        world.mapper.kill()
        for _ in range(50):  # while it is away
            client.publish("r/1", json.dumps({"sn": "s1", "n": number}).encode())
            number += 1
        world.mapper.start()
    begin = time.monotonic()
    wanted = set(range(start, number))
    world.wait_for(lambda: wanted <= set(world.numbers()), 60, "every acknowledged reading on the platform")
    found = [one for one in world.numbers() if one >= start]
    objects = ask(world.sim_port, "/inventory/managedObjects?type=station&pageSize=100")["managedObjects"]
    if len(objects) > 4:
        raise StackError("%d devices for 4 external IDs" % len(objects))
    client.disconnect()
    print("%d kills of the mapper: %d readings acknowledged, none lost, %d repeated, complete %.1f s after the last start"
          % (rounds, len(wanted), len(found) - len(wanted), time.monotonic() - begin), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=default_bin())
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    given = parser.parse_args()
    print("seed %d" % given.seed, flush=True)
    with World(given.bin) as world:
        bad_payloads(world)
        kills(world, given.kills, random.Random(given.seed))


if __name__ == "__main__":
    main()
