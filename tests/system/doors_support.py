"""What the tests of the doors share: real mqtt-messaging and mqtt-broker in a directory of their own, MQTT packets built
by hand, a raw WebSocket and the frames of the link, and a runner that checks the same things after every bad case."""

import argparse
import base64
import inspect
import os
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request

TENANTS = """\
tenants:
  t0815:
    users:
      device1: { password: { plain: device1-secret } }
      device2: { password: { plain: device2-secret } }
      admin: { password: { plain: admin-secret }, roles: [ROLE_NOTIFICATION_2_ADMIN] }
    trust_anchors:
      - { name: factory, file: ca.pem, auto_registration: true }
  t0816:
    users:
      device1: { password: { plain: other-secret } }
"""
USER, PASSWORD = "t0815/device1", "device1-secret"


def options(description: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--bin", required=True, help="directory of mqtt-broker and mqtt-messaging")
    parser.add_argument("--only", default="", help="run the cases whose name contains this")
    return parser.parse_args()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(what, seconds=10.0, step=0.02):
    """Waits until `what()` is true; its last value."""
    deadline = time.monotonic() + seconds
    while True:
        value = what()
        if value or time.monotonic() > deadline:
            return value
        time.sleep(step)


# --- certificates and processes


def make_certificates(directory: str):
    """ca.pem, server.pem/.key (localhost), device.pem/.key (CN device-x, from ca), stranger.pem/.key (own CA)."""

    def run(*arguments):
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    with open(os.path.join(directory, "san"), "w", encoding="utf-8") as out:
        out.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    for name in ("ca", "strange-ca"):
        run("req", "-x509", *key, "-days", "30", "-subj", "/CN=" + name, "-keyout", name + ".key", "-out", name + ".pem",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    for name, common, authority in (("server", "localhost", "ca"), ("device", "device-x", "ca"), ("stranger", "device-x", "strange-ca")):
        run("req", *key, "-subj", "/CN=" + common, "-keyout", name + ".key", "-out", name + ".csr")
        run("x509", "-req", "-days", "30", "-in", name + ".csr", "-CA", authority + ".pem", "-CAkey", authority + ".key",
            "-CAcreateserial", "-extfile", "san", "-out", name + ".pem")


class Program:
    def __init__(self, name: str, executable: str, arguments: list, directory: str, ops_port: int):
        self.name, self.executable, self.arguments = name, executable, arguments
        self.log_path = os.path.join(directory, name + ".log")
        self.ops_port = ops_port
        self.process = None

    def start(self):
        environment = {key: value for key, value in os.environ.items() if key != "SERVER_PORT"}
        environment.setdefault("ASAN_OPTIONS", "detect_leaks=1")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([self.executable, *self.arguments], stdout=log, stderr=subprocess.STDOUT, env=environment)
        ready = until(lambda: self.process.poll() is not None or self.healthy(), 60)
        if self.process.poll() is not None or not ready:
            raise AssertionError("%s did not start:\n%s" % (self.name, self.log()))

    def healthy(self) -> bool:
        try:
            with urllib.request.urlopen("http://127.0.0.1:%d/health" % self.ops_port, timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    @property
    def pid(self) -> int:
        return self.process.pid

    def alive(self) -> bool:
        return self.process.poll() is None

    def log(self) -> str:
        with open(self.log_path, encoding="utf-8", errors="replace") as text:
            return text.read()

    def metrics(self) -> dict:
        with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % self.ops_port, timeout=10) as answer:
            text = answer.read().decode()
        found = {}
        for line in text.splitlines():
            match = re.match(r"^([a-zA-Z_:][^ ]*) ([-+0-9.eE]+)$", line)
            if match:
                found[match.group(1)] = float(match.group(2))
        return found

    def total(self, name: str) -> float:
        """Of one metric, over all its labels."""
        return sum(value for series, value in self.metrics().items() if series.split("{")[0] == name)

    def stop(self, seconds=20.0) -> int:
        """SIGTERM; the exit code. Kills what does not end in time."""
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(self.name + " did not end after SIGTERM:\n" + self.log()[-3000:]) from None
        return self.process.returncode

    def sanitizer_report(self) -> str:
        text = self.log()
        at = re.search(r"(ERROR: \w*Sanitizer|runtime error:)", text)
        return text[max(0, at.start() - 500):at.start() + 6000] if at else ""


class Stack:
    """Both programs. `broker_limits` and `messaging_limits` are the text inside `limits: { … }`."""

    def __init__(self, bin_directory: str, broker_limits="", messaging_limits="", tenants=TENANTS, lease="30s", tls=True,
                 declared=""):
        self.bin = bin_directory
        self.directory = tempfile.mkdtemp(prefix="doors-")
        make_certificates(self.directory)
        self.write("tenants.yaml", tenants)
        self.mqtt_port, self.tls_port, self.ops_port, self.link_port = (free_port() for _ in range(4))
        self.write("messaging.yaml", "listen: { address: 127.0.0.1, port: %d }\n"
                   "data: { directory: %s, durability: os }\nlink: { secret_file: %s, lease: %s }\nauth: { file: %s }\n%s%s"
                   % (self.link_port, self.path("data"), self.path("secret"), lease, self.path("tenants.yaml"),
                      "limits: { %s }\n" % messaging_limits if messaging_limits else "",
                      "subscriptions: [ %s ]\n" % declared if declared else ""))
        self.write("broker.yaml", "listen:\n  plain: { address: 127.0.0.1, port: %d }\n%s"
                   "ops: { address: 127.0.0.1, port: %d }\nmessaging: { url: 'ws://127.0.0.1:%d', secret_file: %s }\n"
                   "auth: { file: %s }\n%s"
                   % (self.mqtt_port,
                      "  tls: { enabled: true, address: 127.0.0.1, port: %d, certificate: %s, key: %s }\n"
                      % (self.tls_port, self.path("server.pem"), self.path("server.key")) if tls else "",
                      self.ops_port, self.link_port, self.path("secret"), self.path("tenants.yaml"),
                      "limits: { %s }\n" % broker_limits if broker_limits else ""))
        self.messaging = Program("messaging", os.path.join(bin_directory, "mqtt-messaging"),
                                 ["--config", self.path("messaging.yaml")], self.directory, self.link_port)
        self.broker = Program("broker", os.path.join(bin_directory, "mqtt-broker"),
                              ["--config", self.path("broker.yaml")], self.directory, self.ops_port)

    def path(self, name: str) -> str:
        return os.path.join(self.directory, name)

    def write(self, name: str, text: str):
        with open(self.path(name), "w", encoding="utf-8") as out:
            out.write(text)

    def start(self):
        self.messaging.start()
        self.broker.start()
        return self

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.kill()
            raise

    def __exit__(self, kind, value, trace):
        try:
            if kind is None:
                for program in (self.broker, self.messaging):
                    code = program.stop()
                    report = program.sanitizer_report()
                    if code != 0 or report:
                        raise AssertionError("%s ended with %d\n%s" % (program.name, code, report or program.log()[-4000:]))
        finally:
            self.kill()

    def kill(self):
        for program in (self.broker, self.messaging):
            if program.process is not None and program.alive():
                program.process.kill()
                program.process.wait()
        for program in (self.broker, self.messaging):
            if program.process is not None and program.sanitizer_report():
                print(program.sanitizer_report(), file=sys.stderr)
        shutil.rmtree(self.directory, ignore_errors=True)

    def link_token(self, role="broker", tenants="*") -> str:
        done = subprocess.run([self.messaging.executable, "token", "--secret", self.path("secret"), "--role", role, "--tenants", tenants],
                              capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def socket(self, tls=None, timeout=5.0) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self.tls_port if tls else self.mqtt_port), timeout=timeout)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return tls.wrap_socket(made, server_hostname="localhost") if tls else made

    def tls_context(self, certificate="") -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.path("ca.pem"))
        if certificate:
            context.load_cert_chain(self.path(certificate + ".pem"), self.path(certificate + ".key"))
        return context

    def client(self, client_id: str, **more) -> "Client":
        tls = more.pop("tls", None)
        timeout = more.pop("timeout", 10.0)
        return Client(self.socket(tls, timeout), client_id, **more)


# --- MQTT by hand


def text(value) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(raw)) + raw


def varint(number: int) -> bytes:
    out = b""
    while True:
        digit, number = number % 128, number // 128
        out += bytes([digit | (0x80 if number else 0)])
        if not number:
            return out


def packet(first: int, body: bytes) -> bytes:
    return bytes([first]) + varint(len(body)) + body


def properties(version: int, raw=b"") -> bytes:
    return varint(len(raw)) + raw if version == 5 else b""


def connect(client_id="bad", version=4, user=USER, password=PASSWORD, keep_alive=60, clean=True, will=None, props=b"",
            flags=None, name=None, level=None, first=0x10, extra=b"") -> bytes:
    """`will` = (topic, payload, qos[, properties])."""
    bits = 2 if clean else 0
    payload = text(client_id)
    if will is not None:
        bits |= 4 | (will[2] << 3)
        payload += properties(version, will[3] if len(will) > 3 else b"") + text(will[0]) + text(will[1])
    if user is not None:
        bits |= 0x80
        payload += text(user)
    if password is not None:
        bits |= 0x40
        payload += text(password)
    head = text(name if name is not None else ("MQIsdp" if version == 3 else "MQTT"))
    head += bytes([level if level is not None else version, bits if flags is None else flags]) + struct.pack(">H", keep_alive)
    return packet(first, head + properties(version, props) + payload + extra)


def publish(topic, payload=b"", qos=0, identifier=1, version=4, props=b"", flags=None) -> bytes:
    raw = payload.encode() if isinstance(payload, str) else payload
    body = text(topic) + (struct.pack(">H", identifier) if qos else b"") + properties(version, props) + raw
    return packet(0x30 | (qos << 1) if flags is None else flags, body)


def subscribe(filters, identifier=1, version=4, first=0x82, props=b"") -> bytes:
    body = struct.pack(">H", identifier) + properties(version, props)
    return packet(first, body + b"".join(text(name) + bytes([qos]) for name, qos in filters))


def unsubscribe(filters, identifier=1, version=4, first=0xA2) -> bytes:
    return packet(first, struct.pack(">H", identifier) + properties(version) + b"".join(text(name) for name in filters))


class Closed(Exception):
    pass


class Message:
    def __init__(self, first: int, body: bytes, version: int):
        self.qos, self.dup, self.retain = (first >> 1) & 3, bool(first & 8), bool(first & 1)
        size = struct.unpack_from(">H", body)[0]
        self.topic = body[2:2 + size].decode()
        at = 2 + size
        self.identifier = 0
        if self.qos:
            self.identifier = struct.unpack_from(">H", body, at)[0]
            at += 2
        self.properties = b""
        if version == 5:
            length, at = read_varint(body, at)
            self.properties = body[at:at + length]
            at += length
        self.payload = body[at:]

    def __repr__(self):
        return "<%s %r qos %d>" % (self.topic, self.payload[:40], self.qos)


def read_varint(data: bytes, at: int):
    value, shift = 0, 0
    while True:
        value |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 128:
            return value, at


class Wire:
    """Reads whole packets from a socket."""

    def __init__(self, over: socket.socket, version=4):
        self.socket, self.version, self.buffer = over, version, b""

    def send(self, data: bytes):
        self.socket.sendall(data)

    def packet(self, timeout=5.0):
        """(first byte, body); Closed when the peer ended, TimeoutError when nothing came."""
        deadline = time.monotonic() + timeout
        while True:
            found = self.take()
            if found:
                return found
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("no packet came")
            self.socket.settimeout(left)
            try:
                got = self.socket.recv(65536)
            except (ConnectionError, ssl.SSLError) as problem:
                raise Closed(str(problem)) from None
            if not got:
                raise Closed("end of stream")
            self.buffer += got

    def take(self):
        if len(self.buffer) < 2:
            return None
        for size in range(1, 5):
            if len(self.buffer) < 1 + size:
                return None
            if not self.buffer[size] & 128:
                break
        length, at = read_varint(self.buffer, 1)
        if len(self.buffer) < at + length:
            return None
        first, body = self.buffer[0], self.buffer[at:at + length]
        self.buffer = self.buffer[at + length:]
        return first, body

    def rest(self, timeout=5.0):
        """All packets until the peer closes; TimeoutError when it does not."""
        packets = []
        while True:
            try:
                packets.append(self.packet(timeout))
            except Closed:
                return packets

    def reset(self):
        """Ends with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()


class Client(Wire):
    """A well-behaved client; raises when something else comes than expected."""

    def __init__(self, over, client_id: str, version=4, expect=0, **more):
        super().__init__(over, version)
        self.next_identifier = 0
        self.messages = []
        self.automatic = True
        self.send(connect(client_id, version, **more))
        first, body = self.packet()
        assert first == 0x20, "no CONNACK but %02x %s" % (first, body.hex())
        self.connack = body
        assert expect is None or body[1] == expect, "CONNACK %s" % body.hex()

    def identifier(self) -> int:
        self.next_identifier = self.next_identifier % 65535 + 1
        return self.next_identifier

    def wait(self, kind: int, timeout=5.0) -> bytes:
        """The body of the next packet of this kind; messages that come before it are kept."""
        deadline = time.monotonic() + timeout
        while True:
            first, body = self.packet(max(0.001, deadline - time.monotonic()))
            if first & 0xF0 == 0x30:
                self.keep(first, body)
                if kind == 0x30:
                    return body
            elif first & 0xF0 == kind:
                return body
            else:
                raise AssertionError("expected %02x, got %02x %s" % (kind, first, body.hex()))

    def keep(self, first: int, body: bytes):
        message = Message(first, body, self.version)
        self.messages.append(message)
        if message.qos and self.automatic:
            self.send(packet(0x40, struct.pack(">H", message.identifier)))

    def subscribe(self, *filters) -> bytes:
        """The codes of the SUBACK."""
        identifier = self.identifier()
        self.send(subscribe(filters, identifier, self.version))
        body = self.wait(0x90)
        assert struct.unpack_from(">H", body)[0] == identifier
        return self.codes(body)

    def unsubscribe(self, *filters) -> bytes:
        self.send(unsubscribe(filters, self.identifier(), self.version))
        return self.codes(self.wait(0xB0))

    def codes(self, body: bytes) -> bytes:
        if self.version != 5:
            return body[2:]
        length, at = read_varint(body, 2)
        return body[at + length:]

    def publish(self, topic, payload=b"", qos=1, props=b"", timeout=10.0) -> int:
        """The reason code of the PUBACK (0 for QoS 0)."""
        identifier = self.identifier() if qos else 0
        self.send(publish(topic, payload, qos, identifier, self.version, props))
        if not qos:
            return 0
        body = self.wait(0x40, timeout)
        assert struct.unpack_from(">H", body)[0] == identifier
        return body[2] if len(body) > 2 else 0

    def next_message(self, timeout=5.0) -> Message:
        if not self.messages:
            self.wait(0x30, timeout)
        return self.messages.pop(0)

    def no_message(self, seconds=0.3):
        """Nothing may have been delivered, proven by an answered PINGREQ after a moment."""
        time.sleep(seconds)
        self.ping()
        assert not self.messages, self.messages

    def ping(self):
        self.send(b"\xc0\x00")
        self.wait(0xD0)

    def disconnect(self):
        self.send(b"\xe0\x00")
        self.close()


# --- the link by hand


def frame(kind: int, body=b"") -> bytes:
    return struct.pack(">IB", len(body) + 1, kind) + body


class LinkSocket:
    """A WebSocket client as small as it gets, for frames no library would send."""

    def __init__(self, port: int, token=None, subprotocol="mqtt-messaging.link.v1", path="/link", headers=()):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        lines = ["GET %s HTTP/1.1" % path, "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade",
                 "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: " + base64.b64encode(os.urandom(16)).decode()]
        if subprotocol:
            lines.append("Sec-WebSocket-Protocol: " + subprotocol)
        if token:
            lines.append("Authorization: Bearer " + token)
        lines += headers
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            got = self.socket.recv(65536)
            if not got:
                break
            self.buffer += got
        self.head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        parts = self.head.split(b" ")
        self.status = int(parts[1]) if len(parts) > 1 else 0
        self.close_code, self.close_text = 0, ""
        self.frames = []

    def send(self, payload: bytes, opcode=2, final=True, mask=True):
        head = bytes([(0x80 if final else 0) | opcode])
        bit = 0x80 if mask else 0
        if len(payload) < 126:
            head += bytes([bit | len(payload)])
        elif len(payload) < 65536:
            head += bytes([bit | 126]) + struct.pack(">H", len(payload))
        else:
            head += bytes([bit | 127]) + struct.pack(">Q", len(payload))
        self.socket.sendall(head + (bytes(4) if mask else b"") + payload)

    def receive(self, timeout=5.0):
        """(opcode, payload) of the next WebSocket frame; Closed at the end."""
        self.socket.settimeout(timeout)

        def need(count):
            while len(self.buffer) < count:
                try:
                    got = self.socket.recv(65536)
                except ConnectionError:
                    got = b""
                if not got:
                    raise Closed("end of stream")
                self.buffer += got

        need(2)
        size, at = self.buffer[1] & 127, 2
        if size == 126:
            need(4)
            size, at = struct.unpack_from(">H", self.buffer, 2)[0], 4
        elif size == 127:
            need(10)
            size, at = struct.unpack_from(">Q", self.buffer, 2)[0], 10
        need(at + size)
        opcode, payload = self.buffer[0] & 15, self.buffer[at:at + size]
        self.buffer = self.buffer[at + size:]
        if opcode == 8 and len(payload) >= 2:
            self.close_code, self.close_text = struct.unpack_from(">H", payload)[0], payload[2:].decode(errors="replace")
        return opcode, payload

    def frame(self, timeout=5.0):
        """(type, body) of the next frame of the link."""
        while not self.frames:
            opcode, payload = self.receive(timeout)
            if opcode == 8:
                raise Closed("closed: %d %s" % (self.close_code, self.close_text))
            if opcode == 9:
                self.send(payload, 10)
            if opcode != 2:
                continue
            while payload:
                length = struct.unpack_from(">I", payload)[0]
                self.frames.append((payload[4], payload[5:4 + length]))
                payload = payload[4 + length:]
        return self.frames.pop(0)

    def wait(self, kind: int, timeout=5.0) -> bytes:
        while True:
            found, body = self.frame(timeout)
            if found == kind:
                return body

    def ended(self, timeout=5.0) -> int:
        """Waits for the end; the close code (0: without one)."""
        try:
            while True:
                if self.receive(timeout)[0] == 8:
                    return self.close_code
        except Closed:
            return self.close_code

    def hello(self, session: int, producer=None, first=1, version=1):
        self.send(frame(0x01, struct.pack(">HQQQ", version, session, producer or session, first)) + frame(0x04))
        return self.wait(0x81)

    def close(self):
        self.socket.close()


# --- the runner of bad cases


class Runner:
    """Runs cases; after each the program is the same and well, has said one thing, has counted, and serves the next."""

    def __init__(self, program: Program, good, only=""):
        self.program, self.good, self.only = program, good, only
        self.pid = program.pid
        self.passed, self.failed = 0, []

    def case(self, name: str, action, counters, log="", lines_max=2):
        """`counters`: names, one of which must grow. `log`: must occur in a new line; empty: no line is asked for."""
        if self.only not in name:
            return
        seen = len(self.program.log())
        try:
            before = self.program.metrics()
            action()
            self.check(before, seen, counters, log, lines_max)
            self.good()
            assert self.program.alive() and self.program.pid == self.pid, "the program ended"
            self.passed += 1
            print("ok    " + name, flush=True)
        except Exception as problem:  # every mishap is this case's, the others go on
            self.failed.append(name)
            print("FAIL  %s: %s: %s" % (name, type(problem).__name__, problem), flush=True)
            print("      log: " + self.program.log()[seen:][-1500:].replace("\n", "\n           "), flush=True)
            if not self.program.healthy():
                until(lambda: not self.program.alive(), 10)
                self.program.start()
                self.pid = self.program.pid

    def check(self, before: dict, seen: int, counters, log: str, lines_max: int):
        def grown():
            after = self.program.metrics()
            return [name for name in counters if after.get(name, 0) > before.get(name, 0)]

        assert self.program.alive(), "the program ended"
        if counters:
            assert until(grown, 5), "none of %s grew" % ", ".join(counters)
        if log:
            assert until(lambda: log in self.program.log()[seen:], 5), "no log line with %r" % log
        lines = [line for line in self.program.log()[seen:].splitlines() if line.strip()]
        assert len(lines) <= lines_max, "a flood of %d lines" % len(lines)

    def finish(self, least: int) -> int:
        """Exit code."""
        print("%d cases passed, %d failed" % (self.passed, len(self.failed)))
        if not self.only and self.passed + len(self.failed) < least:
            print("fewer than %d cases" % least)
            return 1
        return 1 if self.failed else 0


class Steps:
    """Runs the functions of a scenario one after the other; the first lines of their docstrings are their names. Which ran
    goes to the file that TEST_REPORT names, in the form of the Catch2 programs, for tests/tidy/conformance.py."""

    def __init__(self, only=""):
        self.only, self.failed, self.passed = only, 0, 0
        self.report = open(os.environ["TEST_REPORT"], "w", encoding="utf-8") if os.environ.get("TEST_REPORT") else None

    def note(self, step, result: str):
        if self.report:
            asserts = sum(line.strip().startswith("assert ") for line in inspect.getsource(step).splitlines())
            self.report.write("%s\t%d\t\t%s\n" % (result, asserts, step.__name__))
            self.report.flush()

    def run(self, stack: Stack, *steps):
        for step in steps:
            name = (step.__doc__ or step.__name__).strip().splitlines()[0]
            if self.only not in step.__name__:
                continue
            seen = [len(program.log()) for program in (stack.broker, stack.messaging)]
            begun = time.monotonic()
            try:
                step(stack)
                self.passed += 1
                self.note(step, "passed")
                print("ok    %s (%.1f s)" % (name, time.monotonic() - begun), flush=True)
            except Exception as problem:  # every mishap is this step's, the others go on
                self.failed += 1
                self.note(step, "failed")
                place = problem.__traceback__
                while place.tb_next is not None and "doors_support" not in place.tb_next.tb_frame.f_code.co_filename:
                    place = place.tb_next
                print("FAIL  %s, line %d: %s: %s" % (name, place.tb_lineno, type(problem).__name__, problem), flush=True)
                for program, at in zip((stack.broker, stack.messaging), seen):
                    print("      " + program.log()[at:][-1200:].replace("\n", "\n      "), flush=True)

    def finish(self) -> int:
        print("%d scenarios passed, %d failed" % (self.passed, self.failed))
        return 1 if self.failed else 0
