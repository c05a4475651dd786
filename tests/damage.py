"""Random damage to files and values, reproducible by its seed."""

import json
import random
from collections.abc import Iterator
from typing import Any

HEADER = 400
"""Number of bytes at the beginning of a file that contain the header in most formats."""

NUMBERS = ("NaN", "Infinity", "-Infinity", "-1", "0", "1e999", "1e-320", "0.5", "9" * 400, "9" * 5000, "-" + "9" * 30)
TEXTS = ("", "\x00", "\ud800", "\x1b]0;x\x07", "../../x", "x" * 5000, "\n", "[/]", "-", "\\", "é\u202e", "~x", "/")
ODD: tuple[Any, ...] = (None, True, -1, 0, 10**30, 1e999, -1e999, float("nan"), 0.5, [], {}, [[]], {"a": {}}, *TEXTS)


def damaged_bytes(whole: bytes, chance: random.Random) -> bytes:
    """Change bytes anywhere or in the header, or truncate, repeat or zero a part."""
    data = bytearray(whole)
    position = chance.randrange(len(data))
    match chance.choice(("flip", "header", "cut", "repeat", "blank")):
        case "flip":
            for _ in range(chance.choice((1, 4, 32))):
                data[chance.randrange(len(data))] = chance.randrange(256)
        case "header":
            for _ in range(chance.choice((1, 3))):
                data[chance.randrange(min(HEADER, len(data)))] = chance.randrange(256)
        case "cut":
            del data[position:]
        case "repeat":
            data[position:position] = data[position : position + chance.randrange(2000)]
        case "blank":
            length = min(chance.randrange(500), len(data) - position)
            data[position : position + length] = bytes(length)
    return bytes(data)


def damaged_text(whole: str, chance: random.Random) -> str:
    """Replace a word by an unusual number, text or deep nesting, remove it, or damage the bytes."""
    words = whole.replace("=", " = ").replace(",", " , ").replace('"', ' " ').split(" ")
    index = chance.randrange(len(words))
    match chance.choice(("number", "text", "deep", "bytes", "drop")):
        case "number":
            words[index] = chance.choice(NUMBERS)
        case "text":
            words[index] = chance.choice(TEXTS)
        case "deep":
            words[index] = chance.choice("[{(") * chance.choice((10, 20_000))
        case "drop":
            del words[index]
        case "bytes":
            return damaged_bytes(whole.encode(errors="replace"), chance).decode("latin-1")
    return "".join(words)


def damaged_value(value: Any, chance: random.Random) -> Any:
    """Return a copy of a JSON value in which one inner value is replaced, removed or nested deeply."""
    copy = json.loads(json.dumps(value))
    container, key = chance.choice(list(_positions(copy)))
    match chance.choice(("odd", "odd", "remove", "deep")):
        case "odd":
            container[key] = chance.choice(ODD)
        case "remove":
            del container[key]
        case "deep":
            container[key] = _nested(chance.choice((3, 900)))
    return copy


def _positions(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each container inside a JSON value, with each of its keys or indices."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(pairs):
        yield value, key
        if isinstance(inner, (dict, list)):
            yield from _positions(inner)


def _nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value
