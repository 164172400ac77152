"""Seeded changes of bytes, JSON and text. Pure: the dice alone decide."""

import copy
import json

import look

NUMBERS = [
    0, -1, 1, 2, 255, 65535, 65536, 2**31 - 1, 2**31, 2**32, 2**53, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**30, -2**63, 0.5,
    -0.5, 1e-300, 1e300, 1.7976931348623157e308, 3.0000000001]
STRINGS = [
    "", " ", "\0", "a\x1b[2Jb\x07\x1b]0;x\x07", "\u202eevil\u2066", "\ufeff", "\u0085\u009b31m", "\U0001f600" * 3,
    look.MARKUP, look.FORMULA, "-1+1", "@SUM(A1)", "../../../etc/passwd", "/dev/zero", "null", "NaN", "Infinity", "1e999",
    "-0", "0x10", "true", "a" * 300, "b" * 5000, "%00%0a", "a,b\"c\nd\re", "'; --", "${HOME}", "{{x}}", "\\u0000", "{", "[", "ok",
    "99999999999999999999h", "1e30s", "-5s", "0s"]
BYTES = [
    b"\0", b"\xff", b"\xfe\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\r", b"\n", b"\r\n\r\n", b"\n\n", b'"', b"\\", b"{",
    b"}", b"[", b"]", b":", b",", b"=", b"-", b"0", b"9" * 30, b"1e999", b"NaN", b"\x1b[31m", b"data:", b"event: error\n", b"[DONE]"]


def flip(rng, data, most=6):
    """A few bytes changed, cut, doubled or put in."""
    data = bytearray(data)
    for _ in range(rng.randint(1, most)):
        at = rng.randrange(len(data) + 1)
        length = min(len(data) - at, rng.choice([1, 1, 2, 4, 16, 64, 1024]))
        step = rng.randrange(7)
        if step == 0 and length:
            data[at] ^= 1 << rng.randrange(8)
        elif step == 1 and length:
            data[at] = rng.randrange(256)
        elif step == 2:
            del data[at:at + length]
        elif step == 3:
            data[at:at] = data[at:at + length]
        elif step == 4:
            data[at:at] = rng.choice(BYTES)
        elif step == 5:
            data[at:at + length] = rng.choice(BYTES)
        elif rng.random() < 0.3:
            del data[at:]
    return bytes(data)


def value(rng):
    """Something that nobody expects."""
    step = rng.randrange(12)
    if step < 4:
        return rng.choice(NUMBERS)
    if step < 8:
        return rng.choice(STRINGS)
    return copy.deepcopy(rng.choice([None, True, False, [], {}, [[]], {"": None}, [None], {"a": {"b": []}}, [1, "2", {}]]))


def _places(tree, into):
    nodes = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for name, below in nodes:
        into.append((tree, name))
        _places(below, into)
    return into


def tree(rng, original, most=3):
    """A JSON value with a few of its members changed, gone, renamed, doubled or buried."""
    whole = {"": copy.deepcopy(original)}
    for _ in range(rng.randint(1, most)):
        places = _places(whole, [])
        if not places:
            break
        parent, name = rng.choice(places)
        step = rng.randrange(9)
        if step < 4:
            parent[name] = value(rng)
        elif step == 4 and parent is not whole:
            del parent[name]
        elif step == 5 and isinstance(parent, dict) and parent is not whole:
            parent[rng.choice(STRINGS) or "other"] = parent.pop(name)
        elif step == 6 and isinstance(parent, list):
            parent.extend([copy.deepcopy(parent[name])] * rng.choice([1, 2, 50]))
        elif step == 7:
            other = rng.choice(places)
            parent[name] = copy.deepcopy(other[0][other[1]])
        elif step == 8:
            for _ in range(rng.choice([1, 3, 100])):
                parent[name] = [parent[name]] if rng.random() < 0.5 else {"a": parent[name]}
    return whole[""]


def dumps(rng, parsed):
    """JSON in one of the ways of writing it."""
    separators = rng.choice([(",", ":"), (", ", ": ")])
    return json.dumps(parsed, ensure_ascii=rng.random() < 0.7, separators=separators).encode("utf-8", "surrogatepass")


def number(rng):
    return str(rng.choice(NUMBERS))


def cell(rng):
    """A field of a table."""
    return number(rng) if rng.random() < 0.5 else rng.choice(STRINGS)


def lines(rng, text, most=3):
    """Lines changed, gone, doubled, swapped, or put elsewhere."""
    parts = text.split("\n")
    for _ in range(rng.randint(1, most)):
        at = rng.randrange(len(parts))
        step = rng.randrange(6)
        if step == 0 and len(parts) > 1:
            del parts[at]
        elif step == 1:
            parts.insert(at, parts[at])
        elif step == 2:
            other = rng.randrange(len(parts))
            parts[at], parts[other] = parts[other], parts[at]
        elif step == 3:
            parts[at] = parts[at][:rng.randrange(len(parts[at]) + 1)]
        elif step == 4:
            parts.insert(rng.randrange(len(parts) + 1), parts.pop(at))
        else:
            parts[at] = flip(rng, parts[at].encode("utf-8", "surrogateescape"), 2).decode("utf-8", "surrogateescape")
    return "\n".join(parts)
