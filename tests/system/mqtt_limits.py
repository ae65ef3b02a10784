#!/usr/bin/env python3
"""Quotas and time-to-live as MQTT clients meet them: a full backlog, too many topics, messages that are too old."""

import os
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from doors_support import Closed, Stack, Steps, options, packet, publish, until


def full_backlog(stack):
    """a topic's full backlog: 0x97 for 5.0, which goes on; the end of the connection for 3.1.1; other topics go on"""
    five = stack.client("five", version=5)
    codes = []
    while len(codes) < 200 and (not codes or codes[-1] == 0):
        codes.append(five.publish("full/x", bytes(4096)))
    assert codes[-1] == 0x97, codes
    assert 8 <= len(codes) - 1 <= 16, "%d messages of 4 KiB in 64 KiB" % (len(codes) - 1)
    five.ping()
    assert five.publish("elsewhere", b"x") == 0x10
    old = stack.client("old")
    old.send(b"".join(publish("full/x", bytes(4096), 1, n) for n in range(1, 6)))
    got = old.rest()
    assert all(first == 0x40 for first, _ in got) and not got, got
    old = stack.client("old")
    old.publish("elsewhere", b"x")
    old.disconnect()
    assert stack.messaging.metrics()["messaging_refused_topic_backlog_full_total"] >= 2
    five.disconnect()


def many_topics(stack):
    """more topics than a tenant may have: refused and counted, another tenant is not affected"""
    five = stack.client("five", version=5)
    codes = [five.publish("many/%d" % n, b"x") for n in range(330)]
    assert codes[0] == 0x10 and codes[-1] == 0x97, codes
    assert 290 <= codes.index(0x97) <= 300, codes.index(0x97)
    assert set(codes) == {0x10, 0x97}
    other = stack.client("other", version=5, user="t0816/device1", password="other-secret")
    assert other.subscribe(("many/x", 1)) == b"\x01"
    assert other.publish("many/x", b"fine") == 0 and other.next_message().payload == b"fine"
    assert stack.messaging.metrics()["messaging_refused_topic_limit_total"] >= 30
    five.disconnect()
    other.disconnect()


def too_old(stack):
    """time-to-live: what waited too long is never delivered, what is fresh is"""
    before = stack.messaging.metrics()["messaging_expired_total"]
    who = {"user": "t0816/device1", "password": "other-secret"}
    slow = stack.client("slow", version=5, props=b"\x21\x00\x01", **who)
    slow.automatic = False
    slow.subscribe(("old/x", 1))
    sender = stack.client("sender", version=5, **who)
    for payload in (b"first", b"stale", b"stale too"):
        assert sender.publish("old/x", payload) == 0
    first = slow.next_message()
    assert first.payload == b"first"
    assert until(lambda: stack.messaging.metrics()["messaging_expired_total"] >= before + 2, 10)
    slow.send(packet(0x40, struct.pack(">H", first.identifier)))
    slow.no_message()
    assert sender.publish("old/x", b"fresh") == 0
    assert slow.next_message().payload == b"fresh"
    slow.disconnect()
    sender.disconnect()


def never_acknowledges(stack):
    """a subscriber that never acknowledges is ended with a reason before it fills the topic for all"""
    slow = stack.client("slow", version=5, props=b"\x21\x00\x01", user="t0816/device1", password="other-secret")
    slow.automatic = False
    slow.subscribe(("lag/x", 1))
    sender = stack.client("sender", version=5, user="t0816/device1", password="other-secret")
    codes = [sender.publish("lag/x", bytes(4096)) for _ in range(40)]
    assert set(codes) <= {0, 0x10}, codes
    got = slow.rest()
    assert got[-1][0] == 0xE0, got[-1]
    sender.disconnect()


def main() -> int:
    arguments = options(__doc__)
    steps = Steps(arguments.only)
    with Stack(arguments.bin, tls=False, messaging_limits="backlog_bytes_per_topic: 64KiB, topics_per_tenant: 300, ttl: 3s",
               declared="{ tenant: t0815, topic: full/x, subscriber: keeper }") as stack:
        steps.run(stack, too_old, full_backlog, never_acknowledges, many_topics)
    return steps.finish()


if __name__ == "__main__":
    sys.exit(main())
