"""Ends that nobody planned: kills at any moment, disks that fill up, processes that stand still. Nothing that was measured
may be lost beyond what is promised, and no such run may look well."""

import concurrent.futures
import json
import os
import pathlib
import signal
import subprocess
import time

import answers
import rundir
import signals
from bench import Finding
from kinds.servers import contradiction
from server import Server

# Of a killed run at most this much is lost: rows are written every second, on a machine that may be busy.
PROMISED = 1.0
GRACE = 0.5
PROFILE = """
name = "campaign"
seed = {seed}
{simulator}
[workload]
kind = "synthetic"
model = "gpt-4o"
input_tokens = 40
output_tokens = 4
[load]
rate = "{rate}/s"
warmup = "{warmup}"
duration = "{seconds}s"
round_spread = "50ms"
[[path]]
name = "direct"
base_url = "{url}"
{more}
"""
OWN = 'auth = { kind = "api-key", env = "CAMPAIGN_KEY" }\n'


def harmless(bench):
    """A server whose answers are all good."""
    return Server(lambda number, api, stream: answers.benign(bench.rng("harmless", number), api, stream))


def children(pid):
    text = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    try:
        return [int(word) for word in text.read_text().split()]
    except OSError:
        return []


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def cut_off(row):
    """Whether the end of the run came upon this call: before its last word, or between that and the count of its tokens."""
    return row["error"] == "interrupted" or row["outcome"] == "ok" and not row["done"] and not row["output_tokens"]


def until(seconds, holds):
    """Whether something holds before the patience ends."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.02)
    return holds()


def has_rows(out, number=1):
    """Whether a run has written so many rows."""
    try:
        return (out / "requests.csv").read_bytes().count(b"\n") > number
    except OSError:
        return False


class Run:
    """A run under way, which is meant to be disturbed."""

    def __init__(self, bench, folder, text):
        (folder / "profile.toml").write_text(text)
        self.out, self.err = folder / "out", folder / "stderr"
        self.child = subprocess.Popen(
            [bench.hopmark, "run", "profile.toml", "--skip-preflight", "--quiet", "--out", "out"], cwd=folder,
            env=bench.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.err.open("wb"),
            start_new_session=True, preexec_fn=signals.heed)

    def signal(self, number):
        if self.child.poll() is None:
            self.child.send_signal(number)

    def wait(self, seconds):
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def close(self):
        for pid in [*children(self.child.pid), self.child.pid]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.child.wait()


class Endings:
    """Several at a time: they mostly wait."""
    size, weight = 8, 2

    def prepare(self, bench):
        pass

    def batch(self, bench, first):
        with concurrent.futures.ThreadPoolExecutor(self.size) as pool:
            return [one for found in pool.map(lambda index: self.repeat(bench, index), range(first, first + self.size)) for one in found]

    def repeat(self, bench, index):
        rng = bench.rng(self.name, index)
        with bench.folder() as folder:
            found = self.disturb(bench, rng, index, folder)
            if found and (folder / "stderr").exists():
                for one in found:
                    one.evidence["stderr"] = (folder / "stderr").read_bytes()
                    for name in ("manifest.json", "requests.csv"):
                        if (folder / "out" / name).is_file():
                            one.evidence[name] = (folder / "out" / name).read_bytes()
            return found

    def read_again(self, bench, index, out, what):
        """What `hopmark report` makes of the directory."""
        if not (out / "manifest.json").exists():
            return []
        ended = bench.run("report", out, "--format", "json,terminal", "--out", out / "again", cwd=out)
        found = []
        if ended.hung or ended.broke:
            found.append(Finding(index, "panics" if ended.broke else "hangs", f"{what}: the report of it: {ended.words}"))
        elif ended.code == 1 and (out / "requests.csv").exists() and rundir.rows(out / "requests.csv"):
            found.append(Finding(index, "losses", f"{what}: not read again: {ended.words}"))
        elif ended.code in (0, 3, 5):
            told = rundir.summary(out / "again")
            found += [Finding(index, "wrong", f"{what}: {words}") for words in rundir.differences(told, rundir.rows(out / "requests.csv"))]
        return found

    def compare_with_server(self, index, out, server, until_ns, what):
        """Every call that was whole before `until_ns` has a row, and no row contradicts the server."""
        try:
            origin, all_rows = rundir.manifest(out)["origin"], rundir.rows(out / "requests.csv")
        except (OSError, ValueError) as error:
            whole = [call for call in server.calls.values() if call.whole and call.written[-1] < until_ns]
            return [Finding(index, "losses", f"{what}: {len(whole)} calls were whole, but {error!r}")] if whole else []
        kept = {int(row["seq"]): row for row in all_rows}
        # A row follows an end that the server sees a little later.
        lost = [number for number, call in server.calls.items() if call.whole and call.written[-1] < until_ns and number not in kept]
        found = [Finding(index, "losses", f"{what}: {len(lost)} whole calls have no row, such as {lost[:5]}")] if lost else []
        if len(kept) != len(all_rows):
            found.append(Finding(index, "losses", f"{what}: {len(all_rows) - len(kept)} calls have more than one row"))
        for number, row in kept.items():
            if not cut_off(row) and (words := contradiction(row, server.calls.get(number), origin)):
                found.append(Finding(index, "wrong", f"{what}: call {number}: {words}"))
        return found[:5]


class Kills(Endings):
    """Signals to the driver at any moment, and to the simulator that it started."""
    name = "kills"

    def disturb(self, bench, rng, index, folder):
        way = rng.choice(["KILL", "KILL", "KILL", "TERM", "INT", "HUP", "INT twice", "simulator", "simulator"])
        after = rng.choice([rng.uniform(0, 0.3), rng.uniform(0.3, 4)])
        if way == "simulator" or rng.random() < 0.2:
            return self._with_simulator(bench, rng, index, folder, way, after)
        server = harmless(bench)
        try:
            text = PROFILE.format(
                seed=index, simulator="", rate=rng.choice([20, 200]), warmup=rng.choice(["0s", "500ms"]), seconds=60,
                url=f"http://127.0.0.1:{server.port}/v1", more=OWN)
            run = Run(bench, folder, text)
            time.sleep(after)
            at = time.monotonic_ns()
            code = self._end(run, way)
            what = f"{way} after {after:.2f} s"
            found = self._told(bench, index, run, way, code, what)
            margin = PROMISED + GRACE if way == "KILL" else 0.0
            if way != "INT twice":
                found += self.compare_with_server(index, run.out, server, at - int(margin * 1e9), what)
            run.close()
            return found + self.read_again(bench, index, run.out, what)
        finally:
            server.close()

    def _end(self, run, way):
        run.signal({"KILL": signal.SIGKILL, "TERM": signal.SIGTERM, "HUP": signal.SIGHUP}.get(way, signal.SIGINT))
        if way == "INT twice":
            time.sleep(0.05)
            run.signal(signal.SIGINT)
        return run.wait(30)

    def _told(self, bench, index, run, way, code, what):
        err = run.err.read_bytes()
        if code is None:
            return [Finding(index, "hangs", f"{what}: not ended within 30 s")]
        if b"itself failed" in err or code in (101, -signal.SIGABRT, -signal.SIGSEGV):
            return [Finding(index, "panics", f"{what}: {err[-300:]!r}")]
        expected = {"KILL": (-9,), "TERM": (143, -15), "HUP": (143, -1), "INT": (130, -2), "INT twice": (130, -2)}[way]
        if code not in expected:
            return [Finding(index, "wrong", f"{what}: exit code {code}: {err[-300:]!r}")]
        found = []
        # Before the run has begun a signal simply ends the process; afterwards it leaves everything.
        if code > 0 and way != "INT twice" and not (run.out / "summary.json").exists() and has_rows(run.out):
            found.append(Finding(index, "losses", f"{what}: no summary.json"))
        return found

    def _with_simulator(self, bench, rng, index, folder, way, after):
        text = PROFILE.format(
            seed=index, simulator='[simulator]\nscenario = "equal-paths"', rate=50, warmup="0s", seconds=60 if way != "simulator" else 8,
            url="sim://direct/openai/v1", more="")
        run = Run(bench, folder, text)
        simulators = []
        try:
            until(10, lambda: simulators.extend(children(run.child.pid)) or simulators or run.child.poll() is not None)
            time.sleep(after)
            what = f"{way} after {after:.2f} s, with a simulator"
            if way == "simulator":
                until(10, lambda: has_rows(run.out) or run.child.poll() is not None)
                for pid in simulators:
                    os.kill(pid, signal.SIGKILL)
                code = run.wait(60)
                if code is None:
                    return [Finding(index, "hangs", f"{what}: not ended within 60 s")]
                if code != 4:
                    return [Finding(index, "wrong", f"{what}: exit code {code} without its simulator")]
                found = []
            else:
                code = self._end(run, way)
                found = self._told(bench, index, run, way, code, what)
            if not until(10, lambda: not any(map(alive, simulators))):
                found.append(Finding(index, "hangs", f"{what}: the simulator outlives its driver"))
            return found + self.read_again(bench, index, run.out, what)
        finally:
            run.close()
            for pid in simulators:
                if alive(pid):
                    os.kill(pid, signal.SIGKILL)


class FullDisks(Endings):
    """A run whose disk is full after some kilobytes: a small tmpfs in a mount namespace of its own."""
    name, size, weight = "full-disks", 6, 1

    def prepare(self, bench):
        asked = bench.run("--mount", "--user", "--map-root-user", "mount", "-t", "tmpfs", "none", "/mnt", cwd=bench.work, program=["unshare"])
        self.program = ["unshare", "--mount", "--user", "--map-root-user"]
        if asked.code != 0:
            self.size, self.weight = 0, 1e-9
            print(f"full-disks: skipped, no file system can be mounted here: {asked.words}")

    def disturb(self, bench, rng, index, folder):
        if not self.size:
            return []
        kilobytes = rng.choice([4, 8, 16, 32, 64, 128, 256, 300, 400, 500])
        server = harmless(bench)
        try:
            text = PROFILE.format(
                seed=index, simulator="", rate=200, warmup="0s", seconds=4, url=f"http://127.0.0.1:{server.port}/v1", more=OWN)
            (folder / "profile.toml").write_text(text)
            (folder / "disk").mkdir()
            (folder / "saved").mkdir()
            script = (
                f"mount -t tmpfs -o size={kilobytes}k none disk && "
                f"{bench.hopmark} run profile.toml --skip-preflight --quiet --out disk/out; code=$?; cp -r disk/. saved/; exit $code")
            ended = bench.run("sh", "-c", script, cwd=folder, seconds=60, program=self.program)
            out, what = folder / "saved" / "out", f"a disk of {kilobytes} KiB"
            if ended.hung or ended.broke:
                return [Finding(index, "panics" if ended.broke else "hangs", f"{what}: {ended.words}", stderr=ended.err)]
            whole = (out / "summary.json").exists() and (out / "report.html").exists()
            found = []
            if ended.code not in (1, 0, 3, 4) or ended.code != 1 and not whole:
                found.append(Finding(index, "wrong", f"{what}: exit code {ended.code}: {ended.words}", stderr=ended.err))
            if ended.code == 1 and (b"error: " not in ended.err or b"space" not in ended.err):
                found.append(Finding(index, "wrong", f"{what}: not said: {ended.words}", stderr=ended.err))
            if (out / "requests.csv").exists():
                found += self._kept(bench, index, out, server, kilobytes, what)
            return found
        finally:
            server.close()

    def _kept(self, bench, index, out, server, kilobytes, what):
        """The disk holds what it can: rows are given up only when it is full."""
        used = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
        calls = rundir.rows(out / "requests.csv")
        found = []
        if len(calls) < len(server.calls) and used < kilobytes * 1024 // 2 and len(calls) < 1:
            found.append(Finding(index, "losses", f"{what}: {len(calls)} rows of {len(server.calls)} calls on {used} bytes"))
        kept = {int(row["seq"]): row for row in calls}
        origin = json.loads((out / "manifest.json").read_bytes())["origin"] if (out / "manifest.json").stat().st_size else None
        if origin is not None:
            for number, row in kept.items():
                if not cut_off(row) and (words := contradiction(row, server.calls.get(number), origin)):
                    found.append(Finding(index, "wrong", f"{what}: call {number}: {words}"))
            found += self.read_again(bench, index, out, what)
        return found[:5]


class Stops(Endings):
    """The driver or the simulator stands still for a while, or for good."""
    name, weight = "stops", 1

    def disturb(self, bench, rng, index, folder):
        whom = rng.choice(["driver", "driver", "simulator", "simulator for good"])
        after, pause = rng.uniform(0.3, 2.0), rng.uniform(0.5, 2.5)
        text = PROFILE.format(
            seed=index, simulator='[simulator]\nscenario = "equal-paths"', rate=50, warmup="0s", seconds=4, url="sim://direct/openai/v1",
            more='timeouts = { connect = "2s", first_byte = "2s", gap = "2s", total = "4s" }')
        run = Run(bench, folder, text)
        what = f"{whom} stopped after {after:.1f} s" + (f" for {pause:.1f} s" if "good" not in whom else "")
        try:
            begun = until(15, lambda: has_rows(run.out) or run.child.poll() is not None)
            simulators = children(run.child.pid)
            if not begun or not simulators:
                return [Finding(index, "wrong", f"{what}: the run did not begin: {run.err.read_bytes()[-300:]!r}")]
            time.sleep(after)
            stopped = run.child.pid if whom == "driver" else simulators[0]
            os.kill(stopped, signal.SIGSTOP)
            if "good" not in whom:
                time.sleep(pause)
                os.kill(stopped, signal.SIGCONT)
            code = run.wait(60)
            if code is None:
                return [Finding(index, "hangs", f"{what}: not ended within 60 s")]
            return self._said(index, run, code, what) + self.read_again(bench, index, run.out, what)
        finally:
            for pid in children(run.child.pid):
                os.kill(pid, signal.SIGCONT)
            run.close()

    def _said(self, index, run, code, what):
        """A run that stood still is not well."""
        try:
            told = rundir.summary(run.out)
        except (OSError, ValueError) as error:
            return [Finding(index, "losses", f"{what}: {error!r}, exit code {code}")]
        verdict = told["validity"]["verdict"]
        found = [] if verdict in ("invalid", "degraded") else [Finding(index, "wrong", f"{what}: {verdict}, exit code {code}")]
        if code not in (0, 3, 4) or code == 0 and verdict == "invalid":
            found.append(Finding(index, "wrong", f"{what}: exit code {code} of a run that is {verdict}"))
        return found

