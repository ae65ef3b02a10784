"""Real programs in a directory of their own, on free ports: start, wait for /health, SIGKILL, start again, read metrics.
With TLS too where a test asks for it, by a CA made for the occasion."""

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

from certificates import make_server_certificate

TENANT = "t0815"
DEVICE = ("device1", "device1-secret")
ADMIN = ("admin", "admin-secret")
TENANTS = """\
tenants:
  t0815:
    users:
      device1: { password: { plain: device1-secret } }
      admin: { password: { plain: admin-secret }, roles: [ROLE_NOTIFICATION_2_ADMIN, ROLE_TENANT_ADMIN] }
"""
START_SECONDS = 60


class StackError(AssertionError):
    """A program did not do what the test needs; the text holds its last lines."""


def default_bin() -> str:
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    return os.path.join(root, "build", "release", "bin")


_given_ports = set()


def free_port() -> int:
    """A port that nobody has now, never given twice by this process. Below the range of outgoing connections, so that a
    client's own port cannot take the place of a program that is killed and started again."""
    for _ in range(1000):
        port = random.SystemRandom().randrange(20000, 32000)  # others may be looking at the same moment
        if port in _given_ports:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given_ports.add(port)
        return port
    raise StackError("no free port between 20000 and 32000")


class Program:
    """One of our programs with its configuration; keeps its ports and data over kills."""

    def __init__(self, name: str, path: str, config: str, health_port: int, log_path: str):
        self.name, self.path, self.config, self.health_port, self.log_path = name, path, config, health_port, log_path
        self.process = None
        self.expected_down = True

    def spawn(self):
        environment = {key: value for key, value in os.environ.items() if key != "SERVER_PORT"}
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([self.path, "--config", self.config], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT, env=environment)
        self.expected_down = False

    def start(self):
        self.spawn()
        self.wait_healthy()

    def wait_healthy(self, seconds: float = START_SECONDS):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.check()
            try:
                with urllib.request.urlopen("http://127.0.0.1:%d/health" % self.health_port, timeout=5) as answer:
                    answer.read()
                return
            except OSError:
                time.sleep(0.02)
        raise StackError("%s is not healthy after %d s:\n%s" % (self.name, seconds, self.log_tail()))

    def check(self):
        """A program that ended without being asked to is a failure of every test."""
        if not self.expected_down and self.process.poll() is not None:
            raise StackError("%s ended by itself with %s:\n%s" % (self.name, self.process.returncode, self.log_tail(40)))

    def kill(self):
        """SIGKILL; returns when the process is gone."""
        self.check()
        self.expected_down = True
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def freeze(self):
        """SIGSTOP: it hangs, and the system keeps its connections open. `end` works on it all the same."""
        self.check()
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self, seconds: float = 12):
        """SIGTERM; the exit code."""
        self.expected_down = True
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=seconds)

    def end(self):
        if self.process is None or self.process.poll() is not None:
            return
        try:
            self.thaw()  # who is frozen does not hear SIGTERM
            self.stop()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def log(self) -> str:
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as log:
                return log.read()
        except FileNotFoundError:
            return ""

    def log_tail(self, lines: int = 12) -> str:
        return "\n".join(self.log().splitlines()[-lines:])

    def metrics(self) -> dict:
        """`name{labels}` to number."""
        with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % self.health_port, timeout=10) as answer:
            text = answer.read().decode()
        return {name: float(value) for name, value in re.findall(r"^([^#\s]\S*) (\S+)$", text, re.M)}

    def rss_kib(self) -> int:
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))


class Stack:
    """mqtt-messaging and mqtt-broker. As a context manager it ends everything; on a failure the directory is kept."""

    def __init__(self, bin_directory: str, durability: str = "fsync", lease: str = "30s", link_port: int = 0, where=None,
                 limits: str = "", failover_after: str = "5s", tls: bool = False, tenants: str = TENANTS):
        """With `tls` the first broker also listens on `tls_port`; `ca.pem` is who signed its certificate (localhost)."""
        self.bin = bin_directory
        self.directory = tempfile.mkdtemp(prefix="system-test-", dir=where)
        self.mqtt_port, self.ops_port, self.messaging_port = free_port(), free_port(), free_port()
        self.tls_port = free_port() if tls else 0
        if tls:
            make_server_certificate(self.directory)
        self.keep = False
        self.programs = []
        self._write("tenants.yaml", tenants)
        self._write("messaging.yaml", "\n".join([
            "listen: { address: 127.0.0.1, port: %d }" % self.messaging_port,
            "data: { directory: %s, durability: %s }" % (self.path("data"), durability),
            "link: { secret_file: %s, lease: %s, failover_after: %s }" % (self.path("link-secret"), lease, failover_after),
            "auth: { provider: file, file: %s }" % self.path("tenants.yaml"), "limits: { %s }" % limits if limits else "", ""]))
        self.messaging = self._program("messaging", self.messaging_port)
        self.broker = self.add_broker("broker", self.mqtt_port, self.ops_port, link_port or self.messaging_port, self.tls_port)

    def add_broker(self, name: str, mqtt_port: int, ops_port: int, link_port: int, tls_port: int = 0) -> Program:
        plain = "plain: { address: 127.0.0.1, port: %d }" % mqtt_port
        secure = ", tls: { enabled: true, address: 127.0.0.1, port: %d, certificate: %s, key: %s }" % (
            tls_port, self.path("server.pem"), self.path("server.key"))
        self._write(name + ".yaml", "\n".join([
            "listen: { %s%s }" % (plain, secure if tls_port else ""),
            "ops: { address: 127.0.0.1, port: %d }" % ops_port,
            'messaging: { url: "ws://127.0.0.1:%d", secret_file: %s }' % (link_port, self.path("link-secret")),
            "auth: { provider: file, file: %s }" % self.path("tenants.yaml"), ""]))
        return self._program(name, ops_port, "mqtt-broker")

    def _program(self, name: str, health_port: int, executable: str = "") -> Program:
        path = os.path.join(self.bin, executable or "mqtt-" + name)
        if not os.path.exists(path):
            raise StackError("%s is not built" % path)
        made = Program(name, path, self.path(name + ".yaml"), health_port, self.path(name + ".log"))
        self.programs.append(made)
        return made

    def _write(self, name: str, text: str):
        with open(self.path(name), "w", encoding="utf-8") as out:
            out.write(text)

    def path(self, name: str) -> str:
        return os.path.join(self.directory, name)

    @property
    def http(self) -> str:
        return "http://127.0.0.1:%d" % self.messaging_port

    def start(self):
        self.messaging.start()
        self.broker.start()
        return self

    def check(self):
        for program in self.programs:
            program.check()

    def set_tenants(self, tenants: str, seconds: float = 10):
        """Replaces the file of tenants while the broker runs; returns when the broker has taken it (SIGHUP)."""
        self._write("tenants.yaml", tenants)
        seen = len(self.broker.log())
        self.broker.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + seconds
        while "users reloaded" not in self.broker.log()[seen:]:
            self.check()
            if "users not reloaded" in self.broker.log()[seen:] or time.monotonic() > deadline:
                raise StackError("the broker did not take the new tenants:\n" + self.broker.log_tail())
            time.sleep(0.02)

    def load(self, *arguments: str) -> subprocess.Popen:
        """mqtt-load against the broker, as device1; its JSON is on standard output."""
        command = [os.path.join(self.bin, "mqtt-load"), "--port", str(self.mqtt_port), "--user", "%s/%s" % (TENANT, DEVICE[0]),
                   "--password", DEVICE[1], *arguments]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for program in reversed(self.programs):
            program.end()
        if kind is None and not self.keep:
            shutil.rmtree(self.directory, ignore_errors=True)
        else:
            print("configuration, data and logs are kept in %s" % self.directory, flush=True)
