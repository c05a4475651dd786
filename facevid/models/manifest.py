"""What `facevid models fetch` knows: the published models whose files have a known size and hash."""

from dataclasses import dataclass

from facevid.errors import UsageError


@dataclass(frozen=True)
class ManifestFile:
    """A published file: its name, its address, its size in bytes and its SHA-256."""

    name: str
    address: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class ManifestEntry:
    """A model that can be fetched: the files it is imported from, and the terms of their use."""

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
"""Sizes and hashes as a third party published them. The latent transformers are published in one archive."""


def find_entry(name: str) -> ManifestEntry:
    """Return the entry of a name. Raises UsageError where there is none."""
    for entry in MANIFEST:
        if entry.name == name:
            return entry
    names = ", ".join(entry.name for entry in MANIFEST)
    raise UsageError(f'nothing to fetch under the name "{name}"; there is: {names}')
