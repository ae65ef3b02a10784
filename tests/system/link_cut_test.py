#!/usr/bin/python3
"""Cuts the link between mqtt-broker and mqtt-messaging, not the programs.

Shorter than the lease: clients notice a pause and nothing else: no loss, no repeat, no will, every connection stays.
Longer than the lease: what cannot be resumed is ended: clients of that broker are closed with a reason, each will is
published exactly once, and nothing that was acknowledged is lost.
"""

import argparse
import json
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))

from cuttable_proxy import CuttableProxy  # noqa: E402
from mqtt_client import Client  # noqa: E402
from sequences import count, read_ack_log  # noqa: E402
from stack import Stack, default_bin, free_port  # noqa: E402
from watchers import durable_consumer, mqtt_subscriber  # noqa: E402
from will_log import WillLog  # noqa: E402

LEASE_SECONDS = 3


class Case:
    """One cut under load, with everything that watches it."""

    def __init__(self, stack, wills, name: str, rate: int):
        self.stack, self.wills, self.name = stack, wills, name
        topics = [name + "/0", name + "/1"]
        self.consumers = [durable_consumer(stack, topic, "cut-" + name) for topic in topics]
        self.subscriber = mqtt_subscriber(stack.mqtt_port, "watch-" + name, topics, version=5)
        self.bystander = Client(stack.mqtt_port, "will-" + name, version=5, will=("wills", name))
        self.bystander.subscribe("quiet/" + name)
        self.ack_log = stack.path(name + ".acks")
        self.load = stack.load("--checker", "--ack-log", self.ack_log, "--rate", str(rate), "--publishers", "4", "--topics", "2",
                               "--topic-prefix", name, "--client-prefix", "load-" + name, "--qos", "1", "--payload", "200",
                               "--inflight", "500", "--seconds", "100000", "--drain", "20")
        deadline = time.monotonic() + 20
        while not (os.path.exists(self.ack_log) and os.path.getsize(self.ack_log) > 100):
            assert time.monotonic() < deadline, "the publisher gets no PUBACK"
            time.sleep(0.02)

    def finish(self) -> dict:
        self.load.send_signal(signal.SIGTERM)
        out, _ = self.load.communicate(timeout=60)
        result = json.loads(out)
        acknowledged = read_ack_log(self.ack_log)
        result["acked_ranges"] = count(acknowledged)
        result["consumer_missing"] = result["consumer_repeats"] = result["consumer_late"] = 0
        for at, consumer in enumerate(self.consumers):
            report = consumer.wait_for({p: r for p, r in acknowledged.items() if p % 2 == at}, 10)
            result["consumer_missing"] += len(report["missing"])
            result["consumer_repeats"] += report["sequences"].repeated
            result["consumer_late"] += report["sequences"].late
            consumer.close()
        if self.subscriber is not None:
            report = self.subscriber.wait_for(acknowledged, 5 if result["connections_lost"] == 0 else 1)
            result.update(mqtt_missing=len(report["missing"]), mqtt_repeats=report["sequences"].repeated,
                          mqtt_late=report["sequences"].late, mqtt_connections=report["connections"], reasons=report["reasons"])
            self.subscriber.close()
        result["bystander_open"] = self.bystander.is_open()
        result["bystander_reason"] = self.bystander.disconnect_reason
        result["wills"] = self.wills.count(self.name)
        if result["bystander_open"]:
            self.bystander.disconnect()
        return result


class Checks:
    def __init__(self):
        self.failed = []

    def check(self, good: bool, text: str, result):
        if not good:
            self.failed.append(text)
            print("FAILED: %s: %s" % (text, json.dumps(result)), flush=True)


def short_cut(stack, proxy, wills, checks, rate: int, way: str, number: int = 0):
    name = "short-%s-%d" % (way, number)
    case = Case(stack, wills, name, rate)
    time.sleep(0.5)
    getattr(proxy, way)()
    time.sleep(1.0)
    case.bystander.ping()  # answered while the link is down
    proxy.heal()
    time.sleep(2)
    result = case.finish()
    checks.check(result["ok"], name + ": every publish is acknowledged", result)
    checks.check(result["connections_lost"] == 0 and result["mqtt_connections"] == 1 and result["bystander_open"],
                 name + ": all connections stay", result)
    checks.check(result["resent"] == 0, name + ": nothing had to be sent again", result)
    checks.check(result["consumer_missing"] == 0 and result["mqtt_missing"] == 0, name + ": nothing is lost", result)
    checks.check(result["consumer_repeats"] == 0 and result["mqtt_repeats"] == 0, name + ": nothing is repeated", result)
    checks.check(result["consumer_late"] == 0 and result["mqtt_late"] == 0, name + ": the order is kept", result)
    checks.check(result["wills"] == 0, name + ": no will", result)
    print("%-14s %d acknowledged, no connection lost, longest pause %.2f s" %
          (name, result["acked"], result["longest_ack_gap_ms"] / 1000), flush=True)


def long_cut(stack, proxy, wills, checks, rate: int, way: str, seconds: float, number: int = 0):
    name = "long-%s-%d" % (way, number)
    case = Case(stack, wills, name, rate)
    time.sleep(0.5)
    getattr(proxy, way)()
    time.sleep(seconds)
    checks.check(wills.count(name) == 1, name + ": the will is published when the lease ends", wills.seen())
    proxy.heal()
    closed = case.bystander.wait_closed(20)
    time.sleep(2)
    result = case.finish()
    checks.check(closed, name + ": clients that cannot be resumed are closed", result)
    checks.check(result["bystander_reason"] not in (None, 0), name + ": with a reason", result)
    checks.check(result["mqtt_connections"] >= 2, name + ": the subscriber was closed and came back", result)
    checks.check(result["ok"], name + ": every publish is acknowledged in the end", result)
    checks.check(result["consumer_missing"] == 0, name + ": nothing acknowledged is lost", result)
    checks.check(result["consumer_late"] == 0, name + ": the order is kept", result)
    checks.check(result["wills"] == 1, name + ": the will exactly once", result)
    print("%-14s %d acknowledged, %d repeats, closed with 0x%02X, one will" %
          (name, result["acked"], result["consumer_repeats"], result["bystander_reason"] or 0), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=default_bin(), help="directory of the programs")
    parser.add_argument("--rate", type=int, default=1000, help="messages a second")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--long-hang", action="store_true", help="also hang for longer than ping timeout and lease (25 s)")
    given = parser.parse_args()
    checks = Checks()
    link_port = free_port()
    with Stack(given.bin, lease="%ds" % LEASE_SECONDS, link_port=link_port) as stack:
        proxy = CuttableProxy(link_port, stack.messaging_port)
        stack.start()
        wills = WillLog(stack)
        for number in range(given.rounds):
            for way in ("cut", "hang"):
                short_cut(stack, proxy, wills, checks, given.rate, way, number)
            long_cut(stack, proxy, wills, checks, given.rate, "cut", LEASE_SECONDS + 2.0, number)
        if given.long_hang:
            long_cut(stack, proxy, wills, checks, given.rate, "hang", 20 + LEASE_SECONDS + 2.0)
        stack.check()
        wills.close()
        stack.keep = bool(checks.failed)
    print("%d problems" % len(checks.failed) if checks.failed else "all well")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
