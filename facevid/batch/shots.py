"""The shots under a folder: video files and image sequences, and where the result of each belongs."""

from collections.abc import Iterator
from dataclasses import dataclass
from os.path import realpath
from pathlib import Path

from facevid.errors import InputError, UsageError
from facevid.video.sequence import sequence_name, sequences_in
from facevid.video.writer.encoding import VIDEO_SUFFIXES

ONLY_READ = (".mxf", ".avi", ".ts", ".mts", ".mpg")
"""Kinds of video file that no result can be of: what is made of them is a MOV file, `a010.mxf.mov`."""


@dataclass(frozen=True)
class Shot:
    """A shot of a folder.

    Attributes:
        name: its path in the folder.
        source: a video file, or the pattern of an image sequence.
        target: what to make of it: of the same name and kind, where results can be of that.
    """

    name: Path
    source: Path
    target: Path

    @property
    def label(self) -> str:
        """Its name without what tells its kind: `day1/a010` of `day1/a010.mov`, and of `day1/a010.%04d.exr`."""
        sequence = sequence_name(self.name)
        return str(self.name.with_suffix("") if sequence is None else self.name.parent / sequence.prefix.rstrip("._-"))

    @property
    def done(self) -> bool:
        """Whether its result is there: results appear when they are complete."""
        sequence = sequence_name(self.target)
        return self.target.exists() if sequence is None else bool(sequence.numbers())


def find_shots(folder: Path, results: Path) -> list[Shot]:
    """Find the shots in a folder and in the folders below it, sorted by name.

    What lies under `results` is no shot, and neither are single pictures and hidden files. Links are followed, but not
    back to a folder that they lie in.

    Raises:
        InputError: there is no such folder, one that cannot be read, or no shot in it.
        UsageError: `results` is the folder itself.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: is no folder; give one with shots in it, or use facevid edit for a single shot")
    if folder.resolve() == results.resolve():
        raise UsageError(f"{results}: holds the shots; give another folder for the results")
    sources = sorted(_sources(folder, results.resolve()))
    if not sources:
        raise InputError(f"{folder}: holds no video file and no image sequence")
    names = [source.relative_to(folder) for source in sources]
    return [Shot(name, source, results / _result(name)) for name, source in zip(names, sources, strict=True)]


def _sources(folder: Path, results: Path) -> Iterator[Path]:
    try:
        paths, sequences = list(folder.iterdir()), sequences_in(folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({error.strerror}); see to permissions") from error
    yield from (sequence.pattern for sequence in sequences if len(sequence.numbers()) > 1)
    here = realpath(folder)
    for path in paths:
        leads_to = realpath(path)
        leads_back = Path(here).is_relative_to(leads_to)
        if path.name.startswith(".") or leads_to == str(results) or leads_back:
            continue
        if path.is_dir():
            yield from _sources(path, results)
        elif path.suffix.lower() in VIDEO_SUFFIXES + ONLY_READ:
            yield path


def _result(name: Path) -> Path:
    return name.with_name(f"{name.name}.mov") if name.suffix.lower() in ONLY_READ else name
