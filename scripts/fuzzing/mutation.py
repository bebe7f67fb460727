"""How valid files are changed: bits, bytes, slices, headers at extremes, and what is awkward in text."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

Edit = tuple[str, float, int]
"""A name of :data:`EDITS`, the place as a part of the file, and a number that the edit makes its own use of."""

EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)

TOKENS = (
    b"NaN",
    b"-Infinity",
    b"nan",
    b"1e999",
    b"-1",
    b"0",
    b"1.5",
    b"null",
    b"true",
    b"[]",
    b"{}",
    b'""',
    b"\n",
    b'"',
    b"9" * 40,
    b"9" * 5000,
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"\x00",
    b"\xff\xfe",
    "\u2028".encode(),
    b'\\ud800"',
)
"""What readers of text stumble over."""


def _bit(data: bytes, at: int, number: int) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1 << (number % 8)
    return bytes(changed)


def _byte(data: bytes, at: int, number: int) -> bytes:
    return data[:at] + bytes([number % 256]) + data[at + 1 :]


def _digit(data: bytes, at: int, number: int) -> bytes:
    """Another digit in place of the next one: the smallest change that text does not show."""
    at = next((place for place in range(at, len(data)) if chr(data[place]).isdigit() and data[place] < 128), at)
    return data[:at] + b"%d" % (number % 10) + data[at + 1 :]


def _cut(data: bytes, at: int, number: int) -> bytes:
    return data[:at]


def _drop(data: bytes, at: int, number: int) -> bytes:
    return data[:at] + data[at + 1 + number % 64 :]


def _repeat(data: bytes, at: int, number: int) -> bytes:
    return data[:at] + data[max(0, at - 1 - number % 512) : at] + data[at:]


def _insert(data: bytes, at: int, number: int) -> bytes:
    return data[:at] + number.to_bytes(4, "big") + data[at:]


def _header(data: bytes, at: int, number: int) -> bytes:
    """A number at its extreme, four or eight bytes wide, near the beginning."""
    at, wide, order = at % 32, 4 if number & 1 else 8, "big" if number & 2 else "little"
    value = EXTREMES[number // 4 % len(EXTREMES)]
    return data[:at] + value.to_bytes(wide, "big" if order == "big" else "little") + data[at + wide :]


def _token(data: bytes, at: int, number: int) -> bytes:
    """What is awkward, in place of one word or between two."""
    end = at
    while number & 1 and end < len(data) and data[end] not in b" ,:]}\n":
        end += 1
    return data[:at] + TOKENS[number // 2 % len(TOKENS)] + data[end:]


def _line(data: bytes, at: int, number: int) -> bytes:
    """The line here is dropped, doubled, or put at the end."""
    start, end = data.rfind(b"\n", 0, at) + 1, data.find(b"\n", at) + 1 or len(data)
    line = data[start:end]
    return (data[:start] + data[end:], data[:end] + data[start:], data[:start] + data[end:] + line)[number % 3]


EDITS: dict[str, Callable[[bytes, int, int], bytes]] = {
    "bit": _bit,
    "byte": _byte,
    "digit": _digit,
    "cut": _cut,
    "drop": _drop,
    "repeat": _repeat,
    "insert": _insert,
    "header": _header,
    "token": _token,
    "line": _line,
}


def mutated(data: bytes, edits: Sequence[Edit]) -> bytes:
    """The file after all edits, each at its part of what then is there.

    Example:
        >>> mutated(b"spike", [("cut", 0.5, 0), ("byte", 0.0, 65)])
        b'Ap'
    """
    for kind, part, number in edits:
        if data:
            data = EDITS[kind](data, min(int(part * len(data)), len(data) - 1), number)
    return data


def drawn(chance: random.Random) -> list[Edit]:
    """One to four edits."""
    kinds = list(EDITS)
    return [(chance.choice(kinds), chance.random(), chance.getrandbits(32)) for _ in range(chance.randint(1, 4))]
