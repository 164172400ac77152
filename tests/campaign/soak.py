"""The soak: a run of minutes or hours over good and broken calls, and how the memory of driver and simulator grows once
the rings are full.

    python3 tests/campaign/soak.py --hopmark target/release/hopmark --minutes 10
"""

import argparse
import json
import math
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Rings that are full within the first minute, so that what grows afterwards is a leak.
SCENARIO = """
name = "soak"
ledger = 2000
[[backend]]
name = "here"
region = "swedencentral"
model = { first = "20ms", gap = "2ms" }
prefix_cache = "20s"
keep_responses = "20s"
fault = [
    { kind = "429", rate = 0.03 },
    { kind = "500", rate = 0.02 },
    { kind = "reset:3", rate = 0.02 },
    { kind = "no-final", rate = 0.01 },
    { kind = "stall:3:300ms", rate = 0.01 },
]
[[listener]]
name = "kept"
kind = "direct"
backend = "here"
[[listener]]
name = "fresh"
kind = "direct"
backend = "here"
"""
PROFILE = """
name = "soak"
seed = 7
[simulator]
scenario = "soak.toml"
[workload]
kind = "synthetic"
model = "gpt-4o"
api = {{ chat = 1, responses = 1 }}
stream = 0.7
input_tokens = {{ dist = "lognormal", p50 = 1000, p99 = 4000 }}
output_tokens = {{ dist = "lognormal", p50 = 10, p99 = 60 }}
[load]
rate = "{rate}/s"
design = "interleaved"
warmup = "2s"
duration = "{seconds}s"
[limits]
failures_in_a_row = 1000000
[[path]]
name = "kept"
base_url = "sim://kept/openai/v1"
[[path]]
name = "fresh"
base_url = "sim://fresh/openai/v1"
connections = {{ policy = "fresh" }}
"""
# Student's t for a two-sided interval of 95%, 18 degrees of freedom.
BLOCKS, T_18 = 20, 2.101


def resident(pid):
    """The memory of a process now, in bytes; nothing when it has ended."""
    try:
        found = re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return None
    return int(found[1]) << 10 if found else None


def children(pid):
    try:
        return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def slope(points):
    """Least squares over means of blocks, which depend on each other less than seconds do: bytes a second and half of the
    interval."""
    size = len(points) // BLOCKS
    blocks = [points[at * size:(at + 1) * size] for at in range(BLOCKS)]
    x = [sum(at for at, _ in block) / size for block in blocks]
    y = [sum(value for _, value in block) / size for block in blocks]
    mean_x, mean_y = sum(x) / BLOCKS, sum(y) / BLOCKS
    spread = sum((one - mean_x) ** 2 for one in x)
    rise = sum((one - mean_x) * (two - mean_y) for one, two in zip(x, y)) / spread
    rest = sum((two - mean_y - rise * (one - mean_x)) ** 2 for one, two in zip(x, y))
    return rise, T_18 * math.sqrt(rest / (BLOCKS - 2) / spread)


def watch(run, seconds):
    """The memory of driver and simulator, a sample a second, until the run ends."""
    found, began = {"driver": [], "simulator": []}, time.monotonic()
    while run.poll() is None and time.monotonic() - began < seconds + 120:
        for name, pids in (("driver", [run.pid]), ("simulator", children(run.pid))):
            sizes = [size for size in map(resident, pids) if size]
            if sizes:
                found[name].append((time.monotonic() - began, sum(sizes)))
        time.sleep(1)
    return found


def judge(name, points, settle, seconds, rate, bound):
    """One sentence, and whether the memory is flat."""
    points = [(at, size) for at, size in points if settle < at < seconds]
    if len(points) < 2 * BLOCKS:
        return f"{name}: {len(points)} samples are too few", False
    rise, half = slope(points)
    a_call, low, high = rise / rate, (rise - half) / rate, (rise + half) / rate
    hour = 3600 / (1 << 20)
    word = "flat" if high <= bound else "grows" if low > bound else "not decided, which needs more minutes"
    sizes = [size / (1 << 20) for _, size in points]
    words = (
        f"{name}: {sizes[0]:.1f} MiB at {settle:.0f} s, {sizes[-1]:.1f} MiB at the end, largest {max(sizes):.1f} MiB; slope "
        f"{rise * hour:+.2f} MiB an hour [{(rise - half) * hour:+.2f}, {(rise + half) * hour:+.2f}], {a_call:+.2f} bytes a call "
        f"[{low:+.2f}, {high:+.2f}]: {word} (bound {bound:.0f} bytes a call)")
    return words, high <= bound


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hopmark", default=ROOT / "target/release/hopmark")
    parser.add_argument("--minutes", type=float, default=float(os.environ.get("SOAK_MINUTES", 10)))
    parser.add_argument("--rate", type=int, default=200, help="calls a second")
    parser.add_argument("--samples", metavar="FILE", help="where every sample goes, as name,second,bytes")
    parser.add_argument("--bound", type=float, default=16.0, help="bytes that a call may leave behind")
    parser.add_argument("--settling", type=float, default=6.0, help="MiB that the whole run may grow by besides, as histograms widen")
    options = parser.parse_args()
    seconds = options.minutes * 60
    settle = max(60.0, seconds / 4)
    bound = options.bound + options.settling * (1 << 20) / ((seconds - settle) * options.rate)
    work = pathlib.Path(tempfile.mkdtemp(prefix="soak-"))
    try:
        (work / "soak.toml").write_text(SCENARIO)
        (work / "profile.toml").write_text(PROFILE.format(rate=options.rate, seconds=round(seconds)))
        hopmark = pathlib.Path(options.hopmark).resolve()
        with (work / "stderr").open("wb") as err:
            run = subprocess.Popen(
                [hopmark, "run", "profile.toml", "--quiet", "--out", "out"], cwd=work, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=err)
            try:
                found = watch(run, seconds)
            finally:
                if run.poll() is None:
                    run.kill()
                run.wait()
        if options.samples:
            lines = [f"{name},{at:.1f},{size}\n" for name, points in found.items() for at, size in points]
            pathlib.Path(options.samples).write_text("".join(lines))
        flat = True
        for name, points in found.items():
            words, is_flat = judge(name, points, settle, seconds, options.rate, bound)
            print(words)
            flat = flat and is_flat
        if run.returncode not in (0, 3, 4) or not (work / "out/summary.json").exists():
            print(f"the run ended with {run.returncode}: {(work / 'stderr').read_text()[-500:]}")
            return 1
        told = json.loads((work / "out/summary.json").read_text())
        for name, path in told["paths"].items():
            print(f"{name}: {path['requests']}, {path['errors']}")
        return 0 if flat else 3
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
