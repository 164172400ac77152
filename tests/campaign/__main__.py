"""The fault campaign: seeded inputs of every kind, bounded in time, and a table of what they broke.

    python3 tests/campaign --hopmark target/release/hopmark --seconds 60 --seed 1
    python3 tests/campaign --hopmark target/release/hopmark --repeat servers:1:217
"""

import argparse
import collections
import os
import pathlib
import re
import shutil
import sys
import tempfile
import threading
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from bench import COLUMNS, ROOT, Bench, Finding  # noqa: E402
from kinds.directories import Directories  # noqa: E402
from kinds.endings import FullDisks, Kills, Stops  # noqa: E402
from kinds.requests import Requests  # noqa: E402
from kinds.servers import LargeAnswers, Servers, Servers2  # noqa: E402
from kinds.texts import Data, Profiles, Scenarios  # noqa: E402

KINDS = [Servers, Servers2, LargeAnswers, Directories, Profiles, Data, Scenarios, Requests, Kills, FullDisks, Stops]
TABLE = re.compile(r"(<!-- campaign -->\n).*?(<!-- /campaign -->)", re.S)


class Campaign:
    """Gives each kind its share of the time and counts what was found."""

    def __init__(self, bench, kinds, seconds, keep):
        self.bench, self.kinds, self.keep = bench, kinds, keep
        self.until = time.monotonic() + seconds
        self.began = time.monotonic()
        self.next = {kind.name: 0 for kind in kinds}
        self.spent = {kind.name: 0.0 for kind in kinds}
        self.inputs = collections.Counter()
        self.found = collections.Counter()
        self.told = collections.Counter()
        self.lock = threading.Lock()
        self.broken = None

    def take(self):
        """The kind that is furthest behind its share, and its next inputs."""
        with self.lock:
            if time.monotonic() >= self.until or self.broken:
                return None
            kind = min(self.kinds, key=lambda one: self.spent[one.name] / one.weight)
            first = self.next[kind.name]
            self.next[kind.name] += kind.size
            # Counted when taken, so that the other lane takes another kind; mended when it is known.
            self.spent[kind.name] += 1.0
            return kind, first

    def work(self):
        while taken := self.take():
            kind, first = taken
            began = time.monotonic()
            try:
                found = kind.batch(self.bench, first)
            except Exception:
                self.broken = f"{kind.name}, inputs from {first}:\n{traceback.format_exc()}"
                return
            with self.lock:
                self.spent[kind.name] += time.monotonic() - began - 1.0
                self.inputs[kind.name] += kind.size
                self.note(kind, first, found)

    def note(self, kind, first, found):
        for one in found:
            index = first if one.index is None else one.index
            self.found[kind.name, one.column] += 1
            self.told[kind.name, one.column] += 1
            if self.told[kind.name, one.column] <= 12:
                place = save(self.keep, kind.name, self.bench.seed, index, one)
                words = one.words if len(one.words) < 500 else one.words[:500] + " ..."
                print(f"{one.column}: {words}\n    --repeat {kind.name}:{self.bench.seed}:{index}   kept in {place}", flush=True)

    def table(self):
        heads = ["kind", "inputs", *COLUMNS]
        lines = ["| " + " | ".join(heads) + " |", "|---|" + "---:|" * (len(heads) - 1)]
        for kind in self.kinds:
            figures = [self.inputs[kind.name], *(self.found[kind.name, column] for column in COLUMNS)]
            lines.append(f"| {kind.name} | " + " | ".join(f"{figure:,}" for figure in figures) + " |")
        return "\n".join(lines)


def save(keep, kind, seed, index, finding):
    """Keeps what is needed to look at an input again."""
    place = keep / f"{kind}-{seed}-{index}-{finding.column}"
    place.mkdir(parents=True, exist_ok=True)
    (place / "finding.txt").write_text(f"{finding.column}: {finding.words}\n", errors="backslashreplace")
    for name, data in finding.evidence.items():
        (place / name.replace("/", "_")).write_bytes(data if isinstance(data, bytes) else str(data).encode())
    return place


def repeat(bench, kinds, word, keep):
    name, seed, index = word.split(":")
    bench.seed = int(seed)
    kind = next(one for one in kinds if one.name == name)
    kind.prepare(bench)
    found = kind.repeat(bench, int(index))
    for one in found:
        print(f"{one.column}: {one.words}\n    kept in {save(keep, name, seed, index, one)}")
    print(f"{len(found)} findings")
    return 3 if found else 0


def write_table(file, campaign, minutes):
    text = file.read_text()
    note = f"{campaign.bench.seed} is the seed; it ran for {minutes:.0f} minutes."
    filled = TABLE.sub(lambda match: f"{match[1]}{campaign.table()}\n\n{note}\n{match[2]}", text)
    assert filled != text or campaign.table() in text, f"{file} has no place for the table"
    file.write_text(filled)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hopmark", default=ROOT / "target/release/hopmark")
    parser.add_argument("--seconds", type=float, default=float(os.environ.get("CAMPAIGN_SECONDS", 300)))
    parser.add_argument("--seed", type=int, default=int(os.environ.get("CAMPAIGN_SEED", 1)))
    parser.add_argument("--kinds", default="", help="some of them, with commas between; all by default")
    parser.add_argument("--lanes", type=int, default=2, help="batches at a time")
    parser.add_argument("--repeat", metavar="KIND:SEED:INDEX", help="one input again")
    parser.add_argument("--keep", default="target/campaign", help="where inputs are kept that broke something")
    parser.add_argument("--table", metavar="FILE", help="a document whose table is written anew")
    options = parser.parse_args()
    chosen = options.kinds.split(",") if options.kinds else [kind.name for kind in KINDS]
    if unknown := set(chosen) - {kind.name for kind in KINDS}:
        parser.error(f"no kind {', '.join(unknown)}; there are {', '.join(kind.name for kind in KINDS)}")
    kinds = [kind() for kind in KINDS if kind.name in chosen or options.repeat]
    keep = pathlib.Path(options.keep)
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    work = tempfile.mkdtemp(prefix="campaign-", dir=shared)
    seed = int(options.repeat.split(":")[1]) if options.repeat else options.seed
    bench = Bench(options.hopmark, seed, work, lanes=2 * options.lanes)
    try:
        if options.repeat:
            return repeat(bench, kinds, options.repeat, keep)
        for kind in kinds:
            kind.prepare(bench)
        campaign = Campaign(bench, kinds, options.seconds, keep)
        lanes = [threading.Thread(target=campaign.work) for _ in range(options.lanes)]
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join()
        minutes = (time.monotonic() - campaign.began) / 60
        print(f"\n{campaign.table()}\n\nseed {bench.seed}, {minutes:.1f} minutes", flush=True)
        if campaign.broken:
            print(f"the campaign itself broke: {campaign.broken}")
            return 1
        if options.table:
            write_table(pathlib.Path(options.table), campaign, minutes)
        return 3 if sum(campaign.found.values()) else 0
    finally:
        bench.close()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
