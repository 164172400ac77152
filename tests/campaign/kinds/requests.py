"""Mutated requests to the simulator: whatever is asked, it answers, within its bounds, and goes on."""

import contextlib
import json
import os
import re
import select
import socket
import subprocess
import time

import mutate
from bench import MEMORY, PROCESSOR_SECONDS, ROOT, Finding, broke

TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 10


class Simulator:
    """One in its own process, with a key and what it costs."""

    def __init__(self, bench, folder, *flags):
        self.errors = (folder / "stderr").open("wb+")
        self.child = subprocess.Popen(
            [bench.hopmark, "sim", "--ready-json", "--parent", "--key", bench.key, *flags], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self.errors, env=bench.environment())
        ready = json.loads(self.child.stdout.readline())
        self.port = int(ready["listeners"][0]["url"].rpartition(":")[2])

    def close(self):
        self.child.kill()
        self.child.wait()
        self.child.stdin.close()
        self.child.stdout.close()
        self.errors.close()

    def told(self):
        self.errors.flush()
        self.errors.seek(0)
        return self.errors.read()

    @property
    def ended(self):
        return self.child.poll() is not None

    def cpu(self):
        """Seconds of a processor so far."""
        fields = open(f"/proc/{self.child.pid}/stat").read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def peak(self, forget=False):
        """The most memory since the last time it was forgotten, in bytes."""
        if forget:
            with open(f"/proc/{self.child.pid}/clear_refs", "w") as file:
                file.write("5")
        text = open(f"/proc/{self.child.pid}/status").read()
        return int(re.search(r"VmHWM:\s+(\d+)", text)[1]) << 10


def seeds():
    """Requests that are right: method, address, body."""
    found = []
    for path in sorted((ROOT / "fuzz" / "seeds" / "request").iterdir()):
        head, _, body = path.read_text().partition("\n\n")
        method, _, address = head.split("\n")[0].partition(" ")
        found.append((method, address, body.strip()))
    return found


GROWN = [
    lambda n: {"model": "gpt-4o", "messages": [{"role": "user", "content": "word " * n}]},
    lambda n: {"model": "gpt-4o", "messages": [{"role": "user", "content": "a" * n}]},
    lambda n: {"model": "gpt-4o", "messages": [{"role": "user", "content": "\u00e9\U0001f600" * n}]},
    lambda n: {"model": "gpt-4o", "messages": [{"role": "user", "content": "a"}] * (n // 20)},
    lambda n: {"model": "gpt-4o", "messages": [{"role": "user", "content": [{"type": "text", "text": "b"}] * (n // 20)}]},
    lambda n: {"model": "gpt-4o", "input": "0" * n},
    lambda n: {"model": "gpt-4o", "input": [{"role": "user", "content": "c"}] * (n // 20)},
    lambda n: {"model": "text-embedding-3-small", "input": ["d"] * (n // 5)},
    lambda n: {"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}], "metadata": {str(m): "v" for m in range(n // 10)}},
    lambda n: {"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}], "user": "u" * n},
    lambda n: {"model": "m" * n, "messages": [{"role": "user", "content": "x"}]},
    lambda n: {"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}], "stop": ["s"] * (n // 5)},
    lambda n: {"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}], "logit_bias": {str(m): 1 for m in range(n // 10)}},
    lambda n: {"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}], "n": n},
    lambda n: {"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}], "max_tokens": n, "stream": True},
    lambda n: {"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}], "tools": [
        {"type": "function", "function": {"name": f"f{m}", "parameters": {"type": "object"}}} for m in range(n // 60)]},
]


def schema(rng, depth=0):
    """A JSON schema of a shape that costs."""
    step = rng.randrange(9) if depth < 5 else 0
    if step < 2:
        return rng.choice([
            {"type": "string"}, {"type": "string", "pattern": rng.choice(["(a+)+$", "^(a|aa)+$", "a{1000}", "(a{30}){30}", "[\\w]{0,999}", "("])},
            {"type": "integer", "minimum": 10**30}, {"enum": ["e" * 100] * 20}, {"$ref": "#"}, {"$ref": "#/$defs/a"}, {}, True,
            {"type": "array", "minItems": rng.choice([1, 1000, 10**9]), "items": {"$ref": "#"}}, {"type": "string", "minLength": 10**rng.randrange(9)}])
    if step < 5:
        return {
            "type": "object", "properties": {f"p{n}": schema(rng, depth + 1) for n in range(rng.choice([1, 2, 8]))},
            "required": [f"p{n}" for n in range(rng.choice([0, 2, 8]))], "additionalProperties": False}
    if step < 7:
        return {rng.choice(["anyOf", "allOf", "oneOf"]): [schema(rng, depth + 1) for _ in range(rng.choice([1, 2, 8]))]}
    return {"type": "array", "items": schema(rng, depth + 1), "$defs": {"a": schema(rng, depth + 1)}, "minItems": rng.choice([0, 3, 100])}


class Requests:
    """Many requests to one simulator, over a few connections."""
    name, size, weight = "requests", 200, 2

    def prepare(self, bench):
        self.seeds = seeds()
        with bench.folder() as folder:
            sim = self._start(bench, folder)
            try:
                for _ in range(20):
                    answer, _ = exchange(sim.port, self._bytes(bench, "POST", "/v1/chat/completions", json.dumps(GROWN[0](5)).encode()))
                    assert answer.startswith(b"HTTP/1.1 200"), answer[:300]
            finally:
                sim.close()

    def _start(self, bench, folder):
        return Simulator(bench, folder, "--ttft", "1ms", "--itl", "0ms", "--seed", "7")

    def batch(self, bench, first):
        return self._run(bench, range(first, first + self.size))

    def repeat(self, bench, index):
        return self._run(bench, [index])

    def _run(self, bench, indices):
        found = []
        with bench.folder() as folder:
            sim = self._start(bench, folder)
            try:
                for index in indices:
                    found += self._one(bench, sim, index)
                    if sim.ended or found and found[-1].column == "hangs":
                        sim.close()
                        sim = self._start(bench, folder)
                found += bench.judge_text(indices[0], "standard error", sim.told())
            finally:
                sim.close()
        return found

    def _one(self, bench, sim, index):
        rng = bench.rng(self.name, index)
        data, name = self._request(bench, rng)
        memory, cpu = sim.peak(forget=True), sim.cpu()
        answer, hung = exchange(sim.port, data)
        found, evidence = [], {"request.bin": data[:1 << 22], "answer.bin": answer[-100_000:]}

        def find(column, words):
            found.append(Finding(index, column, f"{name}: {words}", **evidence))

        settled = settle(sim, cpu)
        if sim.ended or broke(sim.told()):
            find("panics", f"the simulator ended with {sim.child.poll()}: {sim.told()[-300:]!r}")
            return found
        if hung:
            find("hangs", f"no end of the answer within {PATIENCE} s")
        if settled - cpu > PROCESSOR_SECONDS:
            find("processor", f"{settled - cpu:.1f} s of a processor")
        if sim.peak() - memory > MEMORY:
            find("memory", f"{(sim.peak() - memory) >> 20} MiB more")
        if answer.startswith(b"HTTP/1.1 500"):
            find("wrong", f"500: {answer[-200:]!r}")
        elif answer and not re.match(rb"(HTTP/1\.1 1\d\d [^\r]*\r\n\r\n)*HTTP/1\.[01] [2-5]\d\d ", answer):
            find("wrong", f"no HTTP: {answer[:80]!r}")
        if leak := bench.secret.found_in(answer):
            find("leaks", f"the answer holds the key: {leak}")
        check, _ = exchange(sim.port, self._bytes(bench, "GET", "/v1/models", b""))
        if not check.startswith(b"HTTP/1.1 200"):
            find("hangs", f"afterwards nothing else is answered: {check[:100]!r}")
        return found

    def _request(self, bench, rng):
        method, address, body = rng.choice(self.seeds)
        step = rng.randrange(12)
        if step < 5 and body.startswith("{"):
            return self._bytes(bench, method, address, mutate.dumps(rng, mutate.tree(rng, json.loads(body), 4))), f"{address} with other members"
        if step == 5:
            grown = rng.choice(GROWN)(rng.choice([10, 1000, 30_000, 1_000_000]))
            address = "/v1/responses" if "input" in grown and "gpt" in grown["model"] else \
                "/v1/embeddings" if "input" in grown else "/v1/chat/completions"
            return self._bytes(bench, "POST", address, json.dumps(grown).encode()), f"{address} grown"
        if step == 6:
            body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}], "response_format": {
                "type": "json_schema", "json_schema": {"name": "s", "strict": rng.random() < 0.5, "schema": schema(rng)}}}
            return self._bytes(bench, "POST", "/v1/chat/completions", json.dumps(body).encode()), "a schema"
        if step == 7:
            return mutate.flip(rng, self._bytes(bench, method, address, body.encode()), 8), f"{address} with other bytes"
        if step == 8:
            return self._bytes(bench, method, address, mutate.flip(rng, body.encode() or b"x")), f"{address} with another body"
        if step == 9:
            address = rng.choice([
                mutate.flip(rng, address.encode()).decode("latin-1"), address + "?" + "a=b&" * rng.choice([1, 20_000]), address * 200, "*",
                "http://other/v1/models", "/v1/responses/" + "r" * rng.choice([1, 70_000]), "/v1/../_sim/ledger", "/%2e%2e/%00",
                f"/_sim/ledger?limit={mutate.number(rng)}&since={mutate.number(rng)}", "/openai/deployments/%F0%9F/chat/completions"])
            return self._bytes(bench, method, address, body.encode()), "another address"
        if step == 10:
            method = rng.choice(["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE", "X" * 5000, "get"])
            return self._bytes(bench, method, address, body.encode()), f"{method[:20]} {address}"
        more = rng.choice([
            f"x-sim-fault: {rng.choice(mutate.STRINGS[:3] + ['stall:5', '429', 'reset:1', 'slow-head:99999h', 'x' * 9000])}",
            f"x-sim-tool-calls: {mutate.number(rng)}", f"x-ms-client-request-id: {'i' * rng.choice([1, 60_000])}", "content-length: -1",
            "transfer-encoding: chunked", "expect: 100-continue", "connection: upgrade\r\nupgrade: websocket", "content-encoding: gzip",
            "accept-encoding: " + "gzip, " * 2000, "x: y\r\n" * 300 + "z: z", "x-sim-filtered: \xff", "range: bytes=0-", "host: a\r\nhost: b"])
        return self._bytes(bench, method, address, body.encode(), more), f"{address} with {more[:40]!r}"

    def _bytes(self, bench, method, address, body, more=None):
        lines = [
            f"{method} {address} HTTP/1.1", "host: 127.0.0.1", f"api-key: {bench.key}", "content-type: application/json", "connection: close",
            f"content-length: {len(body)}"]
        if more:
            lines.append(more)
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace") + body


def exchange(port, data):
    """What is answered, and whether the answer had no end."""
    answer, until = bytearray(), time.monotonic() + PATIENCE
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)) as stream:
        stream.setblocking(False)
        sent, closed, silent = 0, False, 0
        while time.monotonic() < until:
            wants = [stream] if sent < len(data) else []
            readable, writable, _ = select.select([stream], wants, [], 0.5)
            try:
                if writable:
                    sent += stream.send(data[sent:sent + 65536])
                silent = 0 if readable or writable else silent + 1
                if silent == 2 and not closed:
                    # Nothing more will come: whoever waits for the rest of a request is told.
                    stream.shutdown(socket.SHUT_WR)
                    closed = True
                if readable:
                    part = stream.recv(1 << 16)
                    if not part:
                        return bytes(answer), False
                    answer += part
                    if len(answer) > 64 << 20:
                        return bytes(answer[:1 << 20]), False
            except (BlockingIOError, InterruptedError):
                continue
            except OSError:
                return bytes(answer), False
    return bytes(answer), True


def settle(sim, before):
    """The processor time when the simulator rests: work may go on after its caller has gone."""
    last, until = sim.cpu(), time.monotonic() + 2 * PROCESSOR_SECONDS
    while last - before > 0.05 and time.monotonic() < until and not sim.ended:
        time.sleep(0.05)
        now = sim.cpu()
        if now - last < 0.02:
            return now
        last = now
    return last
