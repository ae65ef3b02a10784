"""Runs a real mqtt-messaging in a directory of its own, for the system tests: start, kill, start again, ask."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "clients", "python"))

TENANTS = """\
tenants:
  t0815:
    users:
      admin:   { password: { plain: admin-secret }, roles: [ROLE_NOTIFICATION_2_ADMIN] }
      device1: { password: { plain: device1-secret } }
  t0816:
    users:
      admin:   { password: { plain: other-secret }, roles: [ROLE_NOTIFICATION_2_ADMIN] }
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Messaging:
    def __init__(self, program: str, limits: str = ""):
        self.program = program
        self.directory = tempfile.TemporaryDirectory(prefix="messaging-")
        self.port = free_port()
        self.process = None
        self.log_path = self.file("log")
        with open(self.file("tenants.yaml"), "w", encoding="utf-8") as out:
            out.write(TENANTS)
        with open(self.file("messaging.yaml"), "w", encoding="utf-8") as out:
            out.write("listen: { address: 127.0.0.1, port: %d }\n" % self.port)
            out.write("data: { directory: %s, durability: os }\n" % self.file("data"))
            out.write("link: { secret_file: %s }\n" % self.file("link-secret"))
            out.write("auth: { provider: file, file: %s }\n" % self.file("tenants.yaml"))
            if limits:
                out.write("limits: { %s }\n" % limits)

    def file(self, name: str) -> str:
        return os.path.join(self.directory.name, name)

    @property
    def http(self) -> str:
        return "http://127.0.0.1:%d" % self.port

    @property
    def websocket(self) -> str:
        return "ws://127.0.0.1:%d" % self.port

    def start(self):
        with open(self.log_path, "ab") as log:
            environment = {key: value for key, value in os.environ.items() if key != "SERVER_PORT"}
            self.process = subprocess.Popen([self.program, "--config", self.file("messaging.yaml")], stdout=log,
                                            stderr=subprocess.STDOUT, env=environment)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError("mqtt-messaging ended with %d:\n%s" % (self.process.returncode, self.log()))
            try:
                urllib.request.urlopen(self.http + "/health", timeout=5).read()
                return
            except OSError:
                time.sleep(0.02)
        raise AssertionError("mqtt-messaging does not answer:\n" + self.log())

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """In good order; anything but exit code 0 fails."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=30)
        if code != 0:
            raise AssertionError("mqtt-messaging ended with %d:\n%s" % (code, self.log()))

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.kill()
        self.directory.cleanup()

    def log(self) -> str:
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def metrics(self) -> dict:
        """`name{labels}` to number."""
        text = urllib.request.urlopen(self.http + "/metrics", timeout=10).read().decode()
        return {name: float(value) for name, value in re.findall(r"^([^#\s]\S*) (\S+)$", text, re.M)}

    def refusals(self) -> dict:
        """What was refused so far, by (door, reason)."""
        found = {}
        for name, value in self.metrics().items():
            match = re.fullmatch(r'messaging_api_refused_total\{door="(.*)",reason="(.*)"\}', name)
            if match:
                found[match.groups()] = value
        return found
