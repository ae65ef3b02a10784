#!/usr/bin/python3
"""Two brokers on one messaging: deliveries and take-over across them, SIGKILL of one, and one that freezes beyond its lease.

What is checked: nobody loses a message or a connection for the other broker's sake; who is taken over learns why (MQTT 5:
0x8E); the wills of a dead or frozen broker's clients are published exactly once, as a consumer and, at the end, an auditor
that acknowledged nothing see it; what a frozen broker's clients publish after their wills were executed is not stored.
"""

import argparse
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))

from mqtt_client import PUBLISH, Client, packet, text  # noqa: E402
from stack import Stack, default_bin, free_port  # noqa: E402
from will_log import WillLog  # noqa: E402

LEASE_SECONDS = 2
LINK_DEAD_SECONDS = 12  # messaging pings a silent link after 5 s and gives it up after 10 s
TAKEN_OVER = 0x8E
MESSAGES = 200


class TwoBrokers:
    def __init__(self, stack):
        self.stack, self.problems, self.due, self.never = stack, [], [], []
        self.ports = {"one": stack.mqtt_port, "two": free_port()}
        self.one = stack.broker
        self.two = stack.add_broker("two", self.ports["two"], free_port(), stack.messaging_port)
        stack.start()
        self.two.start()
        self.wills = WillLog(stack)
        self.fenced = WillLog(stack, "fenced")

    def client(self, broker: str, name: str, version: int = 4, client_id: str = "", will: bool = True) -> Client:
        return Client(self.ports[broker], client_id or "c-" + name, version=version, will=("wills", name) if will else None)

    def check(self, good: bool, text_of: str):
        if not good:
            self.problems.append(text_of)
            print("FAILED: " + text_of, flush=True)

    def expect_will(self, name: str, seconds: float):
        self.due.append(name)
        self.check(self.wills.wait(name, seconds), "%s: no will within %.0f s" % (name, seconds))

    def claims(self) -> float:
        return self.stack.messaging.metrics()["messaging_claims"]

    def wait_metric(self, name: str, wanted: float):
        deadline = time.monotonic() + LINK_DEAD_SECONDS + LEASE_SECONDS + 5
        while self.stack.messaging.metrics()[name] != wanted:
            if time.monotonic() > deadline:
                self.check(False, "%s does not become %g" % (name, wanted))
                return
            time.sleep(0.02)

    def wait_no_lease(self, sessions: int):
        """Only the brokers that live have a session: no lease is left whose end could publish anything."""
        self.wait_metric("messaging_link_sessions", sessions)

    def judge(self):
        self.wait_no_lease(2)
        for log, what in ((self.wills, "will"), (self.fenced, "fenced message")):
            stored, wanted = log.audit(), {name: 1 for name in self.due} if log is self.wills else {"before": 1}
            for name in sorted(set(stored) | set(wanted)):
                if stored.get(name, 0) != wanted.get(name, 0):
                    self.check(False, "%s %s: stored %d times instead of %d" % (what, name, stored.get(name, 0), wanted.get(name, 0)))

    def close(self):
        self.wills.close()
        self.fenced.close()


def expect_messages(test: TwoBrokers, client: Client, topic: str, wanted: list, what: str, seconds: float = 15):
    deadline = time.monotonic() + seconds
    mine = lambda: [payload for at, payload in client.messages if at == topic]
    while len(mine()) < len(wanted) and not client.closed and time.monotonic() < deadline:
        client.read(max(0.0, deadline - time.monotonic()))
    test.check(mine() == wanted, "%s: %d messages came, %d were sent, or another order" % (what, len(mine()), len(wanted)))


def cross_delivery(test: TwoBrokers):
    """Both ways, each subscriber at the other broker, one at both: in order and complete."""
    ends = {"one": test.client("one", "cross-one", 5, will=False), "two": test.client("two", "cross-two", 4, will=False)}
    for mine in ends:
        ends[mine].subscribe("to/" + mine)
        ends[mine].subscribe("to/both")
    sent = [b"%d" % number for number in range(MESSAGES)]
    for mine, other in (("one", "two"), ("two", "one")):
        for payload in sent:
            test.check(ends[mine].publish("to/" + other, payload) == 0, "a publish from %s is accepted" % mine)
        ends[mine].publish("to/both", b"by " + mine.encode())
    for mine in ends:
        expect_messages(test, ends[mine], "to/" + mine, sent, "delivery to broker " + mine)
        expect_messages(test, ends[mine], "to/both", [b"by one", b"by two"], "delivery of both at " + mine)
        ends[mine].disconnect()


def take_over(test: TwoBrokers):
    """The same client ID at the other broker, there and back, in both versions."""
    for version in (4, 5):
        names = ["taken-%d-v%d" % (step, version) for step in range(3)]
        clients = []
        for step, broker in enumerate(("one", "two", "one")):
            clients.append(test.client(broker, names[step], version, client_id="same-v%d" % version))
            clients[-1].subscribe("same/%d" % version)
            if step == 0:
                continue
            before = clients[step - 1]
            test.check(before.wait_closed(5), "%s: the first connection stays open" % names[step - 1])
            if version == 5:
                test.check(before.disconnect_reason == TAKEN_OVER,
                           "%s: DISCONNECT with %s instead of 0x8E" % (names[step - 1], before.disconnect_reason))
            test.expect_will(names[step - 1], 5)
        last = clients[-1]
        test.check(last.publish("same/%d" % version, b"mine") == 0, "the successor can publish to itself")
        expect_messages(test, last, "same/%d" % version, [b"mine"], "the successor's subscription")
        last.disconnect()
        test.never.append(names[-1])


class Chatter:
    """A publisher and a subscriber of one broker that go on while the other broker suffers. Each message must arrive before
    the next is sent, so a stall shows as a late one."""

    def __init__(self, test: TwoBrokers, broker: str, name: str):
        self.test, self.topic, self.name = test, "chatter/" + name, name
        self.publisher = test.client(broker, name + "-talks", 5, will=False)
        self.listener = test.client(broker, name + "-listens", 4, will=False)
        self.listener.subscribe(self.topic)
        self.count = 0
        self.stopping = threading.Event()
        self.failure = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            while not self.stopping.wait(0.01):
                code = self.publisher.publish(self.topic, b"%d" % self.count, timeout=5)
                if code != 0:
                    raise AssertionError("PUBACK %d" % code)
                self.count += 1
                self.listener.expect(PUBLISH, 5)
        except Exception as problem:  # pylint: disable=broad-except
            self.failure = problem

    def stop(self):
        self.stopping.set()
        self.thread.join(15)
        self.test.check(self.failure is None, "%s: clients of the living broker: %s" % (self.name, self.failure))
        self.test.check(self.count > 0, "%s: messages went on" % self.name)
        wanted = [(self.topic, b"%d" % number) for number in range(self.count)]
        got = self.listener.messages
        differ = next((at for at, pair in enumerate(zip(got, wanted)) if pair[0] != pair[1]), min(len(got), len(wanted)))
        self.test.check(got == wanted, "%s: every message once and in order: %d came, %d were acknowledged, from %d on %s" %
                        (self.name, len(got), len(wanted), differ, got[differ:differ + 4]))
        for client in (self.publisher, self.listener):
            self.test.check(not client.closed, "%s: %s stays connected" % (self.name, client.client_id))


def killed(test: TwoBrokers):
    """SIGKILL of broker one. Its clients' wills come at the end of the lease; of one who comes back elsewhere at once."""
    watcher = test.client("two", "watches", 5, will=False)
    watcher.subscribe("wills")
    chatter = Chatter(test, "two", "beside-a-kill")
    names = ["killed-%d" % number for number in range(4)]
    clients = [test.client("one", name, 4 + number % 2) for number, name in enumerate(names)]
    back_early = test.client("one", "killed-back-early", 5)
    leaves = test.client("one", "killed-but-left-before", 5)
    claims = test.claims()
    leaves.disconnect()
    test.wait_metric("messaging_claims", claims - 1)
    begin = time.monotonic()
    test.one.kill()
    successor = test.client("two", "came-back", 5, client_id=back_early.client_id)
    test.expect_will("killed-back-early", LEASE_SECONDS - 0.5)
    for name in names:
        test.expect_will(name, LEASE_SECONDS + 5)
    test.check(time.monotonic() - begin >= LEASE_SECONDS - 0.5, "killed: the wills came before the lease ended")
    expect_wills(test, watcher, ["killed-back-early"] + names)
    test.one.start()
    chatter.stop()
    fresh = test.client("one", "after-the-kill", 4, will=False)
    fresh.subscribe("again")
    test.check(successor.publish("again", b"x") == 0, "the killed broker serves again")
    expect_messages(test, fresh, "again", [b"x"], "delivery to the broker that was started again")
    for client in (fresh, successor, watcher):
        client.disconnect()
    for client in clients + [back_early]:
        client.socket.close()


def expect_wills(test: TwoBrokers, watcher: Client, names: list):
    deadline = time.monotonic() + 10
    while len(watcher.messages) < len(names) and time.monotonic() < deadline:
        watcher.read(max(0.0, deadline - time.monotonic()))
    got = sorted(payload.decode() for _, payload in watcher.messages)
    test.check(got == sorted(names), "wills at an MQTT subscriber: %s instead of %s" % (got, sorted(names)))


def send_publish(client: Client, topic: str, payload: bytes):
    """QoS 1 without waiting for its PUBACK."""
    client.identifier += 1
    five = b"\x00" if client.version == 5 else b""
    client.send(packet(PUBLISH << 4 | 2, text(topic) + client.identifier.to_bytes(2, "big") + five + payload))


def frozen(test: TwoBrokers):
    """SIGSTOP of broker one beyond link timeout and lease, then SIGCONT."""
    chatter = Chatter(test, "two", "beside-a-freeze")
    names = ["frozen-%d" % number for number in range(4)]
    clients = [test.client("one", name, 4 + number % 2) for number, name in enumerate(names)]
    for client in clients:
        client.subscribe("frozen/" + client.client_id)
    test.check(clients[1].publish("fenced", b"before") == 0, "a publish before the freeze is stored")
    moved = test.client("one", "frozen-moved", 5)
    test.one.freeze()
    for client in clients:  # lies in the frozen broker's sockets
        send_publish(client, "fenced", b"by " + client.client_id.encode())
    successor = test.client("two", "moved-on", 5, client_id=moved.client_id)
    test.expect_will("frozen-moved", 5)
    for name in names:
        test.expect_will(name, LINK_DEAD_SECONDS + LEASE_SECONDS + 5)
    test.wait_no_lease(1)
    for client in clients:
        send_publish(client, "fenced", b"late by " + client.client_id.encode())
    test.one.thaw()
    for client, name in list(zip(clients, names)) + [(moved, "frozen-moved")]:
        test.check(client.wait_closed(15), "%s: the connection stays open after its will was published" % name)
        if client.version == 5:
            reason = client.disconnect_reason
            test.check(reason is not None and reason >= 0x80, "%s: closed with reason %s" % (name, reason))
    test.one.wait_healthy()
    chatter.stop()
    fresh = test.client("one", "after-the-freeze", 5, will=False)
    fresh.subscribe("fresh")
    test.check(fresh.publish("fresh", b"own") == 0, "the woken broker serves new clients")
    test.check(successor.publish("fresh", b"across") == 0, "the successor was left alone")
    expect_messages(test, fresh, "fresh", [b"own", b"across"], "delivery to the woken broker")
    for client in (fresh, successor):
        client.ping()
        client.disconnect()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=default_bin(), help="directory of the programs")
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    problems = []
    for _ in range(given.rounds):
        with Stack(given.bin, lease="%ds" % LEASE_SECONDS) as stack:
            test = TwoBrokers(stack)
            for group in (cross_delivery, take_over, killed, frozen):
                begin = time.monotonic()
                group(test)
                stack.check()
                print("%-16s done in %.1f s" % (group.__name__, time.monotonic() - begin), flush=True)
            test.judge()
            test.close()
            problems += test.problems
            stack.keep = bool(test.problems)
    print("%d problems" % len(problems) if problems else "all well")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
