#!/usr/bin/env python3
"""What MQTT clients see of the two programs: wills, take-over, both QoS, properties, sizes, logins, TLS, reload and
shutdown; with packets made by hand and with Debian's mosquitto_pub and mosquitto_sub."""

import os
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from doors_support import Client, Closed, Stack, Steps, TENANTS, Wire, connect, options, packet, publish, subscribe, text, until


def will_on_reset(stack):
    """will after RST and after an end without DISCONNECT, none after DISCONNECT

    [MQTT311-3.1.2-8] [MQTT311-3.1.2-10] [MQTT311-3.14.4-3] [MQTT5-3.1.2-8] [MQTT5-3.1.2-10] [MQTT5-3.14.4-3]
    """
    watcher = stack.client("watcher")
    watcher.subscribe(("will/r", 1))
    for version in (4, 5):
        stack.client("dying-%d" % version, version=version, will=("will/r", "reset", 1)).reset()
        message = watcher.next_message()
        assert (message.payload, message.qos) == (b"reset", 1)
        stack.client("dying-%d" % version, version=version, will=("will/r", "closed", 0)).close()
        message = watcher.next_message()
        assert (message.payload, message.qos) == (b"closed", 0)
        stack.client("dying-%d" % version, version=version, will=("will/r", "no", 1)).disconnect()
    stack.client("dying-5", version=5, will=("will/r", "asked for", 1)).send(packet(0xE0, b"\x04"))
    assert watcher.next_message().payload == b"asked for"
    watcher.no_message()
    watcher.disconnect()


def will_on_keep_alive(stack):
    """will after the keep alive, properties kept, no earlier than 1.5 times

    [MQTT311-3.1.2-24] [MQTT5-3.1.2-22] [MQTT5-3.1.3-10]
    """
    watcher = stack.client("watcher", version=5)
    watcher.subscribe(("will/k", 1))
    user = b"\x26" + text("why") + text("silence")
    for version in (4, 5):
        begun = time.monotonic()
        dying = stack.client("dying", version=version, keep_alive=1, will=("will/k", "silent", 1, user))
        message = watcher.next_message(8)
        took = time.monotonic() - begun
        assert message.payload == b"silent", message
        assert message.properties == (user if version == 5 else b""), message.properties
        assert 1.4 < took < 4.5, "after %.1f s" % took
        got = dying.rest()
        if version == 5:
            assert got and got[-1][0] == 0xE0 and got[-1][1][0] == 0x8D, got
        else:
            assert not got, got
    watcher.no_message()
    watcher.disconnect()


def will_on_protocol_error(stack):
    """will after a protocol error of its client

    [MQTT311-3.1.2-8] [MQTT311-4.8.0-1]
    """
    watcher = stack.client("watcher")
    watcher.subscribe(("will/p", 1))
    stack.client("dying", will=("will/p", "error", 1)).send(b"\x00\x00")
    assert watcher.next_message().payload == b"error"
    watcher.no_message()
    watcher.disconnect()


def take_over(stack):
    """second CONNECT ends the first: 3.1.1 without a word, 5.0 with 0x8E; the will of the first is published

    [MQTT311-3.1.3-2] [MQTT311-3.1.4-2] [MQTT5-3.1.3-2] [MQTT5-3.1.4-3]
    """
    watcher = stack.client("watcher")
    watcher.subscribe(("will/t", 1))
    for version in (4, 5):
        first = stack.client("same", version=version, will=("will/t", "first", 1))
        second = stack.client("same", version=version)
        got = first.rest()
        if version == 5:
            assert got and got[-1][0] == 0xE0 and got[-1][1][0] == 0x8E, got
        else:
            assert not got, got
        assert watcher.next_message().payload == b"first"
        assert second.subscribe(("same/x", 1)) == b"\x01"
        assert second.publish("same/x", b"mine") == 0 and second.next_message().payload == b"mine"
        second.disconnect()
    third = stack.client("same", user="t0816/device1", password="other-secret")
    fourth = stack.client("same")  # another tenant's client is another client
    third.ping()
    fourth.ping()
    watcher.no_message()
    for client in (third, fourth, watcher):
        client.disconnect()


def both_qualities(stack):
    """QoS 0 and 1 to several subscribers: the smaller of both, in order

    [MQTT311-3.8.4-6] [MQTT311-4.5.0-1] [MQTT5-3.8.4-8] [MQTT5-4.5.0-1]
    """
    zero, one, five = stack.client("zero"), stack.client("one"), stack.client("five", version=5)
    assert zero.subscribe(("quality/x", 0)) == b"\x00"
    assert one.subscribe(("quality/x", 1)) == b"\x01"
    assert five.subscribe(("quality/x", 2)) == b"\x01"
    sender = stack.client("sender")
    for n in range(50):
        sender.publish("quality/x", b"%d" % n, n % 2)
    for client, most in ((zero, 0), (one, 1), (five, 1)):
        for n in range(50):
            message = client.next_message()
            assert message.payload == b"%d" % n, (client, n, message)
            assert message.qos == min(n % 2, most) and not message.dup and not message.retain
    for client in (zero, one, five, sender):
        client.disconnect()


def filters(stack):
    """unsubscribe, replaced and repeated filters, other tenants hear nothing

    [MQTT311-3.10.4-2] [MQTT311-3.10.4-5] [MQTT5-3.10.4-2] [MQTT5-3.10.4-5]
    """
    client, stranger = stack.client("client"), stack.client("stranger", user="t0816/device1", password="other-secret")
    stranger.subscribe(("f/x", 1))
    assert client.subscribe(("f/x", 1), ("f/y", 0)) == b"\x01\x00"
    assert client.subscribe(("f/x", 0)) == b"\x00"
    assert client.publish("f/x", b"once") == 0
    assert client.next_message().qos == 0
    client.unsubscribe("f/x", "f/none")
    client.publish("f/x", b"nobody")
    client.publish("f/y", b"still")
    assert client.next_message().payload == b"still"
    client.no_message(0.1)
    stranger.no_message(0.1)
    five = stack.client("five", version=5)
    assert five.unsubscribe("f/x") == b"\x11"
    assert five.publish("f/alone", b"x") == 0x10
    assert five.subscribe(("f/+", 1))[0] >= 0x80
    for one in (client, stranger, five):
        one.disconnect()


def pass_through(stack):
    """MQTT 5 properties end to end in their order; a 3.1.1 subscriber gets the payload alone

    [MQTT5-3.3.2-4] [MQTT5-3.3.2-15] [MQTT5-3.3.2-16] [MQTT5-3.3.2-17] [MQTT5-3.3.2-18] [MQTT5-3.3.2-20]
    """
    five, old = stack.client("five", version=5), stack.client("old")
    five.subscribe(("p/x", 1))
    old.subscribe(("p/x", 1))
    user = b"".join(b"\x26" + text(key) + text(value) for key, value in (("b", "1"), ("a", "2"), ("b", "3"), ("", "")))
    given = b"\x01\x01" + b"\x03" + text("text/plain") + b"\x08" + text("answer/here") + b"\x09" + text(b"\x00\x01\xff") + user
    sender = stack.client("sender", version=5)
    assert sender.publish("p/x", "grün".encode(), 1, given) == 0
    message = five.next_message()
    assert message.properties == given, message.properties.hex()
    assert message.payload == "grün".encode() and old.next_message().payload == "grün".encode()
    sender.publish("p/x", b"", 0, b"\x02" + struct.pack(">I", 60) + user)
    message = five.next_message()
    assert user in message.properties and message.payload == b"" and message.qos == 0
    for client in (five, old, sender):
        client.disconnect()


def sizes(stack):
    """a PUBLISH packet of 131,072 bytes passes, one byte more is refused, in pieces and at once; 5.0 limits of the client

    [MQTT5-3.1.2-25] [MQTT5-3.2.2-15]
    """
    client = stack.client("client")
    client.subscribe(("size/x", 1))
    room = 131_072 - 4 - 2 - 6 - 2  # fixed header, topic, packet identifier
    sent = publish("size/x", bytes(room), 1, 7)
    assert len(sent) == 131_072
    for chunk in (len(sent), 10_000, 65_536):
        for at in range(0, len(sent), chunk):
            client.send(sent[at:at + chunk])
        client.wait(0x40)
        assert len(client.next_message().payload) == room
    client.send(publish("size/x", bytes(room + 1), 1, 7))
    assert client.rest() == []
    small = stack.client("small", version=5, props=b"\x27" + struct.pack(">I", 200))
    small.subscribe(("size/y", 1))
    other = stack.client("other", version=5)
    assert other.publish("size/y", bytes(500)) == 0
    assert other.publish("size/y", b"fits") == 0
    assert small.next_message().payload == b"fits"
    other.send(publish("size/y", bytes(131_072), 1, 9, 5))
    got = other.rest()
    assert got[-1][0] == 0xE0 and got[-1][1][0] == 0x95, got
    small.disconnect()


def receive_maximum(stack):
    """a 5.0 client gets no more than its Receive Maximum; a 3.1.1 client no more than 64

    [MQTT5-3.3.4-9]
    """
    for version, most in ((5, 3), (4, 64)):
        client = stack.client("slow-%d" % version, version=version, props=b"\x21\x00\x03")
        client.automatic = False
        client.subscribe(("r/%d" % version, 1))
        sender = stack.client("sender")
        for n in range(most + 20):
            sender.publish("r/%d" % version, b"%d" % n)
        until(lambda: client.ping() or len(client.messages) >= most, 5)
        time.sleep(0.2)
        client.ping()
        assert len(client.messages) == most, len(client.messages)
        client.automatic = True
        for message in client.messages:
            client.send(packet(0x40, struct.pack(">H", message.identifier)))
        while len(client.messages) < most + 20:
            client.wait(0x30)
        assert [m.payload for m in client.messages] == [b"%d" % n for n in range(most + 20)]
        client.disconnect()
        sender.disconnect()


def oldest_version(stack):
    """MQTT 3.1 (MQIsdp)

    [MQTT31-1]
    """
    client = stack.client("old", version=3)
    assert client.subscribe(("old/x", 1)) == b"\x01"
    assert client.publish("old/x", b"hello") == 0
    assert client.next_message().payload == b"hello"
    client.unsubscribe("old/x")
    client.disconnect()


def pipelined(stack):
    """CONNECT, SUBSCRIBE, PUBLISH and DISCONNECT in one segment

    [MQTT311-3.2.0-1]
    """
    wire = Wire(stack.socket())
    wire.send(connect("hasty") + subscribe([("h/x", 1)], 1) + publish("h/x", b"one", 1, 2) + b"\xc0\x00")
    kinds = [wire.packet()[0] & 0xF0 for _ in range(5)]
    assert kinds[0] == 0x20 and sorted(kinds[1:]) == [0x30, 0x40, 0x90, 0xD0], kinds
    wire.send(b"\xe0\x00")
    assert wire.rest() == []


def logins(stack):
    """wrong password 5 and 0x86, over TLS too; the second right one is remembered"""
    assert stack.client("a", password="wrong", expect=5).rest() == []
    assert stack.client("a", version=5, password="wrong", expect=0x86).rest() == []
    assert stack.client("a", user="t0815/nobody", expect=5).rest() == []
    assert stack.client("a", tls=stack.tls_context(), password="wrong", expect=5).rest() == []
    for _ in range(3):
        stack.client("a").disconnect()


def secure(stack):
    """TLS by password, with large messages both ways; by client certificate with the tenant named and found"""
    client = stack.client("tls", tls=stack.tls_context())
    client.subscribe(("tls/x", 1))
    for size in (1, 16_384, 16_385, 65_536, 130_000):
        assert client.publish("tls/x", bytes(size)) == 0
        assert len(client.next_message().payload) == size
    for name in ("t0815", None, "t0815/whoever"):
        device = stack.client("device", tls=stack.tls_context("device"), user=name, password=None)
        assert device.publish("tls/x", b"by certificate") == 0
        assert client.next_message().payload == b"by certificate"
        device.disconnect()
    stack.client("device", tls=stack.tls_context("device"), user="t0816", password=None, expect=5)
    client.disconnect()


def slow_subscriber(stack):
    """one that does not read holds nobody up"""
    slow, fast, sender = stack.client("slow", timeout=30), stack.client("fast", timeout=30), stack.client("sender", timeout=30)
    slow.subscribe(("slow/x", 0))
    fast.subscribe(("slow/x", 1))
    payload = bytes(8192)
    begun = time.monotonic()
    for n in range(600):
        sender.publish("slow/x", struct.pack(">I", n) + payload)
        assert fast.next_message(10).payload[:4] == struct.pack(">I", n)
    took = time.monotonic() - begun
    assert took < 20, "%.1f s for 600 messages" % took
    slow.reset()
    fast.disconnect()
    sender.disconnect()


def mosquitto(stack):
    """mosquitto_pub and mosquitto_sub: 3.1, 3.1.1, 5.0, TLS, user properties

    [MQTT311-7.0.0-2] [MQTT311-7.1.1-1] [MQTT5-4.2.0-1]
    """
    secret = ["-u", "t0815/device1", "-P", "device1-secret"]
    plain = ["-h", "127.0.0.1", "-p", str(stack.mqtt_port), *secret]
    secure_ = ["-h", "localhost", "-p", str(stack.tls_port), "--cafile", stack.path("ca.pem")]
    device = [*secure_, "--cert", stack.path("device.pem"), "--key", stack.path("device.key"), "-u", "t0815"]
    for number, (how, version) in enumerate(((plain, "mqttv31"), (plain, "mqttv311"), (plain, "mqttv5"), ([*secure_, *secret], "mqttv5"), (device, "mqttv311"))):
        topic = "mosquitto/%d" % number
        before = stack.broker.total("mqtt_clients")
        with subprocess.Popen(["stdbuf", "-oL", "mosquitto_sub", *how, "-V", version, "-i", "sub-%d" % number, "-t", topic, "-q", "1", "-C", "2", "-W", "15", "-d"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as listening:
            said = []
            for line in listening.stdout:
                said.append(line)
                if "SUBACK" in line or "Subscribed" in line:
                    break
            more = ["-D", "publish", "user-property", "key", "value"] if version == "mqttv5" else []
            for quality in ("0", "1"):
                subprocess.run(["mosquitto_pub", *how, "-V", version, "-i", "pub-%d" % number, "-t", topic, "-q", quality,
                                "-m", "hello " + quality, *more], check=True, timeout=15)
            said += listening.stdout.readlines()
            assert listening.wait(20) == 0, said
        assert "hello 0\n" in said and "hello 1\n" in said, said
        assert until(lambda: stack.broker.total("mqtt_clients") == before, 5)
    refused = subprocess.run(["mosquitto_pub", *plain[:4], "-u", "t0815/device1", "-P", "no", "-t", "x", "-m", "y"],
                             capture_output=True, text=True, timeout=15, check=False)
    assert refused.returncode != 0, refused


def reload(stack):
    """SIGHUP: new users come in, removed ones stay out, connected ones stay"""
    connected = stack.client("connected", user="t0815/device2", password="device2-secret")
    seen = len(stack.broker.log())
    stack.write("tenants.yaml", TENANTS.replace("device2:", "device3:"))
    stack.broker.process.send_signal(signal.SIGHUP)
    assert until(lambda: "users reloaded" in stack.broker.log()[seen:])
    stack.client("new", user="t0815/device3", password="device2-secret").disconnect()
    stack.client("old", user="t0815/device2", password="device2-secret", expect=5)
    connected.ping()
    connected.disconnect()


def shutdown(stack):
    """SIGTERM: 5.0 clients get 0x8B, all connections end, exit code 0 within 10 s; the wills of all are published"""
    five, old = stack.client("five", version=5), stack.client("old")
    half = Wire(stack.socket())
    half.send(b"\x10\x30")
    begun = time.monotonic()
    stack.broker.process.send_signal(signal.SIGTERM)
    got = five.rest(8)
    assert got and got[-1][0] == 0xE0 and got[-1][1][0] == 0x8B, got
    assert old.rest(8) == [] and half.rest(8) == []
    assert stack.broker.process.wait(10) == 0
    assert time.monotonic() - begun < 10
    stack.broker.start()
    stack.client("after").disconnect()


def main() -> int:
    arguments = options(__doc__)
    steps = Steps(arguments.only)
    with Stack(arguments.bin) as stack:
        steps.run(stack, will_on_reset, will_on_keep_alive, will_on_protocol_error, take_over, both_qualities, filters,
                  pass_through, sizes, receive_maximum, oldest_version, pipelined, logins, secure, slow_subscriber,
                  mosquitto, reload, shutdown)
    return steps.finish()


if __name__ == "__main__":
    sys.exit(main())
