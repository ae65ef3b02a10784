#!/usr/bin/env python3
"""Statements of MQTT that only the whole way proves: what one client does and another sees, over sockets and by bytes, for
3.1.1 and 5.0 alike. The tags in the docstrings are those of broker/CONFORMANCE.md."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from doors_support import Stack, Steps, Wire, connect, options, packet, publish, subscribe, unsubscribe

VERSIONS = (4, 5)


def present_and_code(client) -> bytes:
    """Acknowledge flags and code of the CONNACK."""
    return client.connack[:2]


def clean_sessions(stack):
    """nothing of a session comes back, with Clean Session and without: no session present, no message, no subscription

    [MQTT311-3.1.2-6] [MQTT311-3.1.3-2] [MQTT311-3.1.4-3] [MQTT311-3.2.2-1] [MQTT311-3.2.2-3] [MQTT311-4.1.0-2]
    [MQTT5-3.1.2-4] [MQTT5-3.1.2-6] [MQTT5-3.1.3-2] [MQTT5-3.1.4-4] [MQTT5-3.2.2-2] [MQTT5-3.2.2-3] [MQTT5-4.1.0-2]
    """
    sender = stack.client("sender")
    for version in VERSIONS:
        topic = "clean/%d" % version
        # 5.0: the session should last an hour; the service says that it will not.
        props = b"\x11\x00\x00\x0e\x10" if version == 5 else b""
        first = stack.client("returns", version=version, clean=False, props=props)
        assert present_and_code(first) == b"\x00\x00"
        first.automatic = False
        assert first.subscribe((topic, 1)) == b"\x01"
        sender.publish(topic, b"never acknowledged")
        assert first.next_message().payload == b"never acknowledged"
        first.disconnect()
        for clean in (False, True, False):
            again = stack.client("returns", version=version, clean=clean, props=props)
            assert present_and_code(again) == b"\x00\x00"
            sender.publish(topic, b"while subscribed to nothing")
            again.no_message(0.1)
            again.disconnect()
    sender.disconnect()


def assigned_identifiers(stack):
    """clients without a client ID get different ones, and are told in 5.0

    [MQTT311-3.1.3-6] [MQTT5-3.1.3-6] [MQTT5-3.1.3-7] [MQTT5-3.2.2-16]
    """
    for version in VERSIONS:
        clients = [stack.client("", version=version) for _ in range(5)]
        for number, client in enumerate(clients):
            assert client.subscribe(("assigned/%d" % number, 1)) == b"\x01"
        for client in clients:  # none of them took another one over
            client.ping()
        if version == 5:
            names = set()
            for client in clients:
                at = client.connack.index(b"\x12\x00")
                names.add(client.connack[at + 3:at + 3 + client.connack[at + 2]])
            assert len(names) == len(clients), names
        for client in clients:
            client.disconnect()


def no_local(stack):
    """No Local: a client's own messages stay away, others' come; subscribed again without it, its own come too

    [MQTT5-3.8.3-3]
    """
    client, other = stack.client("local", version=5), stack.client("other", version=5)
    assert client.subscribe(("local/x", 1 | 4)) == b"\x01"
    for quality in (0, 1):
        client.publish("local/x", b"own", quality)
        other.publish("local/x", b"other", quality)
        message = client.next_message()
        assert (message.payload, message.qos) == (b"other", quality)
    client.no_message(0.1)
    assert client.subscribe(("local/x", 1)) == b"\x01"  # subscribed again without it
    client.publish("local/x", b"own")
    assert client.next_message().payload == b"own"
    assert client.subscribe(("local/x", 1 | 4)) == b"\x01"
    # Its own messages do not use up its window: many more than the window pass it by.
    for n in range(1_200):
        client.publish("local/x", b"own")
    other.publish("local/x", b"end")
    assert client.next_message().payload == b"end"
    client.disconnect()
    other.disconnect()


def retain_is_ignored(stack):
    """RETAIN of a PUBLISH and of a will has no effect in the preview: delivered without it, not kept

    [MQTT311-3.1.2-16] [MQTT311-3.3.1-9] [MQTT5-3.1.2-14] [MQTT5-3.3.1-12] [MQTT31-23]
    """
    for version in (3, 4, 5):
        topic = "retain/%d" % version
        there = stack.client("there", version=version)
        assert there.subscribe((topic, 1)) == b"\x01"
        sender = stack.client("sender", version=version)
        for quality in (0, 1):
            sender.send(publish(topic, b"kept?", quality, 9, version, flags=0x31 | quality << 1))
            if quality:
                sender.wait(0x40)
            message = there.next_message()
            assert message.payload == b"kept?" and not message.retain and not message.dup
        bits = 0xC2 | 0x04 | 0x08 | 0x20  # will with QoS 1 and RETAIN
        stack.client("dying", version=version, will=(topic, b"gone", 1), flags=bits).reset()
        message = there.next_message()
        assert message.payload == b"gone" and not message.retain
        late = stack.client("late", version=version)
        assert late.subscribe((topic, 1)) == b"\x01"
        late.no_message(0.1)
        for client in (there, sender, late):
            client.disconnect()


def publisher_repeats(stack):
    """DUP of the publisher does not reach the subscriber; the same identifier after its PUBACK is a new message

    [MQTT311-3.3.1-3] [MQTT311-4.3.2-2] [MQTT5-3.3.1-3] [MQTT5-4.3.2-5]
    """
    for version in VERSIONS:
        there = stack.client("there", version=version)
        there.subscribe(("dup/x", 1))
        sender = stack.client("sender", version=version)
        for payload in (b"first", b"second"):
            sender.send(publish("dup/x", payload, 1, 77, version, flags=0x3A))
            assert sender.wait(0x40)[:2] == b"\x00\x4d"
            message = there.next_message()
            assert message.payload == payload and not message.dup
        there.disconnect()
        sender.disconnect()


def exact_names(stack):
    """names are compared byte by byte and arrive as they were sent: case, slashes, U+FEFF, composed and decomposed letters

    [MQTT311-1.5.3-3] [MQTT311-3.3.2-3] [MQTT311-4.7.3-4] [MQTT5-1.5.4-3] [MQTT5-3.3.2-3] [MQTT5-4.7.3-4]
    """
    names = ["exact", "Exact", "/exact", "exact/", "/exact/", "\ufeffexact", "ex\u00e4ct", "exa\u0308ct", "exact ", " exact"]
    for version in VERSIONS:
        clients = []
        for number, name in enumerate(names):
            client = stack.client("exact-%d" % number, version=version)
            assert client.subscribe((name, 1)) == b"\x01"
            clients.append(client)
        sender = stack.client("sender", version=version)
        for name in names:
            assert sender.publish(name, name.encode()) == 0
        for name, client in zip(names, clients):
            message = client.next_message()
            assert message.topic == name and message.payload == name.encode(), (name, message)
            client.ping()
            assert not client.messages, (name, client.messages)
            client.disconnect()
        sender.disconnect()


def unsubscribe_exactly(stack):
    """UNSUBSCRIBE ends the equal filter and no other; what was delivered before is finished

    [MQTT311-3.10.4-1] [MQTT311-3.10.4-2] [MQTT311-3.10.4-3] [MQTT311-3.10.4-6] [MQTT5-3.10.4-1] [MQTT5-3.10.4-2]
    [MQTT5-3.10.4-3] [MQTT5-3.10.4-6]
    """
    for version in VERSIONS:
        client = stack.client("client", version=version)
        client.automatic = False
        assert client.subscribe(("u/a", 1), ("u/b", 1), ("u/c", 1)) == b"\x01\x01\x01"
        sender = stack.client("sender", version=version)
        sender.publish("u/a", b"begun")
        begun = client.next_message()
        codes = client.unsubscribe("u/A", "u/a/", "/u/a", "u")  # one UNSUBACK for all, none of them is subscribed
        assert codes == (b"\x11" * 4 if version == 5 else b"")
        sender.publish("u/a", b"still")
        still = client.next_message()
        assert still.payload == b"still"
        codes = client.unsubscribe("u/a", "u/b")
        assert codes == (b"\x00\x00" if version == 5 else b"")
        sender.publish("u/a", b"nobody")
        sender.publish("u/b", b"nobody")
        sender.publish("u/c", b"somebody")
        assert client.next_message().payload == b"somebody"
        for message in (begun, still):
            client.send(packet(0x40, message.identifier.to_bytes(2, "big")))
        client.no_message(0.1)
        client.disconnect()
        sender.disconnect()


def subscribe_again(stack):
    """a filter subscribed again while messages flow: the new QoS holds, nothing is lost or doubled

    [MQTT311-3.8.4-3] [MQTT311-3.8.4-6] [MQTT5-3.8.4-3] [MQTT5-3.8.4-4] [MQTT5-3.8.4-8]
    """
    for version in VERSIONS:
        client, sender = stack.client("client", version=version), stack.client("sender", version=version)
        assert client.subscribe(("again/x", 0)) == b"\x00"
        sent = 0
        for round_ in range(30):
            for _ in range(5):
                sender.send(publish("again/x", b"%d" % sent, 1, sent % 60000 + 1, version))
                sent += 1
            quality = round_ % 2
            assert client.subscribe(("again/x", quality)) == bytes([quality])
        for _ in range(sent):
            sender.wait(0x40)
        got = [client.next_message() for _ in range(sent)]
        assert [message.payload for message in got] == [b"%d" % n for n in range(sent)]
        assert client.subscribe(("again/x", 1)) == b"\x01"
        sender.publish("again/x", b"end")
        message = client.next_message()
        assert (message.payload, message.qos) == (b"end", 1)
        client.no_message(0.1)
        client.disconnect()
        sender.disconnect()


def in_order(stack):
    """the messages of one publisher arrive in their order, and the PUBACKs come in it, over several topics

    [MQTT311-4.5.0-1] [MQTT311-4.6.0-5] [MQTT311-4.6.0-6] [MQTT5-4.5.0-1] [MQTT5-4.6.0-5] [MQTT5-4.6.0-6]
    """
    for version in VERSIONS:
        there = [stack.client("there-%d" % n, version=version) for n in range(3)]
        for client in there:
            assert client.subscribe(("order/a", 1), ("order/b", 1)) == b"\x01\x01"
        sender = stack.client("sender", version=version)
        count = 600
        sender.send(b"".join(publish("order/" + "ab"[n % 2], b"%d" % n, 1, n + 1, version) for n in range(count)))
        acknowledged = [int.from_bytes(sender.wait(0x40)[:2], "big") for _ in range(count)]
        assert acknowledged == list(range(1, count + 1))
        for client in there:
            got = [client.next_message().payload for _ in range(count)]
            assert got == [b"%d" % n for n in range(count)]
            client.no_message(0.05)
            client.disconnect()
        sender.disconnect()


def byte_by_byte(stack):
    """packets in single bytes and all in one piece are the same stream, over TCP and TLS

    [MQTT311-7.1.1-1] [MQTT5-4.2.0-1]
    """
    for version in VERSIONS:
        for tls in (None, stack.tls_context()):
            for pieces in (1, 7, 100_000):
                wire = Wire(stack.socket(tls), version)
                data = connect("pieces", version) + subscribe([("pieces/x", 1)], 1, version) + \
                    publish("pieces/x", b"hello", 1, 2, version) + unsubscribe(["pieces/x"], 3, version) + b"\xc0\x00"
                for at in range(0, len(data), pieces):
                    wire.send(data[at:at + pieces])
                # PINGRESP comes at once, the others when the store has answered.
                kinds = []
                while not {0x40, 0x90, 0xB0, 0xD0} <= set(kinds):
                    kinds.append(wire.packet()[0] & 0xF0)
                assert kinds[0] == 0x20 and kinds.count(0x20) == 1, kinds
                wire.send(b"\xe0\x00")
                assert all(first & 0xF0 == 0x30 for first, _ in wire.rest())


def main() -> int:
    arguments = options(__doc__)
    steps = Steps(arguments.only)
    with Stack(arguments.bin) as stack:
        steps.run(stack, clean_sessions, assigned_identifiers, no_local, retain_is_ignored, publisher_repeats, exact_names,
                  unsubscribe_exactly, subscribe_again, in_order, byte_by_byte)
    return steps.finish()


if __name__ == "__main__":
    sys.exit(main())
