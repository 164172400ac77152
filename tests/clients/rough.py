"""Scenarios that have trouble of their own: a call there may fail, and the next try too, but not all of them."""

import os

import httpx2

ROUGH = os.environ.get("SIM_ROUGH") == "1"


class Unfinished(Exception):
    """A stream that ended before its end was said, which the SDKs take for an answer."""


def again(call, refused):
    """What `call` gives; where the scenario is rough, after at most ten tries that ended in one of the SDK's own errors
    (`refused`), in a broken connection (which the SDKs pass on as it is once a stream has begun), or in half an answer."""
    for _ in range(10 if ROUGH else 0):
        try:
            return call()
        except (refused, httpx2.TransportError, Unfinished):
            pass
    return call()
