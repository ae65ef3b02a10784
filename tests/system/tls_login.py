#!/usr/bin/env python3
"""Logins over TLS with real certificates: authorities, intermediates and devices made with the openssl command, chains of
every kind, trust withdrawn while devices are connected, `mqtt-broker trust`, and what a wrong password costs."""

import os
import signal
import socket
import ssl
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from certificate_authority import Authority
from doors_support import Client, Stack, Steps, options, until

# t1 is strict about names (ga) and takes no passwords; t2 is as a tenant nobody says anything about.
TENANTS = """\
tenants:
  t1:   # comments of people stay where they are
    profile: ga
    switches: { basic_authentication: false }
    users: { device1: { password: { plain: right-Zx81 } } }
    trust_anchors:
      - { name: root, file: root.pem, enabled: %(root)s, auto_registration: true }
      - { name: short, file: short.pem, auto_registration: true }
      - { name: unwilling, file: unwilling.pem, auto_registration: false }
%(crl)s
  t2:
    users: { device1: { password: { plain: right-Zx81 } }, other: { password: { plain: right-Zx81 } } }
"""
SECRETS = ("right-Zx81", "wrong-Zx81")


class Site:
    """The certificates, beside the stack's own, and the tenants' file."""

    def __init__(self, stack: Stack):
        self.stack = stack
        where = stack.directory
        self.root = Authority(where, "root")
        self.middle = Authority(where, "middle", self.root)
        self.below = Authority(where, "below", self.middle)
        self.short = Authority(where, "short", path_length=0)
        self.too_deep = Authority(where, "too-deep", self.short)
        self.unwilling = Authority(where, "unwilling")
        self.stranger = Authority(where, "stranger")
        for one in (self.root, self.short, self.unwilling):
            with open(one.pem, encoding="ascii") as text:
                stack.write(one.name + ".pem", text.read())
        self.write_tenants()

    def write_tenants(self, root: str = "true", crl: str = ""):
        self.stack.write("tenants.yaml", TENANTS % {"root": root, "crl": "    crl: " + crl if crl else ""})

    def reload(self, root: str = "true", crl: str = ""):
        self.write_tenants(root, crl)
        self.hang_up()

    def hang_up(self):
        seen = len(self.stack.broker.log())
        self.stack.broker.process.send_signal(signal.SIGHUP)
        assert until(lambda: "tenants reloaded" in self.stack.broker.log()[seen:]), self.stack.broker.log()[seen:]


def context(stack, chain: str = "", key: str = "") -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=stack.path("ca.pem"))
    if chain:
        made.load_cert_chain(chain, key)
    return made


def come(stack, device, chain: str, client_id: str = "", version: int = 4, tenant="t1", expect=0) -> Client:
    return stack.client(client_id or device.name, version=version, tls=context(stack, chain, device.key), user=tenant,
                        password=None, expect=expect)


def refused(stack, device, chain: str, **how):
    """By both versions with their codes, and the connection ends."""
    for version, code in ((4, 5), (5, 0x87)):
        assert come(stack, device, chain, version=version, expect=code, **how).rest() == []


def last_reason(stack) -> str:
    lines = [line for line in stack.broker.log().splitlines() if "certificate refused" in line]
    return lines[-1] if lines else ""


def chains(stack):
    """leaf with intermediates and anchor, leaf alone under its issuer; not leaf alone below an intermediate, no stranger"""
    site = stack.site
    deep = site.below.issue("deep")
    for version in (4, 5):
        client = come(stack, deep, deep.chain(site.below, site.middle, site.root), version=version)
        assert client.publish("a/b", b"x") in (0, 0x10)
        client.disconnect()
    lone = site.root.issue("lone")
    come(stack, lone, lone.pem).disconnect()
    come(stack, lone, lone.chain(site.root)).disconnect()
    refused(stack, deep, deep.pem)
    refused(stack, deep, deep.chain(site.below, site.middle))  # up to and including the anchor
    refused(stack, deep, deep.chain(site.below, site.root))
    stranger = site.stranger.issue("lone", "lone")
    refused(stack, stranger, stranger.pem)
    refused(stack, stranger, stranger.chain(site.root))
    assert stack.client("nobody", tls=context(stack), user="t1", password=None, expect=5).rest() == []


def names(stack):
    """the common name is the client ID in `ga`, with the rule of `d:`; nobody asks in `preview`"""
    site = stack.site
    lone, prefixed = site.root.issue("dev-7"), site.root.issue("d:dev-8")
    come(stack, lone, lone.pem, client_id="d:dev-7").disconnect()
    come(stack, prefixed, prefixed.pem, client_id="d:dev-8").disconnect()
    refused(stack, lone, lone.pem, client_id="dev-8")
    refused(stack, prefixed, prefixed.pem, client_id="dev-8")


def dates_and_places(stack):
    """expired, not yet valid, path too long, an authority that is none, an anchor without auto registration"""
    site = stack.site
    for name, dates, why in (("old", {"end": "20250601000000Z"}, "expired"), ("young", {"begin": "20440101000000Z"}, "not valid yet")):
        device = site.root.issue(name, **dates)
        refused(stack, device, device.pem)
        assert why in last_reason(stack), last_reason(stack)
    deep = site.too_deep.issue("deep")
    refused(stack, deep, deep.chain(site.too_deep, site.short))
    assert "longer than an authority in it allows" in last_reason(stack), last_reason(stack)
    shallow = site.short.issue("shallow")
    come(stack, shallow, shallow.pem).disconnect()
    late = Authority(stack.directory, "late", site.root, end="20250601000000Z")
    below_late = late.issue("below-late")
    refused(stack, below_late, below_late.chain(late, site.root))
    assert "expired" in last_reason(stack), last_reason(stack)
    unwanted = site.unwilling.issue("unwanted")
    refused(stack, unwanted, unwanted.pem)
    assert "auto registration" in last_reason(stack), last_reason(stack)
    # A device that signs another one.
    false_signer = Authority(stack.directory, "false-signer").sign_as(site.root.issue("false-signer"))
    forged = false_signer.issue("forged")
    refused(stack, forged, forged.chain(false_signer, site.root))
    assert "not a certificate authority" in last_reason(stack), last_reason(stack)


def found_by_chain(stack):
    """no user name, or an empty one: the chain tells the tenant; a tenant that does not trust it stays closed"""
    lone = stack.site.root.issue("by-chain")
    for name in (None, ""):
        come(stack, lone, lone.pem, tenant=name).disconnect()
    refused(stack, lone, lone.pem, tenant="t2")
    refused(stack, lone, lone.pem, tenant="t9")


def server_names(stack):
    """the server's certificate comes with any name asked for, and with none"""
    lone = stack.site.root.issue("named")
    seen = set()
    for name in ("localhost", "t1.example.com", "nobody.invalid", None):
        trusting = context(stack, lone.pem, lone.key)
        trusting.check_hostname = False
        over = trusting.wrap_socket(socket.create_connection(("127.0.0.1", stack.tls_port), timeout=10), server_hostname=name)
        seen.add(over.getpeercert(True))
        Client(over, "named", user="t1", password=None).disconnect()
    assert len(seen) == 1


def passwords_forbidden(stack):
    """one-way TLS with a password: fine where allowed, refused unseen where not"""
    stack.client("x", tls=context(stack), user="t2/device1", password="right-Zx81").disconnect()
    for password in ("right-Zx81", "wrong-Zx81"):
        for version, code in ((4, 5), (5, 0x87)):
            stack.client("x", version=version, tls=context(stack), user="t1/device1", password=password, expect=code)
    assert stack.broker.metrics()['mqtt_logins_total{method="password",outcome="forbidden"}'] == 4


def withdrawn(stack):
    """an anchor switched off, a device and an intermediate revoked: their connections end, the others stay"""
    site = stack.site
    gone, stays, below = site.root.issue("gone"), site.root.issue("stays"), site.middle.issue("below")
    shallow = site.short.issue("shallow-2")
    below_chain = below.chain(site.middle, site.root)
    clients = {device.name: come(stack, device, chain, version=5)
               for device, chain in ((gone, gone.pem), (stays, stays.pem), (below, below_chain), (shallow, shallow.pem))}

    def ended(name: str):
        got = clients.pop(name).rest()
        assert got and got[-1][0] == 0xE0 and got[-1][1][0] == 0x87, got

    site.reload(crl=site.root.revoke(gone.pem))
    ended("gone")
    refused(stack, gone, gone.pem)
    assert "revoked" in last_reason(stack), last_reason(stack)
    for client in clients.values():
        client.ping()
    site.reload(crl=site.root.revoke(site.middle.pem))
    ended("below")
    refused(stack, below, below_chain)
    site.reload(crl="[ %s ]" % serial_of(stays))
    ended("stays")
    refused(stack, stays, stays.pem)
    again = come(stack, gone, gone.pem, version=5)  # the list of the file says nothing of it any more
    site.reload(root="false")
    got = again.rest()
    assert got and got[-1][1][0] == 0x87, got
    again = site.root.issue("again")
    refused(stack, again, again.pem)
    assert "disabled" in last_reason(stack), last_reason(stack)
    clients["shallow-2"].ping()
    clients["shallow-2"].disconnect()
    assert stack.broker.metrics()['mqtt_closed_total{reason="trust_withdrawn"}'] == 4
    site.reload()


def serial_of(device) -> str:
    done = subprocess.run(["openssl", "x509", "-in", device.pem, "-noout", "-serial"], capture_output=True, text=True, check=True)
    return done.stdout.strip().split("=")[1]


def trust_command(stack):
    """added, listed, disabled and enabled by the command; what a person wrote into tenants.yaml stays"""
    site = stack.site
    fleet = Authority(stack.directory, "fleet")
    device = fleet.issue("truck-1")
    by_hand = open(stack.path("tenants.yaml"), encoding="utf-8").read()

    def trust(*words, code=0):
        done = subprocess.run([stack.broker.executable, "trust", *words, "--config", stack.path("broker.yaml")],
                              capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == code, (words, done)
        return done.stdout + done.stderr

    refused(stack, device, device.pem, tenant="t2")
    assert "CA:TRUE" in trust("add", "t2", device.pem, code=1)
    assert "already a trust anchor of the tenant t1" in trust("add", "t2", site.root.pem, code=1)
    assert "added" in trust("add", "t2", fleet.pem)
    assert "fleet" in trust("list", "t2")
    site.hang_up()
    client = come(stack, device, device.pem, tenant="t2", version=5)
    assert come(stack, device, device.pem, tenant=None, client_id="truck-1b").publish("a/b", b"x") == 0
    trust("disable", "t2", "fleet")
    site.hang_up()
    got = client.rest()
    assert got and got[-1][1][0] == 0x87, got
    refused(stack, device, device.pem, tenant="t2")
    trust("enable", "t2", fleet.pem)
    site.hang_up()
    come(stack, device, device.pem, tenant="t2").disconnect()
    assert open(stack.path("tenants.yaml"), encoding="utf-8").read() == by_hand


def guesses(stack):
    """after some wrong passwords the next are refused unseen, known devices come in all the same"""
    stack.client("known", user="t2/device1", password="right-Zx81").disconnect()
    for n in range(6):
        stack.client("g", version=5, user="t2/device1", password="wrong-Zx81-%d" % n, expect=0x86)
    stack.client("g", version=5, user="t2/device1", password="wrong-Zx81-x", expect=0x9F)
    stack.client("g", user="t2/device1", password="wrong-Zx81-y", expect=5)
    stack.client("known", user="t2/device1", password="right-Zx81").disconnect()
    stack.client("other", user="t2/other", password="right-Zx81").disconnect()
    metrics = stack.broker.metrics()
    assert metrics['mqtt_logins_total{method="any",outcome="throttled"}'] == 2, metrics['mqtt_logins_total{method="any",outcome="throttled"}']


def nothing_secret_in_the_log(stack):
    """at the level debug, after all of the above"""
    text = stack.broker.log()
    assert "level=debug" in text or " debug " in text, text[:300]
    for secret in SECRETS:
        assert secret not in text


def main() -> int:
    arguments = options(__doc__)
    steps = Steps(arguments.only)
    stack = Stack(arguments.bin)
    with open(stack.path("broker.yaml"), "a", encoding="utf-8") as out:
        # The failures of this test come from one address.
        out.write("log: { level: debug }\n")
    text = open(stack.path("broker.yaml"), encoding="utf-8").read()
    stack.write("broker.yaml", text.replace("auth: { file: ", "auth: { throttle: { failures_per_address: 10000 }, file: "))
    stack.site = Site(stack)
    with stack:
        steps.run(stack, chains, names, dates_and_places, found_by_chain, server_names, passwords_forbidden, withdrawn,
                  trust_command, guesses, nothing_secret_in_the_log)
    return steps.finish()


if __name__ == "__main__":
    sys.exit(main())
