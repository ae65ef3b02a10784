"""Receivers of mqtt-load's messages, each in a process of its own so that they keep up: a durable consumer of
/notification2/consumer/ and a connected MQTT subscriber. Raw sockets; they share no code with the service."""

import base64
import multiprocessing
import os
import select
import socket
import struct
import sys
import time
import traceback
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "clients", "python"))

from mqtt_client import Client, MqttError, next_packet  # noqa: E402
from notification2_client import get_token  # noqa: E402
from sequences import Sequences  # noqa: E402

STAMP = struct.Struct(">IIQQ")


class Watcher:
    """Talks to the process: `ask()` returns what it has seen so far."""

    def __init__(self, body, *arguments):
        # Not fork: a copy of every socket of the test would go with it, and a cut connection would not look cut.
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=_guarded, args=(body, other, *arguments), daemon=True)
        self.process.start()
        other.close()
        self.ready = self._receive(30)

    def _receive(self, timeout):
        if not self.pipe.poll(timeout):
            raise AssertionError("a watcher does not answer")
        got = self.pipe.recv()
        if isinstance(got, str):
            raise AssertionError("a watcher failed:\n" + got)
        return got

    def ask(self) -> dict:
        self.pipe.send("report")
        return self._receive(60)

    def wait_for(self, acknowledged: dict, timeout: float) -> dict:
        """Until everything acknowledged was seen, or nothing new comes for `timeout` seconds; the last report."""
        seen, deadline = -1, time.monotonic() + timeout
        while True:
            report = self.ask()
            report["missing"] = report["sequences"].missing(acknowledged)
            if not report["missing"]:
                return report
            if report["sequences"].received != seen:
                seen, deadline = report["sequences"].received, time.monotonic() + timeout
            if time.monotonic() > deadline:
                return report
            time.sleep(0.2)

    def close(self):
        self.process.kill()
        self.process.join()


def _guarded(body, pipe, *arguments):
    try:
        body(pipe, *arguments)
    except (EOFError, BrokenPipeError):
        pass
    except BaseException:  # the parent must see it, whatever it was
        pipe.send(traceback.format_exc())


# --- the durable consumer

def open_consumer(port: int, token: str, timeout: float = 5):
    """An upgraded socket and what came behind the answer; None when refused or not there."""
    try:
        made = socket.create_connection(("127.0.0.1", port), timeout=timeout)
    except OSError:
        return None
    key = base64.b64encode(os.urandom(16)).decode()
    made.settimeout(timeout)
    try:
        made.sendall(("GET /notification2/consumer/?token=%s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                      "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n"
                      % (urllib.parse.quote(token), key)).encode())
        data = b""
        while b"\r\n\r\n" not in data:
            got = made.recv(65536)
            if not got:
                raise OSError("closed")
            data += got
    except OSError:
        made.close()
        return None
    head, _, rest = data.partition(b"\r\n\r\n")
    if b" 101 " not in head.split(b"\r\n")[0]:
        made.close()
        return None
    return made, bytearray(rest), head


def take_frames(data: bytearray):
    """Complete WebSocket frames of a server: [(opcode, payload)], consumed from `data`."""
    out, at = [], 0
    while len(data) - at >= 2:
        size, begin = data[at + 1], at + 2
        if size == 126:
            if len(data) < begin + 2:
                break
            size, begin = struct.unpack_from(">H", data, begin)[0], begin + 2
        elif size == 127:
            if len(data) < begin + 8:
                break
            size, begin = struct.unpack_from(">Q", data, begin)[0], begin + 8
        if len(data) < begin + size:
            break
        out.append((data[at] & 15, bytes(data[begin:begin + size])))
        at = begin + size
    del data[:at]
    return out


def client_frame(opcode: int, payload: bytes) -> bytes:
    """Masked with zeros, which the specification allows and a test needs no more than."""
    head = bytes([0x80 | opcode, 0x80 | len(payload)]) if len(payload) < 126 else struct.pack(">BBH", 0x80 | opcode, 0xFE, len(payload))
    return head + b"\0\0\0\0" + payload


def watch_consumer(pipe, port: int, token: str, payload_bytes: int):
    """Receives, notes the stamp of each message (the last `payload_bytes` of its record), acknowledges; reconnects for ever."""
    sequences, connections, connected, foreign = Sequences(), 0, None, 0
    told = False
    while True:
        if connected is None:
            connected = open_consumer(port, token)
            if connected:
                connections += 1
                connected[0].settimeout(30)
                if not told:
                    pipe.send({"ready": True})
                    told = True
        sources = [pipe] + ([connected[0]] if connected else [])
        readable = select.select(sources, [], [], 0.05)[0]
        if pipe in readable:
            pipe.recv()
            pipe.send({"sequences": sequences, "connections": connections, "foreign": foreign})
        if not connected or connected[0] not in readable and not connected[1]:
            continue
        link, data, _ = connected
        answers = bytearray()
        try:
            got = link.recv(262144) if link in readable else b""
            if link in readable and not got:
                raise OSError("closed")
            data += got
            for opcode, payload in take_frames(data):
                if opcode == 1:
                    header, _, body = payload.partition(b"\n")
                    record = base64.b64decode(body)
                    if len(record) > payload_bytes:
                        run, publisher, sequence, _ = STAMP.unpack_from(record, len(record) - payload_bytes)
                        sequences.take((run, publisher), sequence)
                    else:
                        foreign += 1
                    answers += client_frame(1, header)
                elif opcode == 9:
                    answers += client_frame(10, payload)
                elif opcode == 8:
                    raise OSError("closed by a close frame")
            if answers:
                link.sendall(answers)
        except OSError:
            link.close()
            connected = None


def durable_consumer(stack, topic: str, subscriber: str, payload_bytes: int = 200) -> Watcher:
    token = get_token(stack.http, "t0815/admin", "admin-secret", topic, subscriber)
    return Watcher(watch_consumer, stack.messaging_port, token, payload_bytes)


# --- the MQTT subscriber

def watch_mqtt(pipe, port: int, client_id: str, topics, version: int):
    """One QoS 1 subscriber; reconnects when it is closed and says how often it had to."""
    sequences, connections, lost, reasons = Sequences(), 0, [], []
    client, told, pinged = None, False, time.monotonic()
    while True:
        if client is None:
            try:
                client = Client(port, client_id, version)
                for topic in topics:
                    client.subscribe(topic)
                connections += 1
                if not told:
                    pipe.send({"ready": True})
                    told = True
            except (OSError, MqttError):
                client = None
        readable = select.select([pipe] + ([client.socket] if client else []), [], [], 0.05)[0]
        if pipe in readable:
            pipe.recv()
            pipe.send({"sequences": sequences, "connections": connections, "lost_at": lost, "reasons": reasons})
        if client is None:
            continue
        try:
            if time.monotonic() - pinged > 5:
                pinged = time.monotonic()
                client.send(b"\xc0\x00")
            if client.socket in readable:
                got = client.socket.recv(262144)
                if not got:
                    raise OSError("closed")
                client.data += got
            _take_publishes(client, sequences, reasons)
        except OSError:
            lost.append(time.monotonic())
            client.socket.close()
            client = None


def _take_publishes(client, sequences, reasons):
    data, at, answers = client.data, 0, bytearray()
    while True:
        found = next_packet(data, at)
        if not found:
            break
        first, begin, end = found
        if first >> 4 == 3:
            position = begin + 2 + (data[begin] << 8 | data[begin + 1])
            if first & 6:
                answers += b"\x40\x02" + data[position:position + 2]
                position += 2
            if client.version == 5:
                position += 1 + data[position]
            run, publisher, sequence, _ = STAMP.unpack_from(data, position)
            sequences.take((run, publisher), sequence)
        elif first >> 4 == 14:
            reasons.append(data[begin] if end > begin else 0)
        at = end
    del data[:at]
    if answers:
        client.socket.sendall(answers)


def mqtt_subscriber(port: int, client_id: str, topics, version: int = 4) -> Watcher:
    return Watcher(watch_mqtt, port, client_id, list(topics), version)
