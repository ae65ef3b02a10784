#!/usr/bin/env python3
"""Logins by the platform: broker and messaging with `provider: platform` and the stand-in, which answers, fails, and comes
back. No tenant is configured anywhere; messaging has the limits of one in a file, whose trust
anchors are none of its business."""

import base64
import json
import os
import struct
import sys
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from doors_support import Program, Stack, Steps, free_port, options, publish, until

USERS = ("t1/device1:right-Zx81", "t1/device2:right-Zx81", "t1/late:right-Zx81", "t1/admin:right-Zx81", "t2/device1:other-Zx81")
AUTH = ("auth:\n  provider: platform\n  platform: { url: 'http://127.0.0.1:%d', timeout: 2s, lifetime: 1s, stale_lifetime: 1h, pause: 500ms, "
        "negative_lifetime: 100ms }\n")


class PlatformStack(Stack):
    def __init__(self, bin_directory: str):
        super().__init__(bin_directory, tls=False)
        self.sim_port = free_port()
        arguments = ["--port", str(self.sim_port)]
        for user in USERS:
            arguments += ["--user", user]
        self.platform = Sim("platform-sim", os.path.join(bin_directory, "platform-sim"), arguments, self.directory, self.sim_port)
        for name in ("broker.yaml", "messaging.yaml"):
            with open(self.path(name), encoding="utf-8") as text:
                kept = [line for line in text if not line.startswith("auth:")]
            self.write(name, "".join(kept) + AUTH % self.sim_port)
        with open(self.path("messaging.yaml"), "a", encoding="utf-8") as out:
            out.write("  file: %s\n" % self.path("limits.yaml"))
        self.write("limits.yaml", "tenants: { t2: { store: { topics_per_tenant: 2 }, trust_anchors: [ { file: not-there.pem } ] } }\n")
        with open(self.path("broker.yaml"), "a", encoding="utf-8") as out:
            out.write("log: { level: debug }\n")

    def start(self):
        self.platform.start()
        return super().start()

    def kill(self):
        super().kill()
        if self.platform.process is not None and self.platform.alive():
            self.platform.process.kill()
            self.platform.process.wait()

    def faults(self, **what):
        ask = urllib.request.Request("http://127.0.0.1:%d/sim/faults" % self.sim_port, json.dumps(what).encode(),
                                     {"Content-Type": "application/json"})
        with urllib.request.urlopen(ask, timeout=5) as answer:
            assert answer.status < 300


class Sim(Program):
    def healthy(self) -> bool:
        try:
            with urllib.request.urlopen("http://127.0.0.1:%d/sim/health" % self.ops_port, timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False


def who_may_come(stack):
    """users of any tenant with their passwords, nobody else"""
    for version in (3, 4, 5):
        stack.client("a", version=version, user="t1/device1", password="right-Zx81").disconnect()
        stack.client("a", version=version, user="t2/device1", password="other-Zx81").disconnect()
    for user in ("t1/device1", "t1/nobody", "t3/device1"):
        assert stack.client("a", user=user, password="wrong-Zx81", expect=5).rest() == []
        assert stack.client("a", version=5, user=user, password="wrong-Zx81", expect=0x86).rest() == []
    # In Basic credentials this would be the user `device1` with another password.
    assert stack.client("a", version=5, user="t1/device1:right-Zx81", password="", expect=0x86).rest() == []
    assert stack.client("a", version=5, user="t2/device1", password="right-Zx81", expect=0x86).rest() == []


def tokens(stack):
    """messaging asks the platform, too"""
    def token(password: str) -> int:
        ask = urllib.request.Request("http://127.0.0.1:%d/notification2/token" % stack.link_port,
                                     json.dumps({"subscriber": "s", "subscription": "x", "type": "mqtt"}).encode(),
                                     {"Content-Type": "application/json",
                                      "Authorization": "Basic " + base64.b64encode(("t1/admin:" + password).encode()).decode()})
        try:
            with urllib.request.urlopen(ask, timeout=5) as answer:
                return answer.status
        except urllib.error.HTTPError as refused:
            return refused.code

    assert token("right-Zx81") == 200
    assert token("wrong-Zx81") == 401


def limits_of_the_file(stack):
    """a tenant's limits of the store come from messaging's file, though its users come from the platform"""
    def answers(user: str, password: str) -> list:
        one = stack.client("pub", version=5, user=user, password=password)
        found = []
        for number in range(1, 5):
            one.send(publish("limit/%d" % number, b"x", 1, number, 5))
            body = one.wait(0x40)
            assert struct.unpack_from(">H", body)[0] == number
            found.append(body[2] if len(body) > 2 else 0)
        one.disconnect()
        return found

    assert 0x97 not in answers("t1/device1", "right-Zx81")
    assert [code == 0x97 for code in answers("t2/device1", "other-Zx81")] == [False, False, True, True]


def outage(stack):
    """platform down: known devices go on, unknown ones are told to come again; it is left alone; then all come in"""
    stack.client("known", user="t1/device2", password="right-Zx81").disconnect()
    stack.faults(failShare=1.0)

    def stale() -> bool:
        stack.client("known", user="t1/device2", password="right-Zx81").disconnect()
        return stack.broker.metrics()["mqtt_credentials_stale_total"] > 0

    assert until(stale)
    assert stack.client("late", user="t1/late", password="right-Zx81", expect=3).rest() == []
    assert stack.client("late", version=5, user="t1/late", password="right-Zx81", expect=0x88).rest() == []

    def left_alone() -> bool:
        stack.client("late", version=5, user="t1/late", password="right-Zx81", expect=0x88)
        return stack.broker.metrics()["mqtt_platform_logins_not_asked_total"] > 0

    assert until(left_alone)
    metrics = stack.broker.metrics()
    assert metrics["mqtt_platform_logins_failed_total"] >= 5 and metrics["mqtt_platform_paused"] == 1
    stack.client("known", version=5, user="t1/device2", password="right-Zx81").disconnect()
    stack.faults(failShare=0.0)
    assert until(lambda: stack.client("late", version=5, user="t1/late", password="right-Zx81", expect=None).connack[1] == 0)
    assert stack.broker.metrics()["mqtt_platform_paused"] == 0


def gone(stack):
    """the same when nothing listens there any more"""
    stack.client("known", user="t1/device2", password="right-Zx81").disconnect()
    stack.platform.stop()
    before = stack.broker.metrics()["mqtt_credentials_stale_total"]

    def stale() -> bool:
        stack.client("known", user="t1/device2", password="right-Zx81").disconnect()
        return stack.broker.metrics()["mqtt_credentials_stale_total"] > before

    assert until(stale)
    assert stack.client("new", version=5, user="t2/device1", password="wrong-Zx81-2", expect=0x88).rest() == []
    stack.platform.start()
    assert until(lambda: stack.client("new", version=5, user="t2/device1", password="other-Zx81", expect=None).connack[1] == 0)


def nothing_secret_in_the_log(stack):
    """at the level debug, after all of the above"""
    for program in (stack.broker, stack.messaging):
        assert "Zx81" not in program.log()


def main() -> int:
    arguments = options(__doc__)
    steps = Steps(arguments.only)
    with PlatformStack(arguments.bin) as stack:
        steps.run(stack, who_may_come, tokens, limits_of_the_file, outage, gone, nothing_secret_in_the_log)
    return steps.finish()


if __name__ == "__main__":
    sys.exit(main())
