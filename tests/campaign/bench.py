"""What all kinds of the campaign share: the program, a work folder, processes and what they may cost."""

import contextlib
import json
import os
import pathlib
import queue
import random
import shutil
import subprocess
import sys
import tempfile
import threading

import look

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# What a call, a request or a file may cost beyond what a harmless one does.
MEMORY = 64 << 20
PROCESSOR_SECONDS = 2.0
COLUMNS = ["panics", "hangs", "losses", "leaks", "unclean", "memory", "processor", "wrong"]


class Finding:
    """One input that broke a promise: the column of the table, and a sentence."""

    def __init__(self, index, column, words, **evidence):
        assert column in COLUMNS, column
        self.index, self.column, self.words, self.evidence = index, column, words, evidence


class Ended:
    """A process that has ended."""

    def __init__(self, answer, out, err):
        self.code, self.cpu, self.rss = answer["code"], answer["cpu"], answer["rss"]
        self.wall, self.hung, self.out, self.err = answer["wall"], answer["hung"], out, err

    @property
    def broke(self):
        """Whether it panicked, aborted or was ended by a signal of its own making."""
        return not self.hung and (self.code < 0 or self.code in (101, 134) or broke(self.err + self.out))

    @property
    def words(self):
        return (self.err + self.out)[-600:].decode("utf-8", "backslashreplace").strip()


def broke(text):
    return b"itself failed" in text or b"panicked at" in text or b"memory allocation of" in text


class Bench:
    """The program under test, the seed, and a pool of launchers."""

    def __init__(self, hopmark, seed, work, lanes):
        self.hopmark, self.seed = str(pathlib.Path(hopmark).resolve()), seed
        self.work = pathlib.Path(work)
        self.key = look.key(seed)
        self.secret = look.Secret(self.key)
        self.free = queue.Queue()
        self.launchers = []
        for _ in range(lanes):
            launcher = subprocess.Popen(
                [sys.executable, "-S", "-E", str(HERE / "launcher.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                text=True)
            self.launchers.append(launcher)
            self.free.put(launcher)
        self.bases, self.lock = {}, threading.RLock()

    def close(self):
        for launcher in self.launchers:
            launcher.stdin.close()
            launcher.wait()

    def rng(self, kind, index):
        """The dice of one input: nothing else decides what it is."""
        return random.Random(f"{self.seed}:{kind}:{index}")

    @contextlib.contextmanager
    def folder(self):
        path = pathlib.Path(tempfile.mkdtemp(dir=self.work))
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def environment(self, **more):
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return {**kept, "CAMPAIGN_KEY": self.key, "RUST_BACKTRACE": "1", **more}

    def run(self, *args, cwd, seconds=30, program=None):
        """Runs the program to its end, or to the end of the patience."""
        launcher = self.free.get()
        handle, out = tempfile.mkstemp(dir=self.work)
        os.close(handle)
        err = out + ".err"
        try:
            task = {
                "argv": [*(program or [self.hopmark]), *map(str, args)], "cwd": str(cwd), "env": self.environment(),
                "out": out, "err": err, "seconds": seconds, "address_space": 16 << 30, "file_size": 1 << 30}
            launcher.stdin.write(json.dumps(task) + "\n")
            launcher.stdin.flush()
            answer = json.loads(launcher.stdout.readline())
            return Ended(answer, pathlib.Path(out).read_bytes(), pathlib.Path(err).read_bytes())
        finally:
            self.free.put(launcher)
            for name in (out, err):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name)

    def base(self, what, ended):
        """Remembers what a harmless input of this kind costs: the most that was seen."""
        with self.lock:
            cpu, rss = self.bases.get(what, (0.0, 0))
            self.bases[what] = (max(cpu, ended.cpu), max(rss, ended.rss))

    def judge(self, index, what, ended, codes, **evidence):
        """What is wrong with how a process ended, whatever it was given."""
        cpu, rss = self.bases[what]
        evidence = {"stderr": ended.err[-20000:], "stdout": ended.out[-20000:], **evidence}
        found = []
        if ended.hung:
            found.append(Finding(index, "hangs", f"still running after {ended.wall:.0f} s", **evidence))
        elif ended.broke:
            found.append(Finding(index, "panics", f"exit code {ended.code}: {ended.words}", **evidence))
        elif ended.code not in codes:
            found.append(Finding(index, "wrong", f"exit code {ended.code}: {ended.words}", **evidence))
        elif ended.code in (1, 2) and b"error: " not in ended.err:
            found.append(Finding(index, "wrong", f"exit code {ended.code} without a sentence", **evidence))
        if ended.rss > rss + MEMORY:
            words = f"{ended.rss >> 20} MiB where a harmless input takes {rss >> 20} MiB"
            found.append(Finding(index, "memory", words, **evidence))
        if ended.cpu > cpu + PROCESSOR_SECONDS:
            words = f"{ended.cpu:.1f} s of a processor where a harmless input takes {cpu:.1f} s"
            found.append(Finding(index, "processor", words, **evidence))
        for name, text in (("standard output", ended.out), ("standard error", ended.err)):
            found += self.judge_text(index, name, text, **evidence)
        return found

    def judge_text(self, index, name, text, **evidence):
        """What no output may hold: the key in any dress, control characters, markup that a browser would run."""
        found = []
        if leak := self.secret.found_in(text):
            found.append(Finding(index, "leaks", f"{name} holds the key: {leak}", **evidence))
        if dirt := look.dirt(name, text):
            found.append(Finding(index, "unclean", f"{name} holds {dirt}", **evidence))
        return found

    def judge_folder(self, index, folder, names=None, **evidence):
        """The same for every file below a folder."""
        found = []
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink() and (names is None or path.name in names):
                found += self.judge_text(index, path.name, path.read_bytes(), **evidence)
        return found
