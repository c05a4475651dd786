"""The statement of a result's origin in its metadata, read with FFmpeg, Pillow and OpenImageIO."""

from collections.abc import Collection
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from xml.dom.minidom import parseString

import av
import cv2
import numpy as np
import OpenImageIO as oiio
import pytest
from numpy.typing import NDArray
from PIL import Image

from facevid import edit_video
from facevid.options import ComputeOptions, EditOptions
from facevid.provenance.statement import DIGITAL_SOURCE_TYPE, Provenance
from facevid.provenance.xmp import extend_xmp
from facevid.video import ClipWriter, open_clip
from facevid.video.writer.ffmpeg import run_ffmpeg
from facevid.video.writer.video_provenance import append_xmp
from facevid.video.writer.writer import writable
from tests.clips import camera_move

OPTIONS = EditOptions(compute=ComputeOptions(device="cpu"))
IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
CAMERA = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="uuid:1" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:p="{IPTC}"
 p:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture">
<dc:rights>\u00a9 Anna &amp; Co</dc:rights></rdf:Description></rdf:RDF></x:xmpmeta>{" " * 2000}
<?xpacket end="w"?>""".encode()
"""A packet with padding, as a camera writes it."""


def statements(packet: bytes) -> dict[str, list[str]]:
    """Return the values of each IPTC property in a packet, whether elements or attributes."""
    values: dict[str, list[str]] = {}
    for element in parseString(packet).getElementsByTagName("*"):
        if element.namespaceURI == IPTC:
            texts = [node.nodeValue or "" for node in element.childNodes]
            values.setdefault(element.localName, []).append("".join(texts))
        for _, attribute in element.attributes.items():
            assert "digitalCapture" not in attribute
    return values


STATED = {
    "DigitalSourceType": [DIGITAL_SOURCE_TYPE],
    "AISystemUsed": ["facevid (model bundled)"],
    "AISystemVersionUsed": [version("facevid")],
}


def xmp_of(path: Path) -> bytes | None:
    """Return the XMP packet of a picture or a video, read by another library."""
    if path.suffix in (".mp4", ".mov"):
        with av.open(str(path), options={"export_xmp": "1"}) as container:
            text = container.metadata.get("xmp")
    elif path.suffix == ".exr":
        image = oiio.ImageInput.open(str(path))
        assert image is not None
        text = image.spec().get_string_attribute("xmp")
    else:
        with Image.open(path) as picture:
            picture.load()
            text = picture.info.get("xmp") or picture.info.get("XML:com.adobe.xmp")
    return text.encode() if isinstance(text, str) else text


def write(source: Path, out: Path, edited: Collection[int]) -> None:
    """Copy a clip in one segment; some frames count as edited."""
    clip, segment = open_clip(source), out.with_name("segment")
    writer = ClipWriter(out, clip, overwrite=True, provenance=Provenance("bundled"))
    with writer.destination.segment(segment) as segment_writer:
        for frame in clip.frames():
            segment_writer.write(writable(frame), frame, is_edited=frame.index in edited)
    with writer:
        writer.append([segment])


@pytest.fixture
def frame(portrait: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return camera_move(portrait, 4, (320, 240))


def save(path: Path, frame: NDArray[np.uint8]) -> Path:
    """Write a picture in the format of its suffix."""
    if path.suffix != ".exr":
        cv2.imwrite(str(path), frame[..., ::-1])
        return path
    output = oiio.ImageOutput.create("openexr")
    assert output is not None
    spec = oiio.ImageSpec(frame.shape[1], frame.shape[0], 3, "half")
    spec.attribute("xmp", CAMERA.decode())
    output.open(str(path), spec)
    output.write_image((frame / 255.0).astype(np.float32) ** 2.2)
    output.close()
    return path


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp", ".exr"])
def test_an_edited_picture_states_its_origin(frame: NDArray[np.uint8], tmp_path: Path, suffix: str) -> None:
    source, out = save(tmp_path / f"in{suffix}", frame), tmp_path / f"out{suffix}"
    write(source, out, {0})
    packet = xmp_of(out)
    assert packet is not None
    assert statements(packet) == STATED
    assert ("Anna" in packet.decode()) == (suffix == ".exr")  # the packet of the source is kept
    assert next(iter(open_clip(out).frames())).rgb().shape == frame.shape


def test_no_provenance(frame: NDArray[np.uint8], tmp_path: Path) -> None:
    source, stated, plain = save(tmp_path / "in.png", frame), tmp_path / "stated.png", tmp_path / "plain.png"
    edit_video(source, stated, ["smile=1"], OPTIONS)
    edit_video(source, plain, ["smile=1"], replace(OPTIONS, provenance=False))
    assert (xmp_of(stated) is None, xmp_of(plain) is None) == (False, True)
    first, second = (np.asarray(cv2.imread(str(path))) for path in (stated, plain))
    assert np.array_equal(first, second)
    edit_video(source, tmp_path / "frame.jpg", ["smile=1"], replace(OPTIONS, preview_frame=0))
    assert statements(xmp_of(tmp_path / "frame.jpg") or b"") == STATED


def test_only_edited_frames_of_a_sequence_state_an_origin(portrait: NDArray[np.uint8], tmp_path: Path) -> None:
    for number in range(4):
        save(tmp_path / f"in.{number}.png", camera_move(portrait, number, (320, 240)))
    write(tmp_path / "in.#.png", tmp_path / "out.#.png", {1, 2})
    assert [xmp_of(tmp_path / f"out.{number}.png") is not None for number in range(4)] == [False, True, True, False]
    write(tmp_path / "in.#.png", tmp_path / "out.mov", {1})
    assert statements(xmp_of(tmp_path / "out.mov") or b"") == STATED


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_an_edited_video_states_its_origin(portrait_clip: Path, tmp_path: Path, suffix: str) -> None:
    source, out = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    run_ffmpeg(["-i", str(portrait_clip), "-c", "copy", "-metadata", "title=A title", str(source)], "in")
    write(source, out, {2, 3})
    with av.open(str(out)) as container:
        tags = {name.lower(): value for name, value in container.metadata.items()}
    assert tags["title"] == "A title"
    assert all(text in tags["comment"] for text in (DIGITAL_SOURCE_TYPE, version("facevid"), "bundled"))
    if suffix == ".mkv":
        assert tags["digital_source_type"] == DIGITAL_SOURCE_TYPE
    else:
        assert statements(xmp_of(out) or b"") == STATED


def test_the_metadata_of_the_source_is_kept(portrait_clip: Path, tmp_path: Path) -> None:
    source, out = tmp_path / "in.mp4", tmp_path / "out.mp4"
    run_ffmpeg(["-i", str(portrait_clip), "-c", "copy", "-metadata", "comment=Take 3", str(source)], "in")
    append_xmp(source, CAMERA)
    write(source, out, {9})
    with av.open(str(out)) as container:
        assert container.metadata["comment"] == "Take 3"
    packet = xmp_of(out) or b""
    assert "Anna & Co" not in packet.decode()
    assert "\u00a9 Anna &amp; Co" in packet.decode()
    assert statements(packet) == STATED
    write(source, out, ())
    assert b"digitalCapture" in (xmp_of(out) or b"")  # a video without an edited frame states nothing
    assert DIGITAL_SOURCE_TYPE.encode() not in out.read_bytes()


def test_a_packet_is_extended_once() -> None:
    provenance = Provenance("bundled")
    once = extend_xmp(CAMERA, provenance)
    assert statements(once) == STATED
    assert extend_xmp(once, provenance) == once
    assert b"uuid:1" in once
    assert len(once) < len(CAMERA)  # without its padding


@pytest.mark.parametrize("damaged", [b"", b"<x", b"<a/>", b"\xff\xfe<", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'])
def test_a_damaged_packet_is_replaced(damaged: bytes) -> None:
    assert statements(extend_xmp(damaged, Provenance("bundled"))) == STATED
