"""Finding the shots in a folder: video files and image sequences, and the path of the result of each."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from facevid.batch.shot_record import RECORDS_FOLDER
from facevid.errors import InputError, UsageError
from facevid.rendering.layer_files import INDEX_FILE
from facevid.video.encoding.codecs import VIDEO_SUFFIXES
from facevid.video.sequence import sequence_name, sequences_in

READ_ONLY_SUFFIXES = (".mxf", ".avi", ".ts", ".mts", ".mpg")
"""Extensions of video files that can be read but not written; their results are MOV files such as `a010.mxf.mov`."""


@dataclass(frozen=True)
class Shot:
    """A shot in a folder.

    Attributes:
        name: path relative to the folder.
        source: absolute path of a video file, or pattern of an image sequence.
        target: absolute path of the result, with the name and extension of the source if results can have that
            extension.
    """

    name: Path
    source: Path
    target: Path

    @property
    def label(self) -> str:
        """Name without extension and frame number: `day1/a010` for `day1/a010.mov` and `day1/a010.%04d.exr`."""
        sequence = sequence_name(self.name)
        return str(self.name.with_suffix("") if sequence is None else self.name.parent / sequence.prefix.rstrip("._-"))


def find_shots(folder: Path, results: Path) -> list[Shot]:
    """Find the shots in a folder and its subfolders, sorted by name.

    Single pictures, hidden files and output of facevid are skipped: everything under `results`, results of other
    batches, and layers. Links are followed, except links to a folder that contains them.

    Args:
        folder: folder to search.
        results: folder for the results, which may lie inside `folder`.

    Raises:
        InputError: the folder is missing, cannot be read, or contains no shots.
        UsageError: `results` is the folder itself, or two shots have the same result.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: not a folder; give a folder of shots, or use facevid edit for a single shot")
    if folder.resolve() == results.resolve():
        raise UsageError(f"{results}: the folder of the shots; give another folder for the results")
    folder, results = _absolute(folder), _absolute(results)
    sources = sorted(_sources(folder, results.resolve()))
    if not sources:
        raise InputError(f"{folder}: contains no video file and no image sequence; give a folder of shots")
    names = [source.relative_to(folder) for source in sources]
    return [Shot(name, source, results / _result_name(name)) for name, source in zip(names, sources, strict=True)]


def _absolute(path: Path) -> Path:
    """Make a path absolute without resolving links: `..` removes the name before it, as in a shell."""
    return Path(os.path.abspath(path))  # noqa: PTH100 -- Path.absolute keeps `..`


def _sources(folder: Path, results: Path) -> Iterator[Path]:
    try:
        paths, sequences = list(folder.iterdir()), sequences_in(folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({error.strerror}); check its permissions") from error
    yield from (sequence.pattern for sequence in sequences if len(sequence.numbers()) > 1)
    real_folder = Path(os.path.realpath(folder))
    for path in paths:
        real_path = os.path.realpath(path)
        links_to_parent = real_folder.is_relative_to(real_path)
        if path.name.startswith(".") or real_path == str(results) or links_to_parent:
            continue
        if path.is_dir():
            if not any((path / name).exists() for name in (RECORDS_FOLDER, INDEX_FILE)):
                yield from _sources(path, results)
        elif path.suffix.lower() in VIDEO_SUFFIXES + READ_ONLY_SUFFIXES:
            yield path


def _result_name(name: Path) -> Path:
    return name.with_name(f"{name.name}.mov") if name.suffix.lower() in READ_ONLY_SUFFIXES else name
