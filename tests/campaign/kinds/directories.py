"""Mutated run directories: files changed, cut, gone, swapped with those of another run, or not files at all."""

import json
import os
import random
import shutil

import look
import mutate
import rundir
from bench import ROOT, Finding

PATIENCE = 10
CODES = (0, 1, 3, 4, 5)
FORMATS = ["json,terminal", "json,html,svg,csv,junit,md", "json,hlog,hgrm,k6,vllm", "json,github-benchmark,bencher,otava,prometheus"]
PROFILE = """
name = "campaign"
seed = {seed}
[simulator]
scenario = "equal-paths"
[workload]
kind = "synthetic"
model = "gpt-4o"
input_tokens = 40
output_tokens = 4
[load]
rate = "30/s"
warmup = "300ms"
duration = "2s"
round_spread = "50ms"
[[path]]
name = "direct"
base_url = "sim://direct/openai/v1"
[[path]]
name = "second"
kind = "gateway"
base_url = "sim://second/openai/v1"
[[objective]]
path = "second"
expr = "ttft.p95 < 800ms"
"""
FILES = ["manifest.json", "requests.csv", "histograms.hlog", "counts.csv", "health.csv", "series.csv", "summary.json"]
WEIGHTS = [6, 6, 4, 2, 2, 1, 1]


class Directories:
    """`hopmark report`, `compare` and `trend` on run directories that were tampered with."""
    name, size, weight = "directories", 20, 2

    def prepare(self, bench):
        self.home = bench.work / "directories"
        self.home.mkdir()
        self.runs = []
        for number, seed in enumerate((7, 8)):
            profile = self.home / f"{number}.toml"
            profile.write_text(PROFILE.format(seed=seed))
            out = self.home / f"run-{number}"
            ended = bench.run("run", profile, "--quiet", "--out", out, cwd=self.home, seconds=60)
            assert ended.code in (0, 4), ended.words
            self.runs.append(out)
        killed = self.home / "run-killed"
        shutil.copytree(self.runs[0], killed)
        manifest = json.loads((killed / "manifest.json").read_text())
        manifest["ending"] = None
        (killed / "manifest.json").write_text(json.dumps(manifest, indent=2))
        rows = (killed / "requests.csv").read_bytes()
        (killed / "requests.csv").write_bytes(rows[:len(rows) * 2 // 3])
        (killed / "summary.json").unlink()
        example = self.home / "run-example"
        shutil.copytree(ROOT / "results" / "example", example)
        self.runs += [killed, example]
        self.weights = [10, 6, 6, 1]
        for run in self.runs:
            for formats in FORMATS:
                ended = bench.run("report", run, "--format", formats, "--out", self.home / "out", cwd=self.home)
                assert ended.code in CODES, ended.words
                bench.base(f"report {run.name}", ended)
        ended = bench.run("compare", self.runs[0], self.runs[1], cwd=self.home)
        bench.base("compare", ended)
        bench.base("trend", ended)

    def batch(self, bench, first):
        return [one for index in range(first, first + self.size) for one in self.repeat(bench, index)]

    def repeat(self, bench, index):
        rng = bench.rng(self.name, index)
        source = rng.choices(self.runs, self.weights)[0]
        with bench.folder() as folder:
            run = folder / "run"
            shutil.copytree(source, run, ignore=shutil.ignore_patterns("charts", "report.html"))
            changed = [self._change(rng, source, run) for _ in range(rng.choice([1, 1, 1, 2]))]
            out = folder / "out"
            verb = rng.choices(["report", "compare", "trend"], [8, 1, 1])[0]
            if verb == "compare":
                ended = bench.run("compare", *rng.choice([(run, self.runs[0]), (self.runs[0], run)]), cwd=folder, seconds=PATIENCE)
            elif verb == "trend":
                shutil.copytree(self.runs[1], folder / "other", ignore=shutil.ignore_patterns("charts", "report.html"))
                ended = bench.run("trend", folder, "--out", out, cwd=folder, seconds=PATIENCE)
            else:
                formats = rng.choice(FORMATS)
                ended = bench.run("report", run, "--format", formats, "--out", out, cwd=folder, seconds=PATIENCE)
            what = f"report {source.name}" if verb == "report" else verb
            words = f"{verb} after {'; '.join(changed)}".encode("utf-8", "backslashreplace")
            evidence = {"what.txt": words}
            codes = CODES if verb == "report" else (*CODES, 2)
            found = bench.judge(index, what, ended, codes, **evidence)
            found += bench.judge_folder(index, out, **evidence) if out.is_dir() else []
            if verb == "report" and ended.code in (0, 3, 5):
                found += self._figures(index, run, out, evidence)
            if found:
                for name in FILES:
                    if (run / name).is_file() and not (run / name).is_symlink():
                        evidence[name] = (run / name).read_bytes()
                for one in found:
                    one.evidence.update(evidence)
                    one.words = f"{words.decode()}: {one.words}"
            return found

    def _figures(self, index, run, out, evidence):
        """What is told must follow from the rows as they stand."""
        try:
            told, all_rows = rundir.summary(out), rundir.rows(run / "requests.csv")
        except (OSError, ValueError) as error:
            return [Finding(index, "wrong", f"ended well without a summary: {error!r}")]
        try:
            differences = rundir.differences(told, all_rows)
        except (KeyError, ValueError) as error:
            # Rows that this reading cannot read, the program should have refused or repaired.
            return [Finding(index, "wrong", f"rows that cannot be read were reported: {error!r}")]
        return [Finding(index, "wrong", words) for words in differences]

    def _change(self, rng, source, run):
        """Does something to one file, and says what."""
        name = rng.choices(FILES, WEIGHTS)[0]
        path = run / name
        if path.is_symlink() or not path.is_file():
            return f"nothing to {name}"
        step = rng.randrange(12)
        if step == 0:
            path.unlink()
            return f"{name} gone"
        if step == 1:
            data = path.read_bytes()
            path.write_bytes(data[:rng.randrange(len(data) + 1)])
            return f"{name} cut"
        if step == 2:
            other = rng.choice([one for one in self.runs if one.name != source.name])
            if (other / name).is_file():
                shutil.copy(other / name, path)
                return f"{name} of {other.name}"
        if step == 3 and rng.random() < 0.3:
            return self._special(rng, path)
        if step in (4, 5):
            path.write_bytes(mutate.flip(rng, path.read_bytes()))
            return f"{name} with other bytes"
        if step == 6:
            path.write_text(mutate.lines(rng, path.read_text(errors="surrogateescape"), 5), errors="surrogateescape")
            return f"{name} with other lines"
        if name.endswith(".json"):
            return self._json(rng, path)
        if name.endswith(".csv"):
            return self._cells(rng, path)
        path.write_text(mutate.lines(rng, path.read_text(errors="surrogateescape"), 8), errors="surrogateescape")
        return f"{name} with other lines"

    def _special(self, rng, path):
        path.unlink()
        kind = rng.randrange(7)
        if kind == 0:
            path.mkdir()
        elif kind == 1:
            os.mkfifo(path)
        elif kind == 2:
            path.symlink_to("/dev/zero")
        elif kind == 3:
            path.symlink_to(path.name)
        elif kind == 4:
            path.symlink_to("/nowhere")
        elif kind == 5:
            path.write_bytes(b"")
        else:
            path.write_bytes(bytes([rng.choice(b"0\n{[,\"a")]) * (8 << 20))
        return f"{path.name} as {['a folder', 'a pipe', '/dev/zero', 'a link to itself', 'a link to nowhere', 'nothing', '8 MiB of one byte'][kind]}"

    def _json(self, rng, path):
        try:
            parsed = json.loads(path.read_bytes())
        except ValueError:
            return f"nothing to {path.name}"
        path.write_bytes(mutate.dumps(rng, mutate.tree(rng, parsed)))
        return f"{path.name} with other members"

    def _cells(self, rng, path):
        lines = path.read_text(errors="surrogateescape").split("\n")
        columns = lines[0].split(",")
        names = set()
        for _ in range(rng.choice([1, 1, 2, 10])):
            at = rng.randrange(0 if rng.random() < 0.1 else 1, max(len(lines) - 1, 2))
            at = min(at, len(lines) - 1)
            cells = lines[at].split(",")
            column = rng.randrange(len(cells))
            names.add(columns[column] if column < len(columns) else "?")
            word = mutate.cell(rng)
            cells[column] = '"' + word.replace('"', '""') + '"' if any(sign in word for sign in ',"\n\r') else word
            lines[at] = ",".join(cells)
        path.write_text("\n".join(lines), errors="surrogateescape")
        return f"{path.name} with other {', '.join(sorted(names))}"
