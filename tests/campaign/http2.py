"""HTTP/2 by hand, as a server speaks it: frames, enough of HPACK to read what is asked, and answers that are mutated."""

import asyncio
import contextlib
import dataclasses
import struct
import time

import answers
import mutate
from server import Call, Server

DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
END_STREAM, END_HEADERS, PADDED = 1, 4, 8
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# The Huffman code of RFC 7541 is canonical: its lengths say it all. Of other characters no name here is made.
_LENGTHS = {
    5: "012aceiost", 6: " %-./3456789=A_bdfghlmnpru", 7: ":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz", 8: "&*,;XZ", 10: "!\"()?", 11: "'+|", 12: "#>",
    13: "\0$@[]~", 14: "^}", 15: "<`{", 19: "\\"}


def _codes():
    made, code, last = {}, 0, 5
    for length, letters in _LENGTHS.items():
        code <<= length - last
        last = length
        for letter in letters:
            made[length, code] = letter
            code += 1
    return made


_CODES = _codes()


def huffman(data):
    """What a coded text says."""
    text, code, length = [], 0, 0
    for byte in data:
        for bit in range(7, -1, -1):
            code, length = code << 1 | byte >> bit & 1, length + 1
            letter = _CODES.get((length, code))
            if letter is not None:
                text.append(letter)
                code, length = 0, 0
    return "".join(text)


class Hpack:
    """Reads blocks of headers: names and values, those of the static table left empty but for the path."""

    def __init__(self):
        self.dynamic = []

    def read(self, block):
        found, at = {}, 0
        while at < len(block):
            first = block[at]
            if first & 0x80:
                index, at = self._integer(block, at, 7)
                name, value = self._entry(index)
            elif first & 0xE0 == 0x20:
                _, at = self._integer(block, at, 5)
                continue
            else:
                is_kept = bool(first & 0x40)
                index, at = self._integer(block, at, 6 if is_kept else 4)
                if index:
                    name = self._entry(index)[0]
                else:
                    name, at = self._text(block, at)
                value, at = self._text(block, at)
                if is_kept:
                    self.dynamic.insert(0, (name, value))
            found[name] = value
        return found

    def _entry(self, index):
        if index <= 61:
            return (":path", "/") if index in (4, 5) else ("", "")
        return self.dynamic[index - 62]

    def _integer(self, block, at, bits):
        most = (1 << bits) - 1
        value, at, shift = block[at] & most, at + 1, 0
        while value >= most and (shift or value == most):
            value += (block[at] & 127) << shift
            shift, at = shift + 7, at + 1
            if not block[at - 1] & 128:
                break
        return value, at

    def _text(self, block, at):
        is_coded = bool(block[at] & 128)
        length, at = self._integer(block, at, 7)
        data = bytes(block[at:at + length])
        return huffman(data) if is_coded else data.decode("latin-1"), at + length


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def field(name, value):
    """A header, literal and never kept."""
    parts = [b"\x10"]
    for text in (name, value):
        data = text.encode("utf-8", "surrogateescape")
        parts.append(bytes([len(data)]) if len(data) < 127 else b"\x7f" + _rest(len(data) - 127))
        parts.append(data)
    return b"".join(parts)


def _rest(number):
    out = bytearray()
    while number >= 128:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


@dataclasses.dataclass
class Plan2(answers.Plan):
    """One answer on a stream; `pieces` are functions of the stream's number. A fatal one ends its connection and may take
    other calls with it."""
    fatal: bool = False


def _raw(data):
    return lambda stream: data


def _head(rng, stream_answer, status="200", more=(), flags=END_HEADERS):
    kind = "text/event-stream" if stream_answer else "application/json"
    block = field(":status", status) + field("content-type", kind) + b"".join(field(name, value) for name, value in more)
    if rng.random() < 0.15 and len(block) > 4 and flags & END_HEADERS:
        at = rng.randrange(1, len(block))
        return lambda stream: frame(HEADERS, flags & ~END_HEADERS, stream, block[:at]) + frame(CONTINUATION, END_HEADERS, stream, block[at:])
    return lambda stream: frame(HEADERS, flags, stream, block)


def _data(rng, data, flags=0):
    if rng.random() < 0.1:
        padding = rng.randrange(200)
        return lambda stream: frame(DATA, flags | PADDED, stream, bytes([padding]) + data + b"\0" * padding)
    return lambda stream: frame(DATA, flags, stream, data)


def _between(rng):
    """What may stand between the frames of an answer."""
    return rng.choice([
        frame(PING, 0, 0, b"12345678"), frame(WINDOW, 0, 0, struct.pack(">I", 1000)), frame(0x4D, 0x55, 0, b"unknown"),
        frame(SETTINGS, 0, 0, b""), frame(SETTINGS, 0, 0, struct.pack(">HI", 3, 100))])


def _body(api, stream):
    if stream:
        return [event + b"\n\n" for event in answers.events(api)]
    return [answers.json.dumps(answers._BODIES[api]).encode()]


def benign(rng, api, stream):
    parts = _body(api, stream)
    first, final, tokens = answers.MARKS[api] if stream else (None, 0, answers.WHOLE_TOKENS[api])
    pieces = [(rng.choice([0, 0, 0.005, 0.05, 0.2]), _head(rng, stream))]
    marks = {}
    for number, part in enumerate(parts):
        if rng.random() < 0.1:
            pieces.append((0, _raw(_between(rng))))
        if stream and number == first:
            marks["content"] = len(pieces)
        if number == final:
            marks["final"] = len(pieces)
        pieces.append((rng.choice([0, 0, 0.01, 0.1]), _data(rng, part, END_STREAM if number == len(parts) - 1 and rng.random() < 0.5 else 0)))
    last = pieces[-1][1](1)
    if not last[4] & END_STREAM:
        if rng.random() < 0.3:
            pieces.append((0, lambda number: frame(HEADERS, END_HEADERS | END_STREAM, number, field("x-trailer", "1"))))
        else:
            pieces.append((0, lambda number: frame(DATA, END_STREAM, number)))
    return Plan2("h2 benign", pieces, "keep", "ok", 200, tokens=tokens, **marks)


def status(rng, api, stream):
    number = rng.choice([400, 401, 404, 408, 429, 500, 503, 529, 301, 308])
    body = rng.choice([answers._error_body(rng), b"", b"<html>", mutate.flip(rng, b"{\"error\":{}}")])
    more = rng.choice([[], [("retry-after", mutate.number(rng))], [("x-request-id", rng.choice(mutate.STRINGS[8:]))[:2]]])
    more = [(name, "".join(sign for sign in value if " " <= sign <= "~")) for name, value in more]
    return Plan2(
        f"h2 status {number}", [(0, _head(rng, False, str(number), more)), (0, _data(rng, body, END_STREAM))], "keep", "not", number)


def reset(rng, api, stream):
    """The stream is reset before its answer is whole."""
    plan = benign(rng, api, stream)
    kept = plan.pieces[:rng.randrange(plan.final + 1)]
    code = rng.choice([0, 1, 2, 5, 7, 8, 11, 13, 99999])
    kept.append((0, lambda number: frame(RST, 0, number, struct.pack(">I", code))))
    return Plan2("h2 reset", kept, "keep", "not")


def ended(rng, api, stream):
    """The stream ends well before its answer is whole."""
    parts = _body(api, stream)
    final = answers.MARKS[api][1] if stream else 0
    kept = parts[:rng.randrange(final + 1)] if stream else [parts[0][:rng.randrange(len(parts[0]) // 2)]]
    pieces = [(0, _head(rng, stream)), *[(0, _data(rng, part)) for part in kept], (0, lambda number: frame(DATA, END_STREAM, number))]
    return Plan2("h2 ended early", pieces, "keep", "not", 200)


def silent(rng, api, stream):
    plan = benign(rng, api, stream)
    return Plan2("h2 silent", plan.pieces[:rng.randrange(plan.final + 1)], "keep", "not")


def members(rng, api, stream):
    made = answers.members(rng, api, stream)
    body = made.pieces[0][1].partition(b"\r\n\r\n")[2][:16000]
    return Plan2("h2 json", [(0, _head(rng, stream)), (0, _data(rng, body, END_STREAM))], "keep")


def fields(rng, api, stream):
    """Headers that HTTP/2 forbids, or that nobody expects."""
    more = [rng.choice([
        ("connection", "close"), ("transfer-encoding", "chunked"), ("X-Upper", "a"), ("", "a"), (":status", "200"), (":path", "/"),
        ("content-length", "-1"), ("content-length", "5"), ("x-a", "a" * 9000), ("x-nul", "a\0b"), ("retry-after", "1e400"), ("te", "x"),
        ("content-type", "text/html"), ("x-ms-region", answers.look.FORMULA), ("x-request-id", "\u202e")]) for _ in range(rng.randint(1, 3))]
    first = rng.choice(["200", "200", "2OO", "", "099", "100", "103", "204", "99999"])
    parts = b"".join(_body(api, stream))
    return Plan2("h2 headers", [(0, _head(rng, stream, first, more)), (0, _data(rng, parts, END_STREAM))], "keep", fatal=True)


def frames(rng, api, stream):
    """Frames that are wrong: most end the connection."""
    good = [_head(rng, stream), *(_data(rng, part) for part in _body(api, stream))]
    choice = rng.randrange(14)

    def wrong(number):
        return [
            mutate.flip(rng, b"".join(make(number) for make in good), 4),
            frame(DATA, 0, 0, b"x"),
            frame(DATA, 0, number, b"before any head"),
            frame(HEADERS, END_HEADERS, number, mutate.flip(rng, field(":status", "200"), 3)),
            frame(HEADERS, END_HEADERS, number + 1000, field(":status", "200")),
            frame(CONTINUATION, END_HEADERS, number, b""),
            frame(WINDOW, 0, 0, struct.pack(">I", 0x7FFFFFFF)) * 2,
            frame(WINDOW, 0, number, struct.pack(">I", 0)),
            frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 0x80000000)),
            frame(SETTINGS, 0, 0, b"12345"),
            frame(PUSH, END_HEADERS, number, struct.pack(">I", 2) + field(":status", "200")),
            frame(GOAWAY, 0, 0, struct.pack(">II", rng.choice([0, number, 0x7FFFFFFF]), rng.choice([0, 2, 11]))),
            frame(PING, 0, 0, b"123"),
            struct.pack(">I", 0xFFFFFF)[1:] + bytes([DATA, 0]) + struct.pack(">I", number) + b"a" * 100,
        ][choice]

    return Plan2(f"h2 frame {choice}", [(0, wrong)], rng.choice(["keep", "close"]), fatal=True)


def flood(rng, api, stream):
    """Frames without an end."""
    choice = rng.randrange(7)
    big = field("x-big", "b" * 4000)

    def again(number):
        return [
            frame(PING, 0, 0, b"12345678") * 100,
            frame(SETTINGS, 0, 0, struct.pack(">HI", 3, 100)) * 100,
            frame(CONTINUATION, 0, number, field("x-a", "b") * 500),
            frame(DATA, 0, number, b"") * 500,
            frame(WINDOW, 0, 0, struct.pack(">I", 1)) * 100,
            frame(0x7F, 0, 0, b"u" * 16000),
            frame(HEADERS, END_HEADERS, number, b"".join(big for _ in range(3))),
        ][choice]

    before = [(0, lambda number: frame(HEADERS, 0 if choice == 2 else END_HEADERS, number, field(":status", "200")))]
    return Plan2(f"h2 flood {choice}", before, "close", "not", repeat=again, every=0.002, fatal=True)


def bomb(rng, api, stream):
    """A large header kept once in the table of the reader, then named many times: kilobytes that mean megabytes."""
    name = b"\x40" + field("x-bomb", "b" * 3900)[1:]

    def blast(number):
        return frame(HEADERS, 0, number, field(":status", "200") + name) + b"".join(
            frame(CONTINUATION, 0, number, b"\xbe" * 16000) for _ in range(20)) + frame(CONTINUATION, END_HEADERS, number, b"")

    return Plan2("h2 bomb", [(0, blast)], "close", "not", fatal=True)


FAMILIES = [
    (benign, 40), (status, 10), (reset, 10), (ended, 8), (silent, 3), (members, 10), (fields, 6), (frames, 10), (flood, 2), (bomb, 1)]


def plan(rng, api, stream, key):
    make = rng.choices([one for one, _ in FAMILIES], [weight for _, weight in FAMILIES])[0]
    return make(rng, api, stream)


class Connection:
    """What a server keeps of one connection."""

    def __init__(self, writer):
        self.writer, self.hpack, self.calls = writer, Hpack(), []
        self.window, self.initial, self.streams = 65535, 65535, {}
        self.grown = asyncio.Event()
        self.is_ended = False

    def grow(self, stream, by):
        if stream:
            self.streams[stream] = self.streams.get(stream, self.initial) + by
        else:
            self.window += by
        self.grown.set()

    async def room(self, stream, size):
        """Waits until so much may be sent on a stream."""
        while self.window < size or self.streams.setdefault(stream, self.initial) < size:
            self.grown.clear()
            await asyncio.wait_for(self.grown.wait(), 10)
        self.window -= size
        self.streams[stream] -= size


class Server2(Server):
    """The same over HTTP/2, by prior knowledge."""

    async def _connection(self, reader, writer):
        connection, tasks = Connection(writer), []
        try:
            assert await reader.readexactly(len(PREFACE)) == PREFACE
            writer.write(frame(SETTINGS, 0, 0, struct.pack(">HI", 3, 100)))
            asked, block = {}, {}
            while True:
                head = await reader.readexactly(9)
                size, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
                stream = int.from_bytes(head[5:], "big") & 0x7FFFFFFF
                payload = await reader.readexactly(size)
                self._own(connection, kind, flags, stream, payload)
                if kind in (HEADERS, CONTINUATION):
                    block[stream] = block.get(stream, b"") + (payload[5:] if flags & 0x20 else payload)
                    if flags & END_HEADERS:
                        asked[stream] = [connection.hpack.read(block.pop(stream)), b""]
                elif kind == DATA and stream in asked:
                    asked[stream][1] += payload
                if kind in (HEADERS, DATA, CONTINUATION) and flags & END_STREAM and stream in asked:
                    tasks.append(asyncio.ensure_future(self._stream(connection, stream, *asked.pop(stream))))
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        except Exception as fault:
            self.faults.append(repr(fault))
        finally:
            for task in tasks:
                task.cancel()
            with contextlib.suppress(Exception):
                writer.transport.abort()

    def _own(self, connection, kind, flags, stream, payload):
        """What a connection asks for itself."""
        if kind == SETTINGS and not flags & 1:
            for at in range(0, len(payload), 6):
                name, value = struct.unpack(">HI", payload[at:at + 6])
                if name == 4:
                    for one in connection.streams:
                        connection.streams[one] += value - connection.initial
                    connection.initial = value
            connection.writer.write(frame(SETTINGS, 1, 0))
        elif kind == PING and not flags & 1:
            connection.writer.write(frame(PING, 1, 0, payload))
        elif kind == WINDOW:
            connection.grow(stream, struct.unpack(">I", payload)[0])

    async def _stream(self, connection, stream, fields, body):
        name = fields.get("x-ms-client-request-id", "").rpartition("-")[2]
        if not name.isdigit():
            self.faults.append(f"no number in {fields}")
            return
        number = int(name)
        api = answers.api_of(fields[":path"])
        call = Call(self.plan_of(number, api, b'"stream":true' in body), api, b'"stream":true' in body)
        if number in self.calls:
            call.times = self.calls[number].times + 1
        self.calls[number] = call
        call.connection = connection
        connection.calls.append(call)
        try:
            await self._write(connection, stream, call)
        except (OSError, asyncio.TimeoutError):
            pass
        except Exception as fault:
            if not connection.writer.transport.is_closing() and not connection.is_ended:
                self.faults.append(repr(fault))

    async def _write(self, connection, stream, call):
        plan, writer = call.plan, connection.writer
        for pause, make in plan.pieces:
            if pause:
                await asyncio.sleep(pause)
            data = make(stream)
            if not plan.fatal and data[3] == DATA:
                await connection.room(stream, len(data) - 9)
            call.written.append(time.monotonic_ns())
            writer.write(data)
            call.sent += len(data)
            await writer.drain()
        while plan.repeat and call.sent < answers.ENDLESS and not writer.transport.is_closing():
            writer.write(plan.repeat(stream))
            call.sent += 16384
            await writer.drain()
            await asyncio.sleep(plan.every)
        call.whole = True
        if plan.end == "close" and not connection.is_ended:
            connection.is_ended = True
            writer.write_eof()
