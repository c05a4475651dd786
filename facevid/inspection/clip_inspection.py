"""Preview of the tracking of a clip: its faces, where they are, and which of them an edit would edit."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2

from facevid.analysis.analysis import Analysis
from facevid.analysis.clip_tracking import Tracking
from facevid.analysis.segments import FrameSource
from facevid.errors import OutputError, UsageError
from facevid.faces.landmarks import choose_detector
from facevid.inspection.confidence import SCALES
from facevid.inspection.contact_sheet import ContactSheet
from facevid.inspection.overlay import draw_overlay
from facevid.inspection.problems import Problem, find_problems
from facevid.inspection.report import Report
from facevid.inspection.report_pictures import ReportPictures
from facevid.inspection.tracks import InspectedTrack, coverage
from facevid.inspection.tracks_json import write_tracks
from facevid.options import TrackingOptions
from facevid.utils.atomic_output import TemporaryFiles, check_destination
from facevid.utils.device import choose_device
from facevid.utils.progress import Progress, no_progress
from facevid.video import Clip, ClipInfo, Encoding, RgbWriter, open_clip
from facevid.video.reader.heap import trim_heap
from facevid.video.writer.remux import plan_remux

OVERLAY_CRF = 18.0
"""Constant rate factor of the overlay: half the file size of an edit's default and faster, good enough to view."""


@dataclass(frozen=True)
class InspectSummary:
    """Result of `inspect_video`.

    Frame numbers are those of `EditOptions.frames`: an image sequence's own numbers, else counted from `start_number`.

    Attributes:
        frames: number of frames decoded.
        faceless: number of frames without any track.
        cuts: numbers of the frames that begin a shot, without the first frame.
        tracks: in order of appearance; tracks of one person share a number.
        problems: worth knowing before a long render, the most important first.
        detector: name of the landmark detector, and why it was chosen.
        overlay: path of the clip with its tracks drawn on it. A still picture gives a PNG, a video an MP4, or Matroska
            where MP4 cannot hold the sound of the source.
        sheet: path of the contact sheet, a PNG.
        tracks_file: path of the JSON file that `facevid.inspection.tracks_json` describes.
        report: path of the HTML report.
        notes: path of the file for notes, which the report shows and which is never overwritten.
        warnings: properties of the source that the overlay could not keep.
    """

    frames: int
    faceless: int
    cuts: tuple[int, ...]
    tracks: tuple[InspectedTrack, ...]
    problems: tuple[Problem, ...]
    detector: str
    overlay: Path
    sheet: Path
    tracks_file: Path
    report: Path
    notes: Path
    warnings: tuple[str, ...]


def inspect_video(
    source: str | Path,
    out: str | Path | None = None,
    *,
    options: TrackingOptions = TrackingOptions(),  # noqa: B008 -- immutable
    device: str = "auto",
    rate: Fraction | None = None,
    layer: str | None = None,
    start_number: int | None = None,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> InspectSummary:
    """Track the faces of a video or a still picture, and write an overlay, a contact sheet, a JSON file and a report.

    A clip without a face is not an error. The results appear when all of them are complete; if anything fails, `out` is
    left as it was.

    Args:
        source: path of a video file, an image sequence or a still picture.
        out: folder of the results, created with its parents if missing; None is the source's stem and `.inspect`, in
            the current folder.
        options: how faces are found and tracked, and which of them an edit would edit.
        device: auto, cpu, cuda, or cuda:N; where a detector that is a network runs.
        rate: frames per second of an image sequence; None is the rate stated in OpenEXR files, else 24.
        layer: layer or part of OpenEXR files to read; None is their plain R, G, B.
        start_number: number of a video's first frame; None is 0.
        overwrite: replace existing results.
        progress: called for each stage.

    Raises:
        InputError: the source is missing or cannot be decoded to its end.
        ModelError: the detector's weights are missing.
        NoFaceError: faces were found, but `options.faces` is a reference picture without a face, or of another person.
        UsageError: the options are invalid.
        OutputError: the results cannot be written.
    """
    clip = open_clip(source, rate, start_number, layer)
    folder = Path(f"{Path(source).stem}.inspect") if out is None else Path(out)
    results = _Results(folder, _overlay_path(folder, clip.info))
    with ExitStack() as outputs:
        outputs.enter_context(_created(folder))
        temporaries = [outputs.enter_context(_replacing(path, clip, overwrite)) for path in results.written_together]
        size = clip.info.square_size
        encoding = Encoding() if clip.info.is_still else Encoding(crf=OVERLAY_CRF)
        writer = outputs.enter_context(RgbWriter(results.overlay, clip, *size, encoding=encoding, overwrite=overwrite))
        choice = choose_detector(options.detector, choose_device(device))
        analysis = Analysis(clip, choice.detector, options, progress)
        tracking = analysis.track()
        tracks = _inspected_tracks(analysis, tracking)
        scale = SCALES.get(choice.detector.name)
        problems = find_problems(tracking, tracks, size, clip.info.first_number, scale.doubtful if scale else None)
        pictures = ReportPictures(problems, tracks, clip.info.first_number)
        contact_sheet = _draw(
            analysis.source_of_last_pass(), tracking, tracks, writer, pictures=pictures, progress=progress
        )
        report = Report(
            info=clip.info,
            tracking=tracking,
            tracks=tracks,
            problems=problems,
            detector=f"{choice.detector.name} ({choice.reason})",
            warnings=writer.warnings,
            thumbnails=contact_sheet.thumbnails(),
            scale=scale,
            pictures=pictures.of_problems,
            sample=pictures.sample_edit(options, device),
            notes=results.notes.name,
        )
        _write(temporaries, contact_sheet, report, detector=choice.detector.name, smooth=options.smooth)
        _create_notes(results.notes, clip.info.path.name)
    return _summary(report, results, writer.warnings)


@dataclass(frozen=True)
class _Results:
    """Paths of the results of an inspection."""

    folder: Path
    overlay: Path

    @property
    def sheet(self) -> Path:
        return self.folder / "sheet.png"

    @property
    def tracks(self) -> Path:
        return self.folder / "tracks.json"

    @property
    def report(self) -> Path:
        return self.folder / "report.html"

    @property
    def notes(self) -> Path:
        """The file that the user writes notes into."""
        return self.folder / "notes.txt"

    @property
    def written_together(self) -> tuple[Path, Path, Path]:
        """The files that `_write` writes, in its order."""
        return self.sheet, self.tracks, self.report


def _summary(report: Report, results: _Results, warnings: Sequence[str]) -> InspectSummary:
    tracking = report.tracking
    return InspectSummary(
        frames=tracking.frame_count,
        faceless=int((~coverage(tracking.frame_count, tracking.tracks)).sum()),
        cuts=tuple(report.info.first_number + cut for cut in tracking.cuts),
        tracks=tuple(report.tracks),
        problems=tuple(report.problems),
        detector=report.detector,
        overlay=results.overlay,
        sheet=results.sheet,
        tracks_file=results.tracks,
        report=results.report,
        notes=results.notes,
        warnings=tuple(warnings),
    )


def _overlay_path(folder: Path, info: ClipInfo) -> Path:
    """Return the path of the overlay: MP4, which every player shows, unless it cannot hold the sound of the source."""
    if info.is_still:
        return folder / "overlay.png"
    overlay = folder / "overlay.mp4"
    try:
        plan_remux(info, overlay)
    except UsageError:
        return overlay.with_suffix(".mkv")
    return overlay


def _inspected_tracks(analysis: Analysis, tracking: Tracking) -> list[InspectedTrack]:
    chosen = analysis.select(tracking, analysis.options.faces) if tracking.tracks else []
    edited = {(track.person, track.first) for track in chosen}
    first_number = analysis.clip.info.first_number
    return [
        InspectedTrack(track, analysis.quads(track), (track.person, track.first) in edited, first_number)
        for track in tracking.tracks
    ]


def _draw(
    clip: FrameSource,
    tracking: Tracking,
    tracks: Sequence[InspectedTrack],
    writer: RgbWriter,
    *,
    pictures: ReportPictures,
    progress: Progress,
) -> ContactSheet:
    """Write the overlay, collect the pictures of the report and return the contact sheet, in one pass over the clip."""
    sheet = ContactSheet(clip.info.path.name, tracks)
    cuts = frozenset(tracking.cuts)
    for frame in progress("overlay", trim_heap(clip.frames()), tracking.frame_count):
        picture = frame.rgb()
        sheet.add(picture, frame.index)
        pictures.add_source(picture, frame.index)
        is_cut, first_number = frame.index in cuts, clip.info.first_number
        draw_overlay(picture, frame.index, tracks, is_cut=is_cut, first_number=first_number)
        pictures.add_overlay(picture, frame.index)
        writer.write(picture, frame)
    return sheet


def _write(paths: Sequence[Path], contact_sheet: ContactSheet, report: Report, *, detector: str, smooth: float) -> None:
    """Write the contact sheet, the JSON file and the report to `paths`, in this order."""
    sheet, tracks_file, report_page = paths
    try:
        sheet.write_bytes(cv2.imencode(".png", contact_sheet.picture()[..., ::-1])[1].tobytes())
        write_tracks(tracks_file, report.info, report.tracking, report.tracks, detector=detector, smooth=smooth)
        report.write(report_page)
    except OSError as error:
        msg = f"{sheet.parent}: cannot write the results: {error.strerror}; free some space, or choose another --out"
        raise OutputError(msg) from error


def _create_notes(path: Path, name: str) -> None:
    """Create the file of the notes; an existing one is never changed."""
    text = f"Notes on {name}. The report shows this file; `facevid inspect` never changes it.\n"
    try:
        with path.open("x", encoding="utf-8", errors="replace") as file:
            file.write(text)
    except FileExistsError:
        return
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}; choose another --out") from error


@contextmanager
def _created(folder: Path) -> Iterator[None]:
    """Create a folder and its parents where missing; on failure, remove those of them that are empty."""
    with ExitStack() as cleanup:
        for path in (*reversed(folder.parents), folder):
            if _create(path):
                cleanup.callback(_remove_if_empty, path)
        yield
        cleanup.pop_all()


def _create(folder: Path) -> bool:
    """Create a folder and return True, or return False if it exists."""
    try:
        if folder.is_dir():
            return False
        # Another run that shares the parent folder may create it at the same time.
        folder.mkdir(exist_ok=True)
    except FileExistsError as error:
        msg = f"{folder}: is a file, but the results need a folder; choose another --out"
        raise OutputError(msg) from error
    except OSError as error:
        raise OutputError(f"{folder}: cannot create the folder: {error.strerror}; choose another --out") from error
    return True


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


@contextmanager
def _replacing(path: Path, clip: Clip, overwrite: bool) -> Iterator[Path]:
    """Yield the path of a hidden temporary file, which replaces `path` unless an exception is raised."""
    check_destination(path, clip.info.path, (path.suffix,), overwrite)
    with TemporaryFiles(path) as temporaries:
        temporary = temporaries.path("result", path.suffix)
        yield temporary
        temporaries.commit(temporary)
