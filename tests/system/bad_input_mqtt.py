#!/usr/bin/env python3
"""The MQTT door: whatever bytes come before or after CONNECT, the broker refuses them, says so once, counts it, and goes
on serving everybody else."""

import itertools
import os
import random
import socket
import ssl
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from doors_support import Runner, Stack, Wire, connect, options, packet, publish, subscribe, text, unsubscribe, varint

MALFORMED, PROTOCOL, REFUSED = 'mqtt_closed_total{reason="malformed"}', 'mqtt_closed_total{reason="protocol_error"}', 'mqtt_closed_total{reason="refused"}'
LOGIN, GONE = 'mqtt_closed_total{reason="login_refused"}', 'mqtt_closed_total{reason="transport_closed"}'
TIMEOUT, KEEP_ALIVE = 'mqtt_closed_total{reason="connect_timeout"}', 'mqtt_closed_total{reason="keep_alive_expired"}'
HANDSHAKE, HANDSHAKE_LATE = 'mqtt_handshakes_total{outcome="failed"}', 'mqtt_handshakes_total{outcome="timeout"}'
WRONG = [MALFORMED, PROTOCOL]
numbers = itertools.count(1)


class Cases:
    def __init__(self, stack: Stack, runner: Runner):
        self.stack, self.runner = stack, runner
        # One client that is there all the time and must not notice anything.
        self.bystander = stack.client("bystander", timeout=60)
        assert self.bystander.subscribe(("by/stander", 1)) == b"\x01"

    def raw(self, name, data, counters, answer=None, version=4, log="client closed", close=False):
        """Bytes on a fresh connection; it must end. `answer`: what the last packet must begin with."""

        def action():
            wire = Wire(self.stack.socket(), version)
            try:
                wire.send(data)
            except ConnectionError:
                pass  # the end came while we were still sending
            if close:
                wire.close()
                return
            got = wire.rest(8)
            wire.close()
            if answer is not None:
                last = (bytes([got[-1][0]]) + got[-1][1]) if got else b""
                assert last.startswith(answer), "answer %s" % last.hex()

        self.runner.case(name, action, counters, log)

    def after(self, name, data, counters, answer=None, version=4, closes=True, log=None):
        """Bytes after a good CONNECT."""

        def action():
            client = self.stack.client("bad-%d" % next(numbers), version=version)
            try:
                client.send(data)
            except ConnectionError:
                pass
            if closes:
                got = client.rest(8)
                last = (bytes([got[-1][0]]) + got[-1][1]) if got else b""
                if answer is not None:
                    assert last.startswith(answer), "answer %s" % last.hex()
                elif version == 5:
                    assert last[:1] == b"\xe0", "a 5.0 client is told why, not %s" % last.hex()
            else:
                if answer is not None:
                    first, body = client.packet()
                    assert (bytes([first]) + body).startswith(answer), "answer %02x%s" % (first, body.hex())
                client.ping()
                client.disconnect()
            client.close()

        self.runner.case(name, action, counters, ("client closed" if closes else "") if log is None else log)

    # --- before CONNECT

    def before_connect(self):
        chance = random.Random(4711)
        raw = self.raw
        raw("garbage", bytes([0xF7]) + bytes(chance.randrange(256) for _ in range(63)), WRONG)
        raw("HTTP request", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", WRONG)
        raw("TLS hello on the plain port", bytes.fromhex("16030100f8010000f40303") + bytes(240), WRONG)
        raw("zero bytes", bytes(64), WRONG)
        raw("PUBLISH before CONNECT", publish("a", b"x"), WRONG)
        raw("PINGREQ before CONNECT", b"\xc0\x00", WRONG)
        raw("wrong flags of CONNECT", connect(first=0x11), [MALFORMED])
        raw("wrong protocol name", connect(name="MQXX"), WRONG + [LOGIN])
        raw("unknown protocol level", connect(level=9), WRONG + [LOGIN], b"\x20\x00\x01")
        raw("reserved connect flag", connect(flags=0xC3), WRONG)
        raw("password without user", connect(user=None, flags=0x42), WRONG)
        raw("will QoS 3", connect(will=("a", "b", 3)), WRONG)
        raw("will flags without will", connect(flags=0xC2 | 0x08), WRONG)
        raw("remaining length of five bytes", b"\x10\xff\xff\xff\xff\x01", WRONG)
        raw("CONNECT larger than allowed", b"\x10" + varint(200_000_000) + bytes(1000), WRONG + [REFUSED, LOGIN])
        raw("client ID not UTF-8", connect(client_id=b"\xff\xfe"), WRONG)
        raw("client ID with NUL", connect(client_id=b"a\x00b"), WRONG)
        raw("client ID with surrogate", connect(client_id=b"\xed\xa0\x80"), WRONG)
        raw("bytes after the CONNECT payload", connect(extra=b"xyz"), WRONG)
        raw("empty client ID, unclean", connect(client_id="", clean=False), [LOGIN], b"\x20\x00\x02")
        raw("client ID of 129 characters", connect(client_id="c" * 129), [LOGIN], b"\x20\x00\x02")
        raw("wrong password", connect(password="wrong"), [LOGIN], b"\x20\x00\x05")
        raw("wrong password, 5.0", connect(version=5, password="wrong"), [LOGIN], b"\x20\x00\x86", 5)
        raw("user without tenant", connect(user="device1"), [LOGIN], b"\x20\x00\x05")
        raw("unknown tenant", connect(user="nobody/device1"), [LOGIN], b"\x20\x00\x05")
        raw("no credentials", connect(user=None, password=None), [LOGIN], b"\x20\x00\x05")
        raw("will on a wildcard topic", connect(will=("a/#", "b", 1)), WRONG)
        raw("5.0 will on a wildcard topic", connect(version=5, will=("a/#", "b", 1)), WRONG + [LOGIN], b"\x20\x00", 5)
        raw("5.0 property twice", connect(version=5, props=b"\x21\x00\x01\x21\x00\x02"), WRONG, b"\x20\x00", 5)
        raw("5.0 unknown property", connect(version=5, props=b"\x7f\x00"), WRONG, b"\x20\x00", 5)
        raw("5.0 receive maximum 0", connect(version=5, props=b"\x21\x00\x00"), WRONG, b"\x20\x00", 5)
        raw("5.0 authentication method", connect(version=5, props=b"\x15" + text("X")), [LOGIN], b"\x20\x00\x8c", 5)
        raw("5.0 properties longer than the packet", packet(0x10, text("MQTT") + b"\x05\x02\x00\x3c\x7f" + text("x")), WRONG)
        raw("CONNECT cut off", connect()[:11], [GONE], close=True)

    # --- after CONNECT

    def after_connect(self):
        after = self.after
        after("second CONNECT", connect("again"), [PROTOCOL])
        after("second CONNECT, 5.0", connect("again", 5), [PROTOCOL], b"\xe0\x82", 5)
        after("PUBLISH QoS 3", publish("a", b"x", 1, flags=0x36), WRONG)
        after("PUBLISH packet identifier 0", publish("a", b"x", 1, 0), WRONG)
        after("PUBLISH QoS 0 with DUP", publish("a", b"x", flags=0x38), WRONG)
        after("PUBLISH without topic", publish("", b"x"), WRONG + [REFUSED])
        after("PUBLISH to a wildcard", publish("a/+", b"x"), WRONG + [REFUSED])
        after("PUBLISH topic not UTF-8", publish(b"a\xc0\xaf", b"x"), WRONG)
        after("PUBLISH topic with NUL", publish(b"a\x00", b"x"), WRONG + [REFUSED])
        after("PUBLISH topic longer than the packet", packet(0x30, b"\xff\xffabc"), WRONG)
        after("PUBLISH empty", b"\x30\x00", WRONG)
        after("PUBLISH QoS 2", publish("a", b"x", 2), WRONG + [REFUSED])
        after("PUBLISH QoS 2, 5.0", publish("a", b"x", 2, version=5), WRONG + [REFUSED], b"\xe0\x9b", 5)
        after("PUBLISH too large", publish("a", bytes(131_073)), WRONG + [REFUSED])
        after("PUBLISH too large, 5.0", publish("a", bytes(131_073), version=5), WRONG + [REFUSED], b"\xe0\x95", 5)
        after("5.0 topic alias", publish("a", b"x", version=5, props=b"\x23\x00\x01"), WRONG, b"\xe0\x94", 5)
        after("5.0 topic alias 0", publish("a", b"x", version=5, props=b"\x23\x00\x00"), WRONG, b"\xe0", 5)
        after("5.0 subscription identifier in PUBLISH", publish("a", b"x", version=5, props=b"\x0b\x01"), WRONG, b"\xe0", 5)
        after("5.0 payload that is no UTF-8", publish("a", b"\xff", 1, version=5, props=b"\x01\x01"), ['mqtt_refusals_total{reason="0x99"}'],
              b"\x40\x00\x01\x99", 5, closes=False)
        after("SUBSCRIBE without filters", subscribe([]), WRONG)
        after("SUBSCRIBE with wrong flags", subscribe([("a", 0)], first=0x80), WRONG)
        after("SUBSCRIBE packet identifier 0", subscribe([("a", 0)], 0), WRONG)
        after("SUBSCRIBE QoS 3", subscribe([("a", 3)]), WRONG)
        after("SUBSCRIBE cut", packet(0x82, b"\x00\x01\x00\x05ab"), WRONG)
        after("SUBSCRIBE filter not UTF-8", subscribe([(b"\xff", 0)]), WRONG)
        after("SUBSCRIBE wildcard inside", subscribe([("a/#/b", 0)]), ['mqtt_refusals_total{reason="0x8F"}'], closes=False, answer=b"\x90\x00\x01\x80")
        after("5.0 SUBSCRIBE shared", subscribe([("$share/g/a", 0)], version=5), ['mqtt_refusals_total{reason="0x9E"}'], b"\x90\x00\x01", 5, closes=False)
        after("UNSUBSCRIBE without filters", unsubscribe([]), WRONG)
        after("UNSUBSCRIBE with wrong flags", unsubscribe(["a"], first=0xA0), WRONG)
        after("PUBACK of a stranger, cut", b"\x40\x01\x00", WRONG)
        after("PINGREQ with a body", b"\xc0\x01\x00", WRONG)
        after("CONNACK from a client", b"\x20\x02\x00\x00", WRONG)
        after("SUBACK from a client", b"\x90\x03\x00\x01\x00", WRONG)
        after("packet type 0", b"\x00\x00", WRONG)
        after("packet type 15 in 3.1.1", b"\xf0\x00", WRONG)
        after("5.0 AUTH", b"\xf0\x00", WRONG, b"\xe0", 5)
        after("5.0 DISCONNECT with a new expiry", packet(0xE0, b"\x00\x05\x11\x00\x00\x00\x09"), WRONG, b"\xe0\x82", 5)
        after("DISCONNECT with a body", b"\xe0\x01\x00", WRONG)
        after("remaining length of five bytes later", b"\x30\xff\xff\xff\xff\x7f", WRONG)

    # --- time, TLS, many

    def slow(self):
        def silent():
            wire = Wire(self.stack.socket())
            wire.rest(8)

        def drip():
            wire = Wire(self.stack.socket())
            begun = time.monotonic()
            for byte in connect("drip" * 20):
                try:
                    wire.send(bytes([byte]))
                except ConnectionError:
                    break
                time.sleep(0.2)
                if time.monotonic() - begun > 8:
                    raise AssertionError("still open after 8 s")

        def drip_after():
            client = self.stack.client("drip-after", keep_alive=1)
            for byte in publish("a", bytes(40)):
                try:
                    client.send(bytes([byte]))
                except ConnectionError:
                    return
                time.sleep(0.15)
            raise AssertionError("a packet in pieces held the keep alive off")

        def reads_nothing():
            client = self.stack.client("reads-nothing")
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.socket.settimeout(2)
            try:
                for _ in range(400):
                    client.send(b"\xc0\x00" * 10_000)
            except (TimeoutError, socket.timeout):
                pass  # the broker stopped reading it, as it should
            else:
                raise AssertionError("4,000,000 PINGREQ were read from a client that takes no answer")
            client.reset()

        case = self.runner.case
        case("silent connection", silent, [TIMEOUT], "client closed")
        case("CONNECT byte by byte", drip, [TIMEOUT], "client closed")
        case("packet in pieces past the keep alive", drip_after, [KEEP_ALIVE], "client closed")
        case("client that reads nothing", reads_nothing, [GONE])

    def tls(self):
        def ends(data, close=False):
            def action():
                plain = socket.create_connection(("127.0.0.1", self.stack.tls_port), timeout=8)
                plain.sendall(data)
                if not close:
                    wire = Wire(plain)
                    try:
                        while plain.recv(4096):
                            pass
                    except ConnectionError:
                        pass
                    wire.close()
                plain.close()

            return action

        def stranger():
            wire = Wire(self.stack.socket(self.stack.tls_context("stranger")))
            wire.send(connect(user="t0815", password=None))
            got = wire.rest(8)
            assert got and got[-1] == (0x20, b"\x00\x05"), got

        def old():
            context = self.stack.tls_context()
            context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            context.maximum_version = ssl.TLSVersion.TLSv1_1
            context.set_ciphers("ALL:@SECLEVEL=0")
            try:
                self.stack.socket(context)
            except (ssl.SSLError, ConnectionError):
                return
            raise AssertionError("TLS 1.1 was taken")

        def inside():
            wire = Wire(self.stack.socket(self.stack.tls_context()))
            wire.send(b"\xff" * 100)
            wire.rest(8)

        case = self.runner.case
        case("plain CONNECT on the TLS port", ends(connect()), [HANDSHAKE], "handshake")
        case("garbage on the TLS port", ends(os.urandom(300)), [HANDSHAKE], "handshake")
        case("TLS hello cut off", ends(bytes.fromhex("16030100f8010000f40303"), close=True), [HANDSHAKE])
        case("TLS hello that never ends", ends(bytes.fromhex("16030100f8010000f40303")), [HANDSHAKE_LATE])
        case("certificate of a strange CA", stranger, [LOGIN], "client closed")
        case("TLS 1.1", old, [HANDSHAKE], "handshake")
        case("garbage inside TLS", inside, WRONG, "client closed")

    def many(self):
        chance = random.Random(815)

        def storm():
            for _ in range(200):
                wire = Wire(self.stack.socket())
                data = bytearray(connect("storm", chance.choice((3, 4, 5)), props=b"\x26" + text("a") + text("b")))
                for _ in range(chance.randrange(1, 4)):
                    data[chance.randrange(len(data))] = chance.randrange(256)
                wire.send(bytes(data))
                wire.reset()

        def storm_after():
            for n in range(60):
                version = chance.choice((4, 5))
                client = self.stack.client("storm-%d" % n, version=version)
                data = bytearray(b"".join((publish("s/a", b"payload", 1, 7, version), subscribe([("s/b", 1)], 8, version),
                                           unsubscribe(["s/b"], 9, version), packet(0x40, b"\x00\x01"))))
                for _ in range(chance.randrange(1, 6)):
                    data[chance.randrange(len(data))] = chance.randrange(256)
                client.send(bytes(data))
                client.reset()

        self.runner.case("200 damaged CONNECTs (seed 815)", storm, WRONG + [GONE], lines_max=420)
        self.runner.case("60 damaged streams (seed 815)", storm_after, WRONG + [GONE], lines_max=130)


def main() -> int:
    arguments = options(__doc__)
    with Stack(arguments.bin, broker_limits="connect_timeout: 2s, handshake_timeout: 2s") as stack:

        def good():
            client = stack.client("good-%d" % next(numbers))
            assert client.subscribe(("good/topic", 1)) == b"\x01"
            assert client.publish("good/topic", b"fine") == 0
            assert client.next_message().payload == b"fine"
            client.disconnect()

        runner = Runner(stack.broker, good, arguments.only)
        cases = Cases(stack, runner)
        cases.before_connect()
        cases.after_connect()
        cases.slow()
        cases.tls()
        cases.many()
        # The bystander is still connected and still gets what is sent to it.
        cases.bystander.ping()
        sender = stack.client("sender")
        sender.publish("by/stander", b"still here")
        assert cases.bystander.next_message().payload == b"still here"
        return runner.finish(20)


if __name__ == "__main__":
    sys.exit(main())
