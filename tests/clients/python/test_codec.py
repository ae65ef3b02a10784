"""Self-test of the independent client: run with /usr/bin/python3 -m unittest, in this folder."""

import asyncio
import base64
import json
import random
import unittest

import notification2_client as client
from notification2_client import Message, ProtocolError

VECTORS = [
    (Message(b"Hello World"), "00 00 00 00 00 00 00 00 00 16 48 65 6c 6c 6f 20 57 6f 72 6c 64"),
    (Message(b"hi", client_id="dev1", message_id=7, topic="a/b"),
     "02 08 64 65 76 31 00 00 00 0e 00 00 02 06 61 2f 62 00 04 68 69"),
    (Message(b"hi", "dev1", "text/plain", b"\x01\x02", True, 7, "UTF_8", "r", "a/b", {"k": "v"}),
     "02 08 64 65 76 31 02 14 74 65 78 74 2f 70 6c 61 69 6e 02 04 01 02 01 0e 02 02 02 02 72 02 06 61 2f 62 02 02 02 6b 02 "
     "76 00 04 68 69"),
]


class Avro(unittest.TestCase):
    def test_vectors(self):
        for message, text in VECTORS:
            data = bytes.fromhex(text)
            self.assertEqual(client.encode(message), data)
            self.assertEqual(client.decode(data), message)
            other = client.decode_with_library(data)
            if other is not None:
                self.assertEqual(other, message)

    def test_refuses_every_shortened_vector(self):
        data = bytes.fromhex(VECTORS[2][1])
        for size in range(len(data)):
            with self.assertRaises(ProtocolError):
                client.decode(data[:size])

    def test_refuses_what_the_schema_does_not_allow(self):
        for text in ("04", "01", "02 01", "02 02 ff", "00 00 00 02", "00 00 00 00 80 80 80 80 10", "00 00 00 00 00 02 04",
                     "00 00 00 00 00 00 00 00 00 00 00", "00 00 00 00 00 00 00 00 02 01 0a 02 63 02 64 00 00",
                     "02 ff ff ff ff ff ff ff ff ff ff 01"):
            with self.assertRaises(ProtocolError, msg=text):
                client.decode(bytes.fromhex(text))

    def test_accepts_map_blocks_with_a_size(self):
        data = bytes.fromhex("00 00 00 00 00 00 00 00 02 02 02 61 02 62 01 0a 02 63 04 64 65 00 00")
        self.assertEqual(client.decode_checked(data).user_properties, {"a": "b", "c": "de"})

    def test_random_messages_come_back(self):
        seed = random.randrange(1 << 32)
        source = random.Random(seed)

        def maybe(value):
            return value if source.random() < 0.5 else None
        for _ in range(300):
            message = Message(source.randbytes(source.randrange(200)), maybe("c%d" % source.randrange(1 << 20)), maybe("t/\u00e4"),
                              maybe(source.randbytes(9)), source.random() < 0.5, source.randrange(-(1 << 31), 1 << 31),
                              maybe("UTF_8"), maybe("r"), maybe("a/b"), maybe({"k%d" % i: "v" for i in range(source.randrange(4))}))
            self.assertEqual(client.decode_checked(client.encode(message)), message, "seed %d" % seed)


class Frames(unittest.TestCase):
    def test_reference_example(self):
        received = client.parse_consumer_frame("CJ1eEAAgADAB\nAghkZXYxAAAADgAAAgZhL2IABGhp")
        self.assertEqual(received.ack_header, "CJ1eEAAgADAB")
        self.assertEqual(received.message, VECTORS[1][0])

    def test_refuses_wrong_frames(self):
        good = "AghkZXYxAAAADgAAAgZhL2IABGhp"
        for frame in (good, "a\n" + good + "\n", "a\nb\n" + good, "a\n\n" + good, "a\n" + good[:-1], "a\n " + good, b"a\n",
                      "a\n" + good + "=", "a\n" + good.replace("A", "-")):
            with self.assertRaises(ProtocolError, msg=repr(frame)):
                client.parse_consumer_frame(frame)

    def test_token_parts_are_standard_base64(self):
        claims = {"sub": "a", "topic": "t/mqtt/x"}
        part = base64.b64encode(json.dumps(claims).encode()).decode().rstrip("=")
        self.assertEqual(client.token_part("x.%s.y" % part, 1), claims)
        with self.assertRaises(ProtocolError):
            client.token_part("x.a-_b.y", 1)


class WebSockets(unittest.TestCase):
    """Publisher and subscriber against a small server that speaks the frames of the reference."""

    def test_publish_and_consume(self):
        try:
            import websockets
        except ImportError:
            self.skipTest("python3-websockets is not installed")
        seen = []

        async def serve(socket, path):
            if path == "/notification2/producer/?token=tok":
                async for frame in socket:
                    seen.append(frame)
                    await socket.send(frame.split("\n")[0])
            else:
                self.assertEqual(path, "/notification2/consumer/?token=tok&consumer=c1")
                await socket.send("B.C\nAghkZXYxAAAADgAAAgZhL2IABGhp")
                async for frame in socket:
                    seen.append(frame)
                    if frame == client.UNSUBSCRIBE:
                        return

        async def run():
            async with websockets.serve(serve, "127.0.0.1", 0) as server:
                base = "ws://127.0.0.1:%d" % server.sockets[0].getsockname()[1]
                async with client.Publisher(base, "tok") as publisher:
                    self.assertEqual(await publisher.publish(VECTORS[0][0], 10), 1)
                    self.assertEqual(await publisher.publish(VECTORS[1][0], 10), 2)
                async with client.Subscriber(base, "tok", consumer="c1") as subscriber:
                    received = await subscriber.receive(10)
                    await subscriber.acknowledge(received)
                    await subscriber.unsubscribe()
                    await subscriber.socket.wait_closed()
            return received

        received = asyncio.run(run())
        self.assertEqual(received.message, VECTORS[1][0])
        self.assertEqual(seen, ["1\nAAAAAAAAAAAAFkhlbGxvIFdvcmxk", "2\nAghkZXYxAAAADgAAAgZhL2IABGhp", "B.C", client.UNSUBSCRIBE])


if __name__ == "__main__":
    unittest.main()
