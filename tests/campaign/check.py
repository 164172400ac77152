"""Whether the campaign would notice: a program in hopmark's place breaks each promise once, and so do a few rows.

    python3 tests/campaign/check.py
"""

import dataclasses
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import answers  # noqa: E402
import look  # noqa: E402
import rundir  # noqa: E402
from bench import Bench  # noqa: E402
from kinds.servers import contradiction  # noqa: E402
from kinds.texts import Profiles  # noqa: E402
from server import Call  # noqa: E402

PROGRAM = """#!/usr/bin/env python3
import base64, os, pathlib, sys, time
way = (pathlib.Path(__file__).parent / "way").read_text()
if way == "panics":
    sys.exit("error: hopmark itself failed (here)")
elif way == "abort":
    os.abort()
elif way == "hangs":
    time.sleep(300)
elif way == "leaks":
    print(os.environ["CAMPAIGN_KEY"][3:14])
elif way == "leaks in base64":
    print(base64.b64encode(b"Bearer " + os.environ["CAMPAIGN_KEY"].encode()).decode())
elif way == "unclean":
    print("\\x1b[2J")
elif way == "memory":
    print(len(bytearray(200 << 20)))
elif way == "processor":
    while time.process_time() < 3:
        pass
elif way == "wrong":
    sys.exit(7)
elif way == "refuses":
    sys.exit("error: a sentence")
"""
WAYS = ["panics", "abort", "hangs", "leaks", "leaks in base64", "unclean", "memory", "processor", "wrong"]
ORIGIN = 1_000_000_000


def row(**more):
    good = {
        "seq": "0", "path": "direct", "phase": "measure", "stream": "true", "intended": "0.000000", "sent": "1.000000", "head": "11.000000",
        "first_byte": "11.000000", "first_event": "11.000000", "first_reasoning": "", "first_content": "21.000000",
        "last_content": "31.000000", "first_visible": "21.000000", "done": "31.000000", "end": "31.000000", "outcome": "ok", "error": "",
        "status": "200", "output_tokens": "2"}
    return {**good, **more}


def call(**more):
    """A call that was received after 2 ms, whose pieces were written after 10, 20 and 30 ms."""
    plan = answers.Plan("good", [(0, b"head"), (0, b"content"), (0, b"end")], "keep", "ok", 200, content=1, final=2, tokens=2)
    made = Call(dataclasses.replace(plan, **more), "chat", True)
    made.received = ORIGIN + 2_000_000
    made.written = [ORIGIN + at * 1_000_000 for at in (10, 20, 30)]
    made.whole = True
    return made


def check_rows():
    assert contradiction(row(), call(), ORIGIN) is None
    for words, wrong, changed in [
            ("sent", row(sent="2.000001"), {}), ("first_content", row(first_content="19.999999"), {}), ("done", row(done="29.000000"), {}),
            ("head", row(head="9.000000"), {}), ("status", row(status="201"), {}), ("output tokens", row(output_tokens="3"), {}),
            ("though the answer was whole", row(outcome="failed", error="bad_body"), {}), ("though the answer was broken", row(), {"expect": "not"}),
            ("itself failed", row(outcome="failed", error="internal"), {}), ("no first content", row(first_content="", last_content="", first_visible=""), {})]:
        found = contradiction(wrong, call(**changed), ORIGIN)
        assert found and words in found, (words, found)
    assert contradiction(row(), None, ORIGIN)
    counted = {"ok": 1, "failed": 0, "incomplete": 0, "dropped": 0}

    def told(requests, least):
        metrics = {key: {"n": 1, "min": least - shift, "max": least} for key, shift in (("ttft", 0), ("ttft_service", 1.0))}
        return {"run": {"complete": True}, "validity": {"left_out": {"calls": 0}}, "paths": {"direct": {"requests": requests, "metrics": metrics}}}

    assert rundir.differences(told(counted, 21.0), [row()]) == []
    assert rundir.differences(told({**counted, "ok": 2}, 21.0), [row()])
    assert rundir.differences(told(counted, 19.0), [row()])


def check_text():
    key = look.key(3)
    secret = look.Secret(key)
    assert secret.found_in(b"nothing here") is None
    for text in (key, key.lower(), key[5:13], key.encode().hex()):
        assert secret.found_in(f"<{text}>".encode()), text
    for name, text in [
            ("a.txt", "\u202e"), ("a.txt", "\u009b"), ("a.html", look.MARKUP), ("a.xml", "<a>"), ("a.json", '{"a": NaN}'), ("a.csv", f"a,{look.FORMULA}\n")]:
        assert look.dirt(name, text.encode()), (name, text)
    assert look.dirt("a.csv", b"-1.5,2e-7,-,a\n") is None and look.dirt("a.txt", "plain \u00e9\n".encode()) is None


def main():
    check_rows()
    check_text()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        program, way = folder / "hopmark", folder / "way"
        program.write_text(PROGRAM)
        program.chmod(0o755)
        bench = Bench(program, 3, folder, lanes=1)
        try:
            kind = Profiles()
            for good in ("good", "refuses"):
                way.write_text(good)
                if good == "good":
                    kind.prepare(bench)
                # The stub ends with 1 where hopmark ends with 2.
                kind.codes = (0, 1)
                assert kind.repeat(bench, 0) == [], good
            for broken in WAYS:
                way.write_text(broken)
                kind.patience = 2 if broken == "hangs" else 60
                columns = {one.column for one in kind.repeat(bench, 0)}
                expected = {"abort": "panics", "leaks in base64": "leaks"}.get(broken, broken)
                assert expected in columns, (broken, columns)
        finally:
            bench.close()
    print(f"the campaign notices {len(WAYS)} broken programs, and rows and texts that are wrong")


if __name__ == "__main__":
    main()
