"""What the tests of the libraries share. `tests/clients/libraries` says where the listeners are."""

import asyncio
import functools
import json
import os
import unittest
import urllib.request

LISTENERS = {one["name"]: one["url"] for one in json.loads(os.environ["SIM_LISTENERS"])["listeners"]}
KEY = "key"
VERSION = "2025-04-01-preview"
# Names by which the simulator fails in a way of its own.
BUSY_MODEL = "gpt-4o:sim-429-retry-none"
FILTERED_MODEL = "gpt-4o:sim-400-filter"
LONG_MODEL = "gpt-4o:sim-400-context"
BROKEN_MODEL = "gpt-4o:sim-500"

# One loop for all: clients keep their connections from call to call.
RUNNER = asyncio.Runner()


def at(*listeners):
    """Runs a test at each listener with each of the ways of its class."""

    def decorate(test):
        @functools.wraps(test)
        def everywhere(self):
            for listener in listeners:
                for name, way in self.ways.items():
                    with self.subTest(listener=listener, way=name):
                        test(self, way(LISTENERS[listener]))

        return everywhere

    return decorate


everywhere = at("one", "gateway")
when_busy = at("busy")


class Case(unittest.TestCase):
    """A test with each way to the service that a library has, at a deployment and through a gateway."""

    ways = {}
    """Functions from an address to what makes the library's objects, by name."""

    def assertRetried(self, call):
        """`call` meets one refusal at the busy listener and has its answer all the same."""
        before = len(ledger())
        answer = call()
        self.assertEqual([line["status"] for line in ledger()[before:]], [429, 200])
        return answer


def run(work):
    """What a coroutine gives."""
    return RUNNER.run(work)


def ledger():
    """What the busy listener really answered, oldest first."""
    asked = urllib.request.Request(f"{LISTENERS['busy']}/_sim/ledger?listener=busy", headers={"api-key": "key"})
    with urllib.request.urlopen(asked) as answer:
        return [json.loads(line) for line in answer.read().splitlines()]
