"""A server that answers every call as its plan says and keeps its own truth: when a request was whole, when each piece
was about to be written, on the clock that the driver uses too."""

import asyncio
import contextlib
import logging
import socket
import struct
import threading
import time

import answers


# Callers that go away in the middle are what this is about.
logging.getLogger("asyncio").setLevel(logging.CRITICAL)


class Call:
    """What was true of one call."""

    def __init__(self, plan, api, stream):
        self.plan, self.api, self.stream = plan, api, stream
        self.received = time.monotonic_ns()
        self.written = []
        self.sent = 0
        self.whole = False
        self.times = 1


class Server:
    """Serves plans by the number that the driver gives its calls: `plan_of(number, api, stream)`."""

    def __init__(self, plan_of):
        self.plan_of, self.calls, self.strays, self.faults = plan_of, {}, 0, []
        self.loop = asyncio.new_event_loop()
        ready = threading.Event()
        self.thread = threading.Thread(target=self._serve, args=(ready,), daemon=True)
        self.thread.start()
        ready.wait()

    def _serve(self, ready):
        asyncio.set_event_loop(self.loop)

        async def start():
            self.server = await asyncio.start_server(self._connection, "127.0.0.1", 0, limit=1 << 20, backlog=1000)
            self.port = self.server.sockets[0].getsockname()[1]
            ready.set()

        self.loop.run_until_complete(start())
        self.loop.run_forever()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()

    def close(self):
        self.loop.call_soon_threadsafe(self.server.close)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()

    async def _connection(self, reader, writer):
        try:
            while await self._call(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass
        except Exception as fault:  # told by the campaign: its own server must not fail in silence
            self.faults.append(repr(fault))
        finally:
            with contextlib.suppress(Exception):
                writer.transport.abort()

    async def _call(self, reader, writer):
        top = await reader.readuntil(b"\r\n\r\n")
        head = top.lower()
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
        body = await reader.readexactly(int(fields.get(b"content-length", 0)))
        name = fields.get(b"x-ms-client-request-id", b"").rpartition(b"-")[2]
        api = answers.api_of(head.split(b"\r\n", 1)[0].decode("latin-1"))
        stream = b'"stream":true' in body.replace(b": ", b":")
        if not name.isdigit():
            self.strays += 1
            return False
        number = int(name)
        call = Call(self.plan_of(number, api, stream), api, stream)
        if number in self.calls:
            call.times = self.calls[number].times + 1
        self.calls[number] = call
        return await self._answer(call, reader, writer)

    async def _answer(self, call, reader, writer):
        plan = call.plan
        for pause, data in plan.pieces:
            if pause:
                await asyncio.sleep(pause)
            call.written.append(time.monotonic_ns())
            writer.write(data)
            call.sent += len(data)
            await writer.drain()
        while plan.repeat and call.sent < answers.ENDLESS:
            if plan.every:
                await asyncio.sleep(plan.every)
            writer.write(plan.repeat)
            call.sent += len(plan.repeat)
            await writer.drain()
            if writer.transport.is_closing() or reader.at_eof():
                return False
        call.whole = True
        if plan.end == "keep":
            return True
        if plan.end == "hold":
            await reader.read()
            return False
        if plan.end == "reset":
            raw = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            return False
        # What was written must arrive: an abort could overtake it.
        writer.write_eof()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(reader.read(), 10)
        return False
