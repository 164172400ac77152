"""Mutated files that a user writes or brings: profiles, data files, scenarios. Each is read once and nothing is sent."""

import json
import os
import re

import mutate
from bench import ROOT

KEYS = re.compile(r"^(\s*)([\w.-]+)(\s*=\s*)(.*)$")
NUMBER = re.compile(r"\d+(\.\d+)?")
# Values as TOML writes them.
VALUES = [
    "0", "-1", "1", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "1e308", "-1e308", "nan", "inf", "1e-320",
    "true", '""', '"x"', "[]", "{}", "[[]]", '"0s"', '"1ns"', '"-1s"', '"1e30s"', '"99999999999h"', '"0/s"', '"1e-9/s"', '"1e12/s"',
    '"100000000/s"', '"1/h"', '"/dev/zero"', '"/dev/null"', '"."', '"/nowhere"', '"../../../../etc/passwd"', '"\\u0000"',
    '"\\u001b[2J\\u202e"', '"=1+1"', '"</script><script>alert(1)</script>"', '"http://127.0.0.1:1/v1"', '"http://user:pass@127.0.0.1:1"',
    '"sim://direct/openai/v1"', '"http://[::1"', "1979-05-27", '"' + "a" * 100_000 + '"', "[" * 2000 + "]" * 2000,
    "{a=" * 500 + "1" + "}" * 500, '{ dist = "lognormal", p50 = 1, p99 = 1e300 }', '{ dist = "fixed", value = 1e18 }', '"18446744073709551615"']


def toml(rng, text, most=4):
    """A TOML text with other values, other keys, other lines or other bytes."""
    lines = text.split("\n")
    for _ in range(rng.randint(1, most)):
        places = [at for at, line in enumerate(lines) if KEYS.match(line)]
        step = rng.randrange(10)
        if not places or step == 0:
            return mutate.lines(rng, "\n".join(lines), 4)
        at = rng.choice(places)
        space, key, equals, value = KEYS.match(lines[at]).groups()
        if step < 5:
            value = rng.choice(VALUES)
        elif step == 5:
            value = NUMBER.sub(lambda _: mutate.number(rng), value, count=1)
        elif step == 6:
            key = rng.choice([key + "x", key[:-1] or "k", '"' + key + '"', key + "." + key, "k" * 70_000, "\u00e9", '"\\u001b"'])
        elif step == 7:
            lines.insert(at, lines[at])
            continue
        elif step == 8:
            del lines[at]
            continue
        else:
            value = mutate.flip(rng, value.encode(), 2).decode("utf-8", "replace")
        lines[at] = f"{space}{key}{equals}{value}"
    return "\n".join(lines)


class Texts:
    """One process a file: it is read and described, or refused with one sentence."""
    size, weight = 25, 1
    codes = (0, 2)
    patience = 30

    def batch(self, bench, first):
        return [one for index in range(first, first + self.size) for one in self.repeat(bench, index)]

    def repeat(self, bench, index):
        rng = bench.rng(self.name, index)
        with bench.folder() as folder:
            args, files = self.write(rng, folder)
            ended = bench.run(*args, cwd=folder, seconds=self.patience)
            evidence = {path.name: path.read_bytes() for path in files if path.is_file() and path.stat().st_size < 1 << 22}
            return bench.judge(index, self.name, ended, self.codes, **evidence)


class Profiles(Texts):
    name = "profiles"

    def prepare(self, bench):
        self.sources = [path.read_text() for path in sorted((ROOT / "profiles").glob("*.toml"))]
        self.data = ROOT / "profiles" / "data"
        for text in self.sources:
            with bench.folder() as folder:
                args, _ = self._laid(folder, text)
                ended = bench.run(*args, cwd=folder)
                assert ended.code in (0, 2), ended.words
                bench.base(self.name, ended)

    def _laid(self, folder, text):
        (folder / "profile.toml").write_text(text, errors="surrogateescape")
        os.symlink(self.data, folder / "data")
        return ["run", "profile.toml", "--dry-run"], [folder / "profile.toml"]

    def write(self, rng, folder):
        return self._laid(folder, toml(rng, rng.choice(self.sources)))


class Scenarios(Texts):
    name = "scenarios"

    def prepare(self, bench):
        page = (ROOT / "docs" / "simulator.md").read_text()
        self.sources = [path.read_text() for path in sorted((ROOT / "mock-backend" / "scenarios").glob("*.toml"))]
        self.sources += [text for text in re.findall(r"```toml\n(.*?)```", page, re.S) if "[[backend]]" in text]
        for text in self.sources:
            with bench.folder() as folder:
                (folder / "scenario.toml").write_text(text)
                bench.base(self.name, bench.run("sim", "--scenario", "scenario.toml", "--describe", cwd=folder))

    def write(self, rng, folder):
        (folder / "scenario.toml").write_text(toml(rng, rng.choice(self.sources)), errors="surrogateescape")
        more = rng.choice([[], ["--ready-json"]])
        return ["sim", "--scenario", "scenario.toml", "--describe", *more], [folder / "scenario.toml"]


DATA_PROFILE = """
name = "campaign"
[workload]
kind = "{kind}"
file = "{file}"
model = "gpt-4o"
api = "{api}"
[load]
{load}
warmup = "0s"
duration = "5s"
[[path]]
name = "direct"
base_url = "http://127.0.0.1:1/v1"
auth = {{ kind = "none" }}
"""
TRACE_CSV = "TIMESTAMP,ContextTokens,GeneratedTokens\n" + "".join(f"2023-11-16 18:15:{n:02}.6805900,{40 + n},{n + 3}\n" for n in range(40))
TRACE_JSONL = "".join(
    json.dumps({"timestamp": 100 * n, "input_length": 50 + n, "output_length": 4 + n, "hash_ids": [n, n + 1]}) + "\n" for n in range(40))
CHAT = {"model": "m", "messages": [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "Hello"}], "max_tokens": 9,
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]}
BATCH = "".join(json.dumps({"custom_id": str(n), "method": "POST", "url": "/v1/chat/completions", "body": CHAT}) + "\n" for n in range(9))
SHAREGPT = json.dumps([{"id": str(n), "conversations": [
    {"from": "human", "value": f"Hello {n}"}, {"from": "gpt", "value": "There"}, {"from": "human", "value": "More"}]} for n in range(9)])
SOURCES = [
    ("trace", "t.csv", TRACE_CSV), ("trace", "t.jsonl", TRACE_JSONL), ("dataset", "d.jsonl", BATCH), ("dataset", "d.json", SHAREGPT),
    ("dataset", "d.jsonl", "".join(json.dumps({"prompt": f"Hello {n}", "output_tokens": 5}) + "\n" for n in range(20))),
    ("dataset", "d.csv", "id,prompt\n1,Hello\n2,\"Many, of\nthem\"\n"),
    ("dataset", "a.json", json.dumps([{"instruction": "Hello", "input": "", "output": "There"}] * 5)),
]


class Data(Texts):
    name = "data"

    def prepare(self, bench):
        for kind, name, text in SOURCES:
            with bench.folder() as folder:
                ended = bench.run(*self._laid(folder, kind, name, text.encode(), "chat", 'rate = "5/s"'), cwd=folder)
                assert ended.code == 0, ended.words
                bench.base(self.name, ended)

    def _laid(self, folder, kind, name, data, api, load):
        (folder / name).write_bytes(data)
        (folder / "profile.toml").write_text(DATA_PROFILE.format(kind=kind, file=name, api=api, load=load))
        return ["run", "profile.toml", "--dry-run"]

    def write(self, rng, folder):
        kind, name, text = rng.choice(SOURCES)
        data = self._change(rng, name, text)
        load = rng.choice(['rate = "5/s"', 'arrivals = "trace"' if kind == "trace" else 'rate = "5/s"'])
        args = self._laid(folder, rng.choice([kind] * 9 + ["trace", "dataset"]), name, data, rng.choice(["chat", "responses"]), load)
        return args, [folder / "profile.toml", folder / name]

    def _change(self, rng, name, text):
        step = rng.randrange(8)
        if step == 0:
            return mutate.flip(rng, text.encode())
        if step == 1:
            return mutate.lines(rng, text, 4).encode("utf-8", "surrogateescape")
        if step == 2:
            return rng.choice([
                b"", b"\n" * 1_000_000, text.encode("utf-16"), text.encode() * 500, b"[" * 1_000_000, b"{\"a\":" * 100_000, b"\0" * 100_000,
                text.split("\n")[0].encode() + b"," * 1_000_000, b"\xef\xbb\xbf" + text.encode(), b"PAR1" + text.encode(), b"\x1f\x8b" + text.encode()])
        if name.endswith(".csv"):
            return self._cells(rng, text)
        if name.endswith(".json"):
            return mutate.dumps(rng, mutate.tree(rng, json.loads(text), 4))
        rows = [json.loads(line) for line in text.strip().split("\n")]
        for at in range(len(rows)):
            if rng.random() < 0.3:
                rows[at] = mutate.tree(rng, rows[at])
        return b"\n".join(mutate.dumps(rng, row) for row in rows) + b"\n"

    def _cells(self, rng, text):
        lines = text.split("\n")
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(lines))
            cells = lines[at].split(",")
            cells[rng.randrange(len(cells))] = mutate.cell(rng)
            lines[at] = ",".join(cells)
        return "\n".join(lines).encode("utf-8", "surrogatepass")
