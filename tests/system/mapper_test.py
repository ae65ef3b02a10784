#!/usr/bin/python3
"""The mapper between the broker and the platform stand-in, as real programs:

 (a) bad payloads: after each one the same process goes on, a counter grew, and the next good reading arrives;
 (b) SIGKILL of the mapper at random moments under load: the stand-in holds every reading whose PUBACK was seen, in the
     order of its device after dropping repeats.

    tests/system/mapper_test.py                 # as in CI: two kills
    tests/system/mapper_test.py --kills 20 --rate 20000      # the campaign
"""

import argparse
import base64
import json
import os
import random
import signal
import sys
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))

from mqtt_client import Client  # noqa: E402
from sequences import Sequences, count, read_ack_log  # noqa: E402
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
LOAD_MAPPING = """mapping: load
from: { topic: "load/{sensor}", format: json }
device:
  externalId: "load-${sensor}"
  type: c8y_Serial
  create: { name: "Load ${sensor}", type: station }
to:
  - measurement: { type: load, r: { publisher: { value: "=payload.publisher" }, sequence: { value: "=payload.sequence" } } }
"""
DEVICES = 4
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
        # A restarted mapper is another consumer: it goes on when the killed one has been away for so long.
        self.stack = Stack(directory, failover_after="1s", limits="backlog_bytes_per_topic: 1GiB, backlog_bytes_per_tenant: 4GiB")
        self.sim_port, self.ops_port = free_port(), free_port()
        os.makedirs(self.stack.path("mappings/t0815"))
        self.stack._write("mappings/t0815/readings.yaml", MAPPING)
        self.stack._write("mappings/t0815/load.yaml", LOAD_MAPPING)
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

    def given(self) -> int:
        """How many readings the stand-in was given so far, repeats included."""
        return ask(self.sim_port, "/sim/stats")["tenants"]["t0815"]["measurements"]

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
            self.process = subprocess.Popen([self.path, "--port=%d" % self.health_port, "--measurements-kept=3000000"],
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


def seen_on_platform(world: World, since: float):
    """What the stand-in holds of the load, in the order in which it was given (its IDs). Asked for second by second: a
    page of everything would cost it a look at everything."""
    found = set()
    for second in range(int(since) - 1, int(time.time()) + 2):
        span = "dateFrom=%s&dateTo=%s" % tuple(
            time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(second + more)) for more in (0, 1))
        page = 1
        while True:
            some = ask(world.sim_port, "/measurement/measurements?type=load&%s&pageSize=2000&currentPage=%d" % (span, page))
            found |= {(int(one["id"]), int(one["r"]["publisher"]["value"]), int(one["r"]["sequence"]["value"]))
                      for one in some["measurements"]}
            if len(some["measurements"]) < 2000:
                break
            page += 1
    seen = Sequences()
    for _, publisher, sequence in sorted(found):
        seen.take((0, publisher), sequence)
    return seen


def kills(world: World, given, chance: random.Random):
    """The mapper is killed at random moments while mqtt-load publishes on; every publisher is a device."""
    log, since = world.stack.path("acked"), time.time()
    load = world.stack.load("--checker", "--json", "--ack-log", log, "--rate", str(given.rate), "--publishers", str(DEVICES),
                            "--topics", str(DEVICES), "--topic-prefix", "load", "--subscribers", "0", "--qos", "1", "--payload", "200",
                            "--inflight", "500", "--seconds", "100000", "--drain", "20")
    try:
        for number in range(given.kills):
            before = world.given()
            world.wait_for(lambda: world.given() > before, 30, "the mapper sending readings before it is killed")
            time.sleep(chance.uniform(0, 1.0))
            world.mapper.kill()
            time.sleep(chance.uniform(0.05, 0.8))
            world.mapper.start()
            if given.verbose:
                print("kill %d: again there, the platform has been given %d readings" % (number + 1, world.given()), flush=True)
        load.send_signal(signal.SIGTERM)
        out, complaint = load.communicate(timeout=60)
    except BaseException:
        load.kill()
        raise
    if load.returncode != 0:
        raise StackError("the publisher did not get every PUBACK: %s %s" % (out, complaint))
    acknowledged = read_ack_log(log)
    begin = time.monotonic()
    world.wait_for(lambda: world.given() >= count(acknowledged), 120, "as many readings on the platform as were acknowledged")
    seen = seen_on_platform(world, since)
    # The number may be reached with repeats while some are still under way.
    while seen.missing(acknowledged) and time.monotonic() - begin < 180:
        before = seen.received
        seen = seen_on_platform(world, since)
        if seen.received == before:
            time.sleep(0.5)
    missing = seen.missing(acknowledged)
    if missing:
        raise StackError("%d acknowledged readings are not on the platform: %s" % (len(missing), missing[:8]))
    objects = ask(world.sim_port, "/inventory/managedObjects?type=station&pageSize=100")["managedObjects"]
    if len([one for one in objects if one["name"].startswith("Load")]) != DEVICES:
        raise StackError("%d devices for %d external IDs" % (len(objects), DEVICES))
    print("%d kills of the mapper at %d msgs/s: %d readings acknowledged, none lost, %d late, %d repeated, complete %.1f s after the end"
          % (given.kills, given.rate, count(acknowledged), seen.late, seen.repeated, time.monotonic() - begin), flush=True)
    if seen.late:
        raise StackError("%d readings of a device came out of order" % seen.late)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=default_bin())
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--rate", type=int, default=2000, help="messages a second")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    given = parser.parse_args()
    print("seed %d" % given.seed, flush=True)
    with World(given.bin) as world:
        bad_payloads(world)
        kills(world, given, random.Random(given.seed))


if __name__ == "__main__":
    main()
