"""A device on top of Eclipse Paho (Python, 1.6): what the library reports in its own thread, awaited with deadlines."""

import queue
import threading

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

PATIENCE_SECONDS = 20


class Unexpected(AssertionError):
    """The service, or the library, did something else."""


def properties(kind: int, values: dict):
    """`values` by the library's names, as UserProperty."""
    made = Properties(kind)
    for name, value in values.items():
        setattr(made, name, value)
    return made


class Device:
    """One client. `settings` are those of the command line (tests/clients/README.md)."""

    def __init__(self, settings: dict, suffix: str, will=None, reconnects: bool = False, anonymous: bool = False):
        self.five = settings["version"] == "5"
        identifier = "" if anonymous else settings["name"] + suffix
        self.messages, self.losses = queue.Queue(), queue.Queue()
        self._connacks, self._answers = queue.Queue(), {}
        self._changed = threading.Condition()
        self._settings = settings
        more = {} if self.five else {"clean_session": True}
        self.paho = paho.Client(identifier, protocol=paho.MQTTv5 if self.five else paho.MQTTv311,
                                reconnect_on_failure=reconnects, **more)
        self.paho.reconnect_delay_set(0.2, 0.5)
        self.paho.username_pw_set(settings["user"], settings.get("password"))
        if "ca" in settings:
            self.paho.tls_set(settings["ca"], settings.get("certificate"), settings.get("key"))
        if will:
            self.paho.will_set(*will)
        self._listen()

    def _listen(self):
        def connected(_client, _data, flags, reason, values=None):
            self._connacks.put((_number(reason), flags, values))

        def lost(_client, _data, reason, values=None):
            self.losses.put(_number(reason))

        def answered(_client, _data, identifier, *rest):
            with self._changed:
                self._answers[identifier] = rest
                self._changed.notify_all()

        self.paho.on_connect, self.paho.on_disconnect = connected, lost
        self.paho.on_publish = self.paho.on_subscribe = self.paho.on_unsubscribe = answered
        self.paho.on_message = lambda _client, _data, message: self.messages.put(message)

    def connect(self, expected: int = 0, user: str = "", password: str = ""):
        """Waits for CONNACK; its properties (MQTT 5)."""
        if user:
            self.paho.username_pw_set(user, password)
        self.paho.connect_async(self._settings["host"], int(self._settings["port"]), 30)
        self.paho.loop_start()
        return self.connected(expected)

    def connected(self, expected: int = 0):
        """The next CONNACK, also after the library has reconnected."""
        reason, _, values = self._next(self._connacks, "CONNACK")
        if reason != expected:
            raise Unexpected("CONNACK %#x instead of %#x" % (reason, expected))
        return values

    def lost(self) -> int:
        """Waits for the end of the connection: the reason code of DISCONNECT, or the library's own."""
        return self._next(self.losses, "end of the connection")

    def subscribe(self, topic: str, qos: int = 1) -> int:
        """The granted QoS or reason code."""
        code, identifier = self.paho.subscribe(topic, qos)
        if code != paho.MQTT_ERR_SUCCESS:
            raise Unexpected("subscribe: " + paho.error_string(code))
        return _number(self._answer(identifier, "SUBACK")[0][0])

    def unsubscribe(self, topic: str):
        code, identifier = self.paho.unsubscribe(topic)
        if code != paho.MQTT_ERR_SUCCESS:
            raise Unexpected("unsubscribe: " + paho.error_string(code))
        self._answer(identifier, "UNSUBACK")

    def publish(self, topic: str, payload=b"", qos: int = 1, answered: bool = True, **values):
        """Waits for PUBACK (QoS 1) or until written (QoS 0), unless told not to. `values` are MQTT 5 properties."""
        five = properties(PacketTypes.PUBLISH, values) if values else None
        sent = self.paho.publish(topic, payload, qos, properties=five)
        if answered:
            self._answer(sent.mid, "PUBACK")

    def message(self, payload=None):
        """The next message; it must have that payload."""
        got = self._next(self.messages, "message")
        if payload is not None and got.payload != payload:
            raise Unexpected("%r… instead of %r…" % (got.payload[:60], payload[:60]))
        return got

    def close(self):
        self.paho.disconnect()
        self.paho.loop_stop()

    def _answer(self, identifier: int, what: str):
        with self._changed:
            if not self._changed.wait_for(lambda: identifier in self._answers, PATIENCE_SECONDS):
                raise Unexpected("no %s within %d s" % (what, PATIENCE_SECONDS))
            return self._answers.pop(identifier)

    def _next(self, where: queue.Queue, what: str):
        try:
            return where.get(timeout=PATIENCE_SECONDS)
        except queue.Empty:
            raise Unexpected("no %s within %d s" % (what, PATIENCE_SECONDS)) from None


def _number(reason) -> int:
    """The library gives integers for 3.1.1 and objects for 5."""
    return reason.value if hasattr(reason, "value") else reason
