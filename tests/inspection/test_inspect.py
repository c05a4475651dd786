"""`inspect_video`: what it finds, what it writes, and what it leaves when it fails."""

import json
import subprocess
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from facevid.errors import InputError, OutputError
from facevid.faces.alignment import quad_side
from facevid.inspection.inspect import inspect_video
from facevid.inspection.overlay import CUT, EDITED
from facevid.video import open_clip
from facevid.video.writer.ffmpeg import ffmpeg_program
from tests.clips import write_clip
from tests.inspection.conftest import DLIB


def pictures(path):
    return [frame.rgb() for frame in open_clip(path).frames()]


def near(picture, colour):
    """Count the pixels of nearly this colour."""
    return int((np.abs(picture.astype(int) - colour).max(axis=2) < 40).sum())


def test_the_summary_tells_shots_misses_and_choice(inspected):
    assert (inspected.frames, inspected.faceless, inspected.cuts) == (12, 4, (8,))
    (face,) = inspected.tracks
    assert (face.track.first, face.track.last, face.detected, face.longest_gap) == (0, 7, 7, 1)
    assert face.edited
    assert face.size == pytest.approx(np.median(quad_side(face.quads)))
    assert inspected.detector.startswith("dlib")
    assert [(each.kind, each.first, each.last) for each in inspected.problems if each.kind != "jitter"] == [
        ("faceless", 8, 11),
        ("bridged", 4, 4),
        ("cut", 8, 8),
    ]


def test_tracks_json_holds_what_was_tracked(inspected, two_shots):
    told = json.loads(inspected.tracks_file.read_text())
    frames = list(open_clip(two_shots).frames())
    assert (told["schema_version"], told["frame_count"], told["cuts"]) == (3, 12, [8])
    assert (told["width"], told["height"], told["detector"], told["smooth"]) == (320, 240, "dlib", 2.0)
    assert Fraction(told["time_base"]) == frames[0].time_base
    (track,) = told["tracks"]
    (expected,) = inspected.tracks
    assert (track["number"], track["first"], track["last"], track["edited"]) == (0, 0, 7, True)
    assert [frame["frame"] for frame in track["frames"]] == list(range(8))
    assert [frame["pts"] for frame in track["frames"]] == [frame.pts for frame in frames[:8]]
    assert [frame["detected"] for frame in track["frames"]] == [i != 4 for i in range(8)]
    assert [frame["score"] > 0 for frame in track["frames"]] == [i != 4 for i in range(8)]
    assert np.array([frame["quad"] for frame in track["frames"]]) == pytest.approx(expected.quads, abs=0.0051)
    landmarks = np.array([frame["landmarks"] for frame in track["frames"]])
    assert landmarks == pytest.approx(expected.track.landmarks, abs=0.0051)


def test_the_overlay_is_the_clip_with_its_tracks_drawn_on_it(inspected, two_shots):
    before, after = pictures(two_shots), pictures(inspected.overlay)
    assert [picture.shape for picture in after] == [picture.shape for picture in before]
    marked = [near(picture, EDITED) > 100 for picture in after]
    assert marked == [index < 8 for index in range(12)]
    assert [near(picture[:, -2:], CUT) > 100 for picture in after] == [index == 8 for index in range(12)]
    with av.open(str(inspected.overlay)) as container:
        assert len(container.streams.audio) == 1


def test_the_sheet_shows_every_crop_of_a_short_track(inspected):
    (sheet,) = pictures(inspected.sheet)
    assert sheet.shape == (32 + 132, 200 + 8 * 132, 3)
    assert near(sheet[:, :200], EDITED) > 100
    crops = [sheet[32:160, x : x + 128] for x in range(200, sheet.shape[1], 132)]
    assert all(crop.std() > 20 for crop in crops)


def test_a_clip_without_a_face_is_shown_all_the_same(tmp_path):
    clip = write_clip(tmp_path / "grey.mp4", [np.full((64, 96, 3), 90, dtype=np.uint8)] * 3, sound=False)
    summary = inspect_video(clip, tmp_path / "out", options=DLIB)
    assert (summary.frames, summary.faceless, summary.tracks) == (3, 3, ())
    assert len(pictures(summary.overlay)) == 3
    assert json.loads(summary.tracks_file.read_text())["tracks"] == []
    assert summary.sheet.exists()
    assert [str(problem) for problem in summary.problems] == ["frames 0-2: no face found"]


def test_a_still_gives_a_still(portrait, tmp_path):
    still = tmp_path / "portrait.png"
    cv2.imwrite(str(still), portrait[..., ::-1])
    summary = inspect_video(still, tmp_path / "out", options=DLIB)
    assert summary.overlay == tmp_path / "out" / "overlay.png"
    assert pictures(summary.overlay)[0].shape == portrait.shape
    assert len(summary.tracks) == 1


def test_results_land_in_the_current_folder_by_default(portrait_clip, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    inspect_video(portrait_clip, options=DLIB)
    written = sorted(path.name for path in (tmp_path / "portrait.inspect").iterdir())
    assert written == ["overlay.mp4", "report.html", "sheet.png", "tracks.json"]


def test_sound_that_mp4_cannot_hold_goes_into_matroska(portrait_clip, tmp_path):
    source = tmp_path / "eight-bit.avi"
    command = [ffmpeg_program(), "-loglevel", "error", "-i", portrait_clip, "-c:v", "mpeg4", "-c:a", "pcm_u8", source]
    subprocess.run(command, stdin=subprocess.DEVNULL, check=True)
    summary = inspect_video(source, tmp_path / "out", options=DLIB)
    assert summary.overlay.name == "overlay.mkv"
    assert len(pictures(summary.overlay)) == 10


def test_existing_results_are_replaced_only_when_asked(portrait_clip, tmp_path):
    (tmp_path / "tracks.json").write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        inspect_video(portrait_clip, tmp_path, options=DLIB)
    assert [path.name for path in tmp_path.iterdir()] == ["tracks.json"]
    assert (tmp_path / "tracks.json").read_text() == "mine"
    inspect_video(portrait_clip, tmp_path, options=DLIB, overwrite=True)
    assert json.loads((tmp_path / "tracks.json").read_text())["frame_count"] == 10


@pytest.mark.parametrize("stage", ["track", "overlay"])
def test_a_failure_leaves_the_folder_as_it_was(stage, portrait_clip, tmp_path):
    def failing(name, items, total):
        for item in items:
            if name == stage and item.index == 5:
                raise KeyboardInterrupt
            yield item

    with pytest.raises(KeyboardInterrupt):
        inspect_video(portrait_clip, tmp_path / "new", options=DLIB, progress=failing)
    assert not (tmp_path / "new").exists()
    kept = tmp_path / "sheet.png"
    kept.write_text("mine")
    with pytest.raises(KeyboardInterrupt):
        inspect_video(portrait_clip, tmp_path, options=DLIB, overwrite=True, progress=failing)
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]
    assert kept.read_text() == "mine"


def test_folders_above_are_made(portrait_clip, tmp_path):
    inspect_video(portrait_clip, tmp_path / "review" / "day" / "in", options=DLIB)
    assert (tmp_path / "review" / "day" / "in" / "report.html").exists()


def test_a_failure_removes_the_folders_that_were_made_and_are_empty(portrait_clip, tmp_path):
    def failing(name, items, total):
        if (tmp_path / "shared").exists():
            (tmp_path / "shared" / "notes.txt").write_text("mine")
        raise KeyboardInterrupt

    (tmp_path / "old").mkdir()
    for out in ("old/day/in", "new/day/in", "shared/day/in"):
        with pytest.raises(KeyboardInterrupt):
            inspect_video(portrait_clip, tmp_path / out, options=DLIB, progress=failing)
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert left == ["old", "shared", "shared/notes.txt"]


def test_a_damaged_clip_leaves_nothing(portrait_clip, tmp_path):
    cut_off = tmp_path / "cut-off.mp4"
    cut_off.write_bytes(portrait_clip.read_bytes()[:-2000])
    with pytest.raises(InputError, match=r"cut-off\.mp4"):
        inspect_video(cut_off, tmp_path / "out", options=DLIB)
    assert [path.name for path in tmp_path.iterdir()] == ["cut-off.mp4"]


def test_a_folder_that_cannot_be_is_refused(portrait_clip, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is a file"):
        inspect_video(portrait_clip, tmp_path / "file", options=DLIB)
    with pytest.raises(OutputError, match=r"/file is a file"):
        inspect_video(portrait_clip, tmp_path / "file" / "out", options=DLIB)
    with pytest.raises(OutputError, match="cannot be made: File name too long"):
        inspect_video(portrait_clip, tmp_path / "new" / ("long" * 100) / "out", options=DLIB)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
