"""Counts wills: a durable consumer of the topic `wills`, so that it outlives brokers and restarts of messaging."""

import asyncio
import threading
import time

import watchers  # noqa: F401  (makes the Python client importable)
from notification2_client import ProtocolError, Subscriber, get_token


class WillLog:
    """Payloads of `wills` by how often they came, acknowledged as they come. A restart of messaging may bring what was just
    acknowledged again; `audit` tells how often each stands in the store, by a second subscriber that never acknowledged."""

    def __init__(self, stack, topic: str = "wills"):
        self.base = "ws://127.0.0.1:%d" % stack.messaging_port
        self.token = get_token(stack.http, "t0815/admin", "admin-secret", topic, "will-log")
        self.audit_token = get_token(stack.http, "t0815/admin", "admin-secret", topic, "audit")
        asyncio.run(self._read_audit(0.0))  # exists from now on
        self.payloads = []
        self.connected = threading.Event()
        self.stopping = False
        self.thread = threading.Thread(target=lambda: asyncio.run(self._consume()), daemon=True)
        self.thread.start()
        if not self.connected.wait(15):
            raise AssertionError("the consumer of wills could not connect")

    async def _consume(self):
        while not self.stopping:
            try:
                async with Subscriber(self.base, self.token) as subscriber:
                    self.connected.set()
                    while not self.stopping:
                        received = await subscriber.receive(0.25)
                        if received is not None:
                            self.payloads.append(received.message.payload.decode())
                            await subscriber.acknowledge(received)
            except ProtocolError:
                raise
            except Exception:  # refused, reset or closed: messaging is being restarted
                await asyncio.sleep(0.05)

    async def _read_audit(self, idle: float) -> list:
        out = []
        async with Subscriber(self.base, self.audit_token) as subscriber:
            while idle:
                received = await subscriber.receive(idle)
                if received is None:
                    break
                out.append(received.message.payload.decode())
        return out

    def audit(self) -> dict:
        """Payload to how often it was stored. Once, at the end."""
        stored = asyncio.run(self._read_audit(2.0))
        return {payload: stored.count(payload) for payload in stored}

    def count(self, payload: str) -> int:
        return self.payloads.count(payload)

    def seen(self) -> dict:
        return {payload: self.payloads.count(payload) for payload in set(self.payloads)}

    def wait(self, payload: str, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.count(payload) == 0 and time.monotonic() < deadline:
            time.sleep(0.02)
        return self.count(payload) > 0

    def close(self):
        self.stopping = True
        self.thread.join(5)
