"""Random TIFF files, written and read with OpenImageIO."""

from pathlib import Path

import numpy as np
import OpenImageIO as oiio

SIZE = 48, 64
RNG = np.random.default_rng(22)


def write(path: Path, *pages: tuple[int, str], tile: int = 0, **attributes: str | int) -> None:
    """Write pages of random samples; each page is a number of channels and OpenImageIO's sample type."""
    specs = []
    for channels, kind in pages:
        spec = oiio.ImageSpec(SIZE[1], SIZE[0], channels, kind)
        spec.tile_width = spec.tile_height = tile
        spec.tile_depth = int(tile > 0)
        spec.attribute("compression", "lzw")
        spec.attribute("tiff:write_exif", 0)
        spec.attribute("oiio:UnassociatedAlpha", 1)
        for name, value in attributes.items():
            spec.attribute(name.replace("__", ":"), value)
        specs.append(spec)
    out = oiio.ImageOutput.create("tiff")
    assert out is not None
    for number, spec in enumerate(specs):
        assert out.open(str(path), spec, "AppendSubimage") if number else out.open(str(path), specs)
        assert out.write_image(RNG.random((*SIZE, spec.nchannels)).astype(np.float32))
    assert out.close()


def read(path: Path) -> list[tuple[oiio.ImageSpec, np.ndarray]]:
    stored = oiio.ImageSpec()
    stored.attribute("oiio:UnassociatedAlpha", 1)
    source = oiio.ImageInput.open(str(path), stored)
    pages: list[tuple[oiio.ImageSpec, np.ndarray]] = []
    assert source is not None
    while source.seek_subimage(len(pages), 0):
        spec = source.spec()
        pages.append((spec, np.asarray(source.read_image(len(pages), 0, 0, spec.nchannels, str(spec.format)))))
    source.geterror()
    return pages
