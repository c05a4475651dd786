"""Preview of a shot's tracking: which faces there are, where, and which of them an edit would edit."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2

from facevid.analysis.analysis import Analysis
from facevid.analysis.tracking import Tracking
from facevid.errors import OutputError, UsageError
from facevid.faces.landmarks import choose_detector
from facevid.inspection.overlay import draw_overlay
from facevid.inspection.problems import Problem, find_problems
from facevid.inspection.report import Report
from facevid.inspection.sheet import ContactSheet
from facevid.inspection.tracks import InspectedTrack, covered
from facevid.inspection.tracks_json import write_tracks
from facevid.options import TrackingOptions
from facevid.utils.atomic_output import Temporaries, check_destination
from facevid.utils.device import choose_device
from facevid.utils.progress import Progress, silent
from facevid.video import Clip, ClipInfo, Encoding, RgbWriter, open_clip
from facevid.video.reader.memory import trimmed
from facevid.video.writer.remux import plan_remux

OVERLAY_CRF = 18.0
"""Half the size of an edit's quality, and encoded faster: the overlay is looked at, not worked on."""


@dataclass(frozen=True)
class InspectSummary:
    """What `inspect_video` found, and where it wrote it.

    Frames are numbered as in `EditOptions.frames`: an image sequence's by its own numbers, else from 0.

    Attributes:
        frames: frames decoded.
        faceless: frames that no track reaches.
        cuts: numbers of the frames that begin a shot, the first frame aside.
        tracks: in order of appearance; those of one person have one number.
        problems: what to know of before a long render, the most important first.
        detector: which landmark detector ran, and why that one.
        overlay: the clip with its tracks drawn on it, a video, or a PNG of a still picture. The video is an MP4,
            or Matroska where only that holds the source's sound.
        sheet: the contact sheet, a PNG.
        tracks_file: the JSON file that `facevid.inspection.tracks_json` describes.
        report: the HTML page that shows all of this, and the tracks over time.
        warnings: what the overlay could not keep of its source.
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
    progress: Progress = silent,
) -> InspectSummary:
    """Find the faces of a clip, or of a still picture, and show them: overlay, contact sheet, JSON, and report.

    A clip without a face is shown as well. The results appear when all of them are complete; if anything fails, `out`
    is as it was before.

    Args:
        source: a video file or a still picture.
        out: folder of the results, made where it is missing, as are those above it; None is the source's stem and
            `.inspect`, in the current folder.
        options: how faces are found and followed, and which of them an edit would edit.
        device: auto, cpu, cuda, or cuda:N; where the detector runs if it is a network.
        rate: frames a second of an image sequence; None is what OpenEXR files say, else 24.
        layer: of OpenEXR files, which layer or part is the picture; None is their plain R, G, B.
        start_number: of a video's first frame; None is 0.
        overwrite: replace existing results.
        progress: told how far each stage is.

    Raises:
        InputError: the source is missing or cannot be decoded to its end.
        ModelError: the detector's weights are missing.
        UsageError: the options cannot be.
        OutputError: the results cannot be written.
    """
    clip = open_clip(source, rate, start_number, layer)
    folder = Path(f"{Path(source).stem}.inspect") if out is None else Path(out)
    overlay, sheet = _overlay(folder, clip.info), folder / "sheet.png"
    tracks_file, page = folder / "tracks.json", folder / "report.html"
    with ExitStack() as outputs:
        outputs.enter_context(_made(folder))
        new = [outputs.enter_context(_replaced(path, clip, overwrite)) for path in (sheet, tracks_file, page)]
        size = clip.info.square_size
        encoding = Encoding() if clip.info.is_still else Encoding(crf=OVERLAY_CRF)
        writer = outputs.enter_context(RgbWriter(overlay, clip, *size, encoding=encoding, overwrite=overwrite))
        choice = choose_detector(options.detector, choose_device(device))
        analysis = Analysis(clip, choice.detector, options, progress)
        tracking = analysis.track()
        tracks = _inspected(analysis, tracking)
        problems = find_problems(tracking, tracks, size, clip.info.first_number)
        detector = f"{choice.detector.name} ({choice.reason})"
        drawn = _draw(clip, tracking, tracks, writer, progress)
        report = Report(clip.info, tracking, tracks, problems, detector, writer.warnings, drawn.thumbnails())
        _write(new, drawn, report, detector=choice.detector.name, smooth=options.smooth)
    return InspectSummary(
        frames=tracking.frame_count,
        faceless=int((~covered(tracking.frame_count, tracking.tracks)).sum()),
        cuts=tuple(clip.info.first_number + cut for cut in tracking.cuts),
        tracks=tuple(tracks),
        problems=tuple(problems),
        detector=detector,
        overlay=overlay,
        sheet=sheet,
        tracks_file=tracks_file,
        report=page,
        warnings=tuple(writer.warnings),
    )


def _overlay(folder: Path, info: ClipInfo) -> Path:
    """Name the overlay: as MP4, which every player shows, wherever that holds the source's sound."""
    if info.is_still:
        return folder / "overlay.png"
    overlay = folder / "overlay.mp4"
    try:
        plan_remux(info, overlay)
    except UsageError:
        return overlay.with_suffix(".mkv")
    return overlay


def _inspected(analysis: Analysis, tracking: Tracking) -> list[InspectedTrack]:
    chosen = analysis.choose(tracking, analysis.options.faces) if tracking.tracks else []
    edited = {(track.number, track.first) for track in chosen}
    first_number = analysis.clip.info.first_number
    return [
        InspectedTrack(track, analysis.quads(track), (track.number, track.first) in edited, first_number)
        for track in tracking.tracks
    ]


def _draw(
    clip: Clip, tracking: Tracking, tracks: Sequence[InspectedTrack], writer: RgbWriter, progress: Progress
) -> ContactSheet:
    """Write the overlay and fill the contact sheet, in one pass over the clip."""
    sheet = ContactSheet(clip.info.path.name, tracks)
    cuts = frozenset(tracking.cuts)
    for frame in progress("overlay", trimmed(clip.frames()), tracking.frame_count):
        picture = frame.rgb()
        sheet.add(picture, frame.index)
        is_cut, first_number = frame.index in cuts, clip.info.first_number
        draw_overlay(picture, frame.index, tracks, is_cut=is_cut, first_number=first_number)
        writer.write(picture, frame)
    return sheet


def _write(files: Sequence[Path], drawn: ContactSheet, report: Report, *, detector: str, smooth: float) -> None:
    """Write contact sheet, JSON and page."""
    sheet, tracks_file, page = files
    try:
        sheet.write_bytes(cv2.imencode(".png", drawn.picture()[..., ::-1])[1].tobytes())
        write_tracks(tracks_file, report.info, report.tracking, report.tracks, detector=detector, smooth=smooth)
        report.write(page)
    except OSError as error:
        msg = f"{sheet.parent} cannot be written to: {error.strerror}; free some space, or choose another --out"
        raise OutputError(msg) from error


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make a folder, and those above it, where they are missing; a failure removes of these what it leaves empty."""
    with ExitStack() as made:
        for each in (*reversed(folder.parents), folder):
            if _make(each):
                made.callback(_remove_empty, each)
        yield
        made.pop_all()


def _make(folder: Path) -> bool:
    """Make a folder where it is missing, and return whether it was."""
    try:
        if folder.is_dir():
            return False
        # Several runs that share the folder above theirs may begin at the same time.
        folder.mkdir(exist_ok=True)
    except FileExistsError as error:
        raise OutputError(f"{folder} is a file; choose another --out: the results need a folder") from error
    except OSError as error:
        raise OutputError(f"{folder} cannot be made: {error.strerror}; choose another --out") from error
    return True


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


@contextmanager
def _replaced(path: Path, clip: Clip, overwrite: bool) -> Iterator[Path]:
    """Give a hidden place to write to, which replaces `path` if nothing fails."""
    check_destination(path, clip.info.path, (path.suffix,), overwrite)
    with Temporaries(path) as files:
        unfinished = files.path("result", path.suffix)
        yield unfinished
        files.commit(unfinished)
