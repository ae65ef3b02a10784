#!/usr/bin/python3
"""Eclipse Paho (Python) against the service. Arguments, output and checks: tests/clients/README.md."""

import sys
import time

from paho.mqtt.packettypes import PacketTypes

from device import Device, Unexpected, properties

LARGEST_PACKET = 131_072
USER_PROPERTIES = [("b", "1"), ("a", "2"), ("b", "3"), ("b", "1"), ("", "empty key"), ("grün", "ß")]


class Checks:
    """One method per check; `settings` are the command line's."""

    def __init__(self, settings: dict):
        self.settings = settings
        self.five = settings["version"] == "5"
        self.open = []

    def topic(self, name: str) -> str:
        return self.settings["name"] + "/" + name

    def device(self, suffix: str, **more) -> Device:
        made = Device(self.settings, suffix, **more)
        self.open.append(made)
        made.connect()
        return made

    def close_all(self):
        for device in self.open:
            device.close()
        self.open = []

    def subscriber(self, topic: str, suffix: str = "sub", qos: int = 1, **more) -> Device:
        made = self.device(suffix, **more)
        expect(made.subscribe(topic, qos), qos, "granted QoS")
        return made

    # --- both versions

    def wrong_password(self):
        stranger = Device(self.settings, "stranger")
        self.open.append(stranger)
        stranger.connect(0x86 if self.five else 5, self.settings["user"].split("/")[0] + "/device1", "wrong")

    def publish_subscribe(self):
        topic = self.topic("order")
        zero, one, sender = self.subscriber(topic, "zero", 0), self.subscriber(topic, "one"), self.device("pub")
        for n in range(40):
            sender.publish(topic, b"%d" % n, n % 2)
        for device, most in ((zero, 0), (one, 1)):
            for n in range(40):
                got = device.message(b"%d" % n)
                expect((got.qos, got.retain, got.dup), (min(n % 2, most), False, False), "QoS, retain, dup")

    def empty_payload(self):
        topic = self.topic("bytes")
        subscriber, sender = self.subscriber(topic), self.device("pub")
        for payload in (b"", bytes(range(256))):
            for qos in (0, 1):
                sender.publish(topic, payload, qos)
                subscriber.message(payload)

    def unsubscribe(self):
        topic = self.topic("unsubscribed")
        client = self.subscriber(topic)
        client.subscribe(self.topic("mark"))
        client.unsubscribe(topic)
        client.publish(topic, b"for nobody")
        client.publish(self.topic("mark"), b"mark")
        client.message(b"mark")

    def _payload_of_packet(self, topic: str, size: int) -> bytes:
        """A payload with which a QoS 1 PUBLISH on the topic has `size` bytes."""
        rest = 4 + 2 + len(topic) + 2 + (1 if self.five else 0)
        return bytes(n % 251 for n in range(size - rest))

    def largest_packet(self):
        topic = self.topic("large")
        subscriber, sender = self.subscriber(topic), self.device("pub")
        payload = self._payload_of_packet(topic, LARGEST_PACKET)
        sender.publish(topic, payload)
        subscriber.message(payload)

    def larger_packet(self):
        topic = self.topic("large")
        subscriber, sender = self.subscriber(topic), self.device("pub")
        sender.publish(topic, self._payload_of_packet(topic, LARGEST_PACKET + 1), answered=False)
        reason = sender.lost()
        if self.five:
            expect(reason, 0x95, "reason code of DISCONNECT")
        subscriber.publish(topic, b"still here")
        subscriber.message(b"still here")

    def take_over(self):
        first, second = self.device("same"), self.device("same")
        reason = first.lost()
        if self.five:
            expect(reason, 0x8E, "reason code of DISCONNECT")
        topic = self.topic("taken")
        second.subscribe(topic)
        second.publish(topic, b"mine")
        second.message(b"mine")

    def will(self):
        subscriber = self.subscriber(self.topic("will"))
        say("ask will")
        got = subscriber.message(b"gone")
        expect(got.qos, 1, "QoS of the will")
        if self.five:
            expect(got.properties.UserProperty, USER_PROPERTIES, "user properties of the will")
            expect(got.properties.ContentType, "text/plain", "content type of the will")
        subscriber.publish(self.topic("will"), b"mark")
        subscriber.message(b"mark")

    def reconnect(self):
        topic = self.topic("again")
        client = self.subscriber(topic, reconnects=True)
        client.publish(topic, b"before")
        client.message(b"before")
        say("ask restart")
        client.lost()
        client.connected()
        expect(client.subscribe(topic), 1, "granted QoS")
        client.publish(topic, b"after")
        client.message(b"after")

    # --- MQTT 5

    def user_properties(self):
        topic = self.topic("user")
        subscriber, sender = self.subscriber(topic), self.device("pub")
        for qos in (0, 1):
            sender.publish(topic, b"x", qos, UserProperty=USER_PROPERTIES)
            expect(subscriber.message(b"x").properties.UserProperty, USER_PROPERTIES, "user properties")

    def payload_properties(self):
        topic = self.topic("payload")
        subscriber, sender = self.subscriber(topic), self.device("pub")
        sender.publish(topic, "grün".encode(), ContentType="text/plain; charset=utf-8", PayloadFormatIndicator=1)
        got = subscriber.message("grün".encode())
        expect((got.properties.ContentType, got.properties.PayloadFormatIndicator), ("text/plain; charset=utf-8", 1), "properties")
        sender.publish(topic, b"\xff", PayloadFormatIndicator=1)  # refused with 0x99, which this library does not tell
        sender.publish(topic, b"\xff", PayloadFormatIndicator=0)
        got = subscriber.message(b"\xff")
        expect(getattr(got.properties, "PayloadFormatIndicator", 0), 0, "payload format indicator")

    def request_response(self):
        question, answers = self.topic("question"), self.topic("answers")
        requester, responder = self.subscriber(answers, "requester"), self.subscriber(question, "responder")
        token = bytes([0, 1, 0xFF, 0])
        requester.publish(question, b"how warm?", ResponseTopic=answers, CorrelationData=token)
        asked = responder.message(b"how warm?")
        responder.publish(asked.properties.ResponseTopic, b"20.5", CorrelationData=asked.properties.CorrelationData)
        got = requester.message(b"20.5")
        expect((got.topic, got.properties.CorrelationData), (answers, token), "topic and correlation data")

    def announced(self):
        client = Device(self.settings, "", anonymous=True)
        self.open.append(client)
        told = client.connect()
        expect((told.MaximumPacketSize, told.MaximumQoS, told.ReceiveMaximum), (LARGEST_PACKET, 1, 1000), "limits")
        expect((told.WildcardSubscriptionAvailable, told.SharedSubscriptionAvailable, told.SubscriptionIdentifierAvailable),
               (0, 0, 0), "features")
        if not told.AssignedClientIdentifier:
            raise Unexpected("no client identifier was assigned")

    def reason_codes(self):
        expect(self.device("sub").subscribe(self.topic("+")), 0xA2, "SUBACK for a wildcard")


def expect(got, wanted, what: str):
    if got != wanted:
        raise Unexpected("%s: %r instead of %r" % (what, got, wanted))


def say(line: str):
    print(line, flush=True)


BOTH = ("wrong_password", "publish_subscribe", "empty_payload", "unsubscribe", "largest_packet", "larger_packet", "take_over",
        "will", "reconnect")
FIVE = ("user_properties", "payload_properties", "request_response", "announced", "reason_codes")


def run_checks(settings: dict) -> int:
    checks, failed = Checks(settings), 0
    for name in BOTH + (FIVE if checks.five else ()):
        try:
            getattr(checks, name)()
            say("ok " + name)
        except Exception as problem:  # every mishap is this check's, the others go on
            failed += 1
            say("failed %s: %s: %s" % (name, type(problem).__name__, problem))
        checks.close_all()
    return 1 if failed else 0


def be_doomed(settings: dict):
    more = ()
    if settings["version"] == "5":
        more = (properties(PacketTypes.WILLMESSAGE, {"UserProperty": USER_PROPERTIES, "ContentType": "text/plain"}),)
    device = Device(settings, "doomed", will=(settings["name"] + "/will", b"gone", 1, False, *more))
    device.connect()
    say("connected")
    time.sleep(600)  # whoever started this kills it


def main() -> int:
    settings = dict(argument.split("=", 1) for argument in sys.argv[2:])
    if sys.argv[1:2] == ["checks"]:
        return run_checks(settings)
    if sys.argv[1:2] == ["doomed"]:
        be_doomed(settings)
    print("checks or doomed, and KEY=VALUE…: see tests/clients/README.md", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
