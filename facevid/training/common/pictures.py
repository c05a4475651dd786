"""Reading face pictures from a folder or a tar file, in the order of a table."""

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
"""File name suffixes of pictures, in lower case."""


class PictureFiles:
    """The pictures in a folder and its subfolders, or in a tar file. A context manager that closes the tar file.

    Pictures are identified by file name, without folder.

    Raises:
        InputError: the source is neither a folder nor a tar file, or contains no picture.
    """

    def __init__(self, source: Path) -> None:
        self.source = source
        self._archive: tarfile.TarFile | None = None
        if source.is_dir():
            paths = [path for path in sorted(source.rglob("*")) if path.suffix.lower() in SUFFIXES]
            self._entries: dict[str, Path | tarfile.TarInfo] = {path.name: path for path in paths}
        else:
            try:
                self._archive = tarfile.open(source)  # noqa: SIM115 (closed by __exit__)
                members = [member for member in self._archive.getmembers() if member.isfile()]
            except Exception as error:  # a damaged archive can fail in any way
                raise InputError(
                    f"{source}: neither a folder nor a tar file of pictures ({reason(error)}); check the path"
                ) from error
            self._entries = {
                Path(member.name).name: member for member in members if Path(member.name).suffix.lower() in SUFFIXES
            }
        if not self._entries:
            raise InputError(f"{source}: contains no pictures ({', '.join(SUFFIXES)}); check the path")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._archive is not None:
            self._archive.close()

    def names(self, path: Path, table: Table) -> list[str]:
        """Return the picture's file name for each row of a table, from its column `file` or its number in `index`.

        Args:
            path: file of the table, for error messages.
            table: the table.

        Raises:
            InputError: the table has neither column, or the picture of a row is missing.
        """
        if "file" in table:
            names = [Path(cell).name for cell in table["file"]]
        elif "index" in table:
            numbered = {name.split(".")[0].lstrip("0") or "0": name for name in self._entries}
            names = [numbered.get(cell.strip().lstrip("0") or "0", f"{cell}.jpg") for cell in table["index"]]
        else:
            raise InputError(f"{path}: has no column `file` or `index` that identifies the pictures; add one")
        missing = next((name for name in names if name not in self._entries), None)
        if missing is not None:
            raise InputError(
                f"{self.source}: has no picture {missing}, but {path} lists it; add the picture or remove the row"
            )
        return names

    def read(self, name: str) -> NDArray[np.uint8]:
        """Decode a picture: uint8 (H, W, 3), RGB.

        Raises:
            InputError: the picture cannot be read or decoded.
        """
        entry = self._entries[name]
        try:
            if isinstance(entry, Path):
                data = entry.read_bytes()
            else:
                assert self._archive is not None
                file = self._archive.extractfile(entry)
                data = file.read() if file else b""
            picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB) if data else None
        except Exception as error:  # a damaged archive, or a header with a huge size, can fail in any way
            raise InputError(f"{self.source}: {name} cannot be read ({reason(error)}); copy it again") from error
        if picture is None:
            raise InputError(f"{self.source}: {name} is not a picture, or is damaged; replace it")
        return np.asarray(picture, np.uint8)

    def read_aligned(self, name: str) -> NDArray[np.uint8]:
        """Decode an FFHQ crop: uint8 (S, S, 3), RGB.

        Raises:
            InputError: the picture cannot be read, or is not square.
        """
        picture = self.read(name)
        height, width = picture.shape[:2]
        if height != width:
            raise InputError(
                f"{self.source}: {name} is {width}x{height}, but an aligned face is square; use FFHQ crops, or add "
                "--align if the command has this option"
            )
        return picture


def pictures_path(data: Path, name: str) -> Path:
    """Return where the pictures of a set are in a folder of picture sets: the file NAME.tar, else the folder NAME."""
    archive = data / f"{name}.tar"
    return archive if archive.is_file() else data / name


def aligned_faces(files: PictureFiles, names: Sequence[str], size: int) -> Iterator[NDArray[np.uint8]]:
    """Yield FFHQ crops, resized: uint8 (size, size, 3), RGB.

    Raises:
        InputError: a picture cannot be read, or is not square.
    """
    for name in names:
        yield _resized(files.read_aligned(name), size)


def detected_faces(
    files: PictureFiles, names: Sequence[str], size: int, detector: Detector
) -> Iterator[NDArray[np.uint8] | None]:
    """Yield the FFHQ crop of the largest face in each picture, uint8 (size, size, 3), RGB; None without a face."""
    for name in names:
        picture = files.read(name)
        faces = detector.detect(picture)
        if not faces:
            yield None
            continue
        largest = max(faces, key=lambda face: (face.box[2] - face.box[0]) * (face.box[3] - face.box[1]))
        yield crop(picture, ffhq_quad(largest.landmarks), size)


def _resized(picture: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    if len(picture) == size:
        return picture
    interpolation = cv2.INTER_AREA if len(picture) > size else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (size, size), interpolation=interpolation), np.uint8)
