#!/usr/bin/env python3
"""Limits as clients, applications and administrators meet them (ref A.8 to A.12): per tenant and per client, profiles
`preview` and `ga`; `$debug/$error`; alarms on the platform; clients that are slow, half open, or flood.

    tests/system/limits.py --bin build/dev/bin [--only NAME]
"""

import asyncio
import base64
import json
import os
import signal
import socket
import struct
import sys
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "clients", "python"))
from doors_support import (Client, Closed, Program, Stack, Steps, Wire, connect, free_port, options, packet,  # noqa: E402
                           publish, read_varint, subscribe, text, until)
from notification2_client import Message, Publisher, Subscriber, get_token  # noqa: E402

USERS = """users:
      device1: { password: { plain: device1-secret } }
      admin: { password: { plain: admin-secret }, roles: [ROLE_NOTIFICATION_2_ADMIN, ROLE_TENANT_ADMIN] }
"""
TENANTS = {
    "t0815": "limits: { connections: 2 }",
    "open": "profile: preview",
    "places": "limits: { connections: 2 }",
    "rush": "limits: { connect_rate: 3 }",
    "pace": "limits: { publish_rate_per_client: 10 }",
    "apart": "profile: ga\n    limits: { publish_rate_per_client: 10, connect_rate: 0 }",
    "ga": "profile: ga",
    "bytes": "limits: { throughput_bytes: 20KiB }",
    "slow": "limits: { delivery_rate: 20 }",
    "topics": "store: { topics_per_tenant: 20 }",
    "starts": "limits: { topic_creation_rate_per_client: 5 }",
    "sizes": "limits: { packet_bytes: 2KiB }",
    "full": "store: { backlog_bytes_per_topic: 20KiB }",
}


def tenants_yaml(**changed) -> str:
    lines = ["tenants:"]
    for name, settings in {**TENANTS, **changed}.items():
        lines.append("  %s:\n    %s\n    %s" % (name, settings, USERS))
    return "\n".join(lines)


def who(tenant: str) -> dict:
    return {"user": tenant + "/device1", "password": "device1-secret"}


def client(stack, name, tenant, version=4, **more) -> Client:
    return stack.client(name, version=version, **who(tenant), **more)


def refused(stack, tenant, reason) -> float:
    return stack.broker.metrics().get('mqtt_refused_total{tenant="%s",reason="%s"}' % (tenant, reason), 0)


def reason_of(body: bytes) -> str:
    """The reason string of a 5.0 PUBACK."""
    _, at = read_varint(body, 3)
    return body[at + 3:].decode() if body[at:at + 1] == b"\x1f" else ""


def errors_of(stack, name, tenant, version=4, count=1, qos=1) -> list:
    """Connects, subscribes `$debug/$error`, and reads what is there."""
    reader = client(stack, name, tenant, version)
    granted = reader.subscribe(("$debug/$error", qos))
    assert granted == bytes([qos]), granted
    found = []
    while len(found) < count:
        message = reader.next_message()
        assert message.topic == "$debug/$error", message
        assert message.qos == qos, message
        found.append(json.loads(message.payload))
    reader.no_message(0.2)
    reader.disconnect()
    for one in found:
        assert one["clientId"] == name and one["error"].startswith("mqtt-service/") and one["time"].endswith("Z"), one
    return found


# --- connections


def connections(stack):
    """connections per tenant: 0x97 for 5.0, silence for 3.1.1; a take-over is let in; a place becomes free"""
    held = [client(stack, "a", "places"), client(stack, "b", "places")]
    five = Client(stack.socket(), "c", version=5, expect=None, **who("places"))
    assert five.connack[1] == 0x97, five.connack.hex()
    assert b"connections" in five.connack, five.connack
    old = Wire(stack.socket(), 4)
    old.send(connect("c", 4, **who("places")))
    assert old.rest() == [], "a 3.1.1 client got an answer"
    assert refused(stack, "places", "connections") == 2
    again = client(stack, "a", "places", version=5)
    assert held[0].rest() == []
    held[0] = again
    held[1].disconnect()
    assert until(lambda: stack.broker.total("mqtt_clients") == 1)
    five = client(stack, "c", "places", version=5)
    for one in (five, again):
        one.disconnect()
    told = errors_of(stack, "c", "places", count=2)
    assert {one["error"] for one in told} == {"mqtt-service/connectionLimitExceeded"}, told
    assert all(one["packetType"] == "CONNECT" and one["reasonCode"] == 0x97 for one in told), told


def connect_rate(stack):
    """connects a second of a tenant: 0x97 for 5.0, silence for 3.1.1; others are not held up"""
    codes = []
    for n in range(12):
        one = Client(stack.socket(), "r%d" % n, version=5, expect=None, **who("rush"))
        codes.append(one.connack[1])
        one.close()
    assert codes[:3] == [0, 0, 0] and 0x97 in codes[3:5], codes
    silent = 0
    for n in range(6):
        old = Wire(stack.socket(), 4)
        old.send(connect("r%d" % n, 4, **who("rush")))
        try:
            assert old.packet() == (0x20, b"\x00\x00")
        except Closed:
            silent += 1
        old.close()
    assert silent >= 4, silent
    assert refused(stack, "rush", "connect_rate") == codes.count(0x97) + silent
    client(stack, "fine", "open").disconnect()


# --- publishing


def publish_rate(stack):
    """publishes a second of a client: 5.0 gets 0x97 and stays, 3.1.1 is sent away, QoS 0 is dropped; both profiles"""
    for tenant in ("pace", "apart"):
        before = refused(stack, tenant, "publish_rate_per_client")
        five = client(stack, "five", tenant, version=5)
        five.send(b"".join(publish("p/x", b"x", 1, n, 5) for n in range(1, 31)))
        codes = []
        for n in range(1, 31):
            body = five.wait(0x40)
            assert struct.unpack_from(">H", body)[0] == n
            codes.append(body[2] if len(body) > 2 else 0)
            if codes[-1] == 0x97:
                assert "too fast" in reason_of(body), body
        assert codes[:10].count(0x97) == 0 and codes.count(0x97) >= 15, codes
        five.ping()
        old = client(stack, "old", tenant)
        old.send(b"".join(publish("p/x", b"x", 1, n) for n in range(1, 31)))
        answers = old.rest()
        assert len(answers) <= 10 and all(first == 0x40 for first, _ in answers), answers
        zero = client(stack, "zero", tenant)
        zero.send(b"".join(publish("p/x", b"x") for _ in range(30)))
        zero.ping()
        assert refused(stack, tenant, "publish_rate_per_client") >= before + 15 + 1 + 15
        five.disconnect()
        zero.disconnect()


def own_errors(stack):
    """$debug/$error: a 3.1.1 client reads after reconnecting what ended it, once; 5.0 too; each its own; both profiles"""
    for tenant in ("pace", "apart"):
        for version in (4, 5):
            name = "unlucky/%s+%d" % (tenant, version)
            bystander = client(stack, "bystander", tenant)
            bystander.subscribe(("$debug/$error", 1))
            bad = client(stack, name, tenant, version)
            bad.send(publish("a/+/c", b"x", 1, 9, version))  # a wildcard in a topic name ends every version
            answers = bad.rest()
            assert [first for first, _ in answers] == ([] if version == 4 else [0xE0]), answers
            found = errors_of(stack, name, tenant, version, qos=version - 4)
            assert found[0]["error"] == "mqtt-service/topicNameInvalid", found
            assert found[0]["topic"] == "a/+/c" and found[0]["messageId"] == 9 and found[0]["packetType"] == "PUBLISH"
            again = client(stack, name, tenant, version)
            again.subscribe(("$debug/$error", 1))
            again.no_message()
            again.send(packet(0x30, text("bad/#") + (b"\x00" if version == 5 else b"")))
            again.rest()
            assert len(errors_of(stack, name, tenant, version)) == 1
            bystander.no_message(0)
            bystander.disconnect()


def errors_while_connected(stack):
    """$debug/$error: a 5.0 client hears at once of what it was refused, with content type, and cannot publish there"""
    five = client(stack, "hears", "open", version=5)
    five.subscribe(("$debug/$error", 1))
    identifier = five.identifier()
    five.send(publish("$debug/$error", b"forged", 1, identifier, 5))
    assert five.wait(0x40)[2] == 0x90
    message = five.next_message()
    told = json.loads(message.payload)
    assert told["topic"] == "$debug/$error" and told["reasonCode"] == 0x90 and told["messageId"] == identifier, told
    assert b"application/json" in message.properties, message.properties
    five.send(subscribe([("a/#", 0)], 77, 5))
    assert five.codes(five.wait(0x90)) == b"\xa2"
    told = json.loads(five.next_message().payload)
    assert told["error"] == "mqtt-service/wildcardsNotSupported" and told["messageId"] == 77, told
    assert told["packetType"] == "SUBSCRIBE" and told["topic"] == "a/#", told
    five.disconnect()


def errors_for_applications(stack):
    """$debug/$error: an application reads those of all clients and cannot publish there"""

    async def run():
        http = "http://127.0.0.1:%d" % stack.link_port
        token = get_token(http, "open/admin", "admin-secret", "$debug/$error", "watcher")
        async with Subscriber("ws://127.0.0.1:%d" % stack.link_port, token) as app:
            for name in ("app-1", "app/2"):
                bad = client(stack, name, "open")
                bad.send(publish("x/+", b""))
                bad.rest()
                got = await app.receive(10)
                assert got is not None
                assert got.message.topic == "$debug/$error" and got.message.client_id == name, got.message
                assert json.loads(got.message.payload)["clientId"] == name
                await app.acknowledge(got)
        try:
            async with Publisher("ws://127.0.0.1:%d" % stack.link_port,
                                 get_token(http, "open/admin", "admin-secret", "$debug/$error", "writer")):
                raise AssertionError("an application may publish on $debug/$error")
        except Exception as problem:  # the library's own class for a refused upgrade
            assert "422" in str(problem), problem

    asyncio.run(run())
    assert len(errors_of(stack, "app/2", "open")) == 1


def errors_are_bounded(stack):
    """$debug/$error: one that errs without end gets sixteen, the rest is counted; who did not log in gets none"""
    def held_back():
        return stack.broker.metrics().get('mqtt_reports_total{tenant="open",result="held_back"}', 0)

    before = held_back()
    five = client(stack, "endless", "open", version=5)
    five.send(b"".join(publish("$bad", b"x", 1, n % 1000 + 1, 5) for n in range(3000)))
    for _ in range(3000):
        assert five.wait(0x40)[2] == 0x90
    five.disconnect()
    assert 2900 <= held_back() - before <= 2990
    reader = client(stack, "endless", "open")
    reader.subscribe(("$debug/$error", 1))
    for _ in range(16):
        reader.next_message()
    reader.no_message()
    reader.disconnect()
    before = stack.messaging.metrics()["messaging_messages_in_total"]
    for _ in range(5):
        stranger = Wire(stack.socket(), 5)
        stranger.send(connect("endless", 5, user="open/device1", password="wrong"))
        assert stranger.rest()[0][1][1] in (0x86, 0x87)
    assert stack.messaging.metrics()["messaging_messages_in_total"] == before
    assert sum(value for name, value in stack.broker.metrics().items() if name.startswith('mqtt_refused_total{tenant="unknown"')) >= 5


def throughput(stack):
    """bytes a second of a tenant, refused as a quota, and refilled"""
    five = client(stack, "five", "bytes", version=5)
    codes = [five.publish("b/x", bytes(8192), 1) for _ in range(6)]
    assert codes[0] == 0x10 and 0x97 in codes, codes
    assert until(lambda: five.publish("b/x", bytes(10), 1) == 0x10, 10, 0.2)
    assert refused(stack, "bytes", "throughput") >= 1
    five.disconnect()


def packet_size(stack):
    """a tenant's own packet size, for CONNECT and PUBLISH, told with its limit in CONNACK"""
    five = client(stack, "five", "sizes", version=5)
    assert b"\x27" + struct.pack(">I", 2048) in five.connack, five.connack.hex()
    five.send(publish("size/x", bytes(3000), 1, 1, 5))
    answers = five.rest()
    assert answers[-1][0] == 0xE0 and answers[-1][1][0] == 0x95, answers
    old = client(stack, "old", "sizes")
    old.send(publish("size/x", bytes(3000), 1, 1))
    assert old.rest() == []
    large = Wire(stack.socket(), 5)
    large.send(connect("large", 5, will=("w", bytes(3000), 0), **who("sizes")))
    answers = large.rest()
    assert answers[0][0] == 0x20 and answers[0][1][1] == 0x95, answers
    assert refused(stack, "sizes", "packet_bytes") == 3
    assert errors_of(stack, "old", "sizes")[0]["error"] == "mqtt-service/packetSizeLimitExceeded"


# --- topics


def topic_limit(stack):
    """topics of a tenant (its own number): SUBACK 0x97 or 0x80, PUBACK 0x97, 3.1.1 is sent away with QoS 0, too"""
    five = client(stack, "five", "topics", version=5)
    codes = [five.publish("many/%d" % n, b"x") for n in range(25)]
    assert set(codes[:20]) == {0x10} and set(codes[20:]) == {0x97}, codes
    assert five.subscribe(("many/new", 1)) == b"\x97"
    for qos in (0, 1):
        old = client(stack, "old%d" % qos, "topics")
        assert old.subscribe(("many/new", 1)) == b"\x80"
        old.send(publish("many/newer", b"x", qos, 5))
        assert old.rest() == []
        found = errors_of(stack, "old%d" % qos, "topics", count=2)
        assert [one["error"] for one in found] == ["mqtt-service/topicLimitExceeded"] * 2, found
        assert [one["topic"] for one in found] == ["many/new", "many/newer"] and found[0]["packetType"] == "SUBSCRIBE", found
    assert refused(stack, "topics", "topics") == 5 + 1 + 4
    five.disconnect()


def topic_creation(stack):
    """topics that a client begins in a minute; topics that are known cost nothing"""
    five = client(stack, "five", "starts", version=5)
    codes = [five.publish("n/%d" % n, b"x") for n in range(8)]
    assert codes == [0x10] * 5 + [0x97] * 3, codes
    assert [five.publish("n/0", b"x") for _ in range(10)] == [0x10] * 10
    other = client(stack, "other", "starts", version=5)
    assert other.publish("n/1", b"x") == 0x10
    zero = client(stack, "zero", "starts")
    zero.send(b"".join(publish("z/%d" % n, b"x") for n in range(8)))
    assert zero.rest() == []
    assert refused(stack, "starts", "topic_creation_rate") == 3 + 1
    for one in (five, other):
        one.disconnect()


def backlog(stack):
    """a full backlog loses QoS 0, which is counted and told; the limit is the tenant's own"""
    for version in (4, 5):
        sender = client(stack, "filler%d" % version, "full", version)
        for _ in range(3):
            sender.send(publish("full/x", bytes(9000), 0, version=version))
        sender.ping()
        assert until(lambda v=version: refused(stack, "full", "topic_backlog") >= (1 if v == 4 else 4))
        sender.ping()
        sender.disconnect()
        found = errors_of(stack, "filler%d" % version, "full", count=1 if version == 4 else 3)
        assert found[0]["error"] == "mqtt-service/topicBacklogLimitExceeded" and found[0]["topic"] == "full/x", found


def many_topics(stack):
    """100,000 topics by one client: bounded and counted, and everybody else is served"""
    before = stack.messaging.metrics()["messaging_refused_topic_limit_total"]
    flood = client(stack, "flood", "topics", version=5)
    at = 0
    while at < 100_000:
        flood.send(b"".join(publish("f/%d" % n, b"", 0, version=5) for n in range(at, at + 5_000)))
        at += 5_000
        served = client(stack, "served", "open", version=5)
        assert served.publish("fine", b"x") in (0, 0x10)
        served.disconnect()
    flood.ping()
    assert until(lambda: stack.messaging.metrics()["messaging_refused_topic_limit_total"] >= before + 99_900, 60)
    assert until(lambda: refused(stack, "topics", "topics") >= 99_900, 20)
    flood.disconnect()


# --- deliveries


def delivery_rate(stack):
    """deliveries a second of a tenant: QoS 1 waits and all come in order, QoS 0 is dropped and counted"""
    reader = client(stack, "reader", "slow", version=5, props=b"\x21\x00\x05")
    reader.subscribe(("d/1", 1))
    sender = client(stack, "sender", "slow", version=5)
    for n in range(60):
        assert sender.publish("d/1", b"%d" % n) == 0
    got = [int(reader.next_message(15).payload) for _ in range(60)]
    assert got == list(range(60)), got
    assert stack.broker.metrics()['mqtt_deliveries_paced_total{tenant="slow"}'] >= 1
    zero = client(stack, "zero", "slow")
    zero.subscribe(("d/0", 0))
    sender.send(b"".join(publish("d/0", b"%d" % n, 0, version=5) for n in range(200)))
    sender.ping()
    assert until(lambda: len(drain(zero)) + refused(stack, "slow", "delivery_rate") == 200, 10), \
        (len(zero.messages), refused(stack, "slow", "delivery_rate"))
    assert len(zero.messages) <= 60, len(zero.messages)
    for one in (reader, sender, zero):
        one.disconnect()


def drain(one) -> list:
    one.ping()
    return one.messages


def ga_limits(stack):
    """profile ga has the hard quotas: a thousand publishes a second of a tenant, a hundred deliveries"""
    five = client(stack, "five", "ga", version=5)
    for round_at in range(3):
        five.send(b"".join(publish("quick/x", b"x", 1, n, 5) for n in range(1, 901)))
        codes = [five.wait(0x40)[2:3] for _ in range(900)]
        if b"\x97" in codes:
            break
    else:
        raise AssertionError("2,700 publishes at once were taken")
    assert refused(stack, "ga", "publish_rate") >= 1
    five.disconnect()


# --- reload


def reload(stack):
    """limits changed in tenants.yaml hold after SIGHUP, for those who are connected, too; of the store as well"""
    five = client(stack, "five", "places", version=5)
    other = client(stack, "other", "places")
    stack.write("tenants.yaml", tenants_yaml(places="limits: { connections: 3, publish_rate: 2 }\n    store: { topics_per_tenant: 1 }"))
    try:
        for program in (stack.broker, stack.messaging):
            program.process.send_signal(signal.SIGHUP)
            assert until(lambda p=program: "users reloaded" in p.log())
        third = client(stack, "third", "places")
        codes = [five.publish("only", b"") for _ in range(6)]
        assert 0x97 in codes and codes[0] == 0x10, codes
        assert refused(stack, "places", "publish_rate") >= 1
        until(lambda: five.publish("only", b"") == 0x10)
        assert until(lambda: five.subscribe(("second", 0)) == b"\x97")
        for one in (five, other, third):
            one.disconnect()
    finally:
        stack.write("tenants.yaml", tenants_yaml())
        for program in (stack.broker, stack.messaging):
            program.process.send_signal(signal.SIGHUP)


# --- clients that are slow, half open, or flood


def slow_connect(stack):
    """one byte of CONNECT at a time, nothing at all, and half a TLS handshake: ended after the time for CONNECT"""
    slow = Wire(stack.socket(), 4)
    silent = Wire(stack.socket(), 4)
    raw = stack.socket()
    tls = socket.create_connection(("127.0.0.1", stack.tls_port), timeout=5)
    tls.sendall(b"\x16\x03\x01\x02\x00")  # a ClientHello that never comes
    raw.close()
    bytes_of = connect("slow", 4)
    sent, ended = 0, False
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline and not ended:
        try:
            if sent < len(bytes_of) - 1:
                slow.send(bytes_of[sent:sent + 1])
                sent += 1
            slow.packet(0.2)
        except TimeoutError:
            pass
        except (Closed, OSError):
            ended = True
    assert ended, "a CONNECT of one byte at a time goes on"
    assert silent.rest(10) == []
    tls.settimeout(10)
    assert tls.recv(100) == b"", "a handshake without an end goes on"
    assert stack.broker.metrics()['mqtt_closed_total{reason="connect_timeout"}'] >= 2


def unfinished_packet(stack):
    """a packet that does not end, with keep alive off: ended with a reason, told and counted; an idle client stays"""
    def closed():
        return stack.broker.metrics()['mqtt_closed_total{reason="packet_timeout"}']

    before = closed()
    idle = client(stack, "idle", "open", keep_alive=0)  # longer than the others live
    for version in (4, 5):
        half = client(stack, "half%d" % version, "open", version, keep_alive=0)
        half.send(publish("a", bytes(1000), version=version)[:500])
        answers = half.rest(15)
        assert [first for first, _ in answers] == ([] if version == 4 else [0xE0]), answers
        assert errors_of(stack, "half%d" % version, "open")[0]["error"] == "mqtt-service/packetTimeLimitExceeded"
    assert closed() == before + 2
    idle.ping()
    idle.disconnect()


def never_reads(stack):
    """a client that never reads is given up after the time for writing; its publisher does not notice"""
    reader = client(stack, "reader", "open", keep_alive=0)
    reader.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.subscribe(("stuck/x", 0))
    sender = client(stack, "sender", "open", version=5)
    deadline = time.monotonic() + 40
    while stack.broker.metrics()['mqtt_closed_total{reason="too_slow"}'] == 0:
        assert time.monotonic() < deadline, "a client that never reads stays"
        for _ in range(20):
            sender.send(publish("stuck/x", bytes(60_000), 0, version=5))
        assert sender.publish("other", b"") == 0x10
    sender.disconnect()
    assert refused(stack, "open", "too_slow") == 1
    assert errors_of(stack, "reader", "open")[0]["error"] == "mqtt-service/clientTooSlow"


def half_open(stack):
    """accepted sockets are watched by the system: a peer that vanished is found without a keep alive"""
    one = client(stack, "watched", "open", keep_alive=0)
    port = one.socket.getsockname()[1]
    with open("/proc/%d/net/tcp" % stack.broker.pid, encoding="ascii") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    timers = [row[5][:2] for row in rows if row[1].endswith(":%04X" % stack.mqtt_port) and row[2].endswith(":%04X" % port)]
    assert timers == ["02"], timers  # 02: keep alive
    one.disconnect()


def floods(stack):
    """PINGREQs that nobody reads the answers of, and 12,000 filters at once: answered or held, others are served"""
    pings = client(stack, "pings", "open")
    pings.socket.setblocking(False)
    sent = 0
    for _ in range(200):
        try:
            sent += pings.socket.send(b"\xc0\x00" * 20_000)
        except BlockingIOError:
            pass
        other = client(stack, "other", "open", version=5)
        assert other.publish("fine", b"") == 0x10
        other.disconnect()
        if sent > 2_000_000:
            break
    pings.close()
    filters = client(stack, "filters", "open", version=5)
    body = struct.pack(">H", 1) + b"\x00" + b"".join(text("f%d" % n) + b"\x00" for n in range(12_000))
    filters.send(packet(0x82, body))
    codes = filters.codes(filters.wait(0x90, 30))
    assert len(codes) == 12_000 and codes[:1000] == bytes(1000) and set(codes[1000:]) == {0x97}, codes[990:1010]
    filters.disconnect()
    assert refused(stack, "open", "subscriptions") == 11_000


# --- alarms


class Sim(Program):
    def healthy(self) -> bool:
        try:
            with urllib.request.urlopen("http://127.0.0.1:%d/sim/health" % self.ops_port, timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False


class Platform:
    """The stand-in and the mapper beside a stack."""

    def __init__(self, stack):
        self.stack = stack
        sim_port, self.ops_port = free_port(), free_port()
        os.makedirs(stack.path("mappings/t0815"), exist_ok=True)
        stack.write("mappings/t0815/none.yaml", "mapping: none\nfrom: { topic: none, format: json }\ndevice: { externalId: x, "
                    "type: c8y_Serial }\nto:\n  - event: { type: t, text: t }\n")
        stack.write("mapper.yaml", "ops: { address: 127.0.0.1, port: %d }\nmessaging: { url: 'ws://127.0.0.1:%d', secret_file: %s }\n"
                    "platform:\n  url: http://127.0.0.1:%d\n  tenants: [ { tenant: t0815, user: admin, password: admin-secret } ]\n"
                    "mappings: { directory: %s }\n" % (self.ops_port, stack.link_port, stack.path("secret"), sim_port, stack.path("mappings")))
        self.sim = Sim("sim", os.path.join(stack.bin, "platform-sim"), ["--port=%d" % sim_port], stack.directory, sim_port)
        self.mapper = Program("mapper", os.path.join(stack.bin, "mqtt-mapper"), ["--config", stack.path("mapper.yaml")],
                              stack.directory, self.ops_port)

    def ask(self, path: str) -> dict:
        request = urllib.request.Request("http://127.0.0.1:%d%s" % (self.sim.ops_port, path))
        request.add_header("Authorization", "Basic " + base64.b64encode(b"t0815/admin:admin-secret").decode())
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def alarms(self) -> dict:
        return {one["type"]: one for one in self.ask("/alarm/alarms?pageSize=100")["alarms"]}

    def end(self):
        for program in (self.mapper, self.sim):
            if program.process is not None:
                program.stop()
                assert not program.sanitizer_report(), program.sanitizer_report()


def alarms(stack):
    """alarms: a limit that is met is an alarm of the tenant, once, on an object made once; also from before the mapper"""
    too_many = "c8y_MqttService_TenantConnectionsLimitExceeded"
    at = Platform(stack)
    at.sim.start()
    try:
        exceed(stack)  # nobody reads yet
        at.mapper.start()
        assert until(lambda: too_many in at.alarms(), 20), at.mapper.log()[-2000:]
        exceed(stack)

        async def invalid():
            http = "http://127.0.0.1:%d" % stack.link_port
            token = get_token(http, "t0815/admin", "admin-secret", "to-device", "writer")
            async with Publisher("ws://127.0.0.1:%d" % stack.link_port, token) as app:
                for _ in range(5):
                    await app.publish(Message(client_id="", topic="cmd", payload=b"x"))

        asyncio.run(invalid())
        empty = "c8y_MqttService_ToDevice_EmptyClientId"
        assert until(lambda: empty in at.alarms(), 20)
        found = at.alarms()
        assert set(found) == {too_many, empty}, found
        assert found[too_many]["severity"] == "MAJOR" and found[empty]["severity"] == "WARNING", found
        assert found[too_many]["count"] == 1 and found[too_many]["status"] == "ACTIVE", found[too_many]
        assert stack.broker.metrics()['mqtt_alarms_total{tenant="t0815",result="held_back"}'] >= 1
        assert stack.messaging.metrics()["messaging_alarms_held_back_total"] == 4
        # A broker that knows nothing of the last minute raises it again: counted on the same alarm.
        stack.broker.stop()
        stack.broker.start()
        exceed(stack)
        assert until(lambda: at.alarms()[too_many]["count"] == 2, 20), at.alarms()
        objects = at.ask("/inventory/managedObjects?type=mqtt_service")["managedObjects"]
        assert len(objects) == 1 and found[too_many]["source"]["id"] == objects[0]["id"], objects
        external = at.ask("/identity/externalIds/c8y_Serial/mqtt-service")
        assert external["managedObject"]["id"] == objects[0]["id"]
        with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % at.ops_port, timeout=10) as answer:
            assert 'mapper_service_alarms_total{tenant="t0815",result="raised"} 3' in answer.read().decode()
    finally:
        at.end()


def exceed(stack):
    before = stack.broker.total("mqtt_clients")
    held = [client(stack, "one", "t0815"), client(stack, "two", "t0815")]
    for _ in range(3):
        assert Client(stack.socket(), "three", version=5, expect=None, **who("t0815")).connack[1] == 0x97
    for one in held:
        one.disconnect()
    assert until(lambda: stack.broker.total("mqtt_clients") == before)


def main() -> int:
    arguments = options(__doc__)
    steps = Steps(arguments.only)
    with Stack(arguments.bin, tenants=tenants_yaml(), broker_limits="connect_timeout: 2s, packet_timeout: 2s, write_timeout: 2s",
               declared="{ tenant: full, topic: full/x, subscriber: keeper }") as stack:
        steps.run(stack, connections, connect_rate, publish_rate, own_errors, errors_while_connected, errors_for_applications,
                  errors_are_bounded, throughput, packet_size, topic_limit, topic_creation, backlog, delivery_rate, ga_limits,
                  slow_connect, unfinished_packet, half_open, never_reads, floods, many_topics, reload)
        if os.path.exists(os.path.join(arguments.bin, "mqtt-mapper")) and os.path.exists(os.path.join(arguments.bin, "platform-sim")):
            steps.run(stack, alarms)
    return steps.finish()


if __name__ == "__main__":
    sys.exit(main())
