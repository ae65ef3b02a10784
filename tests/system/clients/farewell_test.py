#!/usr/bin/python3
"""A client that is told why its connection ends while it is still sending, as an MQTT client is that publishes too large a
packet: its writes must not fail before it can read the reason, over TCP and TLS. Nor may it hold its connection for that."""

import argparse
import os
import select
import socket
import ssl
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from mqtt_client import Client, packet, text  # noqa: E402
from stack import DEVICE, TENANT, Stack, StackError, default_bin  # noqa: E402

LARGE_REST = b"\xfe\xff\x07"  # of a packet with 131,070 bytes behind the fixed header: 131,074 in all
DROPPED_MAX = 1024 * 1024
SOCKETS_MAX = 16 * 1024 * 1024  # what the kernel may hold of it on both sides, at most


def connect(stack, version: int, tls: bool, name: str, will: bytes = b""):
    """A socket after CONNACK. A will goes to `farewell/will`."""
    port = stack.tls_port if tls else stack.mqtt_port
    made = socket.create_connection(("127.0.0.1", port), timeout=10)
    if tls:
        context = ssl.create_default_context(cafile=stack.path("ca.pem"))
        made = context.wrap_socket(made, server_hostname="localhost")
    five = b"\x00" if version == 5 else b""
    flags = 0xC2 | (0x0C if will else 0)
    body = text("MQTT") + bytes([version, flags]) + struct.pack(">H", 60) + five + text(name)
    if will:
        body += five + text("farewell/will") + text(will)
    made.sendall(packet(0x10, body + text("%s/%s" % (TENANT, DEVICE[0])) + text(DEVICE[1])))
    answer = made.recv(1000)
    if answer[:1] != b"\x20" or answer[3] != 0:
        raise StackError("CONNACK is %s" % answer.hex())
    return made


def begin_too_large(client):
    """The first bytes of a PUBLISH that is over the limit; returns when the broker has said, or done, something."""
    client.sendall(b"\x32" + LARGE_REST + text("farewell/x") + bytes(1000))
    if not select.select([client], [], [], 10)[0]:
        raise StackError("the broker does not mind a packet of more than 131,072 bytes")


def the_rest(client) -> bytes:
    got = b""
    while piece := client.recv(65536):
        got += piece
    return got


def reason_is_read(stack, version: int, tls: bool):
    """Sending goes on without an error; then the reason (5.0), and the end of the connection."""
    client = connect(stack, version, tls, "sender")
    begin_too_large(client)
    for _ in range(120):
        client.sendall(bytes(1000))
    got = the_rest(client)
    if version == 5 and (got[:1] != b"\xe0" or got[2] != 0x95):
        raise StackError("no DISCONNECT with 0x95: %r" % got)
    if version == 4 and got:
        raise StackError("3.1.1 knows no DISCONNECT from the server: %r" % got)
    client.close()


def not_for_long(stack, version: int, tls: bool):
    """A client that stays, and sends nothing, loses its connection all the same; its will does not wait for that."""
    watcher = Client(stack.mqtt_port, "watcher")
    watcher.subscribe("farewell/will")
    client = connect(stack, version, tls, "stayer", b"dismissed")
    begin_too_large(client)
    watcher.expect(3, 5)
    if watcher.messages != [("farewell/will", b"dismissed")]:
        raise StackError("will: %r" % watcher.messages)
    the_rest(client)
    deadline = time.monotonic() + 10
    try:
        while time.monotonic() < deadline:
            client.sendall(b"x")
            time.sleep(0.02)
    except OSError:
        watcher.disconnect()
        client.close()
        return
    raise StackError("a dismissed client is still connected after 10 s")


def not_without_end(stack, version: int, tls: bool):
    """A client that sends on and on is cut off."""
    client = connect(stack, version, tls, "flooder")
    begin_too_large(client)
    sent = 0
    try:
        while sent < DROPPED_MAX + SOCKETS_MAX:
            client.sendall(bytes(65536))
            sent += 65536
    except OSError:
        client.close()
        return
    raise StackError("a dismissed client could send %d bytes" % sent)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=default_bin(), help="directory of the programs")
    given = parser.parse_args()
    failed = 0
    with Stack(given.bin, tls=True) as stack:
        stack.start()
        for scenario in (reason_is_read, not_for_long, not_without_end):
            for version, tls in ((4, False), (5, False), (4, True), (5, True)):
                label = "%s, %s, %s" % (scenario.__doc__.split(";")[0].rstrip("."), {4: "3.1.1", 5: "5"}[version], "TLS" if tls else "TCP")
                try:
                    scenario(stack, version, tls)
                    stack.check()
                    print("ok    " + label, flush=True)
                except (AssertionError, OSError) as problem:
                    failed += 1
                    print("FAIL  %s: %s: %s" % (label, type(problem).__name__, problem), flush=True)
        stack.keep = failed != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
