#!/usr/bin/python3
"""Kills mqtt-messaging, then mqtt-broker (SIGKILL), again and again under load, and checks what was promised:

 (a) a durable consumer of /notification2/consumer/ receives every message whose PUBACK the publisher saw, in order after
     dropping repeats;
 (b) for kills of messaging, so does a connected MQTT QoS 1 subscriber, and it stays connected;
 (c) the first new PUBACK comes within 5 s of each kill.

    tests/system/kill_test.py                               # as in CI: two kills of each
    tests/system/kill_test.py --kills 20 --rate 20000       # the campaign
"""

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))

from sequences import count, read_ack_log  # noqa: E402
from stack import Stack, default_bin  # noqa: E402
from watchers import durable_consumer, mqtt_subscriber  # noqa: E402

PUBLISHERS, TOPICS = 4, 2
RECOVERY_SECONDS = 5.0


class Problems(list):
    def check(self, good: bool, text: str):
        if not good:
            self.append(text)
            print("FAILED: " + text, flush=True)


def size_of(path: str) -> int:
    try:
        return os.path.getsize(path)
    except FileNotFoundError:
        return 0


def wait_growth(path: str, seconds: float):
    """Seconds until the file is longer than it was at the call; None when it is not in time."""
    begin, size = time.monotonic(), size_of(path)
    while time.monotonic() - begin < seconds:
        if size_of(path) > size:
            return time.monotonic() - begin
        time.sleep(0.002)
    return None


def one_kill(stack, victim, ack_log: str, chance, problems) -> float:
    """At a random moment; started again within a second, as a supervisor does. Seconds from the kill to the first PUBACK
    that came after the new process was started: an older one may still be in a socket right after the kill."""
    time.sleep(chance.uniform(0.3, 2.0))
    stack.check()
    problems.check(wait_growth(ack_log, 10) is not None, "PUBACKs come before the kill")
    time.sleep(chance.uniform(0, 0.05))
    killed = time.monotonic()
    victim.kill()
    time.sleep(chance.uniform(0.05, 0.8))
    victim.spawn()
    recovered = wait_growth(ack_log, 30)
    took = time.monotonic() - killed
    problems.check(recovered is not None, "%s: a PUBACK comes after the kill (30 s waited)" % victim.name)
    problems.check(took <= RECOVERY_SECONDS, "%s: first new PUBACK after %.2f s" % (victim.name, took))
    victim.wait_healthy()
    return took


def campaign(stack, victim, given, chance, problems) -> dict:
    """All kills of one program, under one run of mqtt-load."""
    name = victim.name
    topics = ["%s/%d" % (name, i) for i in range(TOPICS)]
    consumers = [durable_consumer(stack, topic, "kill-" + name) for topic in topics]
    # A broker's own clients go with it: only the durable consumers must have everything then.
    # MQTT 5 for its receive maximum: 64 in flight are too few for a subscriber in Python at the campaign's rate.
    subscriber = mqtt_subscriber(stack.mqtt_port, "watch-" + name, topics, version=5) if victim is stack.messaging else None
    ack_log = stack.path(name + ".acks")
    load = stack.load("--checker", "--ack-log", ack_log, "--rate", str(given.rate), "--publishers", str(PUBLISHERS), "--topics",
                      str(TOPICS), "--topic-prefix", name, "--client-prefix", "load-" + name, "--qos", "1", "--payload", "200",
                      "--inflight", "500", "--seconds", "100000", "--drain", "20")
    try:
        recoveries = []
        for number in range(given.kills):
            recoveries.append(one_kill(stack, victim, ack_log, chance, problems))
            if given.verbose:
                print("%s kill %d: first PUBACK after %.2f s" % (name, number + 1, recoveries[-1]), flush=True)
        time.sleep(1)
        load.send_signal(signal.SIGTERM)
        out, complaint = load.communicate(timeout=60)
    except BaseException:
        load.kill()
        raise
    try:
        result = json.loads(out)
    except ValueError:
        result = {"ok": False, "last_problem": complaint, "unacked": -1, "connections_lost": -1, "resent": -1}
    acknowledged = read_ack_log(ack_log)
    problems.check(result["ok"], "%s: the publisher got every PUBACK in the end: %s" % (name, result))
    row = {"program": name, "kills": given.kills, "recoveries": recoveries, "acked": count(acknowledged),
           "resent": result["resent"], "connections_lost": result["connections_lost"], "lost": 0, "late": 0, "repeated": 0}
    for at, consumer in enumerate(consumers):
        mine = {publisher: ranges for publisher, ranges in acknowledged.items() if publisher % TOPICS == at}
        report = consumer.wait_for(mine, 15)
        seen = report["sequences"]
        row["lost"] += len(report["missing"])
        row["late"] += seen.late
        row["repeated"] += seen.repeated
        problems.check(not report["missing"], "%s: consumer of %s misses %d acknowledged messages: %s" %
                       (name, topics[at], len(report["missing"]), report["missing"][:8]))
        problems.check(seen.late == 0, "%s: consumer of %s saw %d out of order" % (name, topics[at], seen.late))
        problems.check(report["foreign"] == 0, "%s: consumer of %s got foreign messages" % (name, topics[at]))
        consumer.close()
    if subscriber is not None:
        report = subscriber.wait_for(acknowledged, 15)
        seen = report["sequences"]
        row.update(mqtt_lost=len(report["missing"]), mqtt_repeated=seen.repeated, mqtt_late=seen.late,
                   mqtt_connections=report["connections"])
        problems.check(not report["missing"], "%s: the MQTT subscriber misses %d acknowledged messages: %s" %
                       (name, len(report["missing"]), report["missing"][:8]))
        problems.check(seen.late == 0, "%s: the MQTT subscriber saw %d out of order" % (name, seen.late))
        problems.check(report["connections"] == 1, "%s: the MQTT subscriber stays connected (connected %d times, reasons %s)" %
                       (name, report["connections"], report["reasons"]))
        problems.check(result["connections_lost"] == 0, "%s: %d publisher connections were lost" % (name, result["connections_lost"]))
        subscriber.close()
    stack.check()
    return row


def table(rows):
    print("%-10s %5s %10s %6s %6s %8s %7s %7s | recovery s: median %s" %
          ("killed", "kills", "acked", "lost", "order", "repeats", "resent", "mqtt l/r", "max"))
    for row in rows:
        times = row["recoveries"]
        mqtt = "%d/%d" % (row["mqtt_lost"], row["mqtt_repeated"]) if "mqtt_lost" in row else "-"
        print("%-10s %5d %10d %6d %6d %8d %7d %8s | %18.2f %.2f" %
              (row["program"], row["kills"], row["acked"], row["lost"], row["late"], row["repeated"], row["resent"], mqtt,
               statistics.median(times), max(times)))
        print("           each: " + " ".join("%.2f" % one for one in times))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=default_bin(), help="directory of the programs")
    parser.add_argument("--kills", type=int, default=2, help="of each program")
    parser.add_argument("--rate", type=int, default=2000, help="messages a second")
    parser.add_argument("--only", choices=("messaging", "broker"), action="append")
    parser.add_argument("--durability", default="fsync", choices=("fsync", "os"))
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--where", help="directory for data, default the system's")
    parser.add_argument("--verbose", action="store_true")
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(1 << 31)
    print("seed %d, %d kills each, %d msgs/s" % (seed, given.kills, given.rate), flush=True)
    chance, problems, rows = random.Random(seed), Problems(), []
    # The receivers here are in Python: at the campaign's rate they may fall behind by more than the default quota, and a
    # stream that holds half of a quota is ended by rule.
    roomy = "backlog_bytes_per_topic: 1GiB, backlog_bytes_per_tenant: 4GiB"
    with Stack(given.bin, durability=given.durability, where=given.where, limits=roomy) as stack:
        stack.start()
        for victim in (stack.messaging, stack.broker):
            if not given.only or victim.name in given.only:
                rows.append(campaign(stack, victim, given, chance, problems))
        stack.keep = bool(problems)
    table(rows)
    print("%d problems" % len(problems) if problems else "all well")
    return 1 if problems else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.TimeoutExpired as late:
        print("FAILED: %s" % late)
        sys.exit(1)
