"""Random OpenEXR files, written and read with OpenImageIO."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio

SIZE = 60, 80
RNG = np.random.default_rng(22)
ACESCG = (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767)


@dataclass(frozen=True)
class Part:
    """One part of a test file.

    Attributes:
        channels: channel name -> OpenImageIO's sample type.
        attributes: attribute name -> value, or (type, value).
        size: height and width of the data window.
        origin: left and top of the data window.
        display: display window (left, top, width, height); None for the data window.
        tile: tile size in pixels; 0 for scan lines.
        max_integer: integer samples are random below this bound.
    """

    channels: dict[str, str]
    attributes: dict[str, Any]
    size: tuple[int, int] = SIZE
    origin: tuple[int, int] = (0, 0)
    display: tuple[int, int, int, int] | None = None
    tile: int = 0
    max_integer: int = 1000


def write(path: Path, *parts: Part) -> list[np.ndarray]:
    """Write random samples, and return the samples of each part as read back."""
    specs: list[oiio.ImageSpec] = []
    images: list[np.ndarray] = []
    for part in parts:
        height, width = part.size
        kinds = [*part.channels.values()]
        spec = oiio.ImageSpec(width, height, len(kinds), kinds[0])
        spec.channelnames = tuple(part.channels)
        if len({*kinds}) > 1:
            spec.channelformats = tuple(oiio.TypeDesc(kind) for kind in kinds)
        spec.x, spec.y = part.origin
        spec.full_x, spec.full_y, spec.full_width, spec.full_height = part.display or (*part.origin, width, height)
        spec.tile_width = spec.tile_height = part.tile
        spec.tile_depth = int(part.tile > 0)
        spec.attribute("DateTime", "")
        for name, value in part.attributes.items():
            spec.attribute(name, *value) if isinstance(value, tuple) else spec.attribute(name, value)
        specs.append(spec)
        if {*kinds} == {"uint"}:
            images.append(RNG.integers(0, 2**32, (height, width, len(kinds)), dtype=np.uint32))
            continue
        image: np.ndarray = RNG.random((height, width, len(kinds))).astype(np.float32)
        for channel in np.flatnonzero([kind == "uint" for kind in kinds]):
            image[..., channel] = RNG.integers(0, part.max_integer, (height, width)) / (2**32 - 1)
        images.append(image)
    out = oiio.ImageOutput.create("openexr")
    assert out is not None
    for number, (spec, image) in enumerate(zip(specs, images, strict=True)):
        assert out.open(str(path), spec, "AppendSubimage") if number else out.open(str(path), specs), out.geterror()
        assert out.write_image(image), out.geterror()
    assert out.close()
    return [read(path)[number][1] for number in range(len(parts))]


def read(path: Path) -> list[tuple[oiio.ImageSpec, np.ndarray]]:
    """Return the specification and the samples, (H, W, channels), of each part."""
    source = oiio.ImageInput.open(str(path))
    parts: list[tuple[oiio.ImageSpec, np.ndarray]] = []
    assert source is not None, oiio.geterror()
    while source.seek_subimage(len(parts), 0):
        spec = source.spec()
        kind = "uint" if str(spec.format) == "uint" else "float"
        parts.append((spec, np.asarray(source.read_image(len(parts), 0, 0, spec.nchannels, kind))))
    source.geterror()
    return parts


def rgba(kind: str = "half", prefix: str = "") -> dict[str, str]:
    return {f"{prefix}{name}": kind for name in "RGBA"}


ATTRIBUTES = {
    "shotName": "a010",
    "aNameOfMoreThanThirtyOneCharacters": "long",
    "framesPerSecond": (oiio.TypeRational, (48, 1)),
    "chromaticities": (oiio.TypeDesc("float[8]"), ACESCG),
    "smpte:TimeCode": (oiio.TypeTimeCode, (0x10203104, 0)),
    "smpte:KeyCode": (oiio.TypeKeyCode, (1, 2, 3, 4, 5, 4, 64)),
    "worldToCamera": (oiio.TypeMatrix, tuple(float(i) for i in range(16))),
    "PixelAspectRatio": 1.0,
}
