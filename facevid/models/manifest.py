"""The published models that `facevid models fetch` can download, with the size and hash of each file."""

from dataclasses import dataclass

from facevid.errors import UsageError


@dataclass(frozen=True)
class ManifestFile:
    """A published file: its name, URL, size in bytes and SHA-256."""

    name: str
    address: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class ManifestEntry:
    """A downloadable model: the files it is imported from, and their licence."""

    name: str
    description: str
    licence: str
    files: tuple[ManifestFile, ...]


_DRIVE = "https://drive.usercontent.google.com/download?export=download&confirm=t&id="

MANIFEST = (
    ManifestEntry(
        name="ffhq",
        description="pSp encoder and StyleGAN2 generator, FFHQ, 1024 px, 18 x 512 codes (Richardson et al. 2021)",
        licence=(
            "pSp: MIT (github.com/eladrich/pixel2style2pixel); trained with StyleGAN2 weights (NVIDIA Source Code "
            "License-NC) and FFHQ pictures (CC BY-NC-SA 4.0): non-commercial use only; classifier: InterDigital's, in "
            "LICENSE.txt of github.com/InterDigitalInc/latent-transformer"
        ),
        files=(
            ManifestFile(
                name="psp_ffhq_encode.pt",
                address=_DRIVE + "1bMTNWkh5LArlaWSc_wa8VKyq2V42T2z0",
                bytes=1_201_489_451,
                sha256="f786ac5cf18fcdbc5c57c9f3f12cbedca69381fbdf5694dd132294e3133749d7",
            ),
            ManifestFile(
                name="latent_classifier_epoch_20.pth",
                address=_DRIVE + "1K_ShWBfTOCbxBcJfzti7vlYGmRbjXTfn",
                bytes=79_788_381,
                sha256="5af28f11222d4a1c076e7552a823b44ffe646b47c9af12820ceae8a4be44e05b",
            ),
        ),
    ),
)
"""Sizes and hashes are those published by a third party. The latent transformers are absent: they are published as
one archive, which cannot be imported directly."""


def find_entry(name: str) -> ManifestEntry:
    """Return the entry of a model name. Raises UsageError if there is none."""
    for entry in MANIFEST:
        if entry.name == name:
            return entry
    names = ", ".join(entry.name for entry in MANIFEST)
    raise UsageError(f'no published model "{name}"; available are: {names}')
