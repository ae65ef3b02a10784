#!/usr/bin/python3
"""Last wills: exactly once in every case that calls for one, never otherwise, whatever is killed meanwhile.

Each case has its own client and payload. A durable consumer tells when a will comes; at the end a second one, which never
acknowledged anything, tells how often each was stored, so that a will that comes late, or twice, is seen.
"""

import argparse
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))

from cuttable_proxy import CuttableProxy  # noqa: E402
from mqtt_client import Client  # noqa: E402
from stack import Stack, default_bin, free_port  # noqa: E402
from will_log import WillLog  # noqa: E402

LEASE_SECONDS = 3


class Wills:
    def __init__(self, stack, proxy):
        self.stack, self.proxy = stack, proxy
        self.log = WillLog(stack)
        self.due, self.never = [], []
        self.problems = []

    def client(self, name: str, version: int = 4, keep_alive: int = 60, client_id: str = "") -> Client:
        return Client(self.stack.mqtt_port, client_id or "c-" + name, version=version, keep_alive=keep_alive, will=("wills", name))

    def expect(self, name: str, seconds: float):
        """The will comes in time; that it comes once is judged at the end."""
        self.due.append(name)
        if not self.log.wait(name, seconds):
            self.fail("%s: no will within %.0f s" % (name, seconds))

    def fail(self, text: str):
        self.problems.append(text)
        print("FAILED: " + text, flush=True)

    def judge(self):
        time.sleep(LEASE_SECONDS + 2)  # a wrong second one would come at the end of a lease
        stored = self.log.audit()
        for wanted, names in ((1, self.due), (0, self.never)):
            for name in names:
                if stored.get(name, 0) != wanted:
                    self.fail("%s: %d wills instead of %d" % (name, stored.get(name, 0), wanted))
        for name in set(stored) - set(self.due) - set(self.never):
            self.fail("%s: a will of nobody" % name)


def while_all_runs(wills: Wills):
    for version in (4, 5):
        tag = "-v%d" % version
        wills.client("reset" + tag, version).reset()
        wills.expect("reset" + tag, 5)
        silent = wills.client("silent" + tag, version, keep_alive=1)
        wills.expect("silent" + tag, 5)
        if not silent.wait_closed(5):
            wills.fail("silent%s: the connection stays open" % tag)
        first = wills.client("taken-over" + tag, version, client_id="same" + tag)
        second = wills.client("successor" + tag, version, client_id="same" + tag)
        wills.expect("taken-over" + tag, 5)
        if not first.wait_closed(5):
            wills.fail("taken-over%s: the first connection stays open" % tag)
        wills.never.append("successor" + tag)
        second.ping()
        second.disconnect()
        wills.never.append("orderly" + tag)
        wills.client("orderly" + tag, version).disconnect()
    asks = wills.client("asks", 5)
    asks.send(b"\xe0\x01\x04")  # DISCONNECT with will
    asks.socket.close()
    wills.expect("asks", 5)


def short_flap(wills: Wills):
    stays = wills.client("flap", 5)
    leaves = wills.client("orderly-during-flap")
    goes = wills.client("reset-during-flap")
    wills.proxy.cut()
    leaves.disconnect()
    goes.reset()
    time.sleep(1)
    wills.proxy.heal()
    wills.expect("reset-during-flap", 10)
    wills.never += ["flap", "orderly-during-flap"]
    stays.ping()
    if stays.publish("somewhere", b"x") not in (0, 0x10):
        wills.fail("flap: the client cannot publish afterwards")
    time.sleep(LEASE_SECONDS + 1)
    stays.disconnect()


def messaging_killed(wills: Wills):
    stack = wills.stack
    stays = wills.client("messaging-killed-stays", 5)
    goes = wills.client("messaging-killed-gone")
    leaves = wills.client("messaging-killed-orderly")
    stack.messaging.kill()
    goes.reset()
    leaves.disconnect()
    time.sleep(0.3)
    stack.messaging.start()
    wills.expect("messaging-killed-gone", 10)
    wills.never += ["messaging-killed-stays", "messaging-killed-orderly"]
    if stays.publish("somewhere", b"x") not in (0, 0x10):
        wills.fail("messaging-killed-stays: the client cannot publish afterwards")
    time.sleep(LEASE_SECONDS + 1)
    # Killed at once after a will was due: published before or after, never twice.
    quick = wills.client("messaging-killed-at-once")
    quick.reset()
    stack.messaging.kill()
    stack.messaging.start()
    wills.expect("messaging-killed-at-once", 10)
    stays.ping()
    stays.disconnect()


def broker_killed(wills: Wills):
    stack = wills.stack
    kept = [wills.client("broker-killed-%d" % i, 4 + i % 2) for i in range(4)]
    leaves = wills.client("broker-killed-after-orderly")
    leaves.disconnect()
    wills.never.append("broker-killed-after-orderly")
    time.sleep(0.3)
    begin = time.monotonic()
    stack.broker.kill()
    stack.broker.start()
    back = wills.client("broker-killed-came-back", client_id=kept[0].client_id)  # supersedes the first: its will is due now
    for number in range(4):
        wills.expect("broker-killed-%d" % number, LEASE_SECONDS + 5)
    if time.monotonic() - begin < LEASE_SECONDS - 0.5:
        wills.fail("broker-killed: wills came before the lease ended")
    wills.never.append("broker-killed-came-back")
    back.ping()
    back.disconnect()


def both_killed(wills: Wills):
    """The lease starts again with messaging; the will survives both."""
    stack = wills.stack
    client = wills.client("both-killed")
    stack.broker.kill()
    stack.messaging.kill()
    stack.messaging.start()
    stack.broker.start()
    wills.expect("both-killed", LEASE_SECONDS + 8)
    client.socket.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=default_bin(), help="directory of the programs")
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    problems, judged = [], 0
    for _ in range(given.rounds):
        link_port = free_port()
        with Stack(given.bin, lease="%ds" % LEASE_SECONDS, link_port=link_port) as stack:
            proxy = CuttableProxy(link_port, stack.messaging_port)
            stack.start()
            wills = Wills(stack, proxy)
            for group in (while_all_runs, short_flap, messaging_killed, broker_killed, both_killed):
                group(wills)
                stack.check()
                print("%-18s done" % group.__name__, flush=True)
            wills.judge()
            problems += wills.problems
            judged += len(wills.due) + len(wills.never)
            wills.log.close()
            stack.keep = bool(wills.problems)
    print("%d wills judged: %s" % (judged, "%d problems" % len(problems) if problems else "all well"))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
