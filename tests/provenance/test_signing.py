"""Signed results, verified by the reader of the C2PA library."""

import json
import sys
from dataclasses import replace
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import av
import c2pa
import cv2
import numpy as np
import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from numpy.typing import NDArray

from facevid import edit_video
from facevid.errors import InputError, UsageError
from facevid.options import ComputeOptions, EditOptions, SigningOptions
from facevid.provenance import signing
from facevid.provenance.signing import MEDIA_TYPES, Signer
from facevid.provenance.statement import DIGITAL_SOURCE_TYPE, Provenance
from facevid.video import open_clip
from tests.clips import camera_move
from tests.conftest import RunFacevid
from tests.provenance.certificates import Credentials, make_credentials

OPTIONS = EditOptions(compute=ComputeOptions(device="cpu"))


@pytest.fixture(scope="module")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    return make_credentials(tmp_path_factory.mktemp("credentials"))


@pytest.fixture
def signed_options(credentials: Credentials) -> EditOptions:
    return replace(OPTIONS, sign=SigningOptions(credentials.certificate, credentials.key))


@pytest.fixture
def still(portrait: NDArray[np.uint8], tmp_path: Path) -> Path:
    """Return a PNG picture with a face."""
    cv2.imwrite(str(tmp_path / "still.png"), camera_move(portrait, 4, (320, 240))[..., ::-1])
    return tmp_path / "still.png"


def manifest(path: Path) -> dict[str, Any]:
    """Verify a file, and return its manifest. The test certificate is valid, but trusted by nobody."""
    with path.open("rb") as file:
        reader = c2pa.Reader(MEDIA_TYPES[path.suffix], file)
        content = json.loads(reader.json())
    assert reader.get_validation_state() == "Valid"
    assert {status["code"] for status in content["validation_status"]} == {"signingCredential.untrusted"}
    found: dict[str, Any] = content["manifests"][content["active_manifest"]]
    return found


def check(manifest: dict[str, Any], source: Path) -> None:
    """Check the actions and the ingredient of a manifest."""
    (actions,) = (each["data"]["actions"] for each in manifest["assertions"] if "c2pa.actions" in each["label"])
    assert [action["action"] for action in actions] == ["c2pa.opened", "c2pa.edited"]
    assert actions[1]["digitalSourceType"] == DIGITAL_SOURCE_TYPE
    assert actions[1]["softwareAgent"] == {"name": "facevid", "version": version("facevid")}
    assert actions[1]["description"] == "smile=+1; model bundled"
    (ingredient,) = manifest["ingredients"]
    assert (ingredient["title"], ingredient["relationship"]) == (source.name, "parentOf")
    if source.is_file():
        assert sha256(source.read_bytes()).hexdigest() in ingredient["description"]
    assert "thumbnail" not in json.dumps(manifest)
    assert manifest["signature_info"]["common_name"] == "Test signer"


def test_a_signed_still(still: Path, tmp_path: Path, signed_options: EditOptions) -> None:
    out, unsigned = tmp_path / "out.jpg", tmp_path / "unsigned.jpg"
    edit_video(still, out, ["smile=1"], signed_options)
    edit_video(still, unsigned, ["smile=1"], OPTIONS)
    check(manifest(out), still)
    first, second = (np.asarray(cv2.imread(str(path))) for path in (out, unsigned))
    assert np.array_equal(first, second)
    # A signed result as source: its manifest stays below the new one.
    edit_video(out, tmp_path / "again.tif", ["smile=1"], signed_options)
    again = manifest(tmp_path / "again.tif")
    check(again, out)
    assert again["ingredients"][0]["active_manifest"]
    content = bytearray(out.read_bytes())
    content[len(content) // 2] ^= 1
    out.write_bytes(content)
    with pytest.raises((AssertionError, c2pa.C2paError)):
        manifest(out)


def test_a_signed_video(run_facevid: RunFacevid, portrait_clip: Path, tmp_path: Path, credentials: Credentials) -> None:
    out = tmp_path / "out.mp4"
    sign = ("--sign", credentials.certificate, credentials.key)
    assert run_facevid("edit", portrait_clip, out, "--attr", "smile=1", "--device", "cpu", *sign).code == 0
    check(manifest(out), portrait_clip)
    assert sum(1 for _ in open_clip(out).frames()) == 10
    with av.open(str(out), options={"export_xmp": "1"}) as container:
        assert DIGITAL_SOURCE_TYPE in container.metadata["xmp"]


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tiff", ".m4v"])
def test_other_formats(
    portrait_clip: Path, still: Path, tmp_path: Path, signed_options: EditOptions, suffix: str
) -> None:
    unsigned, out = tmp_path / f"unsigned{suffix}", tmp_path / f"signed{suffix}"
    if suffix == ".m4v":
        unsigned = portrait_clip
    else:
        cv2.imwrite(str(unsigned), cv2.imread(str(still)))
    assert signed_options.sign is not None
    Signer(signed_options.sign, Provenance("bundled"), still, ["smile=+1"]).sign(unsigned, out, out)
    check(manifest(out), still)


def test_a_sequence_as_source(portrait: NDArray[np.uint8], tmp_path: Path, signed_options: EditOptions) -> None:
    for number in range(2):
        cv2.imwrite(str(tmp_path / f"in.{number}.png"), camera_move(portrait, number, (320, 240))[..., ::-1])
    edit_video(tmp_path / "in.#.png", tmp_path / "out.mov", ["smile=1"], signed_options)
    check(manifest(tmp_path / "out.mov"), tmp_path / "in.#.png")


def test_a_result_without_an_edit_is_not_signed(still: Path, tmp_path: Path, signed_options: EditOptions) -> None:
    summary = edit_video(still, tmp_path / "out.png", ["smile=0"], signed_options)
    assert len(summary.warnings) == 1
    assert b"c2pa" not in (tmp_path / "out.png").read_bytes()


@pytest.mark.parametrize("name", ["out.mkv", "out.#.png"])
def test_results_that_cannot_be_signed(
    portrait_clip: Path, tmp_path: Path, signed_options: EditOptions, name: str
) -> None:
    with pytest.raises(UsageError, match="--sign"):
        edit_video(portrait_clip, tmp_path / name, ["smile=1"], signed_options)
    with pytest.raises(UsageError, match="--sign"):
        edit_video(portrait_clip, tmp_path / "a.png", ["smile=1"], replace(signed_options, preview_frame=1))
    with pytest.raises(UsageError, match="--no-provenance"):
        edit_video(portrait_clip, tmp_path / "out.mp4", ["smile=1"], replace(signed_options, provenance=False))
    assert not list(tmp_path.iterdir())


def test_certificates_and_keys_that_cannot_sign(still: Path, tmp_path: Path, credentials: Credentials) -> None:
    other = tmp_path / "other"
    other.mkdir()
    private = load_pem_private_key(credentials.key.read_bytes(), None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
    for certificate, key, error, named in (
        (credentials.certificate, locked, UsageError, "locked"),
        (credentials.certificate, still, UsageError, "still"),
        (credentials.certificate, tmp_path / "missing", InputError, "missing"),
        (tmp_path / "missing", credentials.key, InputError, "missing"),
        (still, credentials.key, UsageError, "still"),
        (credentials.certificate, make_credentials(other).key, UsageError, "other"),
    ):
        options = replace(OPTIONS, sign=SigningOptions(certificate, key))
        with pytest.raises(error, match=named):
            edit_video(still, tmp_path / "out.png", ["smile=1"], options)
    assert not (tmp_path / "out.png").exists()


def test_signing_without_its_library(
    still: Path, tmp_path: Path, signed_options: EditOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "c2pa", None)
    with pytest.raises(UsageError) as caught:
        edit_video(still, tmp_path / "out.png", ["smile=1"], signed_options)
    assert signing.INSTALLATION in str(caught.value)
