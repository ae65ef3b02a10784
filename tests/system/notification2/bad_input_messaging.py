#!/usr/bin/python3
"""Hostile input at messaging's token and WebSocket doors. After each case the same process answers, a counter with the
reason has moved and the log has its line, and the next good client is served."""

import argparse
import asyncio
import base64
import http.client
import os
import sys
import time

from messaging_process import Messaging
import notification2_client as n2

ADMIN = "Basic " + base64.b64encode(b"t0815/admin:admin-secret").decode()
PATH = "/notification2/token"


def basic(text: bytes) -> str:
    return "Basic " + base64.b64encode(text).decode()


def body(**fields) -> bytes:
    import json
    given = {"subscriber": "s", "subscription": "t", "type": "mqtt"}
    given.update(fields)
    return json.dumps({key: value for key, value in given.items() if value != "ABSENT"}).encode()


# name, method, path, authorization, body, status, reason
TOKEN_CASES = [
    ("no credentials", "POST", PATH, None, body(), 401, "no_credentials"),
    ("other scheme", "POST", PATH, "Bearer abc", body(), 401, "no_credentials"),
    ("not Base64", "POST", PATH, "Basic ???", body(), 401, "no_credentials"),
    ("no colon", "POST", PATH, basic(b"t0815/admin"), body(), 401, "no_credentials"),
    ("no tenant", "POST", PATH, basic(b"admin:admin-secret"), body(), 401, "no_credentials"),
    ("empty tenant", "POST", PATH, basic(b"/admin:admin-secret"), body(), 401, "no_credentials"),
    ("slash in the password only", "POST", PATH, basic(b"admin:a/b"), body(), 401, "no_credentials"),
    ("wrong password", "POST", PATH, basic(b"t0815/admin:wrong"), body(), 401, "wrong_credentials"),
    ("NUL in the password", "POST", PATH, basic(b"t0815/admin:admin-secret\0x"), body(), 401, "wrong_credentials"),
    ("unknown tenant", "POST", PATH, basic(b"nobody/admin:admin-secret"), body(), 401, "wrong_credentials"),
    ("binary user", "POST", PATH, basic(b"t0815/\xff\xfe\x00:x"), body(), 401, "wrong_credentials"),
    ("without the role", "POST", PATH, basic(b"t0815/device1:device1-secret"), body(), 403, "missing_role"),
    ("empty body", "POST", PATH, ADMIN, b"", 422, "bad_request"),
    ("not JSON", "POST", PATH, ADMIN, b"subscriber=s", 422, "bad_request"),
    ("cut JSON", "POST", PATH, ADMIN, body()[:-1], 422, "bad_request"),
    ("deep JSON", "POST", PATH, ADMIN, b"[" * 100_000, 422, "bad_request"),
    ("an array", "POST", PATH, ADMIN, b"[]", 422, "bad_request"),
    ("not UTF-8", "POST", PATH, ADMIN, b'{"subscriber":"\xff","subscription":"t"}', 422, "bad_request"),
    ("no subscriber", "POST", PATH, ADMIN, body(subscriber="ABSENT"), 422, "bad_request"),
    ("blank subscriber", "POST", PATH, ADMIN, body(subscriber="  "), 422, "bad_request"),
    ("NUL in the topic", "POST", PATH, ADMIN, body(subscription="a\0b"), 422, "bad_request"),
    ("wildcard topic", "POST", PATH, ADMIN, body(subscription="a/#"), 422, "bad_request"),
    ("huge topic", "POST", PATH, ADMIN, body(subscription="x" * 500_000), 422, "bad_request"),
    ("unknown type", "POST", PATH, ADMIN, body(type="../etc"), 422, "bad_request"),
    ("life of 0 minutes", "POST", PATH, ADMIN, body(expiresInMinutes=0), 422, "bad_request"),
    ("life beyond 64 bits", "POST", PATH, ADMIN, body(expiresInMinutes=10 ** 30), 422, "bad_request"),
    ("shared as text", "POST", PATH, ADMIN, body(shared="true"), 422, "bad_request"),
    ("other method", "PATCH", PATH, ADMIN, b"", 405, "bad_method"),
    ("verify nothing", "GET", PATH, ADMIN, b"", 422, "bad_token"),
    ("verify rubbish", "GET", PATH + "?token=%00.%ff.%2e", ADMIN, b"", 422, "bad_token"),
    ("unsubscribe by GET", "GET", "/notification2/unsubscribe", ADMIN, b"", 405, "bad_method"),
    ("unsubscribe with rubbish", "POST", "/notification2/unsubscribe?token=a.b.c", ADMIN, b"", 422, "bad_token"),
]


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


GOOD = n2.encode(n2.Message(b"hi"))
# name, message, close code, reason
PRODUCER_CASES = [
    ("empty", "", 1008, "bad_frame"),
    ("no line feed", "1", 1008, "bad_frame"),
    ("only a line feed", "\n", 1008, "bad_frame"),
    ("sequence with sign", "+1\n" + b64(GOOD), 1008, "bad_frame"),
    ("sequence with blank", " 1\n" + b64(GOOD), 1008, "bad_frame"),
    ("negative sequence", "-1\n" + b64(GOOD), 1008, "bad_frame"),
    ("sequence beyond 64 bits", "18446744073709551616\n" + b64(GOOD), 1008, "bad_frame"),
    ("sequence in words", "one\n" + b64(GOOD), 1008, "bad_frame"),
    ("two lines of Base64", "1\n" + b64(GOOD) + "\n", 1008, "bad_frame"),
    ("carriage return", "1\r\n" + b64(GOOD), 1008, "bad_frame"),
    ("not Base64", "1\n!!!!", 1008, "bad_base64"),
    ("Base64 without padding", "1\n" + b64(GOOD + b"x").rstrip("="), 1008, "bad_base64"),
    ("Base64 of the URL alphabet", "1\n" + base64.urlsafe_b64encode(b"\xff" * 30).decode(), 1008, "bad_base64"),
    ("no record", "1\n", 1008, "bad_avro"),
    ("cut record", "1\n" + b64(GOOD[:-1]), 1008, "bad_avro"),
    ("bytes behind the record", "1\n" + b64(GOOD + b"\0"), 1008, "bad_avro"),
    ("union branch 2", "1\n" + b64(b"\x04" + GOOD[1:]), 1008, "bad_avro"),
    ("negative length", "1\n" + b64(GOOD[:9] + b"\x01"), 1008, "bad_avro"),
    ("length of 2 GiB", "1\n" + b64(GOOD[:9] + b"\xfe\xff\xff\xff\x0f"), 1008, "bad_avro"),
    ("map of 2^62 entries", "1\n" + b64(GOOD[:8] + b"\x02" + b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f"), 1008, "bad_avro"),
    ("NUL in the client ID", "1\n" + b64(n2.encode(n2.Message(b"", client_id="a\0b"))), 1008, "bad_metadata"),
    ("wildcard response topic", "1\n" + b64(n2.encode(n2.Message(b"", response_topic="a/#"))), 1008, "bad_metadata"),
    ("huge property", "1\n" + b64(n2.encode(n2.Message(b"", user_properties={"x" * 65_600: ""}))), 1008, "bad_metadata"),
    ("too large a record", "1\n" + b64(n2.encode(n2.Message(b"x" * 200_000))), 1009, "too_large"),
    ("too large a message", "1\n" + "A" * 1_000_000, 1009, "too_large"),
    ("binary", b"1\n" + b64(GOOD).encode(), 1003, "binary_frame"),
]
CONSUMER_CASES = [
    ("binary", b"\x00\x01", 1003, "binary_frame"),
    ("too large a message", "x" * 10_000, 1009, "too_large"),
    ("unknown acknowledgement", "AAAA", None, "unknown_acknowledgement"),
    ("empty acknowledgement", "", None, "unknown_acknowledgement"),
    ("producer's frame", "1\n" + b64(GOOD), None, "unknown_acknowledgement"),
    ("almost unsubscribe", "unsubscribe_subscriber\n", None, "unknown_acknowledgement"),
]
# Raw bytes of an upgrade: name, text, status, (door, reason) or the counter
UPGRADE = ("GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
RAW_CASES = [
    ("no token", UPGRADE % "/notification2/producer/", "401", ("producer", "no_token")),
    ("empty token", UPGRADE % "/notification2/consumer?token=", "401", ("consumer", "no_token")),
    ("rubbish token", UPGRADE % "/notification2/consumer/?token=%00%01", "401", ("consumer", "bad_token")),
    ("algorithm none", UPGRADE % ("/notification2/consumer/?token=" + base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=") + ".e30."),
     "401", ("consumer", "bad_token")),
    ("long token", UPGRADE % ("/notification2/producer/?token=" + "a" * 12_000), "401", ("producer", "bad_token")),
    ("no upgrade", "GET /notification2/producer/ HTTP/1.1\r\nHost: x\r\n\r\n", "426", None),
    ("headers without end", "GET /notification2/producer/ HTTP/1.1\r\nA: " + "x" * 40_000, "431", "messaging_http_malformed_total"),
    ("not HTTP", "\x16\x03\x01\x00\x05hello\r\n\r\n", "400", "messaging_http_malformed_total"),
]


class Doors:
    def __init__(self, of: Messaging):
        self.of = of
        self.pid = of.process.pid
        self.passed = 0

    def after(self, name, door, reason, before, log_before):
        """The checks that follow every case."""
        key = (door, reason)
        deadline = time.monotonic() + 10
        while self.of.refusals().get(key, 0) <= before.get(key, 0):
            if time.monotonic() > deadline:
                raise AssertionError("%s: no counter moved for %s: %r" % (name, key, self.of.refusals()))
            time.sleep(0.01)
        if self.of.refusals()[key] != before.get(key, 0) + 1:
            raise AssertionError("%s: counted more than once" % name)
        lines = [line for line in self.of.log()[log_before:].splitlines() if "refused" in line and "reason=" + reason in line]
        if len(lines) != 1:
            raise AssertionError("%s: %d log lines for %s" % (name, len(lines), key))
        self.alive(name)

    def alive(self, name):
        if self.of.process.poll() is not None or self.of.process.pid != self.pid:
            raise AssertionError("%s: the process ended" % name)
        self.passed += 1

    def request(self, method, path, authorization, content):
        connection = http.client.HTTPConnection("127.0.0.1", self.of.port, timeout=20)
        headers = {"Content-Type": "application/json"}
        if authorization:
            headers["Authorization"] = authorization
        connection.request(method, path, content, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, text


def token_door(doors):
    for name, method, path, authorization, content, status, reason in TOKEN_CASES:
        before, log_before = doors.of.refusals(), len(doors.of.log())
        got, text = doors.request(method, path, authorization, content)
        if got != status or b'"error"' not in text:
            raise AssertionError("%s: %d instead of %d: %r" % (name, got, status, text[:200]))
        doors.after(name, "token", reason, before, log_before)
        if doors.request("POST", PATH, ADMIN, body())[0] != 200:
            raise AssertionError("%s: the next good client is refused" % name)


async def send_bad(connection, message, code, name):
    import websockets
    async with connection:
        await connection.socket.send(message)
        if code is None:
            await connection.socket.send("AAAB")  # only counted: one log line a connection
            await (await connection.socket.ping())
            return
        try:
            while True:  # an error line may come first
                await asyncio.wait_for(connection.socket.recv(), 20)
        except websockets.exceptions.ConnectionClosed as closed:
            if closed.code != code:
                raise AssertionError("%s: close %s %r" % (name, closed.code, closed.reason)) from closed


async def good_pair(of, topic):
    consume = n2.get_token(of.http, "t0815/admin", "admin-secret", topic, "good")
    async with n2.Subscriber(of.websocket, consume) as subscriber, n2.Publisher(of.websocket, consume) as publisher:
        await publisher.publish(n2.Message(b"hi"))
        received = await subscriber.receive(10)
        if received is None or received.message.payload != b"hi":
            raise AssertionError("a good client is not served: %r" % (received,))
        await subscriber.unsubscribe()
        await subscriber.socket.wait_closed()


async def websocket_doors(doors):
    of = doors.of
    for number, (name, message, code, reason) in enumerate(PRODUCER_CASES):
        made = n2.get_token(of.http, "t0815/admin", "admin-secret", "bad/%d" % number)
        before, log_before = of.refusals(), len(of.log())
        await send_bad(n2.Publisher(of.websocket, made), message, code, name)
        doors.after(name, "producer", reason, before, log_before)
        await good_pair(of, "bad/%d" % number)
    for number, (name, message, code, reason) in enumerate(CONSUMER_CASES):
        made = n2.get_token(of.http, "t0815/admin", "admin-secret", "bad-consumer/%d" % number, "app")
        before, log_before = of.refusals(), len(of.log())
        key = ("consumer", reason)
        await send_bad(n2.Subscriber(of.websocket, made), message, code, name)
        if code is None:
            deadline = time.monotonic() + 10
            while of.refusals().get(key, 0) < before.get(key, 0) + 2 and time.monotonic() < deadline:
                await asyncio.sleep(0.01)
            before[key] = before.get(key, 0) + 1
        doors.after(name, "consumer", reason, before, log_before)
        await good_pair(of, "bad-consumer/%d" % number)


async def raw_doors(doors):
    for name, text, status, key in RAW_CASES:
        before, log_before, numbers = doors.of.refusals(), len(doors.of.log()), doors.of.metrics()
        reader, writer = await asyncio.open_connection("127.0.0.1", doors.of.port)
        writer.write(text.encode("latin-1"))
        line = await asyncio.wait_for(reader.readline(), 30)
        if status not in line.decode("latin-1"):
            raise AssertionError("%s: %r instead of %s" % (name, line, status))
        writer.close()
        await writer.wait_closed()
        if isinstance(key, tuple):
            doors.after(name, key[0], key[1], before, log_before)
        elif key:
            if doors.of.metrics()[key] != numbers[key] + 1 or "status=" + status not in doors.of.log()[log_before:]:
                raise AssertionError("%s: neither counted nor logged" % name)
        doors.alive(name)
        await good_pair(doors.of, "raw")


# Bytes behind a good upgrade that are no WebSocket: reserved bits and operation codes, no mask, a ping with a length
# of its own kind, a continuation of nothing, a close of one byte, text that is not UTF-8.
BAD_FRAMES = (b"\xff" * 50, b"\x81\x05hello", b"\x89\xff" + b"\xff" * 12, b"\x83\x80\0\0\0\0", b"\xc1\x80\0\0\0\0",
              b"\x80\x80\0\0\0\0", b"\x88\x81\0\0\0\0\x03", b"\x81\x82\0\0\0\0\xc3\x28")


async def frame_doors(doors):
    for number, frame in enumerate(BAD_FRAMES):
        for door in ("producer", "consumer"):
            topic = "frame/%d" % number
            made = n2.get_token(doors.of.http, "t0815/admin", "admin-secret", topic, "frame")
            before, log_before = doors.of.refusals(), len(doors.of.log())
            reader, writer = await asyncio.open_connection("127.0.0.1", doors.of.port)
            writer.write((UPGRADE % ("/notification2/%s/?token=%s" % (door, made))).encode())
            answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
            if b" 101 " not in answer:
                raise AssertionError("%r: %r" % (frame, answer))
            writer.write(frame)
            await asyncio.wait_for(reader.read(), 30)
            writer.close()
            await writer.wait_closed()
            doors.after(repr(frame), door, "bad_websocket_frame", before, log_before)
            await good_pair(doors.of, topic)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True, help="path of mqtt-messaging")
    of = Messaging(parser.parse_args().program)
    try:
        of.start()
        doors = Doors(of)
        token_door(doors)
        print("ok token door: %d cases" % doors.passed, flush=True)
        asyncio.run(websocket_doors(doors))
        asyncio.run(raw_doors(doors))
        asyncio.run(frame_doors(doors))
        print("ok all doors: %d cases" % doors.passed)
        of.stop()
    except BaseException:
        print(of.log()[-4000:], file=sys.stderr)
        raise
    finally:
        of.close()


if __name__ == "__main__":
    main()
