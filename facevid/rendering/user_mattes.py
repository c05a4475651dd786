"""The mattes of `--mask` and `--holdout`, frame by frame."""

from dataclasses import dataclass
from pathlib import Path

from facevid.compositing import FaceMattes
from facevid.options import CompositingOptions
from facevid.video import ClipInfo
from facevid.video.images.user_matte import Matte, open_matte


@dataclass(frozen=True)
class Mattes:
    """The mattes that limit the edits of a clip.

    Attributes:
        plate: properties of the clip.
        mask: limits the edits; None does not.
        holdout: protects the plate; None does not.
    """

    plate: ClipInfo
    mask: Matte | None
    holdout: Matte | None

    @property
    def files(self) -> list[Path]:
        """All files of the mattes."""
        return [path for matte in (self.mask, self.holdout) if matte for path in matte.files]

    def check(self, indices: range) -> None:
        """Check that there are mattes of the right size for some frames, counted from 0.

        Raises:
            InputError: a matte is missing, cannot be read or has another size.
        """
        numbers = range(self.plate.first_number + indices.start, self.plate.first_number + indices.stop)
        for matte in (self.mask, self.holdout):
            if matte:
                matte.check(numbers)

    def of_frame(self, index: int) -> FaceMattes:
        """Read the mattes of a frame; safe to call from several threads."""
        number = self.plate.first_number + index
        return FaceMattes(
            self.mask.read(number) if self.mask else None, self.holdout.read(number) if self.holdout else None
        )


def open_mattes(options: CompositingOptions, plate: ClipInfo) -> Mattes | None:
    """Find the mattes of a clip; None if there are none to use. Raises InputError or UsageError."""
    if options.mask is None and options.holdout is None:
        return None
    mask, holdout = (None if path is None else open_matte(path, plate) for path in (options.mask, options.holdout))
    return Mattes(plate, mask, holdout)
