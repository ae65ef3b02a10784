#!/usr/bin/env python3
"""The YAML door: a wrong configuration file ends a program with exit code 2 and file:line:column with a hint; wrong users
are refused at start and, in a running program, leave the old ones in force."""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from doors_support import Runner, Stack, until

BROKER = "messaging: { url: 'ws://127.0.0.1:1', secret_file: s }\n"
MAPPER = "messaging: { url: 'ws://127.0.0.1:1', secret_file: s }\n"
# (name, text, what the complaint must hold); the place is checked for all.
BROKER_CASES = [
    ("unknown key", "lisen: {}\n" + BROKER, ":1:1: error: lisen: unknown key; did you mean `listen`?"),
    ("unknown inner key", BROKER + "limits: { conections: 5 }\n", "did you mean `connections`?"),
    ("port too large", BROKER + "listen: { plain: { port: 70000 } }\n", "must be from 0 to 65535"),
    ("port negative", BROKER + "listen: { plain: { port: -1 } }\n", "must be from 0 to 65535"),
    ("port not a number", BROKER + "listen: { plain: { port: mqtt } }\n", "port"),
    ("flag not a flag", BROKER + "listen: { plain: { enabled: maybe } }\n", "enabled"),
    ("map where a value belongs", BROKER + "ops: { port: { a: 1 } }\n", "port"),
    ("list where a map belongs", BROKER + "listen: [ 1, 2 ]\n", "listen"),
    ("secret and token", "messaging: { url: 'ws://x', secret_file: a, token_file: b }\n", "give one of"),
    ("neither secret nor token", "messaging: { url: 'ws://x' }\n", "give one of"),
    ("url of another scheme", "messaging: { url: 'http://x', secret_file: a }\n", "must begin with ws://"),
    ("TLS without certificate", BROKER + "listen: { tls: { enabled: true } }\n", "certificate"),
    ("both ports off", BROKER + "listen: { plain: { enabled: false }, tls: { enabled: false } }\n", "enable at least one"),
    ("TLS version", BROKER + "listen: { tls: { certificate: a, key: b, min_version: 1.1 } }\n", "must be 1.2 or 1.3"),
    ("certificate without key", BROKER + "listen: { tls: { certificate: a } }\n", "belong together"),
    ("certificates without key", BROKER + "listen: { tls: { certificates: [ { certificate: a } ] } }\n", "key"),
    ("no port named", BROKER, "enable at least one"),
    ("files looked at too often", BROKER + "reload: { interval: 5ms }\n", "at least 100ms"),
    ("no handshakes", BROKER + "limits: { handshakes: 0 }\n", "handshakes must be at least 1"),
    ("unknown level", "log: { level: loud }\n" + BROKER, "debug, info, warn"),
    ("unknown provider", "auth: { provider: ldap }\n" + BROKER, "provider must be file"),
    ("duration without unit", BROKER + "limits: { connect_timeout: 10 }\n", "connect_timeout"),
    ("bytes of an unknown unit", BROKER + "limits: { packet_bytes: 10parsec }\n", "packet_bytes"),
    ("packet too large", BROKER + "limits: { packet_bytes: 1GiB }\n", "packet_bytes must be"),
    ("receive maximum 0", BROKER + "limits: { receive_maximum: 0 }\n", "at least 1"),
    ("key twice", BROKER + BROKER, "twice"),
    ("two documents", BROKER + "---\n" + BROKER, "document"),
    ("no YAML", "listen: [\n", "not valid YAML"),
    ("tab", "listen:\n\tplain: {}\n", "error"),
    ("only a word", "hello\n", "error"),
    ("unset variable", "log: { level: '${DOORS_NOT_SET}' }\n" + BROKER, "DOORS_NOT_SET"),
    ("NUL in the file", "log:\0{}\n" + BROKER, "error"),
]
MESSAGING_CASES = [
    ("unknown key", "dta: {}\n", "did you mean `data`?"),
    ("durability", "data: { durability: maybe }\n", "durability must be"),
    ("segment too small", "data: { segment_bytes: 1KiB }\n", "segment_bytes must be"),
    ("certificate without key", "listen: { certificate: a.pem }\n", "belong together"),
    ("message larger than the link", "limits: { message_bytes: 10MiB }\n", "message_bytes must be"),
    ("ttl without unit", "limits: { ttl: 36 }\n", "ttl"),
    ("ttl of another unit", "limits: { ttl: 3fortnights }\n", "ttl"),
    ("negative topics", "limits: { topics_per_tenant: -5 }\n", "topics_per_tenant"),
    ("subscription without topic", "subscriptions: [ { tenant: t, subscriber: s } ]\n", "topic"),
    ("subscription with topic and filters", "subscriptions: [ { tenant: t, subscriber: s, topic: a, filters: [ b ] } ]\n",
     "either topic or filters"),
    ("subscription to no filter", "subscriptions: [ { tenant: t, subscriber: s, filters: [ 'a/#/b' ] } ]\n", "not a topic or filter"),
    ("subscription of another type", "subscriptions: [ { tenant: t, subscriber: s, topic: a, type: keyed } ]\n", "type must be"),
    ("too many deliveries", "subscriptions: [ { tenant: t, subscriber: s, topic: a, max_deliveries: 251 } ]\n", "0 (no limit) to 250"),
    ("subscription twice", "subscriptions: [ { tenant: t, subscriber: s, topic: a }, { tenant: t, subscriber: s, topic: a } ]\n",
     "declared twice"),
    ("held back 0", "limits: { held_back_per_subscription: 0 }\n", "held_back_per_subscription must be"),
    ("subscriptions no list", "subscriptions: { tenant: t }\n", "subscriptions"),
    ("lease a map", "link: { lease: {} }\n", "lease"),
    ("key twice", "log: {}\nlog: {}\n", ":2:1: error: log: the key stands here twice; the first is in line 1"),
]
MAPPER_CASES = [
    ("unknown key", MAPPER + "mapings: { directory: x }\n", "did you mean `mappings`?"),
    ("secret and token", "messaging: { url: 'ws://x', secret_file: a, token_file: b }\n", "secret_file"),
    ("tenants no list", MAPPER + "platform: { tenants: 5 }\n", "tenants"),
    ("tenant without password", MAPPER + "platform: { tenants: [ { tenant: t, user: u } ] }\n", "password"),
    ("port too large", MAPPER + "ops: { port: 123456 }\n", "must be from 0 to 65535"),
    ("key twice", MAPPER + MAPPER, "twice"),
]
TENANTS_CASES = [
    ("no tenants", "{}\n", "tenants"),
    ("unknown key", "tenants: { t: { usrs: {} } }\n", "did you mean `users`?"),
    ("password as it is", "tenants: { t: { users: { u: { password: secret } } } }\n", "must be scrypt:"),
    ("no password", "tenants: { t: { users: { u: {} } } }\n", "password"),
    ("role in small letters", "tenants: { t: { users: { u: { password: { plain: x }, roles: [admin] } } } }\n", "capital letters"),
    ("slash in a tenant", "tenants: { t/u: {} }\n", "slash"),
    ("profile", "tenants: { t: { profile: best } }\n", "must be preview or ga"),
    ("anchor that is not there", "tenants: { t: { trust_anchors: [ { name: a, file: none.pem } ] } }\n", "cannot read"),
    ("tenant twice", "tenants: { t: {}, t: {} }\n", "twice"),
]


class Table:
    def __init__(self, directory: str):
        self.directory, self.passed, self.failed = directory, 0, []

    def write(self, name: str, content: str) -> str:
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(content)
        return path

    def note(self, name: str, problem: str):
        if problem:
            self.failed.append(name)
            print("FAIL  %s: %s" % (name, problem), flush=True)
        else:
            self.passed += 1
            print("ok    " + name, flush=True)

    def run(self, program: str, name: str, content: str, wanted: str, also=(), code=2):
        path = self.write("config.yaml", content)
        command = [program, "--config", path, *also]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        except subprocess.TimeoutExpired:
            return self.note(name, "the program went on running")
        problem = ""
        if done.returncode != code:
            problem = "exit code %d" % done.returncode
        elif wanted not in done.stderr:
            problem = "no %r" % wanted
        elif not re.search(r"\.yaml:\d+:\d+: error: ", done.stderr):
            problem = "no place (file:line:column)"
        elif "Sanitizer" in done.stderr or "runtime error" in done.stderr:
            problem = "a sanitizer report"
        self.note("%s: %s" % (os.path.basename(program), name), problem and problem + "\n" + done.stderr)


def lint(table: Table, program: str, mistakes: str):
    """Every mapping with a mistake is refused at its place."""
    for name in sorted(os.listdir(mistakes)):
        if not name.endswith(".yaml"):
            continue
        done = subprocess.run([program, "lint", os.path.join(mistakes, name)], capture_output=True, text=True, timeout=30)
        said = done.stdout + done.stderr
        good = done.returncode in (1, 2) and re.search(re.escape(name) + r":\d+:\d+: ", said)
        table.note("lint " + name, "" if good else "exit code %d\n%s" % (done.returncode, said))


def running(bin_directory: str) -> int:
    """SIGHUP with wrong users: one line, a counter, and the old users go on."""
    with Stack(bin_directory, tls=False) as stack:
        with open(stack.path("tenants.yaml"), encoding="utf-8") as old:
            before = old.read()

        def good():
            stack.client("good").disconnect()

        runner = Runner(stack.broker, good)
        for name, content, wanted in TENANTS_CASES:

            def action(content=content):
                stack.write("tenants.yaml", content)
                stack.broker.process.send_signal(signal.SIGHUP)

            runner.case("reload: " + name, action, ['mqtt_reloads_total{what="users",outcome="failed"}'], wanted, 3)
        stack.write("tenants.yaml", before)
        seen = len(stack.broker.log())
        stack.broker.process.send_signal(signal.SIGHUP)
        assert until(lambda: "users reloaded" in stack.broker.log()[seen:])
        good()
        return runner.finish(len(TENANTS_CASES))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="doors-yaml-") as directory:
        table = Table(directory)

        def program(name):
            path = os.path.join(arguments.bin, name)
            return path if os.path.exists(path) else ""

        broker, messaging, mapper = program("mqtt-broker"), program("mqtt-messaging"), program("mqtt-mapper")
        for executable, cases in ((broker, BROKER_CASES), (messaging, MESSAGING_CASES), (mapper, MAPPER_CASES)):
            for name, content, wanted in cases if executable else []:
                table.run(executable, name, content, wanted, ["--check"])
        if broker:  # without --check it must end just the same, and wrong users stop it before it listens
            table.run(broker, "run with an unknown key", "lisen: {}\n" + BROKER, "did you mean")
            tenants = os.path.join(directory, "tenants.yaml")
            for name, content, wanted in TENANTS_CASES:
                table.write("tenants.yaml", content)
                table.run(broker, "users: " + name, BROKER + "auth: { file: %s }\nlisten: { plain: { port: 0 } }\nops: { port: 0 }\n" % tenants,
                          wanted, code=1)
        mistakes = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "mapper", "mistakes")
        if mapper and os.path.isdir(mistakes):
            lint(table, mapper, mistakes)
        print("%d cases passed, %d failed" % (table.passed, len(table.failed)))
        code = running(arguments.bin) if broker and messaging else 0
        return 1 if table.failed else code


if __name__ == "__main__":
    sys.exit(main())
