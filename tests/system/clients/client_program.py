"""Runs a client program of tests/clients (see the README there) against the service, does what it asks for, and compares
the checks it passed with those that are expected of it."""

import argparse
import os
import queue
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))

from certificates import Authority  # noqa: E402
from stack import DEVICE, TENANT, TENANTS, Stack, StackError, default_bin  # noqa: E402

CLIENTS = os.path.normpath(os.path.join(HERE, "..", "..", "clients"))
RUN_SECONDS = 90

# What is expected of every client in both versions, and in MQTT 5 alone.
BOTH = ["wrong_password", "publish_subscribe", "empty_payload", "unsubscribe", "largest_packet", "larger_packet", "take_over",
        "will", "reconnect"]
FIVE = ["user_properties", "payload_properties", "request_response", "announced", "reason_codes"]


class Lines:
    """The lines a program prints, with deadlines. Its standard error is among them."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.seen = []
        self._lines = queue.Queue()
        threading.Thread(target=self._pump, daemon=True).start()

    def _pump(self):
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def next(self, deadline: float):
        """The next line, or None when the program has closed its output."""
        try:
            line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise StackError("%s says nothing more; so far: %s" % (self.process.args[:2], self.seen)) from None
        if line is not None:
            self.seen.append(line)
        return line

    def until(self, wanted, seconds: float = 20) -> str:
        """The first line that is, or for which the function is true, in time."""
        fits = wanted if callable(wanted) else lambda line: line == wanted
        deadline = time.monotonic() + seconds
        while True:
            line = self.next(deadline)
            if line is None:
                raise StackError("%s ended: %s" % (self.process.args[:2], self.seen))
            if fits(line):
                return line

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Ways:
    """How the clients connect: over TCP, and over TLS with password or certificate."""

    def __init__(self, stack: Stack, certificate):
        self.stack = stack
        login = ["user=%s/%s" % (TENANT, DEVICE[0]), "password=" + DEVICE[1]]
        secure = ["host=localhost", "port=%d" % stack.tls_port, "ca=" + stack.path("ca.pem")]
        self.tcp = ["host=127.0.0.1", "port=%d" % stack.mqtt_port, *login]
        self.tls = [*secure, *login]
        self.certificate = [*secure, "user=" + TENANT, "certificate=" + certificate[0], "key=" + certificate[1]]

    def all(self):
        """(label, version, settings): both versions, each over TCP and TLS, with both ways to log in."""
        return (("3.1.1 TCP", "3.1.1", self.tcp), ("5 TCP", "5", self.tcp),
                ("3.1.1 TLS, password", "3.1.1", self.tls), ("5 TLS, certificate", "5", self.certificate))


def trusting(authority: Authority) -> str:
    """The file of tenants in which the first one trusts that CA."""
    return TENANTS + "    trust_anchors: [ %s ]\n" % authority.anchor()


def run_program(stack: Stack, command, settings, expected) -> list:
    """Problems of one run; each check's line is printed as it comes."""
    program, deadline, passed = Lines([*command, "checks", *settings]), time.monotonic() + RUN_SECONDS, []
    try:
        while (line := program.next(deadline)) is not None:
            if line.startswith("ok "):
                passed.append(line[3:])
            elif line == "ask will":
                end_without_a_word([*command, "doomed", *settings])
            elif line == "ask restart":
                stack.broker.kill()
                stack.broker.start()
            else:
                print("    " + line, flush=True)
        code = program.process.wait(10)
    finally:
        program.kill()
    problems = ["%s did not pass" % check for check in expected if check not in passed]
    problems += ["%s passed, which nobody expects" % check for check in passed if check not in expected]
    if code != 0 and not problems:
        problems.append("exit code %d" % code)
    return problems


def end_without_a_word(command):
    """Connects a client with a will and kills it."""
    doomed = Lines(command)
    try:
        doomed.until("connected")
    finally:
        doomed.kill()


def test_client(name: str, command, both, five, arguments) -> int:
    """All ways and versions; 0 when exactly the expected checks have passed in each."""
    failed = 0
    with Stack(arguments.bin, tls=True) as stack:
        authority = Authority(stack.directory, "plant-ca")
        ways = Ways(stack, authority.device("device-1"))
        stack.start()
        stack.set_tenants(trusting(authority))
        for number, (label, version, settings) in enumerate(ways.all()):
            begun = time.monotonic()
            expected = both + (five if version == "5" else [])
            problems = run_program(stack, command, ["version=" + version, "name=%s%d" % (name, number), *settings], expected)
            stack.check()
            print("%-5s %s: %d checks (%.1f s)" % ("FAIL" if problems else "ok", label, len(expected), time.monotonic() - begun))
            for problem in problems:
                print("      " + problem)
            failed += len(problems)
        stack.keep = failed != 0
    return 1 if failed else 0


def options(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=default_bin(), help="directory of the programs")
    return parser
