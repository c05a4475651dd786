"""Static HDR metadata: the mastering display (SMPTE ST 2086) and the content's light level (CTA-861.3)."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from av import VideoFrame

from facevid.video.orientation import side_data


@dataclass(frozen=True)
class HdrMetadata:
    """What a source says of its HDR grading.

    `mastering` holds the x, y of red, green, blue and white (CIE 1931) and the least and greatest luminance (cd/m2);
    `light_level` MaxCLL and MaxFALL (cd/m2). `is_dynamic` is set where there is Dolby Vision or HDR10+ besides.
    """

    mastering: tuple[Fraction, ...] | None = None
    light_level: tuple[int, int] | None = None
    is_dynamic: bool = False


NO_HDR = HdrMetadata()


def hdr_metadata(native: VideoFrame) -> HdrMetadata:
    """Read the HDR metadata of a decoded picture."""
    found = side_data(native)
    mastering = light_level = None
    if "MASTERING_DISPLAY_METADATA" in found:
        numbers = np.frombuffer(found["MASTERING_DISPLAY_METADATA"], np.int32)[:22].tolist()
        if all(numbers[20:]):  # AVMasteringDisplayMetadata: ten rationals, has_primaries, has_luminance
            mastering = tuple(Fraction(numbers[i], numbers[i + 1] or 1) for i in range(0, 20, 2))
    if "CONTENT_LIGHT_LEVEL" in found:
        most, average = np.frombuffer(found["CONTENT_LIGHT_LEVEL"], np.uint32)[:2].tolist()
        light_level = (int(most), int(average))
    return HdrMetadata(mastering, light_level, "DYNAMIC_HDR_PLUS" in found or "DOVI_METADATA" in found)


def hdr_options(encoder: str, hdr: HdrMetadata) -> dict[str, str] | None:
    """Return the encoder's options that write static HDR metadata, empty without any; None where it cannot."""
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
    """Return G(x,y)B(x,y)R(x,y)WP(x,y)L(max,min), in units of 0.00002 and 0.0001 cd/m2 unless as decimals."""
    red, green, blue, white, (least, greatest) = (mastering[i : i + 2] for i in range(0, 10, 2))
    pairs = {"G": green, "B": blue, "R": red, "WP": white, "L": (greatest, least)}
    if as_decimals:
        return "".join(f"{name}({float(x):.5f},{float(y):.5f})" for name, (x, y) in pairs.items())
    units = {"L": 10000}
    return "".join(
        f"{name}({round(x * units.get(name, 50000))},{round(y * units.get(name, 50000))})"
        for name, (x, y) in pairs.items()
    )
