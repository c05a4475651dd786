"""Reading face pictures out of a folder or a tar file, in the order of a table."""

import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.errors import InputError, reason
from facevid.faces.alignment import crop, ffhq_quad
from facevid.faces.landmarks import Detector
from facevid.training.common.labels import Table

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


class PictureFiles:
    """The pictures in a folder (and those under it) or in a tar file; a context manager that closes the tar.

    Raises:
        InputError: there is no such folder or file, no tar file, or no picture in it.
    """

    def __init__(self, source: Path) -> None:
        self.source = source
        self._archive: tarfile.TarFile | None = None
        if source.is_dir():
            paths = [path for path in sorted(source.rglob("*")) if path.suffix.lower() in SUFFIXES]
            self._places: dict[str, Path | tarfile.TarInfo] = {path.name: path for path in paths}
        else:
            try:
                self._archive = tarfile.open(source)  # noqa: SIM115 (closed with this)
                members = [each for each in self._archive.getmembers() if each.isfile()]
            except Exception as error:  # a damaged archive fails in many ways
                why = reason(error)
                raise InputError(f"{source}: no folder and no tar file of pictures ({why}); check the path") from error
            self._places = {
                Path(each.name).name: each for each in members if Path(each.name).suffix.lower() in SUFFIXES
            }
        if not self._places:
            raise InputError(f"{source}: holds no pictures ({', '.join(SUFFIXES)}); check the path")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._archive is not None:
            self._archive.close()

    def names(self, path: Path, table: Table) -> list[str]:
        """Name the file of each row of `table` (read from `path`): its column `file`, or the number in `index`.

        Raises:
            InputError: neither column is there, or a row's picture is missing.
        """
        if "file" in table:
            names = [Path(cell).name for cell in table["file"]]
        elif "index" in table:
            numbered = {name.split(".")[0].lstrip("0") or "0": name for name in self._places}
            names = [numbered.get(cell.strip().lstrip("0") or "0", f"{cell}.jpg") for cell in table["index"]]
        else:
            raise InputError(f"{path}: has neither a column `file` nor `index` to tell the pictures by; add one")
        missing = next((name for name in names if name not in self._places), None)
        if missing is not None:
            raise InputError(f"{self.source}: has no picture {missing}, which {path} lists; complete one of them")
        return names

    def read(self, name: str) -> NDArray[np.uint8]:
        """Decode a picture, uint8 (H, W, 3) RGB. Raises InputError where that fails."""
        place = self._places[name]
        try:
            if isinstance(place, Path):
                data = place.read_bytes()
            else:
                assert self._archive is not None
                file = self._archive.extractfile(place)
                data = file.read() if file else b""
            picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB) if data else None
        except Exception as error:  # a damaged archive, or a picture that says it is huge, fails in many ways
            raise InputError(f"{self.source}: {name} cannot be read ({reason(error)}); copy it again") from error
        if picture is None:
            raise InputError(f"{self.source}: {name} is no picture, or damaged; replace it")
        return np.asarray(picture, np.uint8)


def aligned_faces(files: PictureFiles, names: Sequence[str], size: int) -> Iterator[NDArray[np.uint8]]:
    """Yield pictures that are FFHQ crops already as uint8 (size, size, 3) RGB. Raises InputError for one not square."""
    for name in names:
        picture = files.read(name)
        height, width = picture.shape[:2]
        if height != width:
            raise InputError(
                f"{files.source}: {name} is {width}x{height}, and an aligned face is square; "
                "for pictures as they were taken, add --align"
            )
        yield _resized(picture, size)


def faces_in(
    files: PictureFiles, names: Sequence[str], size: int, detector: Detector
) -> Iterator[NDArray[np.uint8] | None]:
    """Find the largest face of each picture and cut its FFHQ crop; None where there is no face."""
    for name in names:
        picture = files.read(name)
        found = detector.detect(picture)
        if not found:
            yield None
            continue
        face = max(found, key=lambda each: (each.box[2] - each.box[0]) * (each.box[3] - each.box[1]))
        yield crop(picture, ffhq_quad(face.landmarks), size)


def _resized(picture: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    if len(picture) == size:
        return picture
    way = cv2.INTER_AREA if len(picture) > size else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (size, size), interpolation=way), np.uint8)
