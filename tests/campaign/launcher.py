"""Starts programs for the campaign and says what they cost. It is a process of its own and small, because the kernel
counts the memory of whoever starts a program among the program's own."""

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time

import signals


def carry_out(task):
    with open(task["out"], "wb") as out, open(task["err"], "wb") as err:
        began = time.monotonic()
        child = subprocess.Popen(
            task["argv"], stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=task["cwd"], env=task["env"],
            start_new_session=True, preexec_fn=signals.heed)
    for limit, most in ((resource.RLIMIT_AS, task["address_space"]), (resource.RLIMIT_FSIZE, task["file_size"])):
        try:
            resource.prlimit(child.pid, limit, (most, most))
        except ProcessLookupError:
            pass
    hung = threading.Event()

    def end():
        hung.set()
        os.killpg(child.pid, signal.SIGKILL)

    watch = threading.Timer(task["seconds"], end)
    watch.start()
    _, status, used = os.wait4(child.pid, 0)
    watch.cancel()
    child.returncode = 0
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    return {
        "code": os.waitstatus_to_exitcode(status),
        "cpu": used.ru_utime + used.ru_stime,
        "rss": used.ru_maxrss * 1024,
        "wall": time.monotonic() - began,
        "hung": hung.is_set(),
    }


for line in sys.stdin:
    print(json.dumps(carry_out(json.loads(line))), flush=True)
