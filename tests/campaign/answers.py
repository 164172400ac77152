"""What a server answers to one call: pieces with their delays, how the connection ends, and what is true of it."""

import base64
import dataclasses
import json
import pathlib
import urllib.parse

import look
import mutate

FIXTURES = pathlib.Path(__file__).resolve().parents[2] / "mock-backend" / "tests" / "fixtures"
HEAD = "HTTP/1.1 200 OK\r\n"
# More than any limit of the reader; a server stops here by itself.
ENDLESS = 64 << 20


@dataclasses.dataclass
class Plan:
    """One answer. `expect` is "ok", "not" or None (any outcome, but a true one)."""
    name: str
    pieces: list                     # (seconds before, bytes)
    end: str = "keep"                # keep | close | reset | hold: the connection after the last piece
    expect: str | None = None
    status: int | None = None
    head: int = 0                    # the piece with the first byte of the status line of the answer
    content: int | None = None       # no content can be seen before this piece
    final: int | None = None         # no answer is whole before this piece
    tokens: int | None = None
    repeat: bytes | None = None      # sent again and again after the pieces
    every: float = 0.0               # seconds between


def _fixture(name):
    text = (FIXTURES / name).read_text()
    return text.replace("CREATED", "1764500000").replace("COMPLETED", "1764500001").replace("_ID", "_7f").replace("-ID", "-7f")


_STREAMS = {
    "chat": _fixture("chat-usage.sse"),
    "responses": _fixture("responses.sse"),
    "messages": _fixture("messages.sse"),
}
_BODIES = {api: json.loads(_fixture(f"{api}.json")) for api in _STREAMS}


def api_of(address):
    """The API that is asked at an address, or in a request line."""
    return next((api for api in ("responses", "messages") if f"/{api}" in address), "chat")


def events(api):
    return [event.encode() for event in _STREAMS[api].strip().split("\n\n")]


def parsed(event):
    """The lines before the data, and the data."""
    at = event.index(b"data: ") + 6
    return event[:at], event[at:]


def _counted(answer):
    """The output tokens that an object counts, if it does."""
    usage = answer.get("usage") or answer.get("response", {}).get("usage") or {}
    return usage.get("completion_tokens", usage.get("output_tokens"))


def _has_content(event):
    choices = event.get("choices") or [{}]
    delta = event.get("delta")
    if isinstance(delta, dict):
        delta = delta.get("text") or delta.get("partial_json") or delta.get("thinking")
    return bool(delta or choices[0].get("delta", {}).get("content"))


def _is_final(event):
    choices = event.get("choices") or [{}]
    return event.get("type") in ("response.completed", "response.incomplete", "message_stop") or bool(choices[0].get("finish_reason"))


def _marks(api):
    """The first event with content, the one that makes the answer whole, and the tokens that the server counts."""
    told = [json.loads(data) for _, data in map(parsed, events(api)) if data != b"[DONE]"]
    first = next(at for at, event in enumerate(told) if _has_content(event))
    final = next(at for at, event in enumerate(told) if _is_final(event))
    return first, final, next(filter(None, map(_counted, reversed(told))))


MARKS = {api: _marks(api) for api in _STREAMS}
# The tokens that an answer in one piece counts.
WHOLE_TOKENS = {api: _counted(body) for api, body in _BODIES.items()}


def head(rng, stream, status="200 OK", more=(), length=None, chunked=True, kind=None):
    kind = kind or ("text/event-stream" if stream else "application/json")
    lines = [f"content-type: {kind}", *more]
    if length is not None:
        lines.append(f"content-length: {length}")
    elif chunked:
        lines.append("transfer-encoding: chunked")
    if rng.random() < 0.3:
        rng.shuffle(lines)
    return (f"HTTP/1.1 {status}\r\n" + "".join(f"{line}\r\n" for line in lines) + "\r\n").encode("utf-8", "surrogateescape")


def chunk(data, extension=b""):
    return b"%x%s\r\n%s\r\n" % (len(data), extension, data) if data else b""


def _split(rng, data, most):
    """A piece in writes of any size."""
    if len(data) < 2 or not most:
        return [data]
    cuts = sorted({rng.randrange(1, len(data)) for _ in range(rng.randint(1, most))})
    return [data[at:to] for at, to in zip([0, *cuts], [*cuts, len(data)])]


def _pause(rng):
    return rng.choice([0, 0, 0, 0.001, 0.01, 0.05])


# Harmless ways to write a stream: every one must be read as the plain one is.

def _dress(rng, event):
    """One event as the standard allows it to be written."""
    step = rng.randrange(10)
    if step == 0:
        event = b": a comment\n" + event
    elif step == 1:
        event = b"id: 7\n" + event
    elif step == 2:
        event = b"retry: 1000\n" + event
    elif step == 3:
        event = event.replace(b"data: ", b"data:", 1)
    elif step == 4:
        event = b"unknown: x\n" + event
    elif step == 5:
        event = b": \n\n" + event
    elif step == 6:
        before, data = parsed(event)
        if data != b"[DONE]":
            event = before + json.dumps(json.loads(data), indent=None, separators=(", ", " : ")).encode()
    elif step == 7:
        before, data = parsed(event)
        if data != b"[DONE]":
            event = before + json.dumps({"x-new": [1, {"a": None}], **json.loads(data), "zz": "\u00e9"}).encode()
    elif step == 8:
        event = b"event: ping\ndata: {\"type\": \"ping\"}\n\n" + event
    return event


def _benign_stream(rng, api):
    first, final, tokens = MARKS[api]
    all_events = events(api)
    end = rng.choice([b"\n", b"\n", b"\r\n"])
    dressed = [_dress(rng, event).replace(b"\n", end) + end + end for event in all_events]
    if rng.random() < 0.15:
        dressed[0] = b"\xef\xbb\xbf" + dressed[0]
    framing = rng.choice(["chunked", "chunked", "chunked", "length", "close"])
    more = rng.choice([[], [], ["x-a: b"] * 30, ["Set-Cookie: a=b", "Set-Cookie: c=d"], ["x-ratelimit-remaining-tokens: 99"]])
    if framing == "length":
        top = head(rng, True, more=more, length=sum(map(len, dressed)))
    elif framing == "close":
        top = head(rng, True, more=[*more, "connection: close"], chunked=False)
    else:
        top = head(rng, True, more=more)
    pieces, marks = [], {}
    if rng.random() < 0.15:
        pieces += [(0, b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n")] * rng.choice([1, 3])
    marks["head"] = len(pieces)
    pieces.append((rng.choice([0, 0, 0.005, 0.05, 0.2]), top))
    for number, event in enumerate(dressed):
        if number == first:
            marks["content"] = len(pieces)
        if number == final:
            marks["final"] = len(pieces)
        data = event
        if framing == "chunked":
            extension = rng.choice([b"", b"", b";a=b", b";x"])
            parts = _split(rng, data, 2) if rng.random() < 0.2 else [data]
            data = b"".join(chunk(part, extension) for part in parts)
        pause = rng.choice([0, 0.1, 0.3]) if number == first else _pause(rng)
        for part in _split(rng, data, 3 if rng.random() < 0.3 else 0):
            pieces.append((pause, part))
            pause = _pause(rng)
    if framing == "chunked":
        trailer = rng.choice([b"", b"", b"x-trailer: 1\r\n"])
        pieces.append((0, b"0\r\n" + trailer + b"\r\n"))
    ends = "close" if framing == "close" else rng.choice(["keep", "keep", "keep", "close"])
    return Plan("benign", _joined(rng, pieces, marks), ends, "ok", 200, tokens=tokens, **marks)


def _joined(rng, pieces, marks):
    """Now and then everything from some piece on in one write."""
    if rng.random() < 0.15:
        at = rng.randrange(len(pieces))
        pieces = [*pieces[:at], (pieces[at][0], b"".join(data for _, data in pieces[at:]))]
        for name in marks:
            marks[name] = min(marks[name], at)
    return pieces


def _benign_body(rng, api):
    body = json.dumps(_BODIES[api], indent=rng.choice([None, 2])).encode() + rng.choice([b"", b"\n", b"  \r\n"])
    if rng.random() < 0.1:
        body = b"\xef\xbb\xbf" + body
    pause = rng.choice([0, 0.005, 0.05, 0.2])
    marks = {"head": 0}
    if rng.random() < 0.5:
        pieces = [(pause, head(rng, False, length=len(body)))]
        pieces += [(_pause(rng), part) for part in _split(rng, body, 3)]
        marks["final"] = len(pieces) - 1
    else:
        pieces = [(pause, head(rng, False))]
        pieces += [(_pause(rng), chunk(part)) for part in _split(rng, body, 3)]
        marks["final"] = len(pieces)
        pieces.append((_pause(rng), b"0\r\n\r\n"))
    # The body alone says whether it is whole; white space behind it may come late.
    marks["final"] = 1
    return Plan("benign", pieces, rng.choice(["keep", "keep", "close"]), "ok", 200, tokens=WHOLE_TOKENS[api], **marks)


def benign(rng, api, stream):
    return _benign_stream(rng, api) if stream else _benign_body(rng, api)


def _unfinished(rng, api, stream):
    """A harmless answer, and those of its pieces before which it is not whole."""
    plan = benign(rng, api, stream)
    while not plan.final:
        # It all comes in one piece.
        plan = benign(rng, api, stream)
    return plan, plan.pieces[:plan.final]


# Broken ways, whose outcome is known.

def _error_body(rng, words="it broke"):
    shapes = [
        {"error": {"message": words, "type": "server_error", "param": None, "code": "x"}},
        {"error": words}, {"detail": words}, {"message": words}, words, [words], {"errors": [{"message": words}]}]
    return json.dumps(rng.choice(shapes)).encode()


def status(rng, api, stream):
    number = rng.choice([*range(400, 430), 499, 500, 501, 502, 503, 504, 507, 529, 599, 300, 301, 302, 307, 308])
    body = rng.choice([
        _error_body(rng), b"", b"<html><body>no</body></html>", mutate.flip(rng, _error_body(rng)), b"\0" * 100,
        _error_body(rng, rng.choice(mutate.STRINGS))])
    more = rng.choice([
        [], [f"retry-after: {mutate.number(rng)}"], ["retry-after: Wed, 21 Oct 1915 07:28:00 GMT"], ["retry-after-ms: 1e400"],
        ["retry-after: " + "9" * 400], ["location: http://127.0.0.1:1/"], ["www-authenticate: Basic"],
        [f"x-ratelimit-reset-tokens: {mutate.number(rng)}"]])
    words = rng.choice(["", "No", "\u00e9\u00e8", "x" * 500])
    top = head(rng, False, f"{number} {words}", more, length=len(body))
    return Plan(f"status {number}", [(_pause(rng), top + body)], "keep", "not", number)


def cut(rng, api, stream):
    """The connection ends before the answer is whole."""
    plan, kept = _unfinished(rng, api, stream)
    if not stream:
        # White space may stand after the whole body: half of the body never is whole.
        body = json.dumps(_BODIES[api]).encode()
        kept = [(0, head(rng, False, length=len(body)) + body[:rng.randrange(len(body) // 2)])]
    at = rng.randrange(len(kept))
    pause, data = kept[at]
    kept = [*kept[:at], (pause, data[:rng.randrange(len(data) + 1)])]
    return dataclasses.replace(
        plan, name="cut", pieces=kept, end=rng.choice(["close", "reset"]), expect="not", status=None, content=None, final=None,
        head=0, tokens=None)


def error_event(rng, api, stream):
    """An error under a status of success, before the answer is whole."""
    words = rng.choice(["it broke", "rate limit", *mutate.STRINGS[:12]])
    error = json.dumps({"error": {"message": words, "type": "server_error", "code": rng.choice(["500", "429", None])}}).encode()
    if not stream:
        return Plan("error body", [(0, head(rng, False, length=len(error)) + error)], "keep", "not", 200)
    first, final, _ = MARKS[api]
    kept = events(api)[:rng.randrange(0, final)]
    form = rng.choice([b"data: %s\n\n", b"event: error\ndata: %s\n\n", b"error: %s\n\n"])
    data = b"".join(event + b"\n\n" for event in kept) + form % error
    data += rng.choice([b"", b"data: [DONE]\n\n"])
    return Plan("error event", [(0, head(rng, True)), (0, chunk(data) + b"0\r\n\r\n")], "keep", "not", 200)


def page(rng, api, stream):
    body = rng.choice([
        b"<!DOCTYPE html><html><body>Sign in</body></html>", b"<?xml version='1.0'?><e/>", b"\x1f\x8b\x08\0\0\0\0\0\0\3" * 9, b"Not found",
        b"null", b"[]", b"0", b"{}", b"data: [DONE]\n\n", b"\0", b"data: {}\n\n" * 50])
    kind = rng.choice([None, "text/html", "text/plain", "application/octet-stream", "x", ""])
    return Plan("page", [(0, head(rng, stream, length=len(body), kind=kind) + body)], "keep", "not", 200)


def stall(rng, api, stream):
    """Goes on too late, or never."""
    if rng.random() < 0.3:
        return Plan("silent", [], "hold", "not")
    plan, kept = _unfinished(rng, api, stream)
    if not stream:
        kept = [(0, plan.pieces[0][1])]
    return dataclasses.replace(
        plan, name="stall", pieces=kept[:rng.randrange(len(kept) + 1)], end="hold", expect="not", status=None, head=0, content=None,
        final=None, tokens=None)


# Changed ways, whose outcome is open: only what is told of them must be true.

def _whole(rng, api, stream, chunked=True):
    if stream:
        body = b"".join(event + b"\n\n" for event in events(api))
    else:
        body = json.dumps(_BODIES[api]).encode()
    return body


def _framed(rng, stream, body, more=()):
    if rng.random() < 0.5:
        return head(rng, stream, more=more, length=len(body)) + body
    return head(rng, stream, more=more) + b"".join(chunk(part) for part in _split(rng, body, 4)) + b"0\r\n\r\n"


def _after(rng):
    return rng.choice(["keep", "close", "close", "hold", "reset"])


def raw(rng, api, stream):
    """Any bytes of the answer changed."""
    data = mutate.flip(rng, _framed(rng, stream, _whole(rng, api, stream)), 8)
    pieces = [(_pause(rng), part) for part in _split(rng, data, 4)]
    return Plan("bytes", pieces, rng.choice(["keep", "close", "close"]))


def members(rng, api, stream):
    """The JSON of an answer changed."""
    if not stream:
        body = mutate.dumps(rng, mutate.tree(rng, _BODIES[api], 4))
    else:
        out = []
        for event in events(api):
            before, data = parsed(event)
            if data != b"[DONE]" and rng.random() < 0.3:
                data = mutate.dumps(rng, mutate.tree(rng, json.loads(data)))
            out.append(before + data + b"\n\n")
        body = b"".join(out)
    return Plan("json", [(_pause(rng), _framed(rng, stream, body))], rng.choice(["keep", "close"]))


def order(rng, api, stream):
    """Events gone, doubled, swapped, cut."""
    body = _whole(rng, api, True)
    body = mutate.lines(rng, body.decode(), 5).encode("utf-8", "surrogateescape")
    return Plan("events", [(_pause(rng), _framed(rng, True, body))], rng.choice(["keep", "close"]))


_HEADS = [
    "content-length: -1", "content-length: 18446744073709551616", "content-length: 5, 5", "content-length: 0x10",
    "content-length: 9999999999", "transfer-encoding: gzip, chunked", "transfer-encoding: chunked, chunked",
    "transfer-encoding: identity", "transfer-encoding : chunked", "content-encoding: gzip", "content-encoding: br",
    "content-type: text/html", "content-type: \0", "connection: upgrade", "upgrade: h2c", "connection: close, keep-alive",
    "x\0y: z", ": empty", "no colon", " folded", "x-request-id: " + "r" * 9000, "x-ms-region: " + look.FORMULA,
    "x-ms-region: \x1b[2J", "apim-request-id: " + look.MARKUP, "openai-processing-ms: 1e400", "openai-processing-ms: -5",
    "openai-processing-ms: 99999999999999999999", "x-envoy-upstream-service-time: NaN", "date: never", "trailer: content-length",
    "x-request-id: =1+1", "x-request-id: \u202e\u2066", "server-timing: a;dur=1e999", "retry-after: -1", "keep-alive: timeout=-1"]


def heads(rng, api, stream):
    """The status line and the headers changed."""
    body = _whole(rng, api, stream)
    more = [rng.choice(_HEADS) for _ in range(rng.randint(1, 4))]
    if rng.random() < 0.1:
        more += [f"x-{number}: {number}" for number in range(rng.choice([50, 99, 100, 200, 1000]))]
    first = rng.choice(["200 OK"] * 5 + ["200", "200 ", "099 x", "1000 x", "-200 OK", "2OO OK", "204 x", "304 x", "205 x", "101 x"])
    top = head(rng, stream, first, more, length=rng.choice([None, len(body), len(body) - 3, len(body) + 3]))
    if rng.random() < 0.3:
        top = top.replace(b"HTTP/1.1", rng.choice([b"HTTP/1.0", b"HTTP/2", b"HTTP/9.9", b"ICY", b"http/1.1", b" HTTP/1.1"]), 1)
    if rng.random() < 0.2:
        top = mutate.flip(rng, top, 2)
    data = body if b"chunked" not in top.lower() else chunk(body) + b"0\r\n\r\n"
    return Plan("heads", [(_pause(rng), top), (_pause(rng), data)], _after(rng))


def chunks(rng, api, stream):
    """The framing changed."""
    body = _whole(rng, api, stream)
    parts = []
    for part in _split(rng, body, 5):
        size = rng.choice([
            b"%x" % len(part)] * 4 + [b"%X" % (len(part) + 1), b"%x" % max(len(part) - 1, 0), b"-1", b"0x5", b"", b"f" * 16, b"f" * 40,
            b"%x;" % len(part) + b"e" * 20000, b" %x" % len(part), b"%x " % len(part), b"zz", b"0"])
        parts.append(size + rng.choice([b"\r\n"] * 6 + [b"\n", b"\r", b""]) + part + rng.choice([b"\r\n"] * 8 + [b"\n", b"", b"x"]))
    end = rng.choice([b"0\r\n\r\n"] * 3 + [b"0\r\n", b"0\r\n" + b"t: x\r\n" * 500 + b"\r\n", b"", b"00000000000000000\r\n\r\n"])
    return Plan("chunks", [(0, head(rng, stream)), *[(_pause(rng), part) for part in parts], (0, end)], _after(rng))


def behind(rng, api, stream):
    """More than one answer to one call: the next call must not be given it."""
    plan = benign(rng, api, stream)
    stale = _framed(rng, stream, _whole(rng, api, stream))
    extra = rng.choice([stale, stale, stale[:200], b"x", b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", b"\r\n\r\n"])
    # In one write with the end of the first: what comes later may cross the next request, and then nobody can tell whose
    # answer it is.
    pause, data = plan.pieces[-1]
    pieces = [*plan.pieces[:-1], (pause, data + extra)]
    return dataclasses.replace(plan, name="second answer", pieces=pieces, end="keep", expect=None, status=None, tokens=None)


def huge(rng, api, stream):
    """One part of the answer larger than anything sensible."""
    size = rng.choice([1 << 20, 8 << 20, 48 << 20])
    spot = rng.randrange(7)
    block = bytes([rng.choice(b"a{[\"0")]) * size
    if spot == 0:
        return Plan("huge line", [(0, head(rng, True)), (0, chunk(b"data: " + block))], "close", "not")
    if spot == 1:
        return Plan("huge header", [(0, b"HTTP/1.1 200 OK\r\nx-a: "), (0, block)], "close", "not")
    if spot == 2:
        return Plan("huge error", [(0, head(rng, False, "500 no", length=size)), (0, block)], "close", "not", 500)
    if spot == 3:
        lines = b"x-a: b\r\n" * (size // 8)
        return Plan("huge head", [(0, b"HTTP/1.1 200 OK\r\n"), (0, lines)], "close", "not")
    if spot == 4:
        return Plan("huge body", [(0, head(rng, False, length=size + 2)), (0, b"{\"" + block)], "close", "not")
    if spot == 5:
        return Plan("huge chunk extension", [(0, head(rng, True)), (0, b"5;"), (0, block)], "close", "not")
    line = b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n"
    return Plan("many events", [(0, head(rng, True, chunked=False)), (0, line * (size // len(line)))], "close", "not")


def endless(rng, api, stream):
    """Goes on as long as it is listened to."""
    spots = [
        ("line", head(rng, True) + b"fffffffffffff\r\ndata: ", b"a" * 65536),
        ("header", b"HTTP/1.1 200 OK\r\nx-a: ", b"a" * 65536),
        ("head", b"HTTP/1.1 200 OK\r\n", b"x-a: b\r\n" * 512),
        ("hints", b"", b"HTTP/1.1 103 Early Hints\r\nx: y\r\n\r\n" * 64),
        ("comments", head(rng, True, chunked=False), b": still here\n\n" * 64),
        ("events", head(rng, True, chunked=False), b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n" * 64),
        ("error", head(rng, False, "500 no", chunked=False), b"a" * 65536),
        ("body", head(rng, False, chunked=False), b"{\"a\":[" + b"[" * 65536),
        ("trailers", head(rng, True) + b"0\r\n", b"x: y\r\n" * 512),
        ("extension", head(rng, True) + b"5;", b"e" * 65536),
        ("nothing", head(rng, True, chunked=False), b"\n" * 65536),
    ]
    name, before, again = rng.choice(spots)
    status_word = 500 if name == "error" else None
    return Plan(f"endless {name}", [(0, before)], "close", "not", status_word, repeat=again, every=rng.choice([0, 0, 0.01, 0.2]))


def heartbeat(rng, api, stream):
    """A whole answer on a call that is kept open with heartbeats: it is not waited for."""
    if not stream:
        return benign(rng, api, stream)
    first, final, tokens = MARKS[api]
    body = b"".join(event + b"\n\n" for event in events(api))
    pieces = [(0, head(rng, True, chunked=False)), (0.02, body)]
    return Plan("heartbeat", pieces, "hold", "ok", 200, content=1, final=1, tokens=tokens, repeat=b": on\n\n", every=0.3)


def echo(key):
    def told(rng, api, stream):
        """The key said back, in any dress and place."""
        dress = rng.choice([
            key, key.upper(), base64.b64encode(key.encode()).decode(), urllib.parse.quote(key, safe=""), key[3:15], key[-9:],
            f"Bearer {key}", base64.urlsafe_b64encode(b"api-key:" + key.encode()).decode(), key.replace("/", "\\/")])
        words = f"wrong key {dress}." + rng.choice(["", " " + rng.choice(mutate.STRINGS[3:11])])
        if rng.random() < 0.4:
            body = _error_body(rng, words)
            number = rng.choice([400, 401, 403, 429, 500])
            return Plan("key in an error", [(0, head(rng, False, f"{number} {dress}", length=len(body)) + body)], "keep", "not", number)
        names = ["x-request-id", "apim-request-id", "x-ms-region", "x-ms-client-request-id", "retry-after", "server", "content-type", "location"]
        more = [f"{rng.choice(names)}: {dress}"]
        body = _whole(rng, api, stream)
        if rng.random() < 0.5:
            more, body = [], body.replace(rng.choice([b"gpt-4o-2024-08-06", b"When", b"7f", b"stop", b"completed", b"assistant"]), json.dumps(dress)[1:-1].encode())
        return Plan("key in an answer", [(0, _framed(rng, stream, body, more))], "keep")
    return told


def families(key):
    """Each with how often it is taken."""
    return [
        (benign, 24), (status, 10), (cut, 10), (error_event, 6), (page, 5), (stall, 3), (raw, 12), (members, 14), (order, 6), (heads, 8),
        (chunks, 8), (behind, 5), (heartbeat, 1), (echo(key), 6)]


def plan(rng, api, stream, key):
    """The answer to one call: the dice decide."""
    every = families(key)
    make = rng.choices([one for one, _ in every], [weight for _, weight in every])[0]
    made = make(rng, api, stream)
    if made.expect is None and made.end == "keep":
        # In one write: what comes after the end of an answer may cross the next request, and then nobody can tell whose
        # answer it is.
        made.pieces = [(sum(pause for pause, _ in made.pieces), b"".join(data for _, data in made.pieces))]
        made.head, made.content, made.final = 0, None, None
    return made


def large(rng, api, stream):
    """One that costs: huge or endless."""
    return rng.choice([huge, endless])(rng, api, stream)
