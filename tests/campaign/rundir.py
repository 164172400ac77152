"""A reading of run directories that shares nothing with the program: CSV, JSON, arithmetic."""

import csv
import io
import json

OUTCOMES = ("ok", "failed", "incomplete", "dropped")


def rows(path):
    """Whole rows; the last line may be half of one."""
    data = path.read_bytes()
    data = data[:data.rfind(b"\n") + 1]
    return list(csv.DictReader(io.StringIO(data.decode("utf-8", "replace"))))


def manifest(folder):
    return json.loads((folder / "manifest.json").read_bytes())


def summary(folder):
    return json.loads((folder / "summary.json").read_bytes())


def nanoseconds(cell):
    """Milliseconds with six decimals as whole nanoseconds."""
    whole, _, part = cell.partition(".")
    return int(whole) * 1_000_000 + int((part + "000000")[:6])


def counts(all_rows):
    """Measured rows by path and outcome."""
    found = {}
    for row in all_rows:
        if row["phase"] == "measure":
            path = found.setdefault(row["path"], dict.fromkeys(OUTCOMES, 0))
            path[row["outcome"]] += 1
    return found


def differences(told, all_rows):
    """Where a summary says other numbers than the rows do, in words."""
    found = []
    counted = counts(all_rows)
    # Latencies of bad seconds may be left out, which the summary says.
    is_whole = told["validity"]["left_out"]["calls"] == 0
    for name, path in told["paths"].items():
        own = counted.get(name, dict.fromkeys(OUTCOMES, 0))
        for outcome in OUTCOMES:
            # What a killed run had under way has no row and is incomplete.
            lost = outcome == "incomplete" and not told["run"]["complete"] and path["requests"][outcome] > own[outcome]
            if path["requests"].get(outcome) != own[outcome] and not lost:
                found.append(f"{name}: {path['requests'].get(outcome)} {outcome} in the summary, {own[outcome]} rows")
        for metric, start in (("ttft", "intended"), ("ttft_service", "sent")) if is_whole else ():
            found += _extremes(name, path["metrics"].get(metric), metric, [
                nanoseconds(row["first_reasoning"] or row["first_content"]) - nanoseconds(row[start]) for row in all_rows
                if row["path"] == name and row["phase"] == "measure" and row["outcome"] == "ok" and row[start]
                and row["stream"] == "true"
                and (row["first_content"] or row["first_reasoning"])])
    return found


def _extremes(name, metric, key, values):
    """Count, least and largest, which no histogram may round beyond three digits."""
    if metric is None or metric.get("n") in (None, 0):
        return [f"{name}: no {key}, {len(values)} rows have it"] if values and metric is not None else []
    found = []
    if metric["n"] < len(values):
        found.append(f"{name}: {key} of {metric['n']} calls, {len(values)} rows have it")
    for word, own in (("min", min(values, default=None)), ("max", max(values, default=None))):
        said = metric.get(word)
        if said is not None and own is not None and word == "min" and abs(said - own / 1e6) > 0.002 * abs(own / 1e6) + 0.002:
            found.append(f"{name}: {word} of {key} is {said} ms, by the rows {own / 1e6} ms")
    return found
