#!/usr/bin/python3
"""A client of the original's WebSocket API, written from its published protocol alone.

It shares no code with the service, so that a mistake made there is not made here as well. Debian packages:
python3-websockets; python3-avro, when present, is a second opinion on every record.

Library:
    token = get_token("http://127.0.0.1:8082", "t0815/admin", "admin-secret", "plant/line1", "app1")
    async with Publisher("ws://127.0.0.1:8082", token) as publisher:
        await publisher.publish(Message(payload=b"hi"))          # returns when the service has acknowledged
    async with Subscriber("ws://127.0.0.1:8082", token) as subscriber:
        received = await subscriber.receive(timeout=5)            # None: nothing came
        await subscriber.acknowledge(received)

Command line (see --help):
    notification2_client.py publish   --topic plant/line1 --payload hello
    notification2_client.py consume   --topic plant/line1 --subscriber app1 --count 3
    notification2_client.py unsubscribe --topic plant/line1 --subscriber app1
"""

import argparse
import asyncio
import base64
import binascii
import io
import json
import sys
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Dict, List, Optional

UNSUBSCRIBE = "unsubscribe_subscriber"
PUBLISHER_SUBSCRIBER = "mqttServicePublisher"
FORMATS = ("UNSPECIFIED", "UTF_8")

SCHEMA = {
    "type": "record", "name": "MqttServiceMessage", "namespace": "com.cumulocity.mqtt.service.sdk.model", "fields": [
        {"name": "metadata", "type": {"type": "record", "name": "MqttServiceMetadata", "fields": [
            {"name": "clientId", "type": ["null", "string"], "default": None},
            {"name": "contentType", "type": ["null", "string"], "default": None},
            {"name": "correlationData", "type": ["null", "bytes"], "default": None},
            {"name": "dupFlag", "type": "boolean"},
            {"name": "messageId", "type": "int"},
            {"name": "payloadFormatIndicator", "type": ["null", {
                "type": "enum", "name": "PayloadFormatIndicator", "symbols": list(FORMATS)}], "default": None},
            {"name": "responseTopic", "type": ["null", "string"], "default": None},
            {"name": "topic", "type": ["null", "string"], "default": None},
            {"name": "userProperties", "type": ["null", {"type": "map", "values": "string"}], "default": None}]}},
        {"name": "payload", "type": "bytes"}]}


class ProtocolError(Exception):
    """The service sent something the protocol does not allow."""


class HttpError(Exception):
    """The service answered a request with an error; `status` is the HTTP status."""

    def __init__(self, status, body):
        super().__init__("HTTP %d: %s" % (status, body[:300]))
        self.status = status
        self.body = body


@dataclass
class Message:
    payload: bytes = b""
    client_id: Optional[str] = None
    content_type: Optional[str] = None
    correlation_data: Optional[bytes] = None
    dup_flag: bool = False
    message_id: int = 0
    payload_format_indicator: Optional[str] = None
    response_topic: Optional[str] = None
    topic: Optional[str] = None
    user_properties: Optional[Dict[str, str]] = None


# --- The bare Avro record: fields in the order of their names, metadata before payload.

def _number(value: int) -> bytes:
    value = value * 2 if value >= 0 else -value * 2 - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _octets(value: bytes) -> bytes:
    return _number(len(value)) + value


def _optional(value, write) -> bytes:
    return b"\x00" if value is None else b"\x02" + write(value)


def _text(value: str) -> bytes:
    return _octets(value.encode("utf-8"))


def _map(value: Dict[str, str]) -> bytes:
    entries = b"".join(_text(key) + _text(value[key]) for key in value)
    return (_number(len(value)) + entries if value else b"") + b"\x00"


def encode(message: Message) -> bytes:
    return b"".join([
        _optional(message.client_id, _text),
        _optional(message.content_type, _text),
        _optional(message.correlation_data, _octets),
        b"\x01" if message.dup_flag else b"\x00",
        _number(message.message_id),
        _optional(message.payload_format_indicator, lambda name: _number(FORMATS.index(name))),
        _optional(message.response_topic, _text),
        _optional(message.topic, _text),
        _optional(message.user_properties, _map),
        _octets(message.payload)])


class _Reader:
    def __init__(self, data: bytes):
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        if count < 0 or self.at + count > len(self.data):
            raise ProtocolError("Avro record: %d bytes wanted at %d of %d" % (count, self.at, len(self.data)))
        taken = self.data[self.at:self.at + count]
        self.at += count
        return taken

    def number(self, bits: int = 64) -> int:
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            if byte < 128:
                break
            shift += 7
            if shift >= 70:
                raise ProtocolError("Avro record: a number has more than ten bytes")
        if value >> bits:
            raise ProtocolError("Avro record: a number has more than %d bits" % bits)
        return (value >> 1) if value % 2 == 0 else -(value >> 1) - 1

    def octets(self) -> bytes:
        return self.take(self.number())

    def text(self) -> str:
        try:
            return self.octets().decode("utf-8")
        except UnicodeDecodeError as error:
            raise ProtocolError("Avro record: %s" % error) from error

    def optional(self, read):
        branch = self.number()
        if branch not in (0, 1):
            raise ProtocolError("Avro record: union branch %d" % branch)
        return read() if branch else None

    def boolean(self) -> bool:
        byte = self.take(1)[0]
        if byte > 1:
            raise ProtocolError("Avro record: boolean %d" % byte)
        return byte == 1

    def symbol(self) -> str:
        index = self.number(32)
        if not 0 <= index < len(FORMATS):
            raise ProtocolError("Avro record: enum symbol %d" % index)
        return FORMATS[index]

    def map(self) -> Dict[str, str]:
        entries: Dict[str, str] = {}
        while True:
            count = self.number()
            if count == 0:
                return entries
            end = None
            if count < 0:
                count, size = -count, self.number()
                end = self.at + size
            for _ in range(count):
                key = self.text()
                entries[key] = self.text()
            if end is not None and self.at != end:
                raise ProtocolError("Avro record: a map block does not have the size it states")


def decode(data: bytes) -> Message:
    reader = _Reader(data)
    message = Message()
    message.client_id = reader.optional(reader.text)
    message.content_type = reader.optional(reader.text)
    message.correlation_data = reader.optional(reader.octets)
    message.dup_flag = reader.boolean()
    message.message_id = reader.number(32)
    message.payload_format_indicator = reader.optional(reader.symbol)
    message.response_topic = reader.optional(reader.text)
    message.topic = reader.optional(reader.text)
    message.user_properties = reader.optional(reader.map)
    message.payload = reader.octets()
    if reader.at != len(data):
        raise ProtocolError("Avro record: %d bytes follow it" % (len(data) - reader.at))
    return message


def _library_schema():
    try:
        import avro.io
        import avro.schema
    except ImportError:
        return None
    return avro.schema.parse(json.dumps(SCHEMA))


_SCHEMA = _library_schema()


def decode_with_library(data: bytes) -> Optional[Message]:
    """What python3-avro reads; None when it is not installed."""
    if _SCHEMA is None:
        return None
    import avro.io
    source = io.BytesIO(data)
    record = avro.io.DatumReader(_SCHEMA).read(avro.io.BinaryDecoder(source))
    if source.tell() != len(data):
        raise ProtocolError("python3-avro leaves %d bytes" % (len(data) - source.tell()))
    of = record["metadata"]
    return Message(record["payload"], of["clientId"], of["contentType"], of["correlationData"], of["dupFlag"], of["messageId"],
                   of["payloadFormatIndicator"], of["responseTopic"], of["topic"], of["userProperties"])


def decode_checked(data: bytes) -> Message:
    message = decode(data)
    other = decode_with_library(data)
    if other is not None and other != message:
        raise ProtocolError("python3-avro reads %r where we read %r" % (other, message))
    return message


# --- Text frames

@dataclass
class Received:
    ack_header: str
    message: Message


def strict_base64(text: str) -> bytes:
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ProtocolError("payload is not Base64: %s" % error) from error
    if base64.b64encode(data).decode("ascii") != text:
        raise ProtocolError("payload is not the canonical Base64 of its bytes")
    return data


def parse_consumer_frame(frame) -> Received:
    if not isinstance(frame, str):
        raise ProtocolError("a binary frame where text is due")
    if frame.count("\n") != 1:
        raise ProtocolError("%d line feeds where there must be one: %r" % (frame.count("\n"), frame[:80]))
    header, payload = frame.split("\n")
    return Received(header, decode_checked(strict_base64(payload)))


# --- HTTP

def _request(url: str, user: Optional[str], password: Optional[str], body=None, method="POST", context=None):
    headers = {"Accept": "application/json"}
    data = None
    if isinstance(body, dict):
        headers["Content-Type"] = "application/json"
        data = json.dumps(body).encode()
    elif method == "POST":
        headers["Content-Type"] = "text/plain"
        data = b""
    if user is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(("%s:%s" % (user, password)).encode()).decode()
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30, context=context) as response:
            return json.loads(response.read().decode("utf-8"))
    except urllib.error.HTTPError as error:
        raise HttpError(error.code, error.read().decode("utf-8", "replace")) from error


def get_token(base: str, user: str, password: str, subscription: str, subscriber: str = PUBLISHER_SUBSCRIBER,
              expires_in_minutes: int = 1440, shared: bool = False, non_persistent: bool = False,
              token_type: Optional[str] = "mqtt", context=None) -> str:
    """`user` is <tenant>/<name>; `subscription` is the MQTT topic, not encoded."""
    body = {"subscriber": subscriber, "subscription": subscription, "signed": True, "expiresInMinutes": expires_in_minutes,
            "shared": shared, "nonPersistent": non_persistent}
    if token_type is not None:
        body["type"] = token_type
    answer = _request(base + "/notification2/token", user, password, body, context=context)
    if not answer.get("token"):
        raise ProtocolError("the answer holds no token")
    return answer["token"]


def token_part(token: str, number: int) -> dict:
    """Reads a part as the Go and Java clients do: standard alphabet, without padding."""
    part = token.split(".")[number]
    return json.loads(strict_base64(part + "=" * (-len(part) % 4)).decode("ascii"))


def verify_token(base: str, user: str, password: str, token: str, context=None) -> dict:
    url = base + "/notification2/token?token=" + urllib.parse.quote(token)
    return _request(url, user, password, method="GET", context=context)


def unsubscribe(base: str, user: str, password: str, token: str, context=None) -> str:
    url = base + "/notification2/unsubscribe?token=" + urllib.parse.quote(token)
    return _request(url, user, password, context=context)["result"]


# --- WebSocket

def _connect(url: str, context):
    import websockets
    options = {"ssl": context} if url.startswith("wss:") else {}
    # As the original's client: no sub-protocol, no header, a ping every 60 s.
    return websockets.connect(url, ping_interval=60, ping_timeout=60, open_timeout=30, close_timeout=2, max_size=4 * 1024 * 1024,
                              compression=None, **options)


def refused_status(error: Exception) -> Optional[int]:
    """The HTTP status of a refused upgrade, else None."""
    return getattr(error, "status_code", None)


class _Connection:
    path = ""

    def __init__(self, base: str, token: str, context=None, query: str = ""):
        if not base.startswith(("ws://", "wss://")):
            raise ValueError("the base URL must start with ws:// or wss://")
        self.url = "%s/notification2/%s/?token=%s%s" % (base, self.path, urllib.parse.quote(token), query)
        self.context = context
        self.socket = None

    async def __aenter__(self):
        self.socket = await _connect(self.url, self.context)
        return self

    async def __aexit__(self, *_):
        await self.socket.close()


class Publisher(_Connection):
    path = "producer"

    def __init__(self, base, token, context=None):
        super().__init__(base, token, context)
        self.sequence = 0  # goes on over reconnects of the same object
        self.acknowledged: List[int] = []

    async def send(self, message: Message) -> int:
        """Without waiting, as the original's client; returns the sequence."""
        return await self.send_record(encode(message))

    async def send_record(self, record: bytes) -> int:
        self.sequence += 1
        await self.socket.send("%d\n%s" % (self.sequence, base64.b64encode(record).decode("ascii")))
        return self.sequence

    async def wait(self, sequence: int, timeout: float = 30):
        """Until `sequence` was acknowledged; acknowledgements must come in order, each once."""
        while not self.acknowledged or self.acknowledged[-1] < sequence:
            frame = await asyncio.wait_for(self.socket.recv(), timeout)
            if not isinstance(frame, str) or not frame.isdigit():
                raise ProtocolError("acknowledgement %r is not a sequence" % (frame,))
            if self.acknowledged and int(frame) <= self.acknowledged[-1]:
                raise ProtocolError("acknowledgement %s after %d" % (frame, self.acknowledged[-1]))
            self.acknowledged.append(int(frame))

    async def publish(self, message: Message, timeout: float = 30) -> int:
        sequence = await self.send(message)
        await self.wait(sequence, timeout)
        return sequence


class Subscriber(_Connection):
    path = "consumer"

    def __init__(self, base, token, context=None, consumer: Optional[str] = None):
        super().__init__(base, token, context, "" if consumer is None else "&consumer=" + urllib.parse.quote(consumer))

    async def receive(self, timeout: float = 30) -> Optional[Received]:
        try:
            frame = await asyncio.wait_for(self.socket.recv(), timeout)
        except asyncio.TimeoutError:
            return None
        return parse_consumer_frame(frame)

    async def acknowledge(self, received: Received):
        if received.ack_header:
            await self.socket.send(received.ack_header)

    async def unsubscribe(self):
        await self.socket.send(UNSUBSCRIBE)


# --- Command line

def _printable(received: Received) -> str:
    shown = {key: value for key, value in vars(received.message).items() if value is not None}
    for key in ("payload", "correlation_data"):
        if key in shown:
            shown[key] = shown[key].decode("utf-8", "backslashreplace")
    return json.dumps(shown, ensure_ascii=False)


async def _publish(arguments, token: str) -> int:
    lines = arguments.payload or [line.rstrip("\n") for line in sys.stdin]
    async with Publisher(arguments.websocket, token) as publisher:
        last = 0
        for line in lines:
            last = await publisher.send(Message(payload=line.encode(), client_id=arguments.client_id))
        if last:
            await publisher.wait(last)
    print("published %d" % last, file=sys.stderr)
    return 0


async def _consume(arguments, token: str) -> int:
    count = 0
    async with Subscriber(arguments.websocket, token, consumer=arguments.consumer) as subscriber:
        while arguments.count is None or count < arguments.count:
            received = await subscriber.receive(arguments.until_idle)
            if received is None:
                break
            print(_printable(received), flush=True)
            count += 1
            if not arguments.no_ack:
                await subscriber.acknowledge(received)
    print("received %d" % count, file=sys.stderr)
    return 0 if arguments.count is None or count == arguments.count else 1


def main(argv: Optional[List[str]] = None) -> int:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--base", default="http://127.0.0.1:8082", help="base URL of the service")
    common.add_argument("--user", default="t0815/admin", help="<tenant>/<user>")
    common.add_argument("--password", default="admin-secret")
    common.add_argument("--topic", required=True, help="MQTT topic, not encoded")
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    commands = parser.add_subparsers(dest="command", required=True)
    publish = commands.add_parser("publish", parents=[common], help="publish payloads, or the lines of the input")
    publish.add_argument("--payload", action="append")
    publish.add_argument("--client-id")
    consume = commands.add_parser("consume", parents=[common], help="print messages as JSON and acknowledge them")
    consume.add_argument("--count", type=int, help="stop after N; exit code 1 when fewer came")
    consume.add_argument("--until-idle", type=float, default=10, metavar="S", help="stop after S seconds without a message")
    consume.add_argument("--no-ack", action="store_true")
    consume.add_argument("--shared", action="store_true")
    consume.add_argument("--consumer", help="name of this client of a shared subscriber")
    remove = commands.add_parser("unsubscribe", parents=[common], help="remove the subscriber and its backlog")
    for one in (consume, remove):
        one.add_argument("--subscriber", required=True)
    arguments = parser.parse_args(argv)
    arguments.websocket = "ws" + arguments.base[len("http"):]
    subscriber = getattr(arguments, "subscriber", PUBLISHER_SUBSCRIBER)
    token = get_token(arguments.base, arguments.user, arguments.password, arguments.topic, subscriber,
                      shared=getattr(arguments, "shared", False))
    if arguments.command == "unsubscribe":
        print(unsubscribe(arguments.base, arguments.user, arguments.password, token))
        return 0
    return asyncio.run((_publish if arguments.command == "publish" else _consume)(arguments, token))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (HttpError, ProtocolError, OSError) as failure:
        print("error: %s" % failure, file=sys.stderr)
        sys.exit(2)
