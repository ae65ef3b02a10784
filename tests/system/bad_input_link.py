#!/usr/bin/env python3
"""The link's door (common/link/FORMAT.md): whatever an authorised or unauthorised peer sends, messaging refuses it, says
so once, counts it, and goes on serving the broker and the next link."""

import itertools
import os
import random
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from doors_support import LinkSocket, Runner, Stack, frame, options, text

PROTOCOL, TOKENS, SUBPROTOCOL = ("messaging_link_protocol_errors_total", "messaging_link_tokens_refused_total",
                                 "messaging_link_subprotocols_refused_total")
NOT_ALLOWED, SUPERSEDED = "messaging_refused_not_allowed_total", "messaging_refused_superseded_total"
TOO_LARGE = "messaging_refused_too_large_total"
CLOSED_LOG, TOKEN_LOG = "link closed for a protocol error", "link token refused"
MOST = 2**64 - 1
sessions = itertools.count(random.Random().randrange(2**40), 7)


def record(payload=b"x", qos=1, authentication=3, client_id="tester", version=1) -> bytes:
    return (struct.pack(">BBQHH", version, qos | authentication << 4, 1, 0, 0xFFFF) + text(client_id) + text("user") + payload)


def topic(number: int, name="link/topic", tenant="t0815", name_space="mqtt") -> bytes:
    return frame(0x05, struct.pack(">I", number) + text(tenant) + text(name_space) + text(name))


def publish(number: int, data=None, claim=0) -> bytes:
    return frame(0x07, struct.pack(">IQ", number, claim) + (record() if data is None else data))


def claim(client_id: str, tenant="t0815", flags=0, rest=b"") -> bytes:
    return frame(0x08, bytes([flags]) + text(tenant) + text(client_id) + rest)


def subscribe(stream: int, tenant="t0815", claim_number=0, durability=0, name="", kind=0, start=0) -> bytes:
    return frame(0x0A, struct.pack(">IQBBB", stream, claim_number, kind, durability, start) + text(tenant) + text("mqtt") + text(name))


def add_filter(stream: int, request: int, name="link/topic", qos=2) -> bytes:
    return frame(0x0B, struct.pack(">IIB", stream, request, qos) + text(name))


def credit(stream: int, messages=100, octets=1 << 20) -> bytes:
    return frame(0x0D, struct.pack(">IQQ", stream, messages, octets))


def acknowledge(stream: int, *ranges) -> bytes:
    return frame(0x0F, struct.pack(">IH", stream, len(ranges)) + b"".join(struct.pack(">QQ", *pair) for pair in ranges))


def close_stream(stream: int) -> bytes:
    return frame(0x11, struct.pack(">IB", stream, 1))


class Cases:
    def __init__(self, stack: Stack, only: str):
        self.stack = stack
        self.token = stack.link_token()
        self.restricted = stack.link_token("application", "t0815")
        self.mapper = stack.link_token("mapper", "t0815")
        self.runner = Runner(stack.messaging, self.good, only)

    def link(self, token=None, **more) -> LinkSocket:
        made = LinkSocket(self.stack.link_port, token or self.token, **more)
        assert made.status == 101, made.head
        return made

    def open(self, token=None) -> LinkSocket:
        made = self.link(token)
        made.hello(next(sessions))
        return made

    def subscribed(self, token=None) -> LinkSocket:
        made = self.open(token)
        made.send(subscribe(1) + add_filter(1, 1) + credit(1) + topic(1))
        assert made.wait(0x85)[8] == 0
        return made

    def deliver(self, link: LinkSocket):
        link.send(publish(1))
        body = link.wait(0x86)
        count = struct.unpack_from(">H", body)[0]
        return struct.unpack_from(">Q", body, 6 + count * 4)[0]

    def good(self):
        """The next good link, and the broker's own, which was there all the time."""
        link = self.subscribed()
        position = self.deliver(link)
        link.send(acknowledge(1, (position, position)) + close_stream(1) + topic(2, "nobody/listens") + publish(2))
        while struct.unpack_from(">Q", link.wait(0x83))[0] < 2:
            pass
        link.close()
        client = self.stack.client("good")
        assert client.subscribe(("good/topic", 1)) == b"\x01"
        assert client.publish("good/topic", b"fine") == 0
        assert client.next_message().payload == b"fine"
        client.disconnect()

    # --- before the hello

    def upgrade(self, name, status, counters, log, lines_max=2, **more):
        def action():
            made = LinkSocket(self.stack.link_port, **more)
            made.close()
            assert made.status == status, made.head

        self.runner.case(name, action, counters, log, lines_max)

    def upgrades(self):
        forged = self.token[:-4] + ("AAAA" if self.token[-4:] != "AAAA" else "BBBB")
        self.upgrade("no token", 401, [TOKENS], TOKEN_LOG, token=None)
        self.upgrade("empty token", 401, [TOKENS], TOKEN_LOG, headers=["Authorization: Bearer "])
        self.upgrade("garbage token", 401, [TOKENS], TOKEN_LOG, token="garbage")
        self.upgrade("forged token", 401, [TOKENS], TOKEN_LOG, token=forged)
        self.upgrade("huge token", 401, [TOKENS], TOKEN_LOG, token="A" * 4000)
        self.upgrade("basic authorization", 401, [TOKENS], TOKEN_LOG, headers=["Authorization: Basic dDA4MTU6eA=="])
        self.upgrade("wrong subprotocol", 400, [SUBPROTOCOL], "link upgrade refused", token=self.token, subprotocol="mqtt")
        self.upgrade("no subprotocol", 400, [SUBPROTOCOL], "link upgrade refused", token=self.token, subprotocol="")
        self.upgrade("unknown path", 404, [], "", token=self.token, path="/linkage")

    def refused(self, name, send, counters=(PROTOCOL,), log=CLOSED_LOG, code=1002, token=None, greet=True):
        """`send` gets a link; it must then be closed with `code` (None: any end)."""

        def action():
            made = self.open(token) if greet else self.link(token)
            try:
                send(made)
            except ConnectionError:
                pass
            found = made.ended(8)
            made.close()
            assert code is None or found == code, "closed with %d %s" % (found, made.close_text)
            assert code != 1002 or made.close_text, "the close says nothing"

        self.runner.case(name, action, counters, log, 6)

    def greetings(self):
        def sent(data):
            return lambda link: link.send(data)

        hello = struct.pack(">HQQQ", 1, next(sessions), 1, 1)
        refused = self.refused
        refused("text message", lambda link: link.send(b"hello", 1), greet=False)
        refused("text message later", lambda link: link.send(b"hello", 1))
        refused("first frame is not hello", sent(topic(1)), greet=False)
        refused("publish as the first frame", sent(publish(1)), greet=False)
        refused("version 3", sent(frame(0x01, struct.pack(">HQQQ", 3, 1, 1, 1))), greet=False)
        refused("version 0", sent(frame(0x01, struct.pack(">HQQQ", 0, 1, 1, 1))), greet=False)
        refused("first sequence 0", sent(frame(0x01, struct.pack(">HQQQ", 1, 1, 1, 0))), greet=False)
        refused("hello cut", sent(frame(0x01, hello[:-1])), greet=False)
        refused("hello too long", sent(frame(0x01, hello + b"x")), greet=False)
        refused("frame before hello_end", sent(frame(0x01, hello) + topic(1)), greet=False)
        refused("hello twice", sent(frame(0x01, hello) + frame(0x01, hello)), greet=False)
        refused("hello_end twice", sent(frame(0x04)))
        refused("resume after hello_end", sent(frame(0x02, struct.pack(">IQQQH", 1, 0, 0, 0, 0))))
        refused("one byte", sent(b"\x00"), greet=False)
        refused("unmasked frame", lambda link: link.send(frame(0x04), mask=False), log="link", code=None)
        refused("reserved opcode", lambda link: link.send(b"x", 3), log="link", code=None)
        refused("message too large", lambda link: link.send(bytes(8 << 20)), log="link", code=None)

    def frames(self):
        def sent(*data):
            return lambda link: link.send(b"".join(data))

        refused = self.refused
        refused("frame cut", sent(topic(1)[:-3]))
        refused("length 0", sent(struct.pack(">IB", 0, 5)))
        refused("length absurd", sent(struct.pack(">IB", 2**32 - 1, 5) + bytes(100)))
        refused("bytes after the last frame", sent(topic(1), b"\x00\x00"))
        for kind in (0x00, 0x14, 0x7F, 0x81, 0x86, 0xFF):
            refused("unknown type %02x" % kind, sent(frame(kind, bytes(20))))
        refused("publish on an unopened number", sent(publish(9)))
        refused("publish without a record", sent(topic(1), publish(1, b"")))
        refused("record of version 9", sent(topic(1), publish(1, record(version=9))))
        refused("record cut", sent(topic(1), publish(1, record()[:15])))
        refused("topic number twice", sent(topic(1), topic(1, "other")))
        refused("close of an unopened number", sent(frame(0x06, struct.pack(">I", 9))))
        refused("topic text longer than its frame", sent(frame(0x05, struct.pack(">I", 1) + b"\xff\xffabc")))
        refused("stream with the top bit", sent(subscribe(0x80000001)))
        refused("subscription type 9", sent(subscribe(1, kind=9)))
        refused("durability 7", sent(subscribe(1, durability=7)))
        refused("start 3", sent(subscribe(1, start=3)))
        refused("filter QoS 3", sent(subscribe(1), add_filter(1, 1, qos=3)))
        refused("window never sent", sent(frame(0x0E, struct.pack(">QQ", 5, 500))))
        refused("window of 2^64", sent(frame(0x0E, struct.pack(">QQ", MOST, MOST))))
        refused("release flag 2", sent(frame(0x09, struct.pack(">QB", 1, 2))))
        refused("claim flags 255", sent(claim("c", flags=255)))
        refused("will cut", sent(claim("c", flags=1, rest=text("mqtt") + text("t") + struct.pack(">I", 500) + b"x")))
        refused("will that is no record", sent(claim("c", flags=1, rest=text("mqtt") + text("t") + struct.pack(">I", 1) + b"x")))
        refused("acknowledge count beyond its frame", sent(frame(0x0F, struct.pack(">IH", 1, 500) + bytes(16))))
        refused("credit too long", sent(frame(0x0D, bytes(21))))
        refused("state_put value beyond its frame",
                sent(frame(0x12, struct.pack(">I", 1) + text("t0815") + text("n") + text("k") + b"\x01" + struct.pack(">I", 2**32 - 1))))

    # --- answered, not closed

    def answered(self, name, data, kind, good, counters=(), token=None, extra=None):
        """The link stays open and the answer of this type satisfies `good`."""

        def action():
            made = self.open(token)
            made.send(data)
            body = made.wait(kind)
            assert good(body), "answer %s" % body.hex()
            if extra is not None:
                extra(made)
            made.send(topic(99, "still/open") + frame(0x13, struct.pack(">I", 77) + text("t0815") + text("n") + text("k") + b"\x00"))
            assert struct.unpack_from(">I", made.wait(0x8A))[0] == 77
            made.close()

        self.runner.case(name, action, counters, "", 8)

    def answers(self):
        def run_of(why):
            return lambda body: body[8:10] != b"\x00\x00" and body[-1] == why

        answered = self.answered
        answered("publish to a foreign tenant", topic(1, tenant="t0816") + publish(1), 0x83, run_of(7), (NOT_ALLOWED,), self.restricted)
        answered("subscribe to a foreign tenant", subscribe(1, "t0816"), 0x84, lambda body: body[4] == 7, (), self.restricted)
        answered("state of a foreign tenant", frame(0x13, struct.pack(">I", 1) + text("t0816") + text("n") + text("k") + b"\x01"), 0x8A,
                 lambda body: body[4] == 7, (), self.restricted)
        answered("claim with an application token", claim("c"), 0x88, lambda body: body[8:16] == bytes(8) and body[16] == 7, (), self.restricted)
        answered("claim with a mapper token", claim("c"), 0x88, lambda body: body[16] == 7, (), self.mapper)
        answered("device record with an application token", topic(1) + publish(1, record(authentication=1)), 0x83, run_of(7),
                 (NOT_ALLOWED,), self.restricted)
        answered("publish under an unknown claim", topic(1) + publish(1, claim=4711), 0x83, run_of(6), (SUPERSEDED,))
        answered("publish under claim 2^64", topic(1) + publish(1, claim=MOST), 0x83, run_of(6), (SUPERSEDED,))
        answered("subscribe under an unknown claim", subscribe(1, claim_number=4711), 0x84, lambda body: body[4] == 6)
        answered("release of an unknown claim", frame(0x09, struct.pack(">QB", 4711, 1)), 0x83, lambda body: body[:8] == struct.pack(">Q", 1))
        answered("record too large", topic(1) + publish(1, record(bytes(300_000))), 0x83, run_of(5), (TOO_LARGE,))
        answered("topic without a name", topic(1, "") + publish(1), 0x83, run_of(11))
        answered("filter of an unknown stream", add_filter(5, 1), 0x85, lambda body: body[8] == 18)
        answered("empty filter", subscribe(1) + add_filter(1, 1, ""), 0x85, lambda body: body[8] == 11)
        answered("filter with a wildcard inside a level", subscribe(1) + add_filter(1, 1, "a/#/b"), 0x85, lambda body: body[8] == 11)
        answered("credit, acknowledge and close of unknown streams",
                 credit(70) + acknowledge(70, (1, MOST)) + close_stream(70) + subscribe(1), 0x84, lambda body: body[4] == 0)

        def ranges():
            link = self.subscribed()
            first = self.deliver(link)
            link.send(acknowledge(1, (first, 0), (MOST, 0), (MOST, MOST), (0, 0)) + acknowledge(1))
            second = self.deliver(link)
            link.send(acknowledge(1, (0, MOST), (first, second), (0, MOST)))
            third = self.deliver(link)
            assert first < second < third
            link.send(frame(0x10, struct.pack(">IIH", 1, 0, 1) + struct.pack(">QQ", 0, MOST)))
            link.send(credit(1, MOST, MOST) + credit(1, 0, 0))
            self.deliver(link)
            # An ordered stream as a whole waits for what comes later; the link goes on.
            link.send(frame(0x10, struct.pack(">IIH", 1, 2**32 - 1, 1) + struct.pack(">QQ", 0, MOST)))
            link.send(frame(0x13, struct.pack(">I", 1) + text("t0815") + text("n") + text("k") + b"\x00"))
            link.wait(0x8A)
            link.send(close_stream(1))
            link.close()

        def many():
            link = self.open()
            link.send(topic(1) + publish(1) * 2000)
            while struct.unpack_from(">Q", link.wait(0x83))[0] < 2000:
                pass
            link.close()

        def last_sequence():
            link = self.link()
            link.hello(next(sessions), first=MOST)
            link.send(topic(1) + publish(1) + publish(1))
            link.send(frame(0x13, struct.pack(">I", 1) + text("t0815") + text("n") + text("k") + b"\x00"))
            link.wait(0x8A)
            link.close()

        def unknown_resume():
            link = self.link()
            link.send(frame(0x01, struct.pack(">HQQQ", 1, next(sessions), 1, 1)) + frame(0x02, struct.pack(">IQQQHQQ", 5, MOST, MOST, MOST, 2, 9, 3)) +
                      frame(0x03, struct.pack(">Q", MOST)) + frame(0x04))
            assert struct.unpack_from(">IB", link.wait(0x87)) == (5, 12)
            assert link.wait(0x89)[8] == 12
            link.close()

        def replaced():
            number = next(sessions)
            first = self.link()
            first.hello(number)
            first.send(subscribe(1) + add_filter(1, 1) + credit(1) + topic(1))
            assert first.wait(0x85)[8] == 0
            second = self.link()
            second.hello(number)
            first.ended(5)
            first.close()
            second.send(subscribe(2) + add_filter(2, 2) + credit(2) + topic(1))
            assert second.wait(0x85)[8] == 0
            self.deliver(second)
            second.send(close_stream(2))
            second.close()

        def damaged():
            chance = random.Random(99)
            for _ in range(60):
                link = self.open()
                data = bytearray(b"".join((topic(1), subscribe(1), add_filter(1, 1), credit(1), publish(1), acknowledge(1, (1, 5)),
                                           claim("damaged"), frame(0x09, struct.pack(">QB", 3, 1)))))
                for _ in range(chance.randrange(1, 5)):
                    data[chance.randrange(len(data))] = chance.randrange(256)
                link.send(bytes(data))
                link.send(frame(0x00))
                link.ended(8)
                link.close()

        def silent():
            """No hello, no answer to pings: given up after the idle time."""
            link = self.link()
            begun = time.monotonic()
            link.socket.settimeout(20)
            try:
                while link.socket.recv(4096):
                    pass
            except ConnectionError:
                pass
            assert time.monotonic() - begun < 18
            link.close()

        case = self.runner.case
        case("ranges reversed, huge, overlapping", ranges, ["messaging_acknowledged_total"], "", 8)
        case("2,000 publishes in one batch", many, ["messaging_messages_in_total"], "", 8)
        case("sequences at 2^64", last_sequence, ["messaging_messages_in_total"], "", 8)
        case("resume of what never was", unknown_resume, [], "", 8)
        case("a second connection replaces the first", replaced, [], "another connection took the session over", 8)
        case("60 damaged batches (seed 99)", damaged, [PROTOCOL], CLOSED_LOG, 300)
        case("silent link", silent, [], "link disconnected", 200)  # leases of the cases before end meanwhile


def main() -> int:
    arguments = options(__doc__)
    with Stack(arguments.bin, lease="2s", tls=False) as stack:
        cases = Cases(stack, arguments.only)
        cases.upgrades()
        cases.greetings()
        cases.frames()
        cases.answers()
        return cases.runner.finish(20)


if __name__ == "__main__":
    sys.exit(main())
