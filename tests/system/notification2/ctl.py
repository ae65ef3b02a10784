#!/usr/bin/python3
"""`mqtt-messaging ctl` as a newcomer and as a script use it, against the real program.

    tests/system/notification2/ctl.py --program build/dev/bin/mqtt-messaging
"""

import argparse
import base64
import json
import os
import subprocess
import sys
import time

import messaging_process
from messaging_process import Messaging

messaging_process.TENANTS = """\
tenants:
  management:
    users:
      operator: { password: { plain: operator-secret }, roles: [ROLE_TENANT_MANAGEMENT_ADMIN] }
  t0815:
    users:
      admin:   { password: { plain: admin-secret }, roles: [ROLE_NOTIFICATION_2_ADMIN, ROLE_TENANT_ADMIN] }
      device1: { password: { plain: device1-secret } }
"""


class World:
    def __init__(self, program):
        self.program = program
        self.messaging = Messaging(program)
        self.messaging.start()

    def environment(self, user, password):
        made = {key: value for key, value in os.environ.items() if not key.startswith("MQTT_MESSAGING_")}
        made["MQTT_MESSAGING_URL"] = self.messaging.http
        if user:
            made["MQTT_MESSAGING_USER"], made["MQTT_MESSAGING_PASSWORD"] = user, password
        return made

    def run(self, *arguments, code=0, user="t0815/admin", password="admin-secret", stdin=b""):
        done = subprocess.run([self.program, "ctl", *arguments], env=self.environment(user, password), input=stdin,
                              capture_output=True, timeout=60, check=False)
        out, error = done.stdout.decode(), done.stderr.decode()
        assert done.returncode == code, (arguments, done.returncode, out, error)
        for secret in ("admin-secret", "operator-secret", "device1-secret", base64.b64encode(b"t0815/admin:admin-secret").decode()):
            assert secret not in out + error, "a password was echoed"
        return out if code == 0 else error

    def json(self, *arguments):
        return json.loads(self.run("--json", *arguments))


def help_and_mistakes(world):
    """Help tells everything; a mistake says what to do, with exit code 2 when it was asked wrongly."""
    out = world.run("--help", user="")
    for word in ("topics", "subscriptions", "tail", "publish", "unsubscribe", "MQTT_MESSAGING_USER", "--credentials"):
        assert word in out, word
    assert "say what to do" in world.run(code=2)
    assert "no command frobnicate" in world.run("frobnicate", code=2)
    assert "unknown option --frob" in world.run("topics", "--frob", code=2)
    assert "--url needs a value" in world.run("topics", "--url", code=2)
    assert "MQTT_MESSAGING_USER" in world.run("topics", code=2, user="")
    assert "<tenant>/<user>" in world.run("topics", code=2, user="admin")
    assert "--url must be" in world.run("topics", "--url", "ftp://x", code=2)
    assert "is --url right" in world.run("topics", "--url", "http://127.0.0.1:1", code=1)
    assert "Bad credentials" in world.run("topics", code=1, password="wrong")
    assert "ROLE_TENANT_ADMIN" in world.run("topics", code=1, user="t0815/device1", password="device1-secret")
    assert "operators" in world.run("topics", "--tenant", "t0816", code=1)
    assert "'sort' must be" in world.run("topics", "--sort", "color", code=1)
    for words in (("publish",), ("publish", "a", "b", "c"), ("tail",), ("unsubscribe",), ("unsubscribe", "a", "--id", "1"),
                  ("tail", "a", "--count", "x"), ("topics", "a"), ("publish", "a", "--file", "/does/not/exist")):
        world.run(*words, code=2)


def credentials_from_a_file(world):
    """The file must be one's own; its password is shown nowhere."""
    path = world.messaging.file("credentials")
    with open(path, "w", encoding="utf-8") as out:
        out.write("t0815/admin:admin-secret\n")
    os.chmod(path, 0o644)
    assert "chmod 600" in world.run("topics", "--credentials", path, code=2, user="")
    os.chmod(path, 0o600)
    world.run("topics", "--credentials", path, user="")
    assert "No such file" in world.run("topics", "--credentials", path + "x", code=2, user="")


def publish_and_tail(world):
    """What is published shows up in a tail; nobody's messages are consumed by it."""
    assert "not stored" in world.run("publish", "plant/line1", "hello")
    tail = subprocess.Popen([world.program, "ctl", "tail", "plant/line1", "--count", "3", "--json"],
                            env=world.environment("t0815/admin", "admin-secret"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert b"waiting" in tail.stderr.readline()
    assert world.run("publish", "plant/line1", "hello") == "stored\n"
    assert world.json("publish", "plant/line1", "--client-id", "dev1", "--", "--dashed")["stored"] is True
    world.run("publish", "plant/line1", "-", stdin=b"\x1b[31m\xff")
    out, _ = tail.communicate(timeout=30)
    got = [json.loads(line) for line in out.splitlines()]
    assert [base64.b64decode(one["payload"]) for one in got] == [b"hello", b"--dashed", b"\x1b[31m\xff"], got
    assert got[0]["payloadText"] == "hello" and got[1]["clientId"] == "dev1" and "payloadText" not in got[2], got
    assert tail.returncode == 0
    plain = subprocess.Popen([world.program, "ctl", "tail", "from-device", "--count", "1"],
                             env=world.environment("t0815/admin", "admin-secret"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert b"waiting" in plain.stderr.readline()
    world.run("publish", "plant/line2", stdin=b"\x1b[31mred")
    out, _ = plain.communicate(timeout=30)
    assert out == b"plant/line2  -  base64:" + base64.b64encode(b"\x1b[31mred") + b"\n", out


def lists_and_unsubscribe(world):
    """Tables line up, JSON is what the server says, and a subscriber is removed by name or number."""
    request = {"subscriber": "archive", "topic": "plant/line1"}
    from openapi_check import Checked, Document
    admin = Checked(Document(world.messaging.http), world.messaging.http, "t0815/admin", "admin-secret")
    for topic in ("plant/line1", "plant/line2"):
        admin.call("POST", "/management/tenants/t0815/subscriptions", dict(request, topic=topic), expect=201)
    world.run("publish", "plant/line1", "x" * 3000)
    lines = world.run("topics", "--sort=-backlogBytes").splitlines()
    assert lines[0].split()[0] == "TOPIC" and lines[1].split()[:2] == ["plant/line1", "mqtt"] and "KiB" in lines[1], lines
    assert len({line.index("mqtt") for line in lines[1:]}) == 1, lines
    listed = world.json("topics", "--name", "plant/*")
    assert [one["name"] for one in listed["topics"]] == ["plant/line1", "plant/line2"], listed
    assert world.json("topics", "--page-size", "1")["statistics"]["totalPages"] == 2
    rows = world.run("subscriptions", "--topic", "plant/line1").splitlines()
    assert len(rows) == 2 and "archive" in rows[1] and "application" in rows[1], rows
    assert "2 subscriptions" in world.run("unsubscribe", "archive", code=1)
    assert "no such subscriber" in world.run("unsubscribe", "archiv", code=1)
    assert world.run("unsubscribe", "archive", "--topic", "plant/line1") == "removed\n"
    [left] = world.json("subscriptions")["subscriptions"]
    assert left["topic"] == "plant/line2", left
    assert "no such subscription" in world.run("unsubscribe", "--id", "99999", code=1)
    # An operator does it in another tenant.
    operator = {"user": "management/operator", "password": "operator-secret"}
    assert world.run("unsubscribe", "--id", left["id"], "--tenant", "t0815", **operator) == "removed\n"
    assert world.json("subscriptions")["subscriptions"] == []


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True)
    options = parser.parse_args()
    world = World(options.program)
    try:
        for step in (help_and_mistakes, credentials_from_a_file, publish_and_tail, lists_and_unsubscribe):
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
