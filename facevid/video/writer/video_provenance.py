"""State the provenance of a video in its tags and its XMP packet, and sign results."""

import struct
from collections.abc import Collection
from pathlib import Path

import av

from facevid.provenance.signing import Signer
from facevid.provenance.statement import Provenance
from facevid.utils.atomic_output import TemporaryFiles

XMP_SUFFIXES = (".mp4", ".m4v", ".mov")
"""Suffixes of the containers with an XMP packet: the ISO base media file format, and QuickTime."""

_XMP_UUID = bytes.fromhex("BE7ACFCB97A942E89C71999491E3AFAC")
"""Type of a box with an XMP packet (ISO 16684-3, section 1.2.7)."""

_COMMENT = "comment"
"""Metadata key of a comment."""


def provenance_tags(provenance: Provenance, suffix: str, source_keys: Collection[str]) -> dict[str, str]:
    """Return the tags that state the provenance of a video.

    Args:
        provenance: what to state.
        suffix: file name suffix of the video.
        source_keys: metadata keys of the source. A comment in it is kept.
    """
    comment = {} if _COMMENT in (key.lower() for key in source_keys) else {_COMMENT: provenance.comment}
    return comment if suffix in XMP_SUFFIXES else comment | provenance.tags


def read_xmp(path: Path) -> bytes | None:
    """Return the XMP packet of an MP4 or QuickTime file; None if it has none, or is another file."""
    options = {"export_xmp": "1"}  # of FFmpeg's demuxer of these files; others ignore it
    with av.open(f"file:{path}", metadata_errors="replace", options=options) as container:
        packet = container.metadata.get("xmp")
    return packet.encode(errors="replace") if packet else None


def append_xmp(path: Path, packet: bytes) -> None:
    """Append an XMP packet to an MP4 or QuickTime file without one. Raises OSError."""
    with path.open("ab") as file:
        file.write(struct.pack(">I4s", 8 + len(_XMP_UUID) + len(packet), b"uuid") + _XMP_UUID + packet)


def sign_result(result: Path, out: Path, signer: Signer | None, temporaries: TemporaryFiles) -> Path:
    """Return a signed copy of a result in its hidden folder, or the result itself without a signer.

    Raises:
        OutputError: the result cannot be signed.
    """
    if signer is None:
        return result
    path = temporaries.path("signed", out.suffix)
    signer.sign(result, path, out)
    return path
