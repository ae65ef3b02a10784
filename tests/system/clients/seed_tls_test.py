#!/usr/bin/python3
"""The walk through device certificates that the public preview's documentation describes, with the tools it names: a CA made
with OpenSSL, given to the tenant as a trust anchor, a device certificate signed by it, a message published with mosquitto_pub.
Then what must not work: without the anchor, without its auto registration, for another tenant, signed by somebody else."""

import os
import sys

from client_program import TENANTS, Stack, StackError, Ways, options
from certificates import openssl
from mosquitto_tools import Mosquitto

DEVICE = "device-4711"
OTHER_TENANT = "  t0816:\n    users: { device1: { password: { plain: other-secret } } }\n"


class Walk:
    def __init__(self, stack: Stack):
        self.stack = stack
        self.done = 0
        self.ways = Ways(stack, (stack.path("deviceCert.pem"), stack.path("deviceKey.pem")))
        self.listener = Mosquitto("watcher", "5", self.ways.tls)
        self.messages = self.listener.subscriber("plant/env")

    # --- what the documentation tells

    def openssl(self, text: str):
        openssl(self.stack.directory, *text.split())

    def make_authority(self, name: str, subject: str):
        """Create a private key, and from it a self-signed root certificate."""
        self.openssl("genrsa -out %sKey.pem 2048" % name)
        self.openssl("req -x509 -new -nodes -sha256 -days 365 -key %sKey.pem -subj /O=Plant/CN=%s -out %sCert.pem" % (name, subject, name))

    def make_device(self, name: str, subject: str, authority: str):
        """A certificate for a device, signed by the authority."""
        self.openssl("genrsa -out %sKey.pem 2048" % name)
        self.openssl("req -new -key %sKey.pem -subj /O=Plant/CN=%s -out %s.csr" % (name, subject, name))
        self.openssl("x509 -req -sha256 -days 365 -in %s.csr -CA %sCert.pem -CAkey %sKey.pem -CAcreateserial -out %sCert.pem"
                     % (name, authority, authority, name))

    def upload(self, *anchors: str):
        """Each of the anchors `name` or `name:setting` becomes one of the tenant's; the other tenant has none."""
        lines = []
        for anchor in anchors:
            name, _, setting = anchor.partition(":")
            flags = {"enabled": "true", "auto_registration": "true", **({setting: "false"} if setting else {})}
            lines.append("      - { name: %s, file: %sCert.pem, enabled: %s, auto_registration: %s }\n"
                         % (name, name, flags["enabled"], flags["auto_registration"]))
        self.stack.set_tenants(TENANTS + ("    trust_anchors:\n" + "".join(lines) if lines else "") + OTHER_TENANT)

    # --- what comes of it

    def device(self, version: str, certificate: str, key: str) -> Mosquitto:
        settings = [pair for pair in self.ways.certificate if not pair.startswith(("certificate=", "key="))]
        files = ["certificate=" + self.stack.path(certificate + "Cert.pem"), "key=" + self.stack.path(key + "Key.pem")]
        return Mosquitto("", version, [*settings, *files])

    def accepted(self, why: str, certificate: str = "device", key: str = "", **other):
        """mosquitto_pub with the certificate publishes, in all versions, and the message comes to a subscriber."""
        for version in ("3.1", "3.1.1", "5"):
            payload = "%s, %s" % (why, version)
            self.device(version, certificate, key or certificate).publish("plant/env", "-m", payload, suffix=DEVICE, **other)
            self.messages.message(payload.encode())
        self._say(why)

    def refused(self, why: str, certificate: str = "device", key: str = "", **other):
        """The login is refused with return code 5 or reason code 0x87, and nothing is published."""
        for version, code in (("3.1.1", 5), ("5", 0x87)):
            before = self._refusals()
            status, said = self.device(version, certificate, key or certificate).run(
                "mosquitto_pub", "-t", "plant/env", "-m", "never", "-q", "1", "-d", suffix=DEVICE, **other)
            if status == 0 or "received CONNACK (%d)" % code not in said:
                raise AssertionError("%s, %s: exit code %s, %s" % (why, version, status, said[-300:]))
            if self._refusals() != before + 1:
                raise AssertionError("%s, %s: the refusal is not counted" % (why, version))
        self._say(why)

    def _refusals(self) -> float:
        return self.stack.broker.metrics()['mqtt_logins_total{method="certificate",outcome="refused"}']

    def _say(self, what: str):
        self.done += 1
        print("ok    " + what, flush=True)


def walk(stack: Stack):
    on = Walk(stack)
    on.make_authority("ca", "plant-ca")
    on.make_device("device", DEVICE, "ca")
    on.upload()
    on.refused("refused before the CA is uploaded")
    on.upload("ca:auto_registration")
    on.refused("refused without auto registration")
    on.upload("ca")
    on.accepted("published by certificate, tenant named")
    on.accepted("published by certificate, tenant found by the anchor", user=None)
    on.refused("refused for another tenant", user="t0816")

    on.make_authority("stranger", "plant-ca")  # the same name, another key
    on.make_device("forged", DEVICE, "stranger")
    on.refused("refused when signed by a CA of the same name", "forged")

    client = on.device("3.1.1", "device", "device")
    status, said = client.run("mosquitto_pub", "-t", "plant/env", "-m", "never", suffix=DEVICE, ca=stack.path("caCert.pem"))
    if status == 0:
        raise AssertionError("the client took the server's certificate for one of the plant's CA: " + said)
    on._say("the client checks the server's certificate")

    both_ways(on)
    intermediate(on)

    on.upload("ca:enabled")
    on.refused("refused when the anchor is disabled")
    on.listener.publish("plant/env", "-m", "nothing else came")
    on.messages.message(b"nothing else came")
    on.listener.close_all()
    return on.done


def both_ways(on: Walk):
    """A device with a certificate also receives."""
    device = on.device("5", "device", "device")
    device.name = DEVICE
    receiver = device.subscriber("plant/commands", suffix="")
    on.listener.publish("plant/commands", "-m", "on")
    receiver.message(b"on")
    device.close_all()
    on._say("received by certificate")


def intermediate(on: Walk):
    """The documentation allows the CA, or an intermediate certificate, as the anchor."""
    with open(on.stack.path("ca.ext"), "w", encoding="ascii") as out:
        out.write("basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n")
    on.openssl("genrsa -out middleKey.pem 2048")
    on.openssl("req -new -key middleKey.pem -subj /O=Plant/CN=plant-line-7 -out middle.csr")
    on.openssl("x509 -req -sha256 -days 365 -in middle.csr -CA caCert.pem -CAkey caKey.pem -CAcreateserial -extfile ca.ext -out middleCert.pem")
    on.make_device("line", DEVICE, "middle")
    with open(on.stack.path("chainCert.pem"), "wb") as chain:
        for name in ("line", "middle", "ca"):
            with open(on.stack.path(name + "Cert.pem"), "rb") as part:
                chain.write(part.read())
    on.accepted("published with a chain up to the uploaded CA", "chain", "line")
    on.refused("refused when the chain lacks the intermediate certificate", "line")
    on.upload("middle")
    on.accepted("published with the intermediate certificate uploaded", "line")


def main() -> int:
    given = options(__doc__).parse_args()
    with Stack(given.bin, tls=True) as stack:
        stack.start()
        try:
            steps = walk(stack)
            stack.check()
        except (AssertionError, StackError, OSError) as problem:
            print("FAIL  %s" % problem)
            print(stack.broker.log_tail())
            stack.keep = True
            return 1
    print("%d steps of the walk passed" % steps)
    return 0


if __name__ == "__main__":
    sys.exit(main())
