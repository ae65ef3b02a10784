"""A small MQTT 3.1.1 and 5.0 client on a raw socket, written from the specification alone. It can also behave badly."""

import select
import socket
import struct
import time

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ, PINGRESP, DISCONNECT = 1, 2, 3, 4, 8, 9, 12, 13, 14


class MqttError(AssertionError):
    """The broker did not answer as MQTT asks."""


def text(value) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(data)) + data


def packet(first: int, body: bytes) -> bytes:
    size, rest = len(body), bytearray()
    while True:
        rest.append(size & 127 | (128 if size > 127 else 0))
        size >>= 7
        if not size:
            return bytes([first]) + bytes(rest) + body


def _variable(data, at):
    value = shift = 0
    while at < len(data):
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    return None, at


def next_packet(data: bytearray, at: int):
    """(first byte, body begin, body end), or None when it is not complete."""
    if len(data) - at < 2:
        return None
    size, begin = _variable(data, at + 1)
    if size is None or len(data) < begin + size:
        return None
    return data[at], begin, begin + size


class Client:
    """Blocking with deadlines. `closed` after the peer closed; `disconnect_reason` when it said why (MQTT 5)."""

    def __init__(self, port: int, client_id: str, version: int = 4, keep_alive: int = 60, will=None, will_qos: int = 1,
                 user: str = "t0815/device1", password: str = "device1-secret", timeout: float = 15,
                 clean: bool = True):
        self.version = version
        self.client_id = client_id
        self.data = bytearray()
        self.closed = False
        self.disconnect_reason = None
        self.messages = []
        self.identifier = 0
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connect(keep_alive, will, will_qos, user, password, timeout, clean)

    def _connect(self, keep_alive, will, will_qos, user, password, timeout, clean):
        flags = 0xC0 | (0x02 if clean else 0) | (0x04 | will_qos << 3 if will else 0)
        five = b"\x00" if self.version == 5 else b""
        body = text("MQTT") + bytes([self.version, flags]) + struct.pack(">H", keep_alive) + five + text(self.client_id)
        if will:
            body += five + text(will[0]) + text(will[1])
        self.send(packet(CONNECT << 4, body + text(user) + text(password)))
        kind, answer = self.expect(CONNACK, timeout)
        if answer[1] != 0:
            raise MqttError("CONNACK %d for %s" % (answer[1], self.client_id))

    def send(self, data: bytes):
        self.socket.sendall(data)

    def read(self, timeout: float):
        """(type, body, first byte) of the next packet; None when time is over or the connection has ended."""
        deadline = time.monotonic() + timeout
        while True:
            found = next_packet(self.data, 0)
            if found:
                first, begin, end = found
                body = bytes(self.data[begin:end])
                del self.data[:end]
                return self._note(first, body)
            left = deadline - time.monotonic()
            if self.closed or left <= 0 or not select.select([self.socket], [], [], left)[0]:
                return None
            try:
                got = self.socket.recv(65536)
            except OSError:
                got = b""
            if not got:
                self.closed = True
            self.data += got

    def _note(self, first: int, body: bytes):
        kind = first >> 4
        if kind == PUBLISH:
            size = struct.unpack(">H", body[:2])[0]
            topic, at = body[2:2 + size].decode(), 2 + size
            if first & 6:
                self.send(b"\x40\x02" + body[at:at + 2])
                at += 2
            if self.version == 5:
                properties, at = _variable(body, at)
                at += properties
            self.messages.append((topic, body[at:]))
        elif kind == DISCONNECT:
            self.disconnect_reason = body[0] if body else 0
        return kind, body, first

    def expect(self, kind: int, timeout: float = 10):
        deadline = time.monotonic() + timeout
        while True:
            got = self.read(max(0.0, deadline - time.monotonic()))
            if got is None:
                raise MqttError("%s: type %d expected; connection %s" % (self.client_id, kind, "closed" if self.closed else "silent"))
            if got[0] == kind:
                return got[0], got[1]

    def subscribe(self, topic: str, qos: int = 1):
        self.identifier += 1
        five = b"\x00" if self.version == 5 else b""
        self.send(packet(SUBSCRIBE << 4 | 2, struct.pack(">H", self.identifier) + five + text(topic) + bytes([qos])))
        answer = self.expect(SUBACK)[1]
        if answer[-1] != qos:
            raise MqttError("SUBACK %d for %s" % (answer[-1], topic))

    def publish(self, topic: str, payload: bytes, timeout: float = 10) -> int:
        """QoS 1; returns the reason code of the PUBACK."""
        self.identifier += 1
        five = b"\x00" if self.version == 5 else b""
        self.send(packet(PUBLISH << 4 | 2, text(topic) + struct.pack(">H", self.identifier) + five + payload))
        answer = self.expect(PUBACK, timeout)[1]
        return answer[2] if len(answer) > 2 else 0

    def ping(self, timeout: float = 5):
        self.send(b"\xc0\x00")
        self.expect(PINGRESP, timeout)

    def is_open(self) -> bool:
        """Reads what is there."""
        while self.read(0) is not None:
            pass
        return not self.closed

    def wait_closed(self, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while not self.closed and time.monotonic() < deadline:
            self.read(max(0.0, deadline - time.monotonic()))
        return self.closed

    def disconnect(self):
        self.send(b"\xe0\x00")
        self.socket.close()

    def reset(self):
        """Goes away without a word: RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
