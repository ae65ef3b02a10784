#!/usr/bin/python3
"""Profile `ga` with real programs: every client by itself, applications read `from-device` and write `to-device`
(ref A.6, A.11); and the same two names where clients share their topics.

    tests/system/isolation.py --bin build/release/bin
"""

import argparse
import asyncio
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "support"))
sys.path.insert(0, os.path.join(HERE, "..", "clients", "python"))

import stack as stacks  # noqa: E402
from mqtt_client import Client, MqttError  # noqa: E402
from notification2_client import Message, Publisher, Subscriber, get_token  # noqa: E402

TENANTS = """\
tenants:
  apart:
    profile: ga
    users: &users
      device1: { password: { plain: device1-secret } }
      admin: { password: { plain: admin-secret }, roles: [ROLE_NOTIFICATION_2_ADMIN] }
  shared:
    users: *users
"""


class World:
    def __init__(self, stack):
        self.stack = stack
        self.base = "ws://127.0.0.1:%d" % stack.messaging_port

    def client(self, name, tenant="apart", **options):
        return Client(self.stack.mqtt_port, name, user=tenant + "/device1", **options)

    def token(self, topic, subscriber="app", tenant="apart"):
        return get_token(self.stack.http, tenant + "/admin", "admin-secret", topic, subscriber)

    def reader(self, tenant="apart"):
        return Subscriber(self.base, self.token("from-device", tenant=tenant))

    def writer(self, tenant="apart"):
        return Publisher(self.base, self.token("to-device", "publisher", tenant))

    def invalid(self):
        return self.stack.messaging.metrics()["messaging_to_device_invalid_total"]


def expect(client, *wanted, seconds=10):
    """Exactly these messages, in any order; nothing more within the time of a ping behind them."""
    deadline = time.monotonic() + seconds
    while len(client.messages) < len(wanted) and time.monotonic() < deadline:
        client.read(deadline - time.monotonic())
    client.ping()
    assert sorted(client.messages) == sorted(wanted), (client.client_id, client.messages, wanted)
    client.messages.clear()


def refused(make):
    try:
        make()
    except MqttError:
        return
    raise AssertionError("the client was let in")


async def devices_do_not_see_each_other(world):
    a, b = world.client("a"), world.client("b", version=5)
    a.subscribe("#")
    b.subscribe("x/+")
    assert b.publish("x/1", b"nobody reads yet") == 0x10
    async with world.reader() as app:
        assert b.publish("x/1", b"one") == 0
        assert a.publish("x/2", b"two") == 0
        for client, topic, payload in (("b", "x/1", b"one"), ("a", "x/2", b"two")):
            got = await app.receive(10)
            assert got is not None
            message = got.message
            assert (message.client_id, message.topic, message.payload) == (client, topic, payload), message
            assert message.user_properties == {"tx.clientUsername": "device1", "tx.clientAuthType": "BASIC"}, message
            await app.acknowledge(got)
        expect(a)
        expect(b)
    for client in (a, b):
        client.disconnect()


async def messages_to_devices(world):
    a, b, odd = world.client("a"), world.client("b", version=5), world.client("d:x/y+z")
    for filter_text, qos in (("cmd/+", 0), ("cmd/x", 1), ("other", 1)):
        a.subscribe(filter_text, qos)
    b.subscribe("#", 1)
    odd.subscribe("cmd/x", 1)
    async with world.writer() as app:
        await app.publish(Message(client_id="a", topic="cmd/x", payload=b"for a"))
        await app.publish(Message(client_id="d:x/y+z", topic="cmd/x", payload=b"for odd"))
        await app.publish(Message(client_id="nobody", topic="cmd/x", payload=b"lost"))
        await app.publish(Message(client_id="a", topic="not/subscribed", payload=b"lost"))
        expect(a, ("cmd/x", b"for a"))
        expect(odd, ("cmd/x", b"for odd"))
        expect(b)
        await app.publish(Message(topic="cmd/x", payload=b"for all"))
        for client in (a, b, odd):
            expect(client, ("cmd/x", b"for all"))
        before = world.invalid()
        await app.publish(Message(client_id="", topic="cmd/x", payload=b"invalid"))
        await app.publish(Message(client_id="a", payload=b"invalid"))
        assert world.invalid() == before + 2, (before, world.invalid())
        expect(a)
        # Without the subscription nothing comes any more.
        a.send(b"\xa2\x09\x00\x63\x00\x05cmd/x")
        a.expect(11)
        await app.publish(Message(client_id="a", topic="cmd/x", payload=b"by the wildcard"))
        expect(a, ("cmd/x", b"by the wildcard"))
    for client in (a, b, odd):
        client.disconnect()


async def wills_go_to_applications(world):
    watcher = world.client("watcher")
    watcher.subscribe("#")
    async with world.reader() as app:
        dying = world.client("dying", will=("state/dying", b"gone"))
        dying.reset()
        got = await app.receive(10)
        assert got is not None
        message = got.message
        assert (message.client_id, message.topic, message.payload) == ("dying", "state/dying", b"gone"), message
        assert message.user_properties["tx.lastWillMessage"] == "true", message
        await app.acknowledge(got)
    expect(watcher)
    watcher.disconnect()


async def the_rules_of_ga(world):
    """Unclean sessions and empty client IDs are refused, RETAIN closes."""
    refused(lambda: world.client(""))
    refused(lambda: world.client("unclean", clean=False))
    retaining = world.client("retaining", version=5)
    retaining.send(b"\x33\x08\x00\x01a\x00\x01\x00hi")
    assert retaining.wait_closed(10) and retaining.disconnect_reason == 0x9A, retaining.disconnect_reason


async def where_topics_are_shared(world):
    """Profile `preview`: from-device is everything, to-device goes to the topic it names."""
    a, b = world.client("a", "shared"), world.client("b", "shared", version=5)
    a.subscribe("cmd")
    b.subscribe("cmd")
    async with world.reader("shared") as reader, world.writer("shared") as app:
        assert b.publish("data", b"x") == 0
        got = await reader.receive(10)
        assert (got.message.client_id, got.message.topic, got.message.payload) == ("b", "data", b"x"), got
        await reader.acknowledge(got)
        await app.publish(Message(topic="cmd", payload=b"all"))
        expect(a, ("cmd", b"all"))
        expect(b, ("cmd", b"all"))
    for client in (a, b):
        client.disconnect()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=stacks.default_bin())
    given = parser.parse_args()
    with stacks.Stack(given.bin, tenants=TENANTS) as stack:
        stack.start()
        world = World(stack)
        for scenario in (devices_do_not_see_each_other, messages_to_devices, wills_go_to_applications, the_rules_of_ga,
                         where_topics_are_shared):
            asyncio.run(scenario(world))
            stack.check()
            print("ok   " + scenario.__name__, flush=True)


if __name__ == "__main__":
    main()
