"""What no output may hold."""

import base64
import csv
import io
import json
import random
import re
import urllib.parse
import xml.etree.ElementTree

# Letters of each case, digits, and the signs that URLs and JSON write otherwise.
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
PART = 8


def key(seed):
    """A key that no text holds by chance."""
    rng = random.Random(f"key:{seed}")
    parts = ["".join(rng.choice(_LETTERS) for _ in range(9)) for _ in range(4)]
    return "/".join(parts[:2]) + "+" + "=".join(parts[2:])


class Secret:
    """A key in the dresses in which it may leave the house."""

    def __init__(self, text):
        self.text = text
        raw = text.encode()
        self.parts = [raw[at:at + PART].lower() for at in range(len(raw) - PART + 1)]
        self.dresses = {"URL-encoded": [urllib.parse.quote(text, safe="").lower().encode()], "base64": [], "hex": [raw.hex().encode()]}
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            for shift in range(3):
                # What surrounds the key decides the first and the last letters.
                inner = encode(b"\0" * shift + raw)[4 if shift else 0:]
                self.dresses["base64"].append(inner[:-4].lower())

    def found_in(self, text):
        """How a text gives it away, if it does."""
        lower = text.lower()
        for part in self.parts:
            at = lower.find(part)
            if at >= 0:
                return f"eight characters of it or more at byte {at}"
        for dress, forms in self.dresses.items():
            for form in forms:
                at = lower.find(form)
                if at >= 0:
                    return f"{dress} at byte {at}"
        return None


# The characters that change a terminal or the order of what is read; tabs and line ends are none of them.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
# Harmless where it is text, run where it is markup.
MARKUP = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
FORMULA = "=cmd|' /C calc'!A0"


def dirt(name, text):
    """What a file or a stream holds that it should not, in words."""
    decoded = text.decode("utf-8", "surrogateescape")
    if any("\udc80" <= sign <= "\udcff" for sign in decoded):
        return "bytes that are not UTF-8"
    if found := _CONTROL.search(decoded):
        return f"U+{ord(found.group()):04X} at character {found.start()}"
    ending = name.rpartition(".")[2]
    if ending in ("html", "svg", "md") and "<script>alert(1)" in decoded:
        return "markup that came from outside"
    if ending in ("svg", "xml"):
        try:
            xml.etree.ElementTree.fromstring(text)
        except xml.etree.ElementTree.ParseError as error:
            return f"XML that does not parse: {error}"
    if ending == "json":
        return _json_dirt(decoded)
    if ending == "csv":
        return _csv_dirt(decoded)
    return None


def _no_constant(word):
    raise ValueError(f"{word} is no JSON")


def _json_dirt(text):
    try:
        json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        return f"JSON that does not parse: {error}"
    return None


def _csv_dirt(text):
    for cells in csv.reader(io.StringIO(text)):
        for cell in cells:
            if cell[:1] in ("=", "+", "-", "@") and not re.fullmatch(r"[-+]?[0-9.]+(e[-+]?[0-9]+)?%?|-", cell, re.I):
                return f"a cell that a spreadsheet runs: {cell[:40]!r}"
    return None
