"""`inspect_video`: its summary, its files, and the state of the folder after a failure."""

import json
import subprocess
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NoReturn

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facevid.errors import InputError, OutputError
from facevid.faces.alignment import quad_side
from facevid.inspection.clip_inspection import InspectSummary, inspect_video
from facevid.inspection.overlay import CUT_COLOUR, EDITED_COLOUR
from facevid.inspection.text import Colour
from facevid.video import open_clip
from facevid.video.writer.ffmpeg import ffmpeg_program
from tests.clips import write_clip
from tests.inspection.conftest import BUNDLED


def pictures(path: Path) -> list[NDArray[np.uint8]]:
    return [frame.rgb() for frame in open_clip(path).frames()]


def count_pixels(picture: NDArray[np.uint8], colour: Colour) -> int:
    """Count the pixels that have nearly this colour."""
    return int((np.abs(picture.astype(int) - colour).max(axis=2) < 40).sum())


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_summary(inspected: InspectSummary) -> None:
    assert (inspected.frames, inspected.faceless, inspected.cuts) == (12, 4, (8,))
    (face,) = inspected.tracks
    assert (face.track.first, face.track.last, face.detected, face.longest_gap) == (0, 7, 7, 1)
    assert face.edited
    assert face.size == pytest.approx(np.median(quad_side(face.quads)))
    assert inspected.detector.startswith("bundled")
    problems = [(problem.kind, problem.first, problem.last) for problem in inspected.problems]
    assert [problem for problem in problems if problem[0] != "jitter"] == [
        ("faceless", 8, 11),
        ("bridged", 4, 4),
        ("cut", 8, 8),
    ]


def test_tracks_json_matches_the_clip_and_the_tracks(inspected: InspectSummary, two_shots: Path) -> None:
    parsed = json.loads(inspected.tracks_file.read_text())
    frames = list(open_clip(two_shots).frames())
    assert (parsed["schema_version"], parsed["frame_count"], parsed["cuts"]) == (3, 12, [8])
    assert (parsed["width"], parsed["height"], parsed["detector"], parsed["smooth"]) == (320, 240, "bundled", 2.0)
    assert Fraction(parsed["time_base"]) == frames[0].time_base
    (track,) = parsed["tracks"]
    (expected,) = inspected.tracks
    assert (track["number"], track["first"], track["last"], track["edited"]) == (0, 0, 7, True)
    assert [frame["frame"] for frame in track["frames"]] == list(range(8))
    assert [frame["pts"] for frame in track["frames"]] == [frame.pts for frame in frames[:8]]
    assert [frame["detected"] for frame in track["frames"]] == [index != 4 for index in range(8)]
    assert [frame["score"] > 0 for frame in track["frames"]] == [index != 4 for index in range(8)]
    # The file has two decimals.
    assert np.array([frame["quad"] for frame in track["frames"]]) == pytest.approx(expected.quads, abs=0.0051)
    landmarks = np.array([frame["landmarks"] for frame in track["frames"]])
    assert landmarks == pytest.approx(expected.track.landmarks[:, :68], abs=0.0051)


def test_the_overlay_keeps_the_clip_and_marks_faces_and_cuts(inspected: InspectSummary, two_shots: Path) -> None:
    before, after = pictures(two_shots), pictures(inspected.overlay)
    assert [picture.shape for picture in after] == [picture.shape for picture in before]
    has_face = [count_pixels(picture, EDITED_COLOUR) > 100 for picture in after]
    assert has_face == [index < 8 for index in range(12)]
    has_border = [count_pixels(picture[:, -2:], CUT_COLOUR) > 100 for picture in after]
    assert has_border == [index == 8 for index in range(12)]
    with av.open(str(inspected.overlay)) as container:
        assert len(container.streams.audio) == 1


def test_the_sheet_shows_every_crop_of_a_short_track(inspected: InspectSummary) -> None:
    (sheet,) = pictures(inspected.sheet)
    assert sheet.shape == (32 + 132, 200 + 8 * 132, 3)
    assert count_pixels(sheet[:, :200], EDITED_COLOUR) > 100
    crops = [sheet[32:160, x : x + 128] for x in range(200, sheet.shape[1], 132)]
    assert all(crop.std() > 20 for crop in crops)


def test_a_clip_without_a_face_is_not_an_error(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "grey.mp4", [np.full((64, 96, 3), 90, dtype=np.uint8)] * 3, sound=False)
    summary = inspect_video(clip, tmp_path / "out", options=BUNDLED)
    assert (summary.frames, summary.faceless, summary.tracks) == (3, 3, ())
    assert len(pictures(summary.overlay)) == 3
    assert json.loads(summary.tracks_file.read_text())["tracks"] == []
    assert summary.sheet.exists()
    assert [(problem.kind, problem.first, problem.last) for problem in summary.problems] == [("faceless", 0, 2)]


def test_the_overlay_of_a_still_picture_is_a_still_picture(portrait: NDArray[np.uint8], tmp_path: Path) -> None:
    still = tmp_path / "portrait.png"
    cv2.imwrite(str(still), portrait[..., ::-1])
    summary = inspect_video(still, tmp_path / "out", options=BUNDLED)
    assert summary.overlay == tmp_path / "out" / "overlay.png"
    assert pictures(summary.overlay)[0].shape == portrait.shape
    assert len(summary.tracks) == 1


def test_the_default_folder_is_in_the_current_folder(
    portrait_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    inspect_video(portrait_clip, options=BUNDLED)
    assert names_in(tmp_path / "portrait.inspect") == [
        "notes.txt",
        "overlay.mp4",
        "report.html",
        "sheet.png",
        "tracks.json",
    ]


def test_the_overlay_is_matroska_if_mp4_cannot_hold_the_sound(portrait_clip: Path, tmp_path: Path) -> None:
    source = tmp_path / "eight-bit.avi"
    codecs = ["-c:v", "mpeg4", "-c:a", "pcm_u8"]
    command = [ffmpeg_program(), "-loglevel", "error", "-i", str(portrait_clip), *codecs, str(source)]
    subprocess.run(command, stdin=subprocess.DEVNULL, check=True)
    summary = inspect_video(source, tmp_path / "out", options=BUNDLED)
    assert summary.overlay.name == "overlay.mkv"
    assert len(pictures(summary.overlay)) == 10


def test_existing_results_are_replaced_only_with_overwrite(portrait_clip: Path, tmp_path: Path) -> None:
    (tmp_path / "tracks.json").write_text("mine")
    with pytest.raises(OutputError, match=r"tracks\.json.*--overwrite"):
        inspect_video(portrait_clip, tmp_path, options=BUNDLED)
    assert names_in(tmp_path) == ["tracks.json"]
    assert (tmp_path / "tracks.json").read_text() == "mine"
    inspect_video(portrait_clip, tmp_path, options=BUNDLED, overwrite=True)
    assert json.loads((tmp_path / "tracks.json").read_text())["frame_count"] == 10


@pytest.mark.parametrize("failing_stage", ["track", "overlay"])
def test_a_failure_leaves_the_folder_as_it_was(failing_stage: str, portrait_clip: Path, tmp_path: Path) -> None:
    def interrupt(stage: str, items: Iterable[Any], total: int | None) -> Iterator[Any]:
        for number, item in enumerate(items):
            if stage == failing_stage and number == 5:
                raise KeyboardInterrupt
            yield item

    with pytest.raises(KeyboardInterrupt):
        inspect_video(portrait_clip, tmp_path / "new", options=BUNDLED, progress=interrupt)
    assert not (tmp_path / "new").exists()
    existing = tmp_path / "sheet.png"
    existing.write_text("mine")
    with pytest.raises(KeyboardInterrupt):
        inspect_video(portrait_clip, tmp_path, options=BUNDLED, overwrite=True, progress=interrupt)
    assert names_in(tmp_path) == ["sheet.png"]
    assert existing.read_text() == "mine"


def test_parent_folders_are_created(portrait_clip: Path, tmp_path: Path) -> None:
    inspect_video(portrait_clip, tmp_path / "review" / "day" / "in", options=BUNDLED)
    assert (tmp_path / "review" / "day" / "in" / "report.html").exists()


def test_a_failure_removes_the_created_folders_that_are_empty(portrait_clip: Path, tmp_path: Path) -> None:
    def interrupt(stage: str, items: Iterable[Any], total: int | None) -> NoReturn:
        if (tmp_path / "shared").exists():
            (tmp_path / "shared" / "notes.txt").write_text("mine")
        raise KeyboardInterrupt

    (tmp_path / "old").mkdir()
    for out in ("old/day/in", "new/day/in", "shared/day/in"):
        with pytest.raises(KeyboardInterrupt):
            inspect_video(portrait_clip, tmp_path / out, options=BUNDLED, progress=interrupt)
    remaining = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert remaining == ["old", "shared", "shared/notes.txt"]


def test_a_truncated_clip_leaves_no_results(portrait_clip: Path, tmp_path: Path) -> None:
    truncated = tmp_path / "truncated.mp4"
    truncated.write_bytes(portrait_clip.read_bytes()[:-2000])
    with pytest.raises(InputError, match=r"truncated\.mp4"):
        inspect_video(truncated, tmp_path / "out", options=BUNDLED)
    assert names_in(tmp_path) == ["truncated.mp4"]


@pytest.mark.parametrize(
    ("out", "named"), [("file", "file"), ("file/out", "file"), (f"new/{'long' * 100}/out", "long")]
)
def test_a_folder_that_cannot_be_created_is_an_error(out: str, named: str, portrait_clip: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=rf"/{named}\S*: .*--out"):
        inspect_video(portrait_clip, tmp_path / out, options=BUNDLED)
    assert names_in(tmp_path) == ["file"]
