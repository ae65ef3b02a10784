#!/usr/bin/python3
"""No name, number, token or filter of one tenant reaches another's data: an attacker with every role and every kind of
link token of its own tenant tries every door of the real mqtt-messaging, knowing all names and numbers of the victim.

    tests/system/notification2/tenants_apart.py --program build/dev/bin/mqtt-messaging
"""

import argparse
import asyncio
import base64
import json
import os
import socket
import struct
import subprocess
import sys
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import messaging_process  # noqa: E402
from doors_support import Closed, LinkSocket, frame  # noqa: E402
from messaging_process import Messaging  # noqa: E402
import notification2_client as n2  # noqa: E402
from openapi_check import Checked, Document, quote  # noqa: E402

messaging_process.TENANTS = """\
tenants:
  victim:
    users:
      admin: { password: { plain: %s }, roles: [ROLE_NOTIFICATION_2_ADMIN, ROLE_TENANT_ADMIN, ROLE_TENANT_MANAGEMENT_ADMIN] }
  attacker:
    users:
      admin: { password: { plain: attacker-secret }, roles: [ROLE_NOTIFICATION_2_ADMIN, ROLE_TENANT_ADMIN, ROLE_TENANT_MANAGEMENT_ADMIN, ROLE_TENANT_STATISTICS_READ] }
""" % "victim-secret"

TOPIC, SUBSCRIBER, PAYLOAD, CLIENT = "vault/door7", "keeper", b"the victim's payload", "victims-client"
MARKS = [TOPIC.encode(), quote(TOPIC).encode(), SUBSCRIBER.encode(), PAYLOAD, base64.b64encode(PAYLOAD)[:20], CLIENT.encode()]
NOT_ALLOWED, SUPERSEDED, LOST = 7, 6, 12


def text(value: str) -> bytes:
    return struct.pack(">H", len(value.encode())) + value.encode()


def record(payload: bytes) -> bytes:
    """QoS 1, of an application, without any name."""
    return struct.pack(">BBQHHHH", 1, 0x31, 0, 0, 0, 0, 0) + payload


def clean(data: bytes, *allowed) -> bytes:
    for mark in MARKS:
        assert mark in allowed or mark not in data, "%r holds %r" % (data[:300], mark)
    return data


class World:
    def __init__(self, program: str):
        self.messaging = Messaging(program)
        self.messaging.start()
        self.program = program
        self.document = Document(self.messaging.http)
        self.victim = Checked(self.document, self.messaging.http, "victim/admin", "victim-secret")
        self.attacker = Checked(self.document, self.messaging.http, "attacker/admin", "attacker-secret")
        self.prepare()

    def link_token(self, tenant: str, role: str) -> str:
        return subprocess.run([self.program, "token", "--secret", self.messaging.file("link-secret"), "--role", role,
                               "--tenants", tenant], check=True, capture_output=True, text=True).stdout.strip()

    def link(self, role="application", tenant="attacker", session=None):
        made = LinkSocket(self.messaging.port, self.link_token(tenant, role))
        assert made.status == 101, made.head
        if session is not None:
            made.hello(session)
        return made

    def prepare(self):
        """The victim has a subscriber with a backlog, a broker's session with claim, will and stream, and keyed state."""
        made = self.victim.call("POST", "/management/tenants/victim/subscriptions", {"subscriber": SUBSCRIBER, "topic": TOPIC},
                                expect=201)
        self.subscription = made["id"]
        self.publish()
        self.token = n2.get_token(self.messaging.http, "victim/admin", "victim-secret", TOPIC, SUBSCRIBER)
        self.session, self.stream, self.sent, self.checks = 0x5EC2E7, 41, 1, 0
        self.broker = self.link("broker", "victim", self.session)
        will = record(PAYLOAD)
        self.broker.send(frame(0x08, b"\x01" + text("victim") + text(CLIENT) + text("mqtt") + text(TOPIC) +
                               struct.pack(">I", len(will)) + will))
        claimed = self.broker.wait(0x88)
        self.claim = struct.unpack_from(">Q", claimed, 8)[0]
        assert self.claim and claimed[16] == 0, claimed
        self.broker.send(frame(0x0A, struct.pack(">IQBBB", self.stream, self.claim, 0, 1, 0) + text("victim") + text("mqtt") +
                               text("")))
        assert self.broker.wait(0x84)[4] == 0
        self.broker.send(frame(0x0B, struct.pack(">IIB", self.stream, 1, 1) + text("clients/#")))
        assert self.broker.wait(0x85)[8] == 0
        self.broker.send(frame(0x12, struct.pack(">I", 1) + text("victim") + text("mqtt") + text("key") + b"\x01" +
                               struct.pack(">I", len(PAYLOAD)) + PAYLOAD))
        assert self.broker.wait(0x8A)[4] == 0

    def publish(self):
        target = "/management/tenants/victim/topics/mqtt/%s/messages" % quote(TOPIC)
        body = {"payload": base64.b64encode(PAYLOAD).decode()}
        assert self.victim.call("POST", target, body, expect=201)["stored"]

    def backlog(self) -> int:
        return self.victim.get("/management/tenants/victim/subscriptions/" + self.subscription)["backlogBytes"]

    def resume_broker(self):
        """The victim's broker comes back, as after a cut."""
        self.broker.close()
        self.broker = self.link("broker", "victim")
        self.broker.send(frame(0x01, struct.pack(">HQQQ", 1, self.session, self.session, self.sent + 1)) +
                         frame(0x02, struct.pack(">IQQQH", self.stream, 0, 0, 0, 0)) +
                         frame(0x03, struct.pack(">Q", self.claim)) + frame(0x04))
        self.broker.wait(0x81)

    def exchange(self):
        """The victim's client publishes under its claim and gets it on its stream."""
        self.checks += 1
        payload = b"own %d." % self.checks
        self.broker.send(frame(0x0D, struct.pack(">IQQ", self.stream, 1 << 30, 1 << 40)))
        self.broker.send(frame(0x05, struct.pack(">I", self.checks) + text("victim") + text("mqtt") + text("clients/a")))
        self.broker.send(frame(0x07, struct.pack(">IQ", self.checks, self.claim) + record(payload)))
        self.sent += 1
        while payload not in self.broker.wait(0x86, 10):
            pass

    def check_victim(self):
        """All that the victim has is as it was: the claim is its own, the stream delivers, the backlog stands."""
        self.publish()
        assert self.backlog() > 0
        try:
            self.exchange()
        except (Closed, OSError):  # nobody answered its pings while the attacker was at work
            self.resume_broker()
            self.exchange()


def management(world):
    """Every documented path with the victim's name is 403, with the victim's numbers and names in one's own tenant 404."""
    for method, path, _ in world.document.operations():
        if "{tenant}" not in path:
            continue
        filled = path.replace("{namespace}", "mqtt").replace("{topic}", quote(TOPIC)).replace("{id}", world.subscription)
        body = {"name": "x", "subscriber": "x", "topic": "x", "ttlSeconds": 1} if method in ("POST", "PUT") else None
        bodies = []
        for tenant in ("victim", "nobody"):
            status, _, answer = world.attacker.raw(method, filled.replace("{tenant}", tenant), body)
            assert status == 403, (method, filled, status, answer)
            bodies.append(clean(answer))
        assert bodies[0] == bodies[1], bodies  # who exists is not told
        if "{topic}" in path or "{id}" in path:
            status, _, answer = world.attacker.raw(method, filled.replace("{tenant}", "attacker"), body)
            assert status in (404, 422), (method, filled, status, answer)
            clean(answer)
    world.attacker.call("GET", "/management/tenants", expect=403)
    server = world.attacker.get("/management/server")
    assert not {"tenants", "clients", "store"} & set(server), server


def odd_paths(world):
    """Paths that mean another tenant to whoever decodes or normalises them in another order."""
    for path in ("/management/tenants/attacker/../victim/topics", "/management/tenants/attacker%2F..%2Fvictim/topics",
                 "/management/tenants/attacker%2f..%2fvictim", "/management/tenants//victim/topics", "//management/tenants/victim",
                 "/management/tenants/attacker/topics/..%2F..%2Fvictim%2Ftopics/mqtt", "/management/tenants/victim%00/topics",
                 "/management/tenants/%76ictim/topics", "/management/tenants/attacker/topics?tenant=victim",
                 "/management/tenants/attacker/subscriptions?tenant=victim&topic=" + quote(TOPIC),
                 "/management/tenants/attacker/topics?namespace=..%2Fvictim%2Fmqtt", "http://x/management/tenants/victim/topics",
                 "/management/tenants/attacker/topics;victim", "/management/tenants/victim;/topics", "/MANAGEMENT/tenants/victim/topics"):
        with socket.create_connection(("127.0.0.1", world.messaging.port), timeout=10) as raw:
            raw.sendall(("GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: %s\r\n\r\n" % (
                path, world.attacker.headers["Authorization"])).encode())
            answer = b""
            while part := raw.recv(65536):
                answer += part
        allowed = (quote(TOPIC).encode(),) if quote(TOPIC) in path else ()  # `self` repeats what was asked
        clean(answer.split(b"\r\n\r\n", 1)[1], *allowed)
        status = int(answer.split(b" ")[1])
        assert status in (400, 403, 404, 422) or (status == 200 and b'"totalElements":0' in answer), (path, answer[:300])


def tokens(world):
    """A token is for the caller's tenant whatever it asks for; another's can be neither read nor used up."""
    for name in ("victim/mqtt/" + TOPIC, "../victim/mqtt/" + TOPIC, "persistent://victim/mqtt/" + TOPIC, TOPIC,
                 "victim%2Fmqtt%2F" + quote(TOPIC)):
        for kind in ("mqtt", "relnotif"):
            made = world.attacker.call("POST", "/notification2/token", {"subscriber": SUBSCRIBER, "subscription": name, "type": kind})
            claims = world.attacker.get("/notification2/token?token=" + made["token"])
            assert claims["topic"].startswith("attacker/" + kind + "/"), claims
    clean(json.dumps(world.attacker.get("/notification2/token?token=" + world.token, expect=422)).encode())
    world.attacker.call("POST", "/notification2/unsubscribe?token=" + world.token, expect=422)
    assert world.victim.get("/management/tenants/victim/subscriptions/" + world.subscription)["subscriber"] == SUBSCRIBER


def forged_tokens(world):
    """Tokens whose claims were changed open neither consumer nor producer."""
    own = n2.get_token(world.messaging.http, "attacker/admin", "attacker-secret", TOPIC, SUBSCRIBER)
    head, claims, signature = own.split(".")
    decoded = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    decoded["topic"] = decoded["topic"].replace("attacker/", "victim/")

    def packed(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
    victims = world.token.split(".")
    forged = [".".join((head, packed(decoded), signature)), ".".join((packed({"alg": "none"}), packed(decoded), "")),
              ".".join((packed({"alg": "HS256"}), packed(decoded), signature)), ".".join((victims[0], victims[1], signature)),
              ".".join((head, packed(decoded), victims[2])), "."]
    for door in ("consumer", "producer"):
        for token in forged:
            made = LinkSocket(world.messaging.port, subprotocol=None, path="/notification2/%s/?token=%s" % (door, token))
            assert made.status == 401, (door, token, made.status)
            clean(made.head + made.buffer)
            made.close()


def same_names(world):
    """The same topic, subscriber and wildcards in another tenant see nothing of it, and give nothing to it."""
    async def check():
        before = world.backlog()
        own = n2.get_token(world.messaging.http, "attacker/admin", "attacker-secret", TOPIC, SUBSCRIBER)
        everything = n2.get_token(world.messaging.http, "attacker/admin", "attacker-secret", "from-device", SUBSCRIBER)
        async with n2.Subscriber(world.messaging.websocket, own) as first, \
                n2.Subscriber(world.messaging.websocket, everything) as second:
            world.publish()
            publisher = n2.get_token(world.messaging.http, "attacker/admin", "attacker-secret", TOPIC, n2.PUBLISHER_SUBSCRIBER)
            async with n2.Publisher(world.messaging.websocket, publisher) as sender:
                await sender.publish(n2.Message(b"the attacker's own"))
            for one in (first, second):  # what comes first is one's own: nothing of the victim's came before
                received = await one.receive(10)
                assert received.message.payload == b"the attacker's own", received
                await one.acknowledge(received)
            await first.unsubscribe()
            await second.unsubscribe()
        assert world.backlog() > before > 0
    asyncio.run(check())


def answers(link, kind, offset):
    return link.wait(kind)[offset]


def link_frames(world):
    """Every frame that names a tenant, with the victim's, for every role: refused, and the next frame is served."""
    for number, role in enumerate(("application", "mapper", "broker")):
        link = world.link(role, session=0xA77AC0 + number)
        link.send(frame(0x05, struct.pack(">I", 1) + text("victim") + text("mqtt") + text(TOPIC)))
        link.send(frame(0x07, struct.pack(">IQ", 1, 0) + record(b"intruder")))
        settled = link.wait(0x83)
        assert settled[8:10] == b"\x00\x01" and settled[-1] == NOT_ALLOWED, settled
        for name in ("", SUBSCRIBER + "@" + quote(TOPIC)):
            link.send(frame(0x0A, struct.pack(">IQBBB", 100 + len(name), 0, 0, 2, 1) + text("victim") + text("mqtt") + text(name)))
            assert answers(link, 0x84, 4) == NOT_ALLOWED
        for space in ("mqtt", "$management"):
            for tenant in ("victim", "attacker") if space == "$management" else ("victim",):
                link.send(frame(0x13, struct.pack(">I", 5) + text(tenant) + text(space) + text("") + b"\x01"))
                answer = clean(link.wait(0x8A))
                assert answer[4] == NOT_ALLOWED, (tenant, space, answer)
                link.send(frame(0x12, struct.pack(">I", 6) + text(tenant) + text(space) + text("limits") + b"\x01" +
                                struct.pack(">I", 2) + b"{}"))
                assert answers(link, 0x8A, 4) == NOT_ALLOWED
        link.send(frame(0x08, b"\x00" + text("victim") + text(CLIENT)))
        claimed = link.wait(0x88)
        assert claimed[8:16] == bytes(8) and claimed[16] == NOT_ALLOWED, claimed
        link.close()


def numbers_of_the_victim(world):
    """Claim, stream and position numbers of the victim, used on a session of one's own, do nothing."""
    link = world.link("broker")
    link.send(frame(0x01, struct.pack(">HQQQ", 1, 0xBAD5E5, 0xBAD5E5, 1)) +
              frame(0x02, struct.pack(">IQQQH", world.stream, 0, 0, 0, 0)) + frame(0x03, struct.pack(">Q", world.claim)) + frame(0x04))
    link.wait(0x81)
    ended = link.wait(0x87)
    assert struct.unpack_from(">I", ended)[0] == world.stream and ended[4] == LOST, ended
    link.send(frame(0x05, struct.pack(">I", 1) + text("attacker") + text("mqtt") + text(TOPIC)))
    link.send(frame(0x07, struct.pack(">IQ", 1, world.claim) + record(b"under another's claim")))
    settled = link.wait(0x83)
    assert settled[-1] == SUPERSEDED, settled
    link.send(frame(0x09, struct.pack(">QB", world.claim, 1)))  # would publish the victim's will
    link.wait(0x83)
    link.send(frame(0x0A, struct.pack(">IQBBB", 2, world.claim, 0, 1, 0) + text("attacker") + text("mqtt") + text("")))
    assert answers(link, 0x84, 4) == SUPERSEDED
    everywhere = struct.pack(">QQ", 0, (1 << 64) - 1)
    for kind in (0x0F, 0x10):
        head = struct.pack(">I", world.stream) + (struct.pack(">I", 0) if kind == 0x10 else b"")
        link.send(frame(kind, head + struct.pack(">H", 1) + everywhere))
    link.send(frame(0x11, struct.pack(">IB", world.stream, 1)))
    link.send(frame(0x0C, struct.pack(">II", world.stream, 3) + text("clients/#")))
    assert answers(link, 0x85, 8) != 0
    link.close()
    world.check_victim()


def session_of_the_victim(world):
    """A session's number opens it to no other token, whether messaging was started again meanwhile or not."""
    for started_again in (False, True):
        if started_again:
            world.messaging.kill()
            world.broker.close()
            world.messaging.start()
        for role in ("broker", "application", "mapper"):
            link = world.link(role)
            link.send(frame(0x01, struct.pack(">HQQQ", 1, world.session, world.session, 1)) +
                      frame(0x02, struct.pack(">IQQQH", world.stream, 0, 0, 0, 0)) + frame(0x04))
            try:
                kind, body = link.frame(10)
                raise AssertionError("the session was opened: %02x %r" % (kind, body))
            except Closed as end:
                assert "another token" in str(end), end
            link.close()
        if started_again:  # its owner takes it up again
            world.resume_broker()
        world.check_victim()


def filters(world):
    """Filters of one's own tenant never match another's topics, whatever they look like."""
    link = world.link("application", session=0xF117E2)
    link.send(frame(0x0A, struct.pack(">IQBBB", 1, 0, 0, 1, 0) + text("attacker") + text("mqtt") + text("")))
    assert answers(link, 0x84, 4) == 0
    for number, one in enumerate(("#", "+/+", TOPIC, "../#", "victim/#", "$to-device/#", "$debug/$error/#")):
        link.send(frame(0x0B, struct.pack(">IIB", 1, number + 1, 2) + text(one)))
        assert answers(link, 0x85, 8) == 0, one
    link.send(frame(0x0D, struct.pack(">IQQ", 1, 1 << 30, 1 << 40)))
    world.publish()
    world.check_victim()
    link.send(frame(0x05, struct.pack(">I", 1) + text("attacker") + text("mqtt") + text("end")))
    link.send(frame(0x07, struct.pack(">IQ", 1, 0) + record(b"the end")))
    assert b"the end" in clean(link.wait(0x86))  # nothing came before it
    link.close()


def forged_link_tokens(world):
    """A link token whose list of tenants was changed is refused."""
    head, claims, signature = world.link_token("attacker", "broker").split(".")
    decoded = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    changed = json.dumps(decoded).replace("attacker", "victim")
    packed = base64.urlsafe_b64encode(changed.encode()).decode().rstrip("=")
    for token in (".".join((head, packed, signature)), ".".join((head, packed, "")), world.token):
        made = LinkSocket(world.messaging.port, token)
        assert made.status == 401, made.status
        made.close()


def metrics_and_shell(world):
    """What needs no login names nobody, and the shell says no more than the REST."""
    for path in ("/metrics", "/health", "/health/ready", "/openapi.json"):
        with urllib.request.urlopen(world.messaging.http + path, timeout=10) as answer:
            data = clean(answer.read())
        assert b"victim" not in data, path
    environment = dict(os.environ, MQTT_MESSAGING_URL=world.messaging.http, MQTT_MESSAGING_USER="attacker/admin",
                       MQTT_MESSAGING_PASSWORD="attacker-secret")
    for words in (("topics",), ("subscriptions",), ("unsubscribe", "--id", world.subscription), ("publish", "a", "b")):
        done = subprocess.run([world.program, "ctl", *words, "--tenant", "victim"], env=environment, capture_output=True,
                              timeout=30, check=False)
        assert done.returncode == 1, (words, done)
        clean(done.stdout + done.stderr)
    done = subprocess.run([world.program, "ctl", "unsubscribe", "--id", world.subscription], env=environment,
                          capture_output=True, timeout=30, check=False)
    assert done.returncode == 1, done
    world.check_victim()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True)
    options = parser.parse_args()
    world = World(options.program)
    try:
        for step in (management, odd_paths, tokens, forged_tokens, same_names, link_frames, numbers_of_the_victim,
                     session_of_the_victim, filters, forged_link_tokens, metrics_and_shell):
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
