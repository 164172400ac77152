"""Mutated servers: one run over many calls, each answered in a way of its own, whose truth is known by its number."""

import json

import answers
import http2
import rundir
from bench import Finding
from server import Server

CODES = (0, 3, 4)
# How often the call is looked for that is to blame for what a whole run did; afterwards the run is named.
NARROWED = 5
PROFILE = """
name = "campaign"
seed = {seed}
[workload]
kind = "synthetic"
model = "gpt-4o"
api = {{ chat = 1, responses = 1, messages = 1 }}
stream = 0.7
input_tokens = 40
output_tokens = 16
[load]
rate = "{rate}/s"
arrivals = "constant"
warmup = "0s"
duration = "{seconds}s"
[limits]
auth_failures = 1000000
failures_in_a_row = 1000000
failure_share = 1.0
[[path]]
name = "direct"
base_url = "http://127.0.0.1:{port}/v1"
auth = {{ kind = "api-key", env = "CAMPAIGN_KEY" }}
timeouts = {{ connect = "3s", first_byte = "2s", gap = "2s", total = "4s" }}
"""


class Servers:
    """Answers of ordinary size, all at once."""
    name, size, weight = "servers", 400, 3
    rate, seconds = 200, 2
    server, harmless, more = Server, staticmethod(answers.benign), ""
    narrowed = 0

    def prepare(self, bench):
        for number in range(2):
            found = self._run(bench, -1 - number, set())
            assert not found, f"the campaign's own harmless server: {[one.words for one in found]}"

    def plan(self, rng, api, stream, bench):
        return answers.plan(rng, api, stream, bench.key)

    def batch(self, bench, first):
        numbers = set(range(first, first + self.size))
        found = self._run(bench, first // self.size, numbers)
        whole = [one for one in found if one.index is None]
        if not whole:
            return found
        blamed = [one for one in found if one.index is not None]
        if self.narrowed < NARROWED:
            self.narrowed += 1
            whole = self._narrow(bench, first, whole)
        return blamed + whole

    def repeat(self, bench, index):
        return self._run(bench, index // self.size, {index})

    def _blame(self, bench, start, out):
        """What is not clean in the rows, each with the call that the row is of."""
        head, *lines = (out / "requests.csv").read_bytes().splitlines(keepends=True)
        found = []
        for line in lines:
            number = line.partition(b",")[0]
            index = start + int(number) if number.isdigit() else None
            found += bench.judge_text(index, "requests.csv", head + line, **{"row.csv": head + line})
        return found

    def is_excused(self, call):
        """Whether something that befell other calls may have befallen this one."""
        return False

    def _narrow(self, bench, first, whole):
        """Which call is to blame for what the whole run did: by halves."""
        numbers = list(range(first, first + self.size))
        while len(numbers) > 1:
            half = numbers[:len(numbers) // 2]
            found = [one for one in self._run(bench, first // self.size, set(half)) if one.index is None]
            if found:
                numbers, whole = half, found
                continue
            half = numbers[len(numbers) // 2:]
            found = [one for one in self._run(bench, first // self.size, set(half)) if one.index is None]
            if not found:
                break
            numbers, whole = half, found
        for one in whole:
            one.index = numbers[0]
            one.words += f" (calls {numbers[0]} to {numbers[-1]})"
        return whole

    def _run(self, bench, batch, changed):
        """One run in which the calls `changed` are answered in their own ways and the others harmlessly."""
        start = batch * self.size

        def plan_of(number, api, stream):
            index = start + number
            if index in changed:
                return self.plan(bench.rng(self.name, index), api, stream, bench)
            return self.harmless(bench.rng("harmless", index), api, stream)

        server = self.server(plan_of)
        try:
            with bench.folder() as folder:
                text = PROFILE.format(seed=bench.seed % 2**32 + batch + 5, rate=self.rate, seconds=self.seconds, port=server.port) + self.more
                (folder / "profile.toml").write_text(text)
                out = folder / "out"
                ended = bench.run("run", "profile.toml", "--skip-preflight", "--quiet", "--out", out, cwd=folder, seconds=60)
                if not changed:
                    bench.base(self.name, ended)
                return self._judge(bench, start, changed, server, ended, out)
        finally:
            server.close()

    def _judge(self, bench, start, changed, server, ended, out):
        found = bench.judge(None, self.name, ended, CODES)
        if server.faults:
            found.append(Finding(None, "wrong", f"the campaign's server itself: {server.faults[0]}"))
        if ended.hung or ended.broke:
            return found
        try:
            all_rows = rundir.rows(out / "requests.csv")
            origin = rundir.manifest(out)["origin"]
            told = rundir.summary(out)
        except (OSError, ValueError, KeyError) as error:
            return [*found, Finding(None, "losses", f"no run directory: {error!r} {ended.words}")]
        unclean = bench.judge_folder(None, out)
        found += [one for one in unclean if not one.words.startswith("requests.csv")]
        if any(one.words.startswith("requests.csv") for one in unclean):
            found += self._blame(bench, start, out)
        by_number = {}
        for row in all_rows:
            by_number.setdefault(int(row["seq"]), []).append(row)
        for number in range(self.rate * self.seconds):
            rows = by_number.get(number, [])
            if len(rows) != 1:
                found.append(Finding(start + number, "losses", f"call {number} has {len(rows)} rows"))
                continue
            words = contradiction(rows[0], server.calls.get(number), origin, self.is_excused(server.calls.get(number)))
            if words:
                plan = server.calls[number].plan if number in server.calls else None
                name = plan.name if plan else "never seen"
                column = "panics" if rows[0]["error"] == "internal" else "wrong"
                evidence = {
                    "row.json": json.dumps(rows[0], indent=1).encode(),
                    "answer.bin": b"".join(data if isinstance(data, bytes) else data(1) for _, data in plan.pieces) if plan else b"", "stderr": ended.err}
                found.append(Finding(start + number, column, f"{name}: {words}", **evidence))
        evidence = {"summary.json": (out / "summary.json").read_bytes(), "requests.csv": (out / "requests.csv").read_bytes()}
        found += [Finding(None, "wrong", words, **evidence) for words in rundir.differences(told, all_rows)]
        return found


def contradiction(row, call, origin, is_excused=False):
    """How a row contradicts what the server knows of its call, in words. A call is excused when others broke its
    connection, or wrote into its answer."""
    outcome, error = row["outcome"], row["error"]
    if error == "internal":
        return "the harness itself failed on this call"
    if call is None:
        return "ok, but no such call was seen" if outcome == "ok" else None
    at = {name: origin + rundir.nanoseconds(row[name]) for name in STAMPS if row[name]}
    if call.times == 1 and "sent" in at and at["sent"] > call.received:
        return f"sent {at['sent'] - call.received} ns after it was received"
    if call.times > 1:
        return f"sent {call.times} times"
    if is_excused:
        return None
    plan = call.plan
    for stamp, piece in (
            ("first_byte", 0), ("head", plan.head), ("first_event", plan.head), ("first_content", plan.content),
            ("last_content", plan.content), ("first_visible", plan.content), ("done", plan.final if outcome == "ok" else None)):
        if stamp in at and piece is not None and (len(call.written) <= piece or at[stamp] < call.written[piece]):
            early = call.written[piece] - at[stamp] if piece < len(call.written) else "?"
            return f"{stamp} is {early} ns before piece {piece} was written"
    order = [at[name] for name in ("sent", "first_byte", "first_content", "last_content", "end") if name in at]
    if order != sorted(order):
        return f"stamps out of order: {row}"
    if plan.status is not None and row["status"] and int(row["status"]) != plan.status:
        return f"status {row['status']} of {plan.status}"
    if plan.expect == "not" and outcome == "ok":
        return "ok, though the answer was broken"
    if plan.expect == "ok":
        return _of_a_good_call(row, call)
    return None


STAMPS = ("sent", "head", "first_byte", "first_event", "first_content", "last_content", "first_visible", "done", "end")


def _of_a_good_call(row, call):
    plan, outcome, error = call.plan, row["outcome"], row["error"]
    if outcome != "ok":
        # A crowded machine: only a server that was in time may blame the driver.
        late = not call.whole or (call.written and call.written[-1] - call.received > 1_500_000_000)
        tolerated = error.startswith("timeout") and late or error in ("stale_connection", "connect_timeout")
        return None if tolerated else f"{outcome} {error}, though the answer was whole"
    if plan.tokens is not None and row["output_tokens"] != str(plan.tokens):
        return f"{row['output_tokens']} output tokens of {plan.tokens}"
    if call.stream and plan.content is not None and not row["first_content"]:
        return "no first content, though there was some"
    return None


class LargeAnswers(Servers):
    """Huge and endless answers, few at a time: what one of them costs must be seen."""
    name, size, weight = "large-answers", 8, 2
    rate, seconds = 4, 2

    def plan(self, rng, api, stream, bench):
        return answers.large(rng, api, stream)


class Servers2(Servers):
    """The same over HTTP/2, many calls on a connection."""
    name, size, weight = "http2", 400, 2
    server, harmless, more = http2.Server2, staticmethod(http2.benign), 'connections = { http = "2" }\n'

    def plan(self, rng, api, stream, bench):
        return http2.plan(rng, api, stream, bench.key)

    def _blame(self, bench, start, out, finding):
        """Of what stands in the rows, the row says whose it is; anything else is that of the whole run."""
        if not finding.words.startswith("requests.csv"):
            return [finding]
        head, *lines = (out / "requests.csv").read_bytes().splitlines(keepends=True)
        blamed = []
        for line in lines:
            index = start + int(line.partition(b",")[0]) if line.partition(b",")[0].isdigit() else None
            blamed += bench.judge_text(index, "requests.csv", head + line, **{"row.csv": head + line})
        return blamed or [finding]

    def is_excused(self, call):
        return call is not None and any(other.plan.fatal for other in call.connection.calls)
