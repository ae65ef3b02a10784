#!/usr/bin/python3
"""The original's WebSocket API, spoken by a client that shares no code with the service, against the real program."""

import argparse
import asyncio
import os
import random
import signal
import sys
import time

from messaging_process import Messaging
import notification2_client as n2

ADMIN = ("t0815/admin", "admin-secret")


def check(condition, *what):
    if not condition:
        raise AssertionError(" ".join(str(one) for one in what))


def token(of, topic, subscriber=n2.PUBLISHER_SUBSCRIBER, **more):
    return n2.get_token(of.http, *ADMIN, topic, subscriber, **more)


async def refused(opening):
    """The HTTP status with which the upgrade was refused; None when it was not."""
    try:
        async with opening:
            return None
    except Exception as error:  # pylint: disable=broad-except
        status = n2.refused_status(error)
        if status is None:
            raise
        return status


async def open_eventually(make, seconds=15):
    """The subscriber once the service noticed that its predecessor is gone, as the original's clients retry on 409."""
    deadline = time.monotonic() + seconds
    while True:
        one = make()
        try:
            await one.__aenter__()
            return one
        except Exception as error:  # pylint: disable=broad-except
            if time.monotonic() > deadline or (n2.refused_status(error) not in (None, 409)):
                raise
            await asyncio.sleep(0.05)


async def metadata(of):
    """Every field comes out as it went in; what was not given has the service's defaults."""
    topic = "plant/line1/tele metry+%2F".replace("+", "-")
    messages = [
        n2.Message(b"Hello World"),
        n2.Message(b"", client_id="dev1", message_id=7),
        n2.Message(bytes(range(256)), "dev \u00e4\U0001f600", "text/plain", b"\x00\x01\xff", True, 65535, "UTF_8",
                   "reply/to", None, {"k": "v", "\u00fc": "", "": "x"}),
        n2.Message(b"x" * 100_000, payload_format_indicator="UNSPECIFIED", user_properties={"a": "b"}),
        n2.Message(b"elsewhere", topic="another/topic"),
    ]
    async with n2.Subscriber(of.websocket, token(of, topic, "meta")) as subscriber:
        async with n2.Publisher(of.websocket, token(of, topic)) as publisher:
            for message in messages:
                await publisher.publish(message)
        for message in messages:
            received = await subscriber.receive()
            check(received is not None, "nothing came for", message)
            message.topic = message.topic or topic
            check(received.message == message, "sent", message, "received", received.message)
            await subscriber.acknowledge(received)
        await subscriber.unsubscribe()


async def redelivery(of):
    """Without acknowledgement everything comes again after a reconnect, in order; what was acknowledged does not."""
    async with n2.Publisher(of.websocket, token(of, "again")) as publisher:
        async with n2.Subscriber(of.websocket, token(of, "again", "app")) as subscriber:
            for number in range(100):
                await publisher.send(n2.Message(b"%d" % number))
            await publisher.wait(100)
            for number in range(100):
                received = await subscriber.receive()
                check(received.message.payload == b"%d" % number, "order:", received)
                if number % 3 == 0:
                    await subscriber.acknowledge(received)
            check(await refused(n2.Subscriber(of.websocket, token(of, "again", "app"))) == 409, "two exclusive consumers")
        expected = [number for number in range(100) if number % 3 != 0]
        again = await open_eventually(lambda: n2.Subscriber(of.websocket, token(of, "again", "app")))
        for number in expected:
            received = await again.receive()
            check(received.message.payload == b"%d" % number, "expected", number, "got", received)
            await again.acknowledge(received)
        check(await again.receive(timeout=0.5) is None, "acknowledged messages came again")
        await again.__aexit__()


async def window(of):
    """At most 1,000 messages are on their way without acknowledgement."""
    async with n2.Subscriber(of.websocket, token(of, "window", "app")) as subscriber:
        async with n2.Publisher(of.websocket, token(of, "window")) as publisher:
            for number in range(1100):
                await publisher.send(n2.Message(b"%d" % number))
            await publisher.wait(1100)
        held = []
        while True:
            received = await subscriber.receive(timeout=1)
            if received is None:
                break
            held.append(received)
        check(len(held) == 1000, len(held), "messages without acknowledgement")
        for received in held[:100]:
            await subscriber.acknowledge(received)
        for number in range(1000, 1100):
            received = await subscriber.receive()
            check(received.message.payload == b"%d" % number, "order:", received)
        await subscriber.unsubscribe()


async def shared(of):
    """A shared subscriber: each device to one connection, in order, and `consumer=` brings a connection its devices back."""
    made = token(of, "fleet", "workers", shared=True)
    devices = ["dev%d" % number for number in range(20)]

    def worker(name):
        return n2.Subscriber(of.websocket, made, consumer=name)

    async def publish(publisher, first):
        for number in range(first, first + 3):
            for device in devices:
                await publisher.send(n2.Message(b"%d" % number, client_id=device))
        await publisher.wait(publisher.sequence)

    async def drain(subscriber, first):
        """What comes, acknowledged: the devices, each with its messages in order."""
        seen = {}
        while True:
            received = await subscriber.receive(timeout=1)
            if received is None:
                break
            seen.setdefault(received.message.client_id, []).append(int(received.message.payload))
            await subscriber.acknowledge(received)
        for device, numbers in seen.items():
            check(numbers == sorted(set(numbers)) and numbers[-3:] == list(range(first, first + 3)), device, "got", numbers)
        return set(seen)

    async with n2.Publisher(of.websocket, token(of, "fleet")) as publisher, worker("west") as west:
        async with worker("east") as east:
            await publish(publisher, 0)
            easts, wests = await drain(east, 0), await drain(west, 0)
            check(easts and wests and not easts & wests and easts | wests == set(devices), easts, wests)
            check(await refused(n2.Subscriber(of.websocket, token(of, "fleet", "workers"))) == 409, "in use as a shared one")
            check(await refused(worker("x" * 513)) == 422, "a long name")
        deadline = time.monotonic() + 10
        first = 100
        while True:  # the server may learn of the close a little later
            await publish(publisher, first)
            if await drain(west, first) == set(devices):
                break
            check(time.monotonic() < deadline, "the devices of a closed connection go nowhere")
            first += 100
        async with worker("east") as east:
            await publish(publisher, first + 100)
            check(await drain(east, first + 100) == easts, "other devices than before")
            check(await drain(west, first + 100) == wests, "other devices than before")
        await west.unsubscribe()


async def declared(of):
    """Subscriptions of the configuration: there before their first consumer, changed by SIGHUP, never dropped."""
    async def declare(entries, word):
        before = of.log().count(word)
        with open(of.file("messaging.yaml"), encoding="utf-8") as old:
            kept = [line for line in old if not line.startswith("subscriptions:")]
        with open(of.file("messaging.yaml"), "w", encoding="utf-8") as out:
            out.writelines(kept + ["subscriptions: [ %s ]\n" % ", ".join(entries)])
        of.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 10
        while of.log().count(word) == before:
            check(time.monotonic() < deadline, "nothing says", word)
            await asyncio.sleep(0.05)

    async def received(count):
        async with n2.Subscriber(of.websocket, token(of, "declared", "archive")) as subscriber:
            got = [(await subscriber.receive()).message.payload for _ in range(count)]
            check(await subscriber.receive(timeout=0.3) is None, "more than was published")
            return got  # not acknowledged: all comes again

    await declare(["{ tenant: t0815, topic: declared, subscriber: archive, max_deliveries: 250 }",
                   "{ tenant: t0815, filters: [ 'x/#', z ], subscriber: several, type: key_shared }"], "subscriptions reloaded")
    async with n2.Publisher(of.websocket, token(of, "declared")) as publisher:
        await publisher.publish(n2.Message(b"early"))
    check(await received(1) == [b"early"], "what came before the first consumer")
    await declare(["{ tenant: t0815, topic: declared, subscriber: archive, type: wrong }"], "subscriptions not reloaded")
    await declare([], "declared no more")
    of.kill()
    of.start()
    async with n2.Publisher(of.websocket, token(of, "declared")) as publisher:
        await publisher.publish(n2.Message(b"late"))
    check(await received(2) == [b"early", b"late"], "one that is declared no more is kept")
    check(n2.unsubscribe(of.http, *ADMIN, token(of, "declared", "archive")) == "DONE", "unsubscribe")


async def tokens(of):
    """401, 403, 409, 422, verifying, unsubscribing."""
    good = token(of, "a/b", "s")
    claims = n2.token_part(good, 1)
    check(claims["topic"] == "t0815/mqtt/a%2Fb" and claims["sub"] == "s", claims)
    check(claims["exp"] - claims["iat"] == 1440 * 60, claims)
    check(n2.verify_token(of.http, *ADMIN, good) == claims, "verify")
    refreshed = n2.token_part(n2.get_token(of.http, *ADMIN, "a%2Fb", "s"), 1)
    check(refreshed["topic"] == claims["topic"], "refresh:", refreshed)
    for user, password, status in (("t0815/admin", "wrong", 401), ("t0816/admin", "admin-secret", 401), ("admin", "x", 401),
                                   ("t0815/device1", "device1-secret", 403)):
        try:
            n2.get_token(of.http, user, password, "a/b")
            check(False, "a token for", user)
        except n2.HttpError as error:
            check(error.status == status, user, error)
    for path in (n2.Publisher, n2.Subscriber):
        for bad in ("", "x", good[:-8] + "AAAAAAAA", good.replace(".", "")):
            check(await refused(path(of.websocket, bad)) == 401, "bad token", bad[:40])
    async with n2.Subscriber(of.websocket, good) as subscriber:
        check(n2.unsubscribe(of.http, *ADMIN, good) == "DONE", "unsubscribe")
        try:
            await asyncio.wait_for(subscriber.socket.recv(), 10)
            check(False, "a frame after unsubscribe")
        except n2_closed() as closed:
            check(closed.code == 1000, "close code", closed.code)
    check(n2.unsubscribe(of.http, *ADMIN, good) == "DONE", "unsubscribe twice")


def n2_closed():
    import websockets
    return websockets.exceptions.ConnectionClosed


async def expiry(of):
    """A token admits only while it is valid, but its end does not end a connection (ref C.4)."""
    # The shortest life is a minute; the token is made as the service makes it, with the service's key and the past.
    import base64
    import json
    import subprocess
    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=")
    now = int(time.time())
    claims = {"sub": "s", "topic": "t0815/mqtt/a", "jti": "x", "iat": now - 100, "exp": now - 1}
    for end, status in ((now - 1, 401), (now + 60, None)):
        claims["exp"] = end
        text = part(b'{"alg":"RS256"}') + b"." + part(json.dumps(claims).encode())
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", of.file("data/token-key.pem")], input=text,
                                   capture_output=True, check=True).stdout
        made = (text + b"." + part(signature)).decode()
        check(await refused(n2.Publisher(of.websocket, made)) == status, "expiry", end - now)


async def notifications(of):
    """Type relnotif: header lines, blank line, body."""
    import base64
    made = n2.get_token(of.http, *ADMIN, "mapperOut", "mapper", token_type=None)
    body = "/t0815/operations/4711\nCREATE\n\n{\"id\":\"9900\"}"
    async with n2.Subscriber(of.websocket, made) as subscriber, n2.Publisher(of.websocket, made) as publisher:
        await publisher.socket.send("1\n" + base64.b64encode(body.encode()).decode())
        await publisher.wait(1)
        frame = await asyncio.wait_for(subscriber.socket.recv(), 10)
        header, rest = frame.split("\n", 1)
        check(rest == body and header, frame)
        await subscriber.socket.send(header)


async def survive_kills(of, kills):
    """SIGKILL under load: nothing acknowledged is lost, and the order holds after dropping repeats."""
    topic, seen, highest_acknowledged = "kills", [], 0
    publish_token, consume_token = token(of, topic), token(of, topic, "app")
    first = n2.Subscriber(of.websocket, consume_token)
    async with first:
        pass  # the subscriber exists from now on
    publisher = n2.Publisher(of.websocket, publish_token)
    done = asyncio.Event()
    lost = (n2_closed(), OSError, asyncio.TimeoutError, EOFError)

    def transient(error):
        import websockets
        return isinstance(error, lost + (websockets.exceptions.InvalidHandshake,
                                         websockets.exceptions.InvalidMessage)) and n2.refused_status(error) != 401

    async def publish():
        nonlocal highest_acknowledged
        while not done.is_set():
            try:
                async with publisher:
                    publisher.sequence = highest_acknowledged
                    publisher.acknowledged = []
                    while not done.is_set():
                        if publisher.sequence - highest_acknowledged < 50:
                            await publisher.send(n2.Message(b"%d" % (publisher.sequence + 1), client_id="dev1"))
                            continue
                        await publisher.wait(highest_acknowledged + 1)
                        highest_acknowledged = publisher.acknowledged[-1]
            except Exception as error:  # pylint: disable=broad-except
                if not transient(error):
                    raise
                await asyncio.sleep(0.02)

    async def consume():
        while not (done.is_set() and seen and max(seen) >= highest_acknowledged):
            try:
                async with n2.Subscriber(of.websocket, consume_token) as subscriber:
                    while not (done.is_set() and seen and max(seen) >= highest_acknowledged):
                        received = await subscriber.receive(timeout=2)
                        if received is not None:
                            seen.append(int(received.message.payload))
                            await subscriber.acknowledge(received)
            except Exception as error:  # pylint: disable=broad-except
                if not transient(error):
                    raise
                await asyncio.sleep(0.02)

    tasks = [asyncio.ensure_future(publish()), asyncio.ensure_future(consume())]
    for _ in range(kills):
        before = highest_acknowledged
        deadline = time.monotonic() + 20
        while highest_acknowledged < before + 100 and time.monotonic() < deadline:
            for task in tasks:
                if task.done():
                    task.result()
            await asyncio.sleep(0.01)
        check(highest_acknowledged >= before + 100, "publishing does not go on:", before, highest_acknowledged)
        await asyncio.sleep(random.random() * 0.2)
        of.kill()
        of.start()
    done.set()
    await asyncio.wait_for(asyncio.gather(*tasks), 60)
    fresh, top = [], 0
    for number in seen:
        if number > top:
            fresh.append(number)
            top = number
    check(fresh == list(range(1, top + 1)), "missing or out of order near",
          next((number for number, got in enumerate(fresh, 1) if number != got), None))
    check(top >= highest_acknowledged, "acknowledged", highest_acknowledged, "seen", top)
    print("  %d kills, %d acknowledged, %d received, %d repeats"
          % (kills, highest_acknowledged, len(seen), len(seen) - len(fresh)))


async def stop_under_load(of):
    """SIGTERM while frames fly both ways: a clean end within seconds, whatever the clients do."""
    async with n2.Subscriber(of.websocket, token(of, "stop", "app")) as subscriber, \
            n2.Publisher(of.websocket, token(of, "stop")) as publisher:
        async def publish():
            while True:
                await publisher.send(n2.Message(b"x"))
                await asyncio.sleep(0)  # sending alone never yields: the consumer must get its turns

        async def consume():
            while True:
                await subscriber.acknowledge(await subscriber.receive())

        tasks = [asyncio.ensure_future(publish()), asyncio.ensure_future(consume())]
        await asyncio.sleep(0.1 + random.random() * 0.3)
        begin = time.monotonic()
        await asyncio.get_event_loop().run_in_executor(None, of.stop)
        check(time.monotonic() - begin < 5, "stopping took", time.monotonic() - begin)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True, help="path of mqtt-messaging")
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    arguments = parser.parse_args()
    print("seed %d" % arguments.seed)
    random.seed(arguments.seed)
    of = Messaging(arguments.program)
    try:
        of.start()
        for test in (metadata, redelivery, window, shared, declared, tokens, expiry, notifications):
            begin = time.monotonic()
            asyncio.run(test(of))
            print("ok %s (%.1f s)" % (test.__name__, time.monotonic() - begin), flush=True)
        asyncio.run(survive_kills(of, arguments.kills))
        print("ok survive_kills")
        for _ in range(arguments.kills):
            asyncio.run(stop_under_load(of))
            of.start()
        print("ok stop_under_load")
        of.stop()
    except BaseException:
        print(of.log()[-6000:], file=sys.stderr)
        raise
    finally:
        of.close()


if __name__ == "__main__":
    main()
