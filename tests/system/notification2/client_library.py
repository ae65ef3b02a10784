#!/usr/bin/python3
"""The C++ client library: its examples against the real mqtt-messaging, also while that is killed and started again.

    tests/system/notification2/client_library.py --bin build/dev/bin
"""

import argparse
import asyncio
import os
import queue
import subprocess
import sys
import threading
import time

from messaging_process import Messaging
import notification2_client as n2

ADMIN = ("t0815/admin", "admin-secret")


class Example:
    """A running example; its lines arrive as they are printed."""

    def __init__(self, world, name, *arguments, token=None):
        environment = dict(os.environ, LINK_TOKEN=world.token if token is None else token)
        self.process = subprocess.Popen([os.path.join(world.bin, "example-" + name), *arguments], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, text=True)
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def wait_for(self, text, seconds=30):
        """The next line that holds the text; log lines of the library lie between."""
        seen, deadline = [], time.monotonic() + seconds
        while True:
            line = self.lines.get(timeout=max(0.01, deadline - time.monotonic()))
            assert line is not None, "ended without %r: %s" % (text, seen)
            seen.append(line)
            if text in line:
                return line

    def ended(self, seconds=30):
        return self.process.wait(timeout=seconds)


class World:
    def __init__(self, bin_directory):
        self.bin = bin_directory
        self.messaging = Messaging(os.path.join(bin_directory, "mqtt-messaging"))
        self.messaging.start()
        self.token = self.make_token("t0815")

    def make_token(self, tenant, role="application"):
        return subprocess.run([os.path.join(self.bin, "mqtt-messaging"), "token", "--secret", self.messaging.file("link-secret"),
                               "--role", role, "--tenants", tenant], check=True, capture_output=True, text=True).stdout.strip()

    def publish(self, topic, *payload, code=0, **more):
        made = Example(self, "publish", self.messaging.websocket, "t0815", topic, *payload, **more)
        line = made.wait_for(topic + ": ")
        assert made.ended() == code, (line, made.process.returncode)
        return line

    def subscribe(self, topic, name, *count):
        made = Example(self, "subscribe", self.messaging.websocket, "t0815", topic, name, *count)
        made.wait_for("subscribed")
        return made


def like_the_java_samples(world):
    """Hello World from one to the other; what nobody reads is told so."""
    assert "nothing was stored" in world.publish("plant/line1")
    reader = world.subscribe("plant/line1", "app", "1")
    assert world.publish("plant/line1").endswith("done")
    reader.wait_for("Message Received: plant/line1 Hello World")
    assert reader.ended() == 0


def kept_for_the_name(world):
    """While nobody listens messages are kept; acknowledged ones do not come again."""
    for number in range(5):
        world.publish("plant/line1", "kept %d" % number)
    first = world.subscribe("plant/line1", "app", "2")
    first.wait_for("kept 0")
    first.wait_for("kept 1")
    assert first.ended() == 0
    second = world.subscribe("plant/line1", "app", "3")
    for number in range(2, 5):
        second.wait_for("kept %d" % number)
    assert second.ended() == 0


def one_subscriber_with_the_websocket_api(world):
    """The same name is the same backlog, whichever way it comes; busy goes both ways."""
    reader = world.subscribe("plant/line1", "app")

    async def check():
        token = n2.get_token(world.messaging.http, *ADMIN, "plant/line1", "app")
        try:
            async with n2.Subscriber(world.messaging.websocket, token):
                raise AssertionError("two consumers of an exclusive subscriber")
        except Exception as error:  # pylint: disable=broad-except
            assert n2.refused_status(error) == 409, error
        publisher = n2.get_token(world.messaging.http, *ADMIN, "plant/line1", n2.PUBLISHER_SUBSCRIBER)
        async with n2.Publisher(world.messaging.websocket, publisher) as sender:
            await sender.publish(n2.Message(b"from the other side"))
        reader.wait_for("from the other side")
        reader.process.terminate()
        assert reader.ended() == 0
        world.publish("plant/line1", "to the other side")
        async with n2.Subscriber(world.messaging.websocket, token) as subscriber:
            received = await subscriber.receive(10)
            assert received.message.payload == b"to the other side", received
            await subscriber.acknowledge(received)
            busy = Example(world, "subscribe", world.messaging.websocket, "t0815", "plant/line1", "app")
            busy.wait_for("in use by another consumer")
            assert busy.ended() == 1
    asyncio.run(check())


def over_a_kill(world):
    """Messaging is killed while the subscriber is connected and a publisher waits: both go on by themselves. What was
    acknowledged in the last moment before may come again."""
    reader = world.subscribe("site/+/env", "filter-app")
    assert world.publish("site/a/env", "before").endswith("done")
    reader.wait_for("Message Received: site/a/env before")
    world.messaging.kill()
    waiting = Example(world, "publish", world.messaging.websocket, "t0815", "site/b/env", "meanwhile")
    waiting.wait_for("link not opened")
    world.messaging.start()
    waiting.wait_for("site/b/env: done")
    assert waiting.ended() == 0
    line = reader.wait_for("Message Received")
    if line.endswith("before"):
        line = reader.wait_for("Message Received")
    assert line == "Message Received: site/b/env meanwhile", line
    world.publish("site/c/env", "after")
    assert reader.wait_for("Message Received") == "Message Received: site/c/env after"
    reader.process.terminate()
    assert reader.ended() == 0


def refusals(world):
    """What is refused says why, and the program ends with 1."""
    for topic in ("a/#", "$debug/x"):
        world.publish(topic, code=1)
    assert "does not allow" in world.publish("a", code=1, token=world.make_token("t0816"))
    foreign = Example(world, "subscribe", world.messaging.websocket, "t0815", "a", "app", token=world.make_token("t0816"))
    foreign.wait_for("does not allow")
    assert foreign.ended() == 1
    wrong = Example(world, "publish", world.messaging.websocket, "t0815", "a", token="l1.x.y")
    wrong.wait_for("HTTP 401")
    wrong.process.kill()  # it goes on trying
    wrong.ended()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True)
    options = parser.parse_args()
    world = World(options.bin)
    try:
        for step in (like_the_java_samples, kept_for_the_name, one_subscriber_with_the_websocket_api, over_a_kill, refusals):
            begun = time.monotonic()
            step(world)
            print("ok    %s (%.1f s)" % (step.__name__, time.monotonic() - begun), flush=True)
    except BaseException:
        print(world.messaging.log()[-3000:])
        raise
    finally:
        world.messaging.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
