"""Sign results with manifests of the Coalition for Content Provenance and Authenticity (C2PA).

The manifest states that the source was opened and edited, with IPTC's digital source type. It has no thumbnails, so
that a result does not contain the unedited picture.
"""

import base64
import hashlib
import importlib
import io
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import IO, Any

from facevid.errors import InputError, OutputError, UsageError, reason
from facevid.options import SigningOptions
from facevid.provenance.statement import DIGITAL_SOURCE_TYPE, PROGRAM, Provenance

MEDIA_TYPES = {
    ".mp4": "video/mp4",
    ".m4v": "video/x-m4v",
    ".mov": "video/quicktime",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".webp": "image/webp",
}
"""Suffix -> media type of the files that can hold a manifest."""

OTHER_TYPE = "application/octet-stream"
"""Media type of sources that cannot hold a manifest."""

INSTALLATION = "pip install 'facevid[c2pa]'"
"""Command that installs the libraries for signing."""

_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
"""Name of an elliptic curve -> C2PA's signature algorithm."""

_SETTINGS = {
    "builder": {"thumbnail": {"enabled": False}},
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
}
"""Settings of the library: no thumbnails, and no access to the network."""

_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
"""A PNG file of one pixel, which is signed as a trial."""


class Signer:
    """Signs results made from one source.

    Args:
        options: certificate and key.
        provenance: the program and the model.
        source: the source's file; the name of an image sequence.
        edits: the edits, each in a few words.

    Raises:
        UsageError: the libraries are not installed, or the certificate and the key cannot sign. A trial signature shows
            it before the work begins.
        InputError: a file cannot be read.
    """

    def __init__(self, options: SigningOptions, provenance: Provenance, source: Path, edits: Sequence[str]) -> None:
        self._options, self._provenance, self._source, self._edits = options, provenance, source, edits
        self._c2pa = _library("c2pa")
        key = _read(options.key)
        info = self._c2pa.C2paSignerInfo(_algorithm(options.key, key), _read(options.certificate), key, None)
        try:
            self._signer = self._c2pa.Signer.from_info(info)
            self._sign("trial", "image/png", io.BytesIO(_PIXEL), io.BytesIO(), ingredient={"title": source.name})
        except self._c2pa.C2paError as error:
            raise UsageError(
                f"--sign {options.certificate} {options.key} cannot sign: {reason(error)}; give a certificate for C2PA "
                "with its chain, as PEM, and its key"
            ) from error

    def sign(self, unsigned: Path, signed: Path, product: Path) -> None:
        """Write a signed copy of a file.

        Args:
            unsigned: the complete result.
            signed: the file to write.
            product: the final path of the result, named in messages.

        Raises:
            OutputError: the file cannot be signed or written.
        """
        media_type, ingredient = MEDIA_TYPES[product.suffix.lower()], {"title": self._source.name}
        try:
            with ExitStack() as stack:
                source = stack.enter_context(self._source.open("rb")) if self._source.is_file() else None
                if source is not None:
                    ingredient["description"] = f"SHA-256 {hashlib.file_digest(source, 'sha256').hexdigest()}"
                    source.seek(0)
                file, target = (stack.enter_context(p.open(m)) for p, m in ((unsigned, "rb"), (signed, "w+b")))
                self._sign(product.name, media_type, file, target, ingredient=ingredient, source=source)
        except (OSError, self._c2pa.C2paError) as error:
            raise OutputError(f"{product} cannot be signed: {reason(error)}; leave out --sign to write it") from error

    def _sign(
        self,
        title: str,
        media_type: str,
        file: IO[bytes],
        target: IO[bytes],
        *,
        ingredient: dict[str, str],
        source: IO[bytes] | None = None,
    ) -> None:
        """Write a signed copy of a file.

        Args:
            title: name of the result.
            media_type: of the result.
            file: the result.
            target: the signed copy.
            ingredient: describes the source.
            source: its content; a manifest in it is kept. None is described only.
        """
        agent = {"name": PROGRAM, "version": self._provenance.version}
        ingredient = {**ingredient, "relationship": "parentOf"}
        source_type = MEDIA_TYPES.get(self._source.suffix.lower(), OTHER_TYPE)
        manifest: dict[str, Any] = {"claim_generator_info": [agent], "title": title, "format": media_type}
        if source is None:
            manifest["ingredients"] = [{**ingredient, "format": source_type}]
        action = {
            "action": "c2pa.edited",
            "digitalSourceType": DIGITAL_SOURCE_TYPE,
            "softwareAgent": agent,
            "description": f"{', '.join(self._edits)}; model {self._provenance.model}",
        }
        with self._c2pa.Context.from_dict(_SETTINGS) as context, self._c2pa.Builder(manifest, context) as builder:
            builder.set_intent(self._c2pa.C2paBuilderIntent.EDIT)
            builder.add_action(action)
            if source is not None:
                builder.add_ingredient(ingredient, source_type, source)
            builder.sign(self._signer, media_type, file, target)


def check_signable(out: Path, is_sequence: bool) -> None:
    """Raise UsageError if a result cannot hold a manifest."""
    if is_sequence:
        raise UsageError(
            f"{out}: --sign signs one file, not an image sequence; sign the video made of it, or leave out --sign"
        )
    if out.suffix.lower() not in MEDIA_TYPES:
        raise UsageError(
            f"{out}: --sign cannot sign a {out.suffix.lower()} file; use one of {', '.join(MEDIA_TYPES)}, or leave out "
            "--sign"
        )


def _library(name: str) -> ModuleType:
    """Import a library of the extra. Raises UsageError if it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UsageError(f"--sign needs the library {error.name or name}; run {INSTALLATION}") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {reason(error)}; give --sign a certificate and a key") from error


def _algorithm(path: Path, key: bytes) -> str:
    """Return C2PA's signature algorithm for a private key. Raises UsageError."""
    serialization = _library("cryptography.hazmat.primitives.serialization")
    try:
        private = serialization.load_pem_private_key(key, None)
    except TypeError as error:
        raise UsageError(
            f"{path} has a password; write the key without one (openssl pkey), readable only by you"
        ) from error
    except ValueError as error:
        raise UsageError(f"{path} is not a private key in PEM format; convert it with openssl pkey") from error
    kind = type(private).__name__
    if "RSA" in kind:
        return "ps256"
    if "Ed25519" in kind:
        return "ed25519"
    curve = getattr(getattr(private, "curve", None), "name", "")
    if curve not in _CURVES:
        raise UsageError(f"{path}: C2PA has no signatures of this kind of key; use ECDSA, RSA or Ed25519")
    return _CURVES[curve]
