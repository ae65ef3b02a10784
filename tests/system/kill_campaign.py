#!/usr/bin/python3
"""The kill campaign: SIGKILLs mqtt-messaging again and again while thousands of messages a second go through it, with
consumers that acknowledge at random, hold messages back and drop their connections. Outside of the service it is proved
that each durable subscription got every message whose PUBACK a publisher saw, in the order of topic and publisher, and
how long each start took, from exec to the first answer of /health.

    tests/system/kill_campaign.py                          # 500 kills, about a quarter of an hour
    tests/system/kill_campaign.py --kills 10 --rate 1000   # as in CI
"""

import argparse
import base64
import json
import os
import random
import select
import signal
import statistics
import subprocess
import sys
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))

from sequences import Sequences, count, read_ack_log  # noqa: E402
from stack import Stack, default_bin  # noqa: E402
from watchers import STAMP, Watcher, client_frame, get_token, open_consumer, take_frames  # noqa: E402

TOPICS, SUBSCRIPTIONS, PUBLISHERS, PAYLOAD = 4, 2, 8, 128
START_LIMIT_SECONDS = 30


# --- a consumer that is not in a hurry

def hesitant_consumer(pipe, port: int, token: str, seed: int):
    """Acknowledges most messages at once, some after up to two seconds, in any order; drops its connection now and then
    with what it holds. After `calm` (the parent's word) it acknowledges everything at once."""
    chance, sequences, calm = random.Random(seed), Sequences(), False
    connected, told, connections, dropped, late_acks = None, False, 0, 0, []
    next_drop = time.monotonic() + chance.uniform(2, 20)
    while True:
        if connected is None:
            connected = open_consumer(port, token)
            late_acks = []
            if connected:
                connections += 1
                connected[0].settimeout(30)
                if not told:
                    pipe.send({"ready": True})
                    told = True
        readable = select.select([pipe] + ([connected[0]] if connected else []), [], [], 0.05)[0]
        if pipe in readable:
            calm = pipe.recv() == "calm" or calm
            pipe.send({"sequences": sequences, "connections": connections, "dropped": dropped})
        if not connected:
            continue
        link, data, _ = connected
        now = time.monotonic()
        try:
            if now > next_drop:
                next_drop = now + chance.uniform(2, 20)
                if not calm:
                    dropped += 1
                    raise OSError("dropped on purpose")
            data += receive(link) if link in readable else b""
            answers = bytearray()
            for opcode, payload in take_frames(data):
                if opcode == 1:
                    header, _, body = payload.partition(b"\n")
                    record = base64.b64decode(body)
                    run, publisher, sequence, _ = STAMP.unpack_from(record, len(record) - PAYLOAD)
                    sequences.take((run, publisher), sequence)
                    if calm or chance.random() < 0.9:
                        answers += client_frame(1, header)
                    else:
                        late_acks.append((now + chance.uniform(0, 2), header))
                elif opcode == 9:
                    answers += client_frame(10, payload)
                elif opcode == 8:
                    raise OSError("closed by a close frame")
            due = [header for at, header in late_acks if calm or at <= now]
            if due:
                late_acks = [] if calm else [one for one in late_acks if one[0] > now]
                chance.shuffle(due)
                for header in due:
                    answers += client_frame(1, header)
            if answers:
                link.sendall(answers)
        except OSError:
            link.close()
            connected = None


def receive(link) -> bytes:
    got = link.recv(262144)
    if not got:
        raise OSError("closed")
    return got


class Consumer(Watcher):
    def calm(self):
        self.pipe.send("calm")
        return self._receive(60)


# --- kills

def start_again(program) -> float:
    """Seconds from exec to the first good answer."""
    begun = time.monotonic()
    program.spawn()
    while time.monotonic() < begun + START_LIMIT_SECONDS:
        program.check()
        try:
            with urllib.request.urlopen("http://127.0.0.1:%d/health" % program.health_port, timeout=5) as answer:
                answer.read()
                return time.monotonic() - begun
        except OSError:
            time.sleep(0.003)
    raise AssertionError("%s is not ready after %d s:\n%s" % (program.name, START_LIMIT_SECONDS, program.log_tail()))


def kill_often(stack, given, chance, ack_log: str):
    starts, grown = [], 0
    for number in range(given.kills):
        # Some kills come while the service is still catching up with the last one.
        time.sleep(chance.choice((chance.uniform(0, 0.2), chance.uniform(0.2, 1.5), chance.uniform(0.2, 1.5))))
        stack.check()
        stack.messaging.kill()
        time.sleep(chance.uniform(0, 0.1))
        starts.append(start_again(stack.messaging))
        if (number + 1) % max(1, given.kills // 20) == 0:
            size = os.path.getsize(ack_log) if os.path.exists(ack_log) else 0
            print("%d kills, last start %.0f ms%s" % (number + 1, starts[-1] * 1000,
                                                     "" if size > grown else "; no PUBACK since the last line"), flush=True)
            grown = size
    return starts


def distribution(starts) -> str:
    ordered = sorted(starts)
    at = lambda share: 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]  # noqa: E731
    return "exec to ready, ms: min %.0f  p50 %.0f  p90 %.0f  p99 %.0f  max %.0f" % (
        1000 * ordered[0], 1000 * statistics.median(ordered), at(0.9), at(0.99), 1000 * ordered[-1])


# --- what was promised

def check(consumers, acknowledged, problems):
    for name, topic, consumer in consumers:
        consumer.calm()
    for name, topic, consumer in consumers:
        mine = {publisher: ranges for publisher, ranges in acknowledged.items() if publisher % TOPICS == topic}
        report = consumer.wait_for(mine, 30)
        seen = report["sequences"]
        print("%-12s received %8d  repeated %6d  missing %d  out of order %d  connections %d (%d dropped by itself)" %
              (name, seen.received, seen.repeated, len(report["missing"]), seen.late, report["connections"], report["dropped"]))
        if not mine or count(mine) == 0:
            problems.append("nothing was acknowledged for %s" % name)
        if report["missing"]:
            problems.append("%s misses %d acknowledged messages: %s" % (name, len(report["missing"]), report["missing"][:8]))
        if seen.late:
            problems.append("%s saw %d messages out of order" % (name, seen.late))


def wait_until_acknowledged(stack, problems):
    """What everybody has acknowledged is not held any more."""
    deadline, left = time.monotonic() + 20, -1.0
    while time.monotonic() < deadline:
        left = stack.messaging.metrics()["messaging_live_messages"]
        if left == 0:
            return
        time.sleep(0.2)
    problems.append("%d messages are held although everything was acknowledged" % left)


def campaign(stack, given, chance) -> list:
    problems, consumers = [], []
    for topic in range(TOPICS):
        for number in range(SUBSCRIPTIONS):
            name = "kill/%d #%d" % (topic, number)
            token = get_token(stack.http, "t0815/admin", "admin-secret", "kill/%d" % topic, "campaign%d" % number)
            consumers.append((name, topic, Consumer(hesitant_consumer, stack.messaging_port, token, chance.randrange(1 << 30))))
    ack_log = stack.path("acks")
    load = stack.load("--checker", "--ack-log", ack_log, "--rate", str(given.rate), "--publishers", str(PUBLISHERS), "--topics",
                      str(TOPICS), "--topic-prefix", "kill", "--client-prefix", "load", "--qos", "1", "--payload", str(PAYLOAD),
                      "--inflight", "500", "--seconds", "100000", "--drain", "30")
    try:
        starts = kill_often(stack, given, chance, ack_log)
        load.send_signal(signal.SIGTERM)
        out, complaint = load.communicate(timeout=90)
    except BaseException:
        load.kill()
        raise
    result = json.loads(out) if out.strip() else {"ok": False, "last_problem": complaint}
    if not result["ok"]:
        problems.append("the publishers did not get every PUBACK in the end: %s" % result)
    acknowledged = read_ack_log(ack_log)
    check(consumers, acknowledged, problems)
    wait_until_acknowledged(stack, problems)
    for _, _, consumer in consumers:
        consumer.close()
    stack.check()
    print("%d kills, %d messages acknowledged, %s sent again by the publishers" %
          (len(starts), count(acknowledged), result.get("resent", "?")))
    print(distribution(starts))
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=default_bin(), help="directory of the programs")
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--rate", type=int, default=3000, help="messages a second")
    parser.add_argument("--durability", default="fsync", choices=("fsync", "os"))
    parser.add_argument("--seed", type=int, default=None, help="of kills and consumers; the load's order is not repeatable")
    parser.add_argument("--where", help="directory for data, default the system's")
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(1 << 31)
    print("seed %d, %d kills, %d msgs/s over %d topics with %d subscriptions each" %
          (seed, given.kills, given.rate, TOPICS, SUBSCRIPTIONS), flush=True)
    roomy = "backlog_bytes_per_topic: 1GiB, backlog_bytes_per_tenant: 4GiB"  # consumers here may fall behind
    with Stack(given.bin, durability=given.durability, where=given.where, limits=roomy) as stack:
        stack.start()
        problems = campaign(stack, given, random.Random(seed))
        stack.keep = bool(problems)
    for one in problems:
        print("FAILED: " + one)
    print("%d problems" % len(problems) if problems else "all well")
    return 1 if problems else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.TimeoutExpired as late:
        print("FAILED: %s" % late)
        sys.exit(1)
