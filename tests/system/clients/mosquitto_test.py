#!/usr/bin/python3
"""mosquitto_pub, mosquitto_sub and mosquitto_rr (Debian's mosquitto-clients) as devices of the service."""

import sys
import time

from client_program import BOTH, FIVE, Stack, Ways, options, trusting
from certificates import Authority
from mosquitto_tools import Mosquitto

LARGEST_PACKET = 131_072
CHECKS_5 = [check for check in FIVE if check != "announced"]  # the tools show no property of CONNACK
USER_PROPERTIES = [("b", "1"), ("a", "2"), ("b", "3"), ("b", "1"), ("grün", "ß")]


def expect(got, wanted, what: str):
    if got != wanted:
        raise AssertionError("%s: %r instead of %r" % (what, got, wanted))


def expect_part(part: str, said: str):
    if part not in said:
        raise AssertionError("%r is missing in: %s" % (part, said[-400:]))


def properties(command: str, **values) -> list:
    """-D options of the tools; `user` is a list of pairs."""
    found = []
    for name, value in values.items():
        pairs = value if name == "user" else [(value,)]
        for pair in pairs:
            found += ["-D", command, "user-property" if name == "user" else name.replace("_", "-"), *pair]
    return found


class Checks:
    """Those of tests/clients/README.md, each with the tools of one way and version."""

    def __init__(self, stack: Stack, tools: Mosquitto):
        self.stack, self.tools, self.topic = stack, tools, tools.topic

    def _file(self, content: bytes) -> str:
        with open(self.stack.path("payload"), "wb") as out:
            out.write(content)
        return self.stack.path("payload")

    def wrong_password(self):
        code, said = self.tools.run("mosquitto_pub", "-t", self.topic("x"), "-m", "y", "-d", user="t0815/device1", password="wrong")
        expect(code not in (0, None), True, "refused")
        expect_part("received CONNACK (%d)" % (0x86 if self.tools.five else 5), said)

    def publish_subscribe(self):
        topic = self.topic("order")
        zero, one = self.tools.subscriber(topic, suffix="zero", qos=0), self.tools.subscriber(topic, suffix="one")
        for qos in (0, 1):
            self.tools.publish(topic, "-l", qos=qos, given="".join("%d\n" % n for n in range(40)))
            for receiver, most in ((zero, 0), (one, 1)):
                for n in range(40):
                    got = receiver.message(b"%d" % n)
                    expect((got["topic"], got["qos"], got["retain"]), (topic, str(min(qos, most)), "0"), "topic, QoS, retain")

    def empty_payload(self):
        topic = self.topic("bytes")
        receiver = self.tools.subscriber(topic)
        every = bytes(range(256))
        for qos in (0, 1):
            self.tools.publish(topic, "-n", qos=qos)
            receiver.message(b"")
            self.tools.publish(topic, "-f", self._file(every), qos=qos)
            receiver.message(every)

    def unsubscribe(self):
        client = self.tools.subscriber(self.topic("unsubscribed"), "-t", self.topic("mark"), "-U", self.topic("unsubscribed"))
        client.await_line("received UNSUBACK")
        self.tools.publish(self.topic("unsubscribed"), "-m", "for nobody")
        self.tools.publish(self.topic("mark"), "-m", "mark")
        client.message(b"mark")

    def _payload_of_packet(self, topic: str, size: int) -> bytes:
        rest = 4 + 2 + len(topic) + 2 + (1 if self.tools.five else 0)
        return bytes(n % 251 for n in range(size - rest))

    def largest_packet(self):
        topic = self.topic("large")
        receiver = self.tools.subscriber(topic)
        payload = self._payload_of_packet(topic, LARGEST_PACKET)
        self.tools.publish(topic, "-f", self._file(payload))
        receiver.message(payload)

    def larger_packet(self):
        topic = self.topic("large")
        receiver = self.tools.subscriber(topic)
        file = self._file(self._payload_of_packet(topic, LARGEST_PACKET + 1))
        code, said = self.tools.run("mosquitto_pub", "-t", topic, "-q", "1", "-d", "-f", file)
        expect(code in (0, None), False, "accepted (%s)" % said[-200:])
        expect_part("Received DISCONNECT (149)" if self.tools.five else "connection was lost", said)
        self.tools.publish(topic, "-m", "still here")
        receiver.message(b"still here")

    def take_over(self):
        """mosquitto_sub gives up when a 5.0 DISCONNECT tells it why; otherwise it comes back when the other has gone."""
        topic = self.topic("taken")
        first = self.tools.subscriber(topic, suffix="same")
        self.tools.publish(self.topic("other"), "-m", "by the second", suffix="same")
        if self.tools.five:
            first.await_line("Received DISCONNECT (142)")
            first = self.tools.subscriber(topic, suffix="same")
        else:
            first.await_subscribed()
        self.tools.publish(topic, "-m", "mine")
        first.message(b"mine")

    def will(self):
        topic = self.topic("will")
        receiver = self.tools.subscriber(topic)
        more = properties("will", user=USER_PROPERTIES, content_type="text/plain") if self.tools.five else []
        doomed = self.tools.subscriber(self.topic("x"), "--will-topic", topic, "--will-payload", "gone", "--will-qos", "1",
                                       *more, suffix="doomed")
        doomed.kill()
        got = receiver.message(b"gone")
        expect(got["qos"], "1", "QoS of the will")
        if self.tools.five:
            expect((got["user"], got["content_type"]), (_shown(USER_PROPERTIES), "text/plain"), "properties of the will")
        self.tools.publish(topic, "-m", "mark")
        receiver.message(b"mark")

    def reconnect(self):
        """mosquitto_sub comes back by itself over TCP. A TLS connection without close_notify is a fatal error to it."""
        topic = self.topic("again")
        client = self.tools.subscriber(topic)
        self.stack.broker.kill()
        self.stack.broker.start()
        if self.tools.secure:
            client.await_line("connection was lost")
            client = self.tools.subscriber(topic)
        else:
            client.await_subscribed()
        self.tools.publish(topic, "-m", "after")
        client.message(b"after")

    # --- MQTT 5

    def user_properties(self):
        topic = self.topic("user")
        receiver = self.tools.subscriber(topic)
        for qos in (0, 1):
            self.tools.publish(topic, "-m", "x", *properties("publish", user=USER_PROPERTIES), qos=qos)
            expect(receiver.message(b"x")["user"], _shown(USER_PROPERTIES), "user properties")

    def payload_properties(self):
        topic = self.topic("payload")
        receiver = self.tools.subscriber(topic)
        self.tools.publish(topic, "-m", "grün", *properties("publish", content_type="text/plain", payload_format_indicator="1"))
        got = receiver.message("grün".encode())
        expect((got["content_type"], got["format"]), ("text/plain", "1"), "properties")
        said = self.tools.publish(topic, "-f", self._file(b"\xff"), *properties("publish", payload_format_indicator="1"))
        expect_part("RC:153", said)
        self.tools.publish(topic, "-f", self._file(b"\xff"), *properties("publish", payload_format_indicator="0"))
        receiver.message(b"\xff")

    def request_response(self):
        """mosquitto_rr asks; the answer is made from what mosquitto_sub shows of the question."""
        question, answers = self.topic("question"), self.topic("answers")
        responder = self.tools.subscriber(question)
        requester = self.tools.requester(question, answers, "-m", "how warm?", *properties("publish", correlation_data="c-7"))
        asked = responder.message(b"how warm?")
        expect((asked["response_topic"], asked["correlation"]), (answers, "c-7"), "response topic, correlation data")
        self.tools.publish(asked["response_topic"], "-m", "20.5", *properties("publish", correlation_data=asked["correlation"]))
        got = requester.message(b"20.5")
        expect((got["topic"], got["correlation"]), (answers, "c-7"), "topic and correlation data of the answer")
        expect(requester.lines.process.wait(20), 0, "exit code of mosquitto_rr")

    def reason_codes(self):
        expect_part("RC:16", self.tools.publish(self.topic("nobody"), "-m", "x"))
        _, said = self.tools.run("mosquitto_sub", "-t", self.topic("+"), "-d", "-W", "5")
        expect_part("Subscribed (mid: 1): 162", said)


def _shown(pairs) -> str:
    return " ".join("%s:%s" % pair for pair in pairs)


def run_way(stack: Stack, tools: Mosquitto, label: str) -> int:
    checks, failed, begun = Checks(stack, tools), [], time.monotonic()
    names = BOTH + (CHECKS_5 if tools.five else [])
    for name in names:
        try:
            getattr(checks, name)()
            stack.check()
        except Exception as problem:  # every mishap is this check's, the others go on
            failed.append("%s: %s: %s" % (name, type(problem).__name__, problem))
        tools.close_all()
    print("%-5s %s: %d checks (%.1f s)" % ("FAIL" if failed else "ok", label, len(names), time.monotonic() - begun), flush=True)
    for problem in failed:
        print("      " + problem, flush=True)
    return len(failed)


def main() -> int:
    given = options(__doc__).parse_args()
    failed = 0
    with Stack(given.bin, tls=True) as stack:
        authority = Authority(stack.directory, "plant-ca")
        ways = Ways(stack, authority.device("device-1"))
        stack.start()
        stack.set_tenants(trusting(authority))
        for number, (label, version, settings) in enumerate((*ways.all(), ("3.1 TCP", "3.1", ways.tcp))):
            failed += run_way(stack, Mosquitto("mosquitto%d" % number, version, settings), label)
        stack.keep = failed != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
