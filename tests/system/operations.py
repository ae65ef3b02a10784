#!/usr/bin/env python3
"""What an operator does with a running broker: TLS settings and certificates, reloads by file and signal, clients and
tenants over the ops port, health, metrics, and SIGTERM in good and bad moments."""

import base64
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from doors_support import Stack, Steps, Wire, connect, options, publish, until

TOKEN = "an-operator-token-for-tests"
TENANTS = """\
tenants:
  t0815:
    users:
      device1: { password: { plain: device1-secret } }
      admin: { password: { plain: admin-secret }, roles: [ROLE_TENANT_ADMIN] }
  t0816:
    users:
      device1: { password: { plain: other-secret } }
      admin: { password: { plain: admin-secret }, roles: [ROLE_TENANT_ADMIN] }
"""


class OpsStack(Stack):
    """P-256 and RSA certificates behind links that can be swapped, an operator token, files looked at every 200 ms."""

    def __init__(self, bin_directory: str):
        super().__init__(bin_directory, tenants=TENANTS, declared="{ tenant: t0815, topic: wills, subscriber: keeper }")
        self.write("token", TOKEN + "\n")
        self.make_rsa("rsa")
        self.make_directory("v1", ("server.pem", "server.key", "rsa.pem", "rsa.key"))
        os.symlink("v1", self.path("..data"))
        self.write_broker()

    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.directory, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def make_rsa(self, name: str):
        self.openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", name + ".key", "-out", name + ".csr")
        self.openssl("x509", "-req", "-days", "30", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                     "-extfile", "san", "-out", name + ".pem")

    def make_directory(self, name: str, files):
        os.mkdir(self.path(name))
        for file in files:
            os.link(self.path(file), self.path(os.path.join(name, file)))

    def write_broker(self, limits="", tls="", mqtt_port=0, more=""):
        data = self.path("..data")
        self.replace("broker.yaml", """\
listen:
  plain: { address: 127.0.0.1, port: %d }
  tls:
    address: 127.0.0.1
    port: %d
    certificate: %s/server.pem
    key: %s/server.key
    certificates: [ { certificate: %s/rsa.pem, key: %s/rsa.key } ]
    %s
ops: { address: 127.0.0.1, port: %d, token_file: %s }
messaging: { url: 'ws://127.0.0.1:%d', secret_file: %s }
auth: { file: %s }
reload: { interval: 200ms }
limits: { connections: 1000%s }
%s""" % (mqtt_port or self.mqtt_port, self.tls_port, data, data, data, data, tls, self.ops_port, self.path("token"), self.link_port,
         self.path("secret"), self.path("tenants.yaml"), ", " + limits if limits else "", more))

    def replace(self, name: str, text: str):
        """The new file takes the place in one step."""
        self.write(name + ".new", text)
        os.replace(self.path(name + ".new"), self.path(name))

    def swap(self, directory: str):
        """As Kubernetes replaces a mounted secret: a link that points elsewhere from one moment to the next."""
        os.symlink(directory, self.path("..tmp"))
        os.replace(self.path("..tmp"), self.path("..data"))

    def reloads(self, what: str, outcome: str) -> float:
        return self.broker.metrics()['mqtt_reloads_total{what="%s",outcome="%s"}' % (what, outcome)]

    def s_client(self, *arguments) -> str:
        """What openssl s_client says about one handshake."""
        done = subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % self.tls_port, "-CAfile", self.path("ca.pem"),
                               *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False)
        return done.stdout + done.stderr

    def ask(self, method: str, path: str, login="", token=""):
        """(status, decoded JSON or text)."""
        request = urllib.request.Request("http://127.0.0.1:%d%s" % (self.ops_port, path), method=method)
        if login:
            request.add_header("Authorization", "Basic " + base64.b64encode(login.encode()).decode())
        if token:
            request.add_header("Authorization", "Bearer " + token)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                status, text = answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            status, text = refused.code, refused.read().decode()
        return status, json.loads(text) if text[:1] in "{[" and text else text

    def grown(self, what: str, outcome: str, before: float) -> bool:
        return until(lambda: self.reloads(what, outcome) > before, 10)


def key_kind(said: str) -> str:
    return re.search(r"Peer signature type: (\S+)", said).group(1)


def serial_of(path: str) -> str:
    done = subprocess.run(["openssl", "x509", "-noout", "-serial", "-in", path], capture_output=True, text=True, check=True)
    return done.stdout.strip().partition("=")[2]


def served_serial(stack) -> str:
    pem = subprocess.run(["openssl", "x509", "-noout", "-serial"], input=stack.s_client("-showcerts"), capture_output=True, text=True,
                         check=True).stdout
    return pem.strip().partition("=")[2]


# --- TLS


def certificates(stack):
    """P-256 and RSA side by side, in both versions, with any server name or none"""
    for version in ("-tls1_2", "-tls1_3"):
        assert key_kind(stack.s_client(version)) == "ECDSA"
        assert key_kind(stack.s_client(version, "-sigalgs", "RSA-PSS+SHA256:RSA+SHA256")).startswith("RSA")
        for name in (["-noservername"], ["-servername", "localhost"], ["-servername", "somebody.else"]):
            assert "Verify return code: 0 (ok)" in stack.s_client(version, *name), name
    assert "mqtt_certificate_expires_seconds" in " ".join(stack.broker.metrics())


def tickets(stack):
    """a session is resumed, in both versions, also after the certificates were read again"""
    for version in ("-tls1_2", "-tls1_3"):
        kept = stack.path("session")
        # The ticket of TLS 1.3 comes with the first answer: a CONNECT without credentials is refused and closed.
        hello = connect("ticket", user=None, password=None)
        subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % stack.tls_port, version, "-sess_out", kept, "-ign_eof"],
                       input=hello, capture_output=True, timeout=20, check=False)
        before = stack.reloads("certificates", "done")
        stack.broker.process.send_signal(signal.SIGHUP)
        assert stack.grown("certificates", "done", before)
        resumed = stack.broker.metrics()['mqtt_handshakes_total{outcome="resumed"}']
        assert "Reused, TLS" in stack.s_client(version, "-sess_in", kept)
        assert until(lambda: stack.broker.metrics()['mqtt_handshakes_total{outcome="resumed"}'] > resumed, 5)


# --- reloads


def certificate_swap(stack):
    """a swapped link brings new certificates; whoever is connected stays; half a pair changes nothing"""
    client = stack.client("stays", tls=stack.tls_context())
    assert served_serial(stack) == serial_of(stack.path("server.pem"))
    stack.openssl("x509", "-req", "-days", "30", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                  "-extfile", "san", "-out", "server2.pem")
    os.mkdir(stack.path("v2"))
    for source, name in (("server2.pem", "server.pem"), ("server.key", "server.key"), ("rsa.pem", "rsa.pem"), ("rsa.key", "rsa.key")):
        os.link(stack.path(source), stack.path("v2/" + name))
    done = stack.reloads("certificates", "done")
    stack.swap("v2")
    assert stack.grown("certificates", "done", done)
    assert served_serial(stack) == serial_of(stack.path("server2.pem"))
    client.ping()

    os.mkdir(stack.path("v3"))
    for source, name in (("stranger.pem", "server.pem"), ("server.key", "server.key"), ("rsa.pem", "rsa.pem"), ("rsa.key", "rsa.key")):
        os.link(stack.path(source), stack.path("v3/" + name))
    failed, seen = stack.reloads("certificates", "failed"), len(stack.broker.log())
    stack.swap("v3")
    assert stack.grown("certificates", "failed", failed)
    assert "certificates not reloaded, the old ones stay" in stack.broker.log()[seen:]
    assert served_serial(stack) == serial_of(stack.path("server2.pem"))
    client.ping()
    client.disconnect()
    done = stack.reloads("certificates", "done")
    stack.swap("v1")
    assert stack.grown("certificates", "done", done)


def users_by_file(stack):
    """tenants.yaml is read when it changes; a bad one is one error line with its place and leaves all as it was"""
    client = stack.client("stays")
    done = stack.reloads("users", "done")
    stack.replace("tenants.yaml", TENANTS.replace("other-secret", "new-secret"))
    assert stack.grown("users", "done", done)
    stack.client("new", user="t0816/device1", password="new-secret").disconnect()
    stack.client("old", user="t0816/device1", password="other-secret", expect=5)
    failed, seen = stack.reloads("users", "failed"), len(stack.broker.log())
    stack.replace("tenants.yaml", TENANTS.replace("t0816:", "t0816:\n    usrs: {}"))
    assert stack.grown("users", "failed", failed)
    errors = [line for line in stack.broker.log()[seen:].splitlines() if " error " in line]
    assert len(errors) == 1 and "tenants.yaml:7:" in errors[0], errors
    stack.client("new", user="t0816/device1", password="new-secret").disconnect()
    done = stack.reloads("users", "done")
    with open(stack.path("tenants.yaml"), "w", encoding="utf-8") as out:  # written in place
        out.write(TENANTS)
    assert stack.grown("users", "done", done)
    client.ping()
    client.disconnect()


def settings_by_file(stack):
    """broker.yaml: limits and tenant defaults change at once, ports are named as unchanged, a bad file changes nothing"""
    client = stack.client("stays")
    done, seen = stack.reloads("settings", "done"), len(stack.broker.log())
    stack.write_broker(limits="client_id_bytes: 8", mqtt_port=1)
    assert stack.grown("settings", "done", done)
    warnings = [line for line in stack.broker.log()[seen:].splitlines() if " warning " in line]
    assert len(warnings) == 1 and "keys=listen.plain" in warnings[0], warnings
    stack.client("nine-long", expect=2)
    assert client.publish("a/b", b"x") == 0

    failed, seen = stack.reloads("settings", "failed"), len(stack.broker.log())
    stack.write_broker(limits="conections: 5")
    assert stack.grown("settings", "failed", failed)
    errors = [line for line in stack.broker.log()[seen:].splitlines() if " error " in line]
    assert len(errors) == 1 and re.search(r"broker\.yaml:\d+:\d+: error: limits\.conections", errors[0]), errors
    stack.client("nine-long", expect=2)

    done = stack.reloads("settings", "done")
    stack.write_broker(limits="handshakes: 7", tls="min_version: 1.3", more="tenant_defaults: { switches: { wildcards: true } }\n")
    assert stack.grown("settings", "done", done)
    wild = stack.client("nine-long")
    assert wild.subscribe(("a/#", 1)) == b"\x01"
    wild.disconnect()
    assert "Cipher is (NONE)" in stack.s_client("-tls1_2")
    assert "Cipher is TLS_" in stack.s_client("-tls1_3")
    done = stack.reloads("settings", "done")
    stack.write_broker()
    stack.broker.process.send_signal(signal.SIGHUP)
    assert stack.grown("settings", "done", done)
    client.ping()
    client.disconnect()


# --- the ops port


def listing(stack):
    """GET /clients: fields, pages, filters, and who may see what"""
    held = [stack.client("list-%02d" % n, version=4 + n % 2) for n in range(5)]
    other = stack.client("list-other", user="t0816/device1", password="other-secret", tls=stack.tls_context())
    held[1].subscribe(("a/b", 1), ("a/c", 0))
    status, found = stack.ask("GET", "/clients?client=list-01", login="t0815/admin:admin-secret")
    assert status == 200 and len(found["clients"]) == 1, found
    one = found["clients"][0]
    assert one["tenant"] == "t0815" and one["user"] == "device1" and one["method"] == "basic" and one["version"] == "5.0", one
    assert one["tls"] is None and one["keepAlive"] == 60 and one["subscriptions"] == 2 and one["outboxBytes"] == 0, one
    assert one["publishesInFlight"] == 0 and one["deliveriesInFlight"] == 0 and one["address"].startswith("127.0.0.1:"), one
    since = time.mktime(time.strptime(one["connectedSince"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
    assert abs(time.time() - since) < 60, one

    seen, after = [], ""
    while True:
        status, found = stack.ask("GET", "/clients?limit=2" + after, token=TOKEN)
        assert status == 200 and len(found["clients"]) <= 2
        seen += [(one["tenant"], one["clientId"]) for one in found["clients"]]
        if "next" not in found:
            break
        after = "&after=" + urllib.parse.quote(found["next"])
    assert seen == sorted(seen) and [name for _, name in seen] == ["list-%02d" % n for n in range(5)] + ["list-other"], seen
    status, found = stack.ask("GET", "/clients", login="t0816/admin:admin-secret")
    assert [one["clientId"] for one in found["clients"]] == ["list-other"] and found["clients"][0]["tls"].startswith("TLSv1"), found

    assert stack.ask("GET", "/clients?tenant=t0815", login="t0816/admin:admin-secret")[0] == 403
    status, refused = stack.ask("GET", "/clients", login="t0815/device1:device1-secret")
    assert status == 403 and refused == {"error": "security/Forbidden", "message": "Access is denied. The user needs the role ROLE_TENANT_ADMIN."}, refused
    status, refused = stack.ask("GET", "/clients", login="t0815/admin:wrong")
    assert status == 401 and refused["error"] == "security/Unauthorized", refused
    assert stack.ask("GET", "/clients")[0] == 401
    assert stack.ask("GET", "/clients", token="not-the-operator-token")[0] == 401
    assert stack.ask("GET", "/clients?limit=0", token=TOKEN)[0] == 422
    assert stack.ask("GET", "/nothing")[0] == 404
    stack.write("token", "another-operator-token\n")
    assert stack.ask("GET", "/tenants", token=TOKEN)[0] == 401
    status, tenants = stack.ask("GET", "/tenants", token="another-operator-token")
    stack.write("token", TOKEN + "\n")
    assert {one["tenant"]: one["connections"] for one in tenants["tenants"]} == {"t0815": 5, "t0816": 1}, tenants
    assert tenants["tenants"][0]["profile"] == "preview" and tenants["tenants"][0]["limits"]["packet_bytes"] == 131072, tenants
    for client in held + [other]:
        client.disconnect()


def disconnecting(stack):
    """DELETE /clients: 5.0 is told 0x98, the will is published, nobody else notices"""
    watcher = stack.client("watcher")
    watcher.subscribe(("wills", 1))
    victim = stack.client("a/victim", version=5, will=("wills", b"of the victim", 1))
    old = stack.client("old victim", will=("wills", b"of the old one", 1))
    assert stack.ask("DELETE", "/clients/t0815/a%2Fvictim", login="t0816/admin:admin-secret")[0] == 403
    assert stack.ask("DELETE", "/clients/t0815/nobody", login="t0815/admin:admin-secret")[0] == 404
    victim.ping()
    assert stack.ask("DELETE", "/clients/t0815/a%2Fvictim", login="t0815/admin:admin-secret") == (204, "")
    said = victim.rest(5)
    assert said and said[-1][0] == 0xE0 and said[-1][1][0] == 0x98, said
    assert watcher.next_message().payload == b"of the victim"
    assert stack.ask("DELETE", "/clients/t0815/old%20victim", token=TOKEN)[0] == 204
    assert old.rest(5) == []
    assert watcher.next_message().payload == b"of the old one"
    assert stack.broker.metrics()['mqtt_closed_total{reason="administrative"}'] == 2
    watcher.ping()
    watcher.disconnect()


def shell(stack):
    """mqtt-broker clients: lists and ends clients with the token of its configuration"""
    first, second = stack.client("shell/1"), stack.client("shell 2", version=5)

    def run(*arguments):
        return subprocess.run([stack.broker.executable, "clients", *arguments, "--config", stack.path("broker.yaml")],
                              capture_output=True, text=True, timeout=30, check=False)

    listed = run("list", "--tenant", "t0815")
    assert listed.returncode == 0, listed
    assert [json.loads(line)["clientId"] for line in listed.stdout.splitlines()] == ["shell 2", "shell/1"], listed
    assert run("list", "--client", "nobody").stdout == ""
    assert run("disconnect", "t0815", "shell/1").returncode == 0
    assert first.rest(5) == []
    refused = run("disconnect", "t0815", "shell/1")
    assert refused.returncode == 1 and "404" in refused.stderr, refused
    assert run("end", "t0815").returncode == 2
    second.ping()
    second.disconnect()


def metrics(stack):
    """names, kinds and labels; what is called total is a counter and what counts grows"""
    client = stack.client("measured", version=5)
    client.subscribe(("m/x", 1))
    before = stack.broker.metrics()
    for _ in range(10):
        client.publish("m/x", b"y")
        client.next_message()
    with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % stack.ops_port, timeout=10) as answer:
        text = answer.read().decode()
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    for name, kind in kinds.items():
        assert (kind == "counter") == name.endswith("_total"), (name, kind)
    assert kinds["mqtt_publish_seconds"] == kinds["mqtt_connect_seconds"] == "histogram"
    after = stack.broker.metrics()

    def grown(name):
        return after[name] - before[name]

    assert grown('mqtt_packets_received_total{type="PUBLISH"}') == 10
    assert grown('mqtt_packets_sent_total{type="PUBLISH"}') == 10
    assert grown('mqtt_packets_sent_total{type="PUBACK"}') == 10
    assert grown("mqtt_published_total") == 10 and grown("mqtt_delivered_total") == 10
    assert grown("mqtt_publish_seconds_count") == 10  # one at a time, and each was waited for
    assert grown("mqtt_bytes_received_total") > 100 and grown("mqtt_bytes_sent_total") > 100
    assert after['mqtt_clients{version="5.0"}'] == 1 and after['mqtt_clients{version="3.1.1"}'] == 0
    assert after["mqtt_connect_seconds_count"] >= 1 and after['mqtt_logins_total{method="password",outcome="accepted"}'] >= 1
    assert after["mqtt_link_up"] == 1 and after["mqtt_link_unsettled"] == 0 and after["mqtt_handshakes_in_progress"] == 0
    assert re.search(r'^build_info\{program="mqtt-broker",version="[0-9.]+",', text, re.M)
    client.disconnect()
    assert until(lambda: stack.broker.metrics()['mqtt_clients{version="5.0"}'] == 0, 5)


def health(stack):
    """ready only with the link, with the reason"""
    assert stack.ask("GET", "/health") == (200, {"status": "UP", "reasons": []})
    client = stack.client("patient")
    stack.messaging.process.kill()
    stack.messaging.process.wait()
    assert until(lambda: stack.ask("GET", "/health")[0] == 503, 10)
    _, said = stack.ask("GET", "/health")
    assert said["status"] == "DOWN" and said["reasons"][0].startswith("link: the link to messaging is down"), said
    assert stack.ask("GET", "/health/live")[0] == 200
    client.ping()
    stack.messaging.start()
    assert until(lambda: stack.ask("GET", "/health")[0] == 200, 10)
    client.ping()
    client.disconnect()


# --- SIGTERM


def stops(stack, begun: float):
    assert stack.broker.process.wait(10) == 0, stack.broker.log()[-2000:]
    assert time.monotonic() - begun < 10


def terminate(stack) -> float:
    stack.broker.process.send_signal(signal.SIGTERM)
    return time.monotonic()


def wills_published(stack) -> float:
    return stack.messaging.metrics()["messaging_wills_published_total"]


def term_wills(stack):
    """SIGTERM: wills of 3.1.1 and 5.0 are published once, not those of clients that had said goodbye"""
    stack.client("polite", will=("wills", b"never", 1)).disconnect()
    held = [stack.client("will-%d" % n, version=4 + n % 2, will=("wills", b"%d" % n, 1)) for n in range(4)]
    before = wills_published(stack)
    begun = terminate(stack)
    stops(stack, begun)
    for client in held:
        client.rest(5)
    assert wills_published(stack) == before + 4
    stack.broker.start()


def term_in_flight(stack):
    """SIGTERM: publishes under way get their PUBACK before 0x8B; nobody new comes in"""
    five, old = stack.client("five", version=5, timeout=30), stack.client("old", timeout=30)
    five.subscribe(("flight/x", 0))
    stack.messaging.process.send_signal(signal.SIGSTOP)
    try:
        for n in range(1, 4):
            five.send(publish("flight/x", b"%d" % n, 1, 100 + n, 5))
            old.send(publish("flight/x", b"%d" % n, 1, 200 + n))
        assert until(lambda: stack.broker.metrics()["mqtt_link_unsettled"] >= 6, 5)
        begun = terminate(stack)
        assert until(lambda: stack.ask("GET", "/health")[0] == 503, 5)

        def closed_to_new():
            try:
                stack.socket().close()
            except ConnectionRefusedError:
                return True
            return False

        assert until(closed_to_new, 5)
    finally:
        stack.messaging.process.send_signal(signal.SIGCONT)
    said = five.rest(10)
    acknowledged = [body[1] for first, body in said if first & 0xF0 == 0x40]
    assert acknowledged == [101, 102, 103] and said[-1][0] == 0xE0 and said[-1][1][0] == 0x8B, said
    assert [body[1] for first, body in old.rest(10) if first & 0xF0 == 0x40] == [201, 202, 203]
    stops(stack, begun)
    stack.broker.start()


def term_deaf_client(stack):
    """A client that does not read costs a bounded amount of memory, and SIGTERM does not wait for it"""
    sender = stack.client("sender", timeout=30)
    over = socket.socket()
    over.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    over.connect(("127.0.0.1", stack.mqtt_port))
    deaf = Wire(over)
    deaf.send(connect("deaf"))
    assert deaf.packet()[0] == 0x20
    deaf.send(b"\x82\x0b\x00\x01\x00\x06deaf/x\x00")
    assert deaf.packet()[0] == 0x90

    def waiting(messages):
        for _ in range(messages):
            sender.publish("deaf/x", bytes(60_000))
        _, found = stack.ask("GET", "/clients?client=deaf", token=TOKEN)
        return found["clients"][0]["outboxBytes"]

    assert until(lambda: waiting(20) > 0, 20)
    assert waiting(300) <= 1024 * 1024  # its outbox and one window: the rest waits in the store
    begun = terminate(stack)
    assert sender.rest(10) == []
    stops(stack, begun)
    over.close()
    stack.broker.start()


def term_without_messaging(stack):
    """SIGTERM: with messaging dead, and with messaging frozen and publishes under way, it ends all the same"""
    client = stack.client("alone", version=5, timeout=30)
    stack.messaging.process.kill()
    stack.messaging.process.wait()
    assert until(lambda: stack.ask("GET", "/health")[0] == 503, 10)
    begun = terminate(stack)
    assert client.rest(10)[-1][1][0] == 0x8B
    stops(stack, begun)
    stack.messaging.start()
    stack.broker.start()

    client = stack.client("frozen", version=5, timeout=30)
    client.subscribe(("frozen/x", 0))
    stack.messaging.process.send_signal(signal.SIGSTOP)
    try:
        client.send(publish("frozen/x", b"1", 1, 7, 5))
        assert until(lambda: stack.broker.metrics()["mqtt_link_unsettled"] >= 1, 5)
        begun = terminate(stack)
        said = client.rest(10)
        assert len(said) == 1 and said[0][0] == 0xE0 and said[0][1][0] == 0x8B, said
        stops(stack, begun)
    finally:
        stack.messaging.process.send_signal(signal.SIGCONT)
    stack.broker.start()


def main() -> int:
    arguments = options(__doc__)
    steps = Steps(arguments.only)
    with OpsStack(arguments.bin) as stack:
        steps.run(stack, certificates, tickets, certificate_swap, users_by_file, settings_by_file, listing, disconnecting, shell,
                  metrics, health, term_wills, term_in_flight, term_deaf_client, term_without_messaging)
    return steps.finish()


if __name__ == "__main__":
    sys.exit(main())
