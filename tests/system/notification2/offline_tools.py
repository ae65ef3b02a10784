#!/usr/bin/python3
"""`mqtt-messaging verify` and `dump` on the store of the real program: in use, stopped, killed and damaged."""

import argparse
import asyncio
import glob
import hashlib
import json
import os
import subprocess
import sys

from messaging_process import Messaging
import notification2_client as n2

ADMIN = ("t0815/admin", "admin-secret")
COUNT = 20


def check(condition, *what):
    if not condition:
        raise AssertionError(" ".join(str(one) for one in what))


def run(program, *words):
    done = subprocess.run([program, *words], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def contents(directory):
    """Digest and time of every file: what a tool must not change."""
    found = {}
    for path in sorted(glob.glob(directory + "/**", recursive=True)):
        if os.path.isfile(path):
            with open(path, "rb") as file:
                found[path] = (hashlib.sha256(file.read()).hexdigest(), os.stat(path).st_mtime_ns)
    return found


async def publish(of):
    token = n2.get_token(of.http, *ADMIN, "tools")
    reader = n2.get_token(of.http, *ADMIN, "tools", "app")
    async with n2.Subscriber(of.websocket, reader):
        async with n2.Publisher(of.websocket, token) as publisher:
            for number in range(COUNT):
                await publisher.publish(n2.Message(b"payload %d" % number))


def flip(path, at):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    program = parser.parse_args().program
    of = Messaging(program)
    try:
        data = of.file("data")
        of.start()
        asyncio.run(publish(of))
        code, _, complaint = run(program, "verify", data)
        check(code == 2 and "another process uses this store directory" in complaint, code, complaint)
        code, _, complaint = run(program, "dump", data)
        check(code == 2 and "another process" in complaint, code, complaint)
        print("ok a running store is refused")

        of.kill()
        before = contents(data)
        code, out, complaint = run(program, "verify", data)
        check(code == 0 and "no damage" in out and "%d messages" % COUNT in out, code, out, complaint)
        code, out, _ = run(program, "dump", data, "--json", "--topic", "t0815/mqtt/tools")
        lines = [json.loads(line) for line in out.splitlines()]
        messages = [line for line in lines if line["type"] == "message"]
        check(code == 0 and len(messages) == COUNT, code, out)
        check([one["position"] for one in messages] == sorted(one["position"] for one in messages), out)
        check(all(line["topic"] == "t0815/mqtt/tools" for line in lines), out)
        code, out, _ = run(program, "dump", data)
        check(code == 0 and out.count(" message ") == COUNT and "subscription_created" in out, code, out)
        check(contents(data) == before, "a tool changed the store")
        print("ok verify and dump of a killed store")

        of.start()
        of.stop()
        code, out, _ = run(program, "verify", data)
        check(code == 0, code, out)
        for segment in sorted(glob.glob(data + "/*.seg"), reverse=True):  # the newest copy is the one that counts
            with open(segment, "rb") as file:
                at = file.read().find(b"payload 3")
            if at >= 0:
                break
        check(at >= 0, "the payload is nowhere")
        flip(segment, at)
        before = contents(data)
        code, out, _ = run(program, "verify", data)
        check(code == 1 and "damaged from byte" in out and os.path.basename(segment) in out, code, out)
        check(contents(data) == before, "verify changed the store")
        print("ok verify finds damage")

        with open(segment, "r+b") as file:
            file.truncate(0)
        code, out, _ = run(program, "verify", data)
        check(code == 1 and "both headers are damaged" in out, code, out)
        for words in (["verify"], ["verify", data, "more"], ["dump", data, "--topic"], ["verify", "--json", data]):
            code, _, complaint = run(program, *words)
            check(code == 2 and "Exit codes" in complaint, words, code, complaint)
        for words in (["verify", of.file("nothing")], ["verify", of.directory.name]):
            code, _, complaint = run(program, *words)
            check(code == 2 and complaint.startswith("mqtt-messaging verify: "), words, code, complaint)
        check(run(program, "verify", "--help")[0] == 0, "help")
        print("ok arguments")
    except BaseException:
        print(of.log()[-3000:], file=sys.stderr)
        raise
    finally:
        of.close()


if __name__ == "__main__":
    main()
