"""A TCP proxy that can be cut: connections reset and new ones refused, or everything hanging as in a lost network."""

import asyncio
import socket
import struct
import threading


class CuttableProxy:
    def __init__(self, port: int, target_port: int):
        self.port, self.target_port = port, target_port
        self.mode = "pass"
        self.writers = set()
        self.server = None
        self.loop = asyncio.new_event_loop()
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self._run(self._listen())

    def _run(self, task):
        return asyncio.run_coroutine_threadsafe(task, self.loop).result(10)

    async def _listen(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _serve(self, reader, writer):
        await self.flowing.wait()
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:
            self._reset(writer)
            return
        self.writers |= {writer, far_writer}
        await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        self.writers -= {writer, far_writer}

    async def _pump(self, reader, writer):
        try:
            while True:
                data = await reader.read(65536)
                await self.flowing.wait()
                if not data:
                    break
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.close()

    @staticmethod
    def _reset(writer):
        made = writer.get_extra_info("socket")
        if made is not None:
            try:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            except OSError:
                pass
        writer.transport.abort()

    async def _cut(self):
        self.server.close()
        for writer in list(self.writers):
            self._reset(writer)

    def cut(self):
        """All connections are reset, new ones are refused."""
        self._run(self._cut())

    def hang(self):
        """Nothing flows any more; connections stay, new ones are taken by the system and not served."""
        self.loop.call_soon_threadsafe(self.flowing.clear)

    def heal(self):
        self.loop.call_soon_threadsafe(self.flowing.set)
        if not self.server.is_serving():
            self._run(self._listen())
