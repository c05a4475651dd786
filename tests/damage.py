"""Damaging files and values at random, the same way in every run."""

import json
import random
from typing import Any

HEADER = 400
"""Bytes in which the headers of most formats lie."""

NUMBERS = ("NaN", "Infinity", "-Infinity", "-1", "0", "1e999", "1e-320", "0.5", "9" * 400, "9" * 5000, "-" + "9" * 30)
TEXTS = ("", "\x00", "\ud800", "\x1b]0;x\x07", "../../x", "x" * 5000, "\n", "[/]", "-", "\\", "é\u202e", "~x", "/")
ODD: tuple[Any, ...] = (None, True, -1, 0, 10**30, 1e999, -1e999, float("nan"), 0.5, [], {}, [[]], {"a": {}}, *TEXTS)


def damaged_bytes(whole: bytes, chance: random.Random) -> bytes:
    """Flip bytes anywhere or in the header, cut, repeat or blank a part."""
    data = bytearray(whole)
    place = chance.randrange(len(data))
    match chance.choice(("flip", "header", "cut", "repeat", "blank")):
        case "flip":
            for _ in range(chance.choice((1, 4, 32))):
                data[chance.randrange(len(data))] = chance.randrange(256)
        case "header":
            for _ in range(chance.choice((1, 3))):
                data[chance.randrange(min(HEADER, len(data)))] = chance.randrange(256)
        case "cut":
            del data[place:]
        case "repeat":
            data[place:place] = data[place : place + chance.randrange(2000)]
        case "blank":
            length = min(chance.randrange(500), len(data) - place)
            data[place : place + length] = bytes(length)
    return bytes(data)


def damaged_text(whole: str, chance: random.Random) -> str:
    """Put an odd number or text in a word's place, nest a part deeply, or damage the bytes."""
    words = whole.replace("=", " = ").replace(",", " , ").replace('"', ' " ').split(" ")
    place = chance.randrange(len(words))
    match chance.choice(("number", "text", "deep", "bytes", "drop")):
        case "number":
            words[place] = chance.choice(NUMBERS)
        case "text":
            words[place] = chance.choice(TEXTS)
        case "deep":
            words[place] = chance.choice("[{(") * chance.choice((10, 20_000))
        case "drop":
            del words[place]
        case "bytes":
            return damaged_bytes(whole.encode(errors="replace"), chance).decode("latin-1")
    return "".join(words)


def damaged_value(value: Any, chance: random.Random) -> Any:
    """Return a copy of what JSON may hold with one value of it replaced, removed or nested deeply."""
    copy = json.loads(json.dumps(value))
    holder, key = chance.choice(list(_places(copy)))
    match chance.choice(("odd", "odd", "remove", "deep")):
        case "odd":
            holder[key] = chance.choice(ODD)
        case "remove":
            del holder[key]
        case "deep":
            holder[key] = _nested(chance.choice((3, 900)))
    return copy


def _places(value: Any) -> Any:
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(pairs):
        yield value, key
        if isinstance(inner, (dict, list)):
            yield from _places(inner)


def _nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value
