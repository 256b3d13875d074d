"""Hostile texts and values, and files with mistakes in them. All is made from a seed, so that it can be made again."""

import json
from random import Random
from typing import Any

WORDS = ["Ada Brook", "Tom Hale", "was born in", "Larne", "Wick", "founded", "leads", "Orbix", "Nimbus", ".", ",", "\n"]
STRANGE = [
    *("\0", "\x1b[31m", "\x7f", "\x85", "\u2028", "\ufeff", "\u200b", "\u202e", "\ufffe", "\uffff", "\r", "\r\n", "\t"),
    *(
        "\u0301",
        "\xa0",
        "e\u0301",
        "ﬁ",
        "שלום",
        "日本語",
        "👩‍👩‍👧",
        "𝔄",
        "😀" * 20,
        "(" * 50,
        "'" * 30,
        "a" * 200,
        " " * 99,
    ),
    *(
        '"',
        "'",
        "\\",
        "\\n",
        "<b>",
        "&amp;",
        "]]>",
        "<!--",
        "{}",
        "%s",
        "=1+1",
        "..",
        ".",
        "/",
        "#",
        ";",
        "NULL",
        "nan",
    ),
]
VALUES: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        2,
        5,
        2**31,
        2**62,
        -(2**63),
        10**40,
        0.5,
        -0.0,
        1e300,
        "",
        " ",
        "x",
        "\0",
        "0",
        "é",
    ),
    *([], {}, [[]], [0], [None], [0, 1], {"a": 1}, {"": None}, ["x"], "x" * 1000),
]
# As they stand in a file, where they may not be what the format allows.
PIECES = [
    *(
        b"",
        b"\0",
        b"\xff",
        b"\xfe\xff",
        b"\xef\xbb\xbf",
        b"\n",
        b"\r",
        b"\t",
        b" ",
        b'"',
        b"'",
        b",",
        b":",
        b";",
        b"{",
        b"}",
    ),
    *(
        b"[",
        b"]",
        b"null",
        b"true",
        b"-1",
        b"0",
        b"1e999",
        b"NaN",
        b"-Infinity",
        b"9" * 30,
        b"9" * 5000,
        b"99999999999",
    ),
    *(b"\\ud800", b"\\u0000", b"\\", b"[" * 300, b"[" * 5000, b"()" * 600, b"\xed\xa0\x80", b"T1\t", b"R1\t", b"#"),
]


def hostile_text(chance: Random) -> str:
    """A text of common and strange pieces, at times without any that can be read."""
    pieces = chance.choices([*WORDS * 3, *STRANGE], k=chance.randint(0, 12))
    return chance.choice(["", " ", " ", " "]).join(pieces)


def hostile_value(chance: Random, depth: int = 0) -> Any:
    """A value for JSON, at times nested, at times not allowed."""
    kind = chance.random()
    if kind < 0.5 or depth > 5:
        return chance.choice(VALUES)
    if kind < 0.7:
        return hostile_text(chance)
    if kind < 0.75:
        value: Any = 0
        for _ in range(chance.choice([50, 99, 101, 900])):
            value = [value]
        return value
    if kind < 0.85:
        return [hostile_value(chance, depth + 1) for _ in range(chance.randint(0, 3))]
    return {
        chance.choice(["a", "", "é", "text"]): hostile_value(chance, depth + 1) for _ in range(chance.randint(0, 3))
    }


def mutated_bytes(data: bytes, chance: Random) -> bytes:
    """Bytes with one or a few mistakes: bits flipped, pieces put in, left out, repeated or swapped, or the end cut."""
    for _ in range(chance.choice([1, 1, 1, 2, 5])):
        start = chance.randint(0, len(data))
        end = min(len(data), start + chance.choice([0, 1, 1, 2, 8, 100]))
        match chance.randint(0, 6):
            case 0 if data:
                at = chance.randrange(len(data))
                data = data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
            case 1:
                data = data[:start]
            case 2:
                data = data[:start] + data[end:]
            case 3:
                data = data[:end] + data[start:end] * chance.choice([1, 2, 20]) + data[end:]
            case 4:
                other = chance.randint(0, len(data))
                data = data[:start] + data[other : other + end - start] + data[end:]
            case _:
                data = data[:start] + chance.choice(PIECES) + data[end:]
    return data


def mutated_value(value: Any, chance: Random) -> Any:
    """A JSON value with another value at one place in it, or without one of its items."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        key = chance.choice(list(value))
        rest = {k: v for k, v in value.items() if k != key}
        return rest if chance.random() < 0.1 else {**rest, key: mutated_value(value[key], chance)}
    if isinstance(value, (list, tuple)) and value and chance.random() < 0.9:
        at = chance.randrange(len(value))
        changed = [] if chance.random() < 0.1 else [mutated_value(value[at], chance)]
        return [*value[:at], *changed, *value[at + 1 :]]
    if isinstance(value, int) and chance.random() < 0.5:
        return value + chance.choice([-1, 1, 2, 100, -100])
    return hostile_value(chance)


def mutated_json(data: bytes, chance: Random) -> bytes:
    """A file of JSON lines, or of one JSON value, with another value at one place."""
    try:
        return json.dumps(mutated_value(json.loads(data), chance)).encode()
    except ValueError:
        lines = data.splitlines()
        at = chance.randrange(len(lines))
        lines[at] = json.dumps(mutated_value(json.loads(lines[at]), chance)).encode()
        return b"\n".join(lines)
