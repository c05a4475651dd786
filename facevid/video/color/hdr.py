"""Static HDR metadata: mastering display (SMPTE ST 2086) and content light level (CTA-861.3)."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from av import VideoFrame

from facevid.video.orientation import side_data


@dataclass(frozen=True)
class HdrMetadata:
    """HDR metadata of a source.

    Attributes:
        mastering: x and y of red, green, blue and white (CIE 1931), then minimum and maximum luminance (cd/m2).
        light_level: MaxCLL and MaxFALL (cd/m2).
        is_dynamic: whether there is also dynamic metadata (Dolby Vision or HDR10+), which is not read.
    """

    mastering: tuple[Fraction, ...] | None = None
    light_level: tuple[int, int] | None = None
    is_dynamic: bool = False


NO_HDR = HdrMetadata()
"""No HDR metadata."""


def hdr_metadata(native: VideoFrame) -> HdrMetadata:
    """Read the HDR metadata of a decoded frame."""
    entries = side_data(native)
    mastering = light_level = None
    if "MASTERING_DISPLAY_METADATA" in entries:
        numbers = np.frombuffer(entries["MASTERING_DISPLAY_METADATA"], np.int32)[:22].tolist()
        if all(numbers[20:]):  # AVMasteringDisplayMetadata: ten rationals, has_primaries, has_luminance
            mastering = tuple(Fraction(numbers[i], numbers[i + 1] or 1) for i in range(0, 20, 2))
    if "CONTENT_LIGHT_LEVEL" in entries:
        max_cll, max_fall = np.frombuffer(entries["CONTENT_LIGHT_LEVEL"], np.uint32)[:2].tolist()
        light_level = (int(max_cll), int(max_fall))
    return HdrMetadata(mastering, light_level, "DYNAMIC_HDR_PLUS" in entries or "DOVI_METADATA" in entries)


def hdr_options(encoder: str, hdr: HdrMetadata) -> dict[str, str] | None:
    """Return the encoder options that write static HDR metadata.

    Returns:
        Option name -> value, empty without metadata; None if the encoder cannot write it.
    """
    if hdr.mastering is None and hdr.light_level is None:
        return {}
    names = {
        "libx264": ("x264-params", "mastering-display", "cll"),
        "libx265": ("x265-params", "master-display", "max-cll"),
        "libsvtav1": ("svtav1-params", "mastering-display", "content-light"),
    }
    if encoder not in names:
        return None
    option, mastering_name, light_name = names[encoder]
    parts = []
    if hdr.mastering is not None:
        parts.append(f"{mastering_name}={_mastering_text(hdr.mastering, as_decimals=encoder == 'libsvtav1')}")
    if hdr.light_level is not None:
        parts.append(f"{light_name}={hdr.light_level[0]},{hdr.light_level[1]}")
    return {option: ":".join(parts)}


def _mastering_text(mastering: tuple[Fraction, ...], as_decimals: bool) -> str:
    """Format as G(x,y)B(x,y)R(x,y)WP(x,y)L(max,min): integers in units of 0.00002 and 0.0001 cd/m2, or decimals."""
    red, green, blue, white, (minimum, maximum) = (mastering[i : i + 2] for i in range(0, 10, 2))
    pairs = {"G": green, "B": blue, "R": red, "WP": white, "L": (maximum, minimum)}
    if as_decimals:
        return "".join(f"{name}({float(x):.5f},{float(y):.5f})" for name, (x, y) in pairs.items())
    units = {"L": 10000}
    return "".join(
        f"{name}({round(x * units.get(name, 50000))},{round(y * units.get(name, 50000))})"
        for name, (x, y) in pairs.items()
    )
