"""The whole recipe on a real face, with the bundled model."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from facevid import edit_video
from facevid.errors import NoFaceError, UsageError
from facevid.faces.dlib_detector import DlibDetector
from facevid.options import CompositingOptions, ComputeOptions, EditOptions, TrackingOptions
from facevid.pipeline import EditSummary
from facevid.video import open_clip
from facevid.video.writer.ffmpeg import run_ffmpeg
from tests.clips import camera_move, write_clip

CPU = ComputeOptions(device="cpu", batch_size=4)
LOSSLESS = EditOptions(compute=CPU, codec="h264", crf=0)


def pictures(path: Path) -> np.ndarray:
    return np.stack([frame.rgb() for frame in open_clip(path).frames()]).astype(int)


def times(path: Path) -> list[Fraction]:
    return [frame.time for frame in open_clip(path).frames()]


def sound_packets(path: Path) -> list[tuple[int | None, bytes]]:
    with av.open(str(path)) as container:
        return [(packet.pts, bytes(packet)) for packet in container.demux(audio=0) if packet.size]


@pytest.fixture(scope="module")
def smiling(portrait_clip, tmp_path_factory) -> tuple[Path, EditSummary]:
    folder = tmp_path_factory.mktemp("smiling")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACEVID_HOME", str(folder))
        out = folder / "out.mp4"
        return out, edit_video(portrait_clip, out, ["smile=1"], LOSSLESS)


def test_the_face_changes_and_the_rest_does_not(portrait_clip, smiling):
    change = np.abs(pictures(smiling[0]) - pictures(portrait_clip)).max(axis=-1)
    changed = change.max(axis=0) > 0
    # The portrait's face is at (224, 128), which camera_move puts into the middle of the picture.
    assert change[:, 90:170, 120:200].mean() > 3
    assert not changed[:, :60].any()
    assert not changed[:, 260:].any()
    assert not changed[225:].any()


def test_lipstick_changes_the_lips_and_nothing_else(portrait, tmp_path):
    cv2.imwrite(str(tmp_path / "in.png"), portrait[..., ::-1])
    (face,) = DlibDetector().detect(portrait)

    def changes(*attributes: str) -> tuple[float, float]:
        out = tmp_path / f"{len(attributes)}.png"
        edit_video(tmp_path / "in.png", out, list(attributes), EditOptions(compute=CPU, overwrite=True))
        change = np.abs(pictures(out)[0] - portrait).max(axis=-1)
        boxes = [cv2.boundingRect(face.landmarks[part]) for part in (slice(22, 48), slice(48, 68))]
        eyes, mouth = (change[y : y + height, x : x + width] for x, y, width, height in boxes)
        return float(eyes.max()), float(mouth.mean())

    eyes, mouth = changes("lipstick=1")
    assert mouth > 3
    assert eyes == 0


def test_frames_times_and_sound_are_those_of_the_source(portrait_clip, smiling):
    out, summary = smiling
    assert times(out) == times(portrait_clip)
    assert sound_packets(out) == sound_packets(portrait_clip)
    assert (summary.frames, summary.edited, summary.passed_through, summary.tracks) == (10, 10, 0, 1)


def test_a_smile_makes_the_mouth_wider(portrait_clip, smiling):
    from facevid.faces.dlib_detector import DlibDetector

    detector = DlibDetector()

    def mouth_width(path: Path) -> float:
        widths = []
        for picture in pictures(path).astype(np.uint8):
            (face,) = detector.detect(np.ascontiguousarray(picture))
            eyes = np.linalg.norm(face.landmarks[45] - face.landmarks[36])
            widths.append(np.linalg.norm(face.landmarks[54] - face.landmarks[48]) / eyes)
        return float(np.median(widths))

    assert mouth_width(smiling[0]) > 1.03 * mouth_width(portrait_clip)


def test_an_edit_of_no_strength_changes_nothing(portrait_clip, tmp_path):
    summary = edit_video(portrait_clip, tmp_path / "out.mp4", ["smile=0"], LOSSLESS)
    assert np.array_equal(pictures(tmp_path / "out.mp4"), pictures(portrait_clip))
    assert summary.edited == 0
    assert "no frame was edited" in summary.warnings[-1]


def test_keyframes_leave_the_frames_before_them_untouched(portrait_clip, tmp_path):
    edit_video(portrait_clip, tmp_path / "out.mp4", ["smile=0@4,1@8"], LOSSLESS)
    change = np.abs(pictures(tmp_path / "out.mp4") - pictures(portrait_clip)).mean(axis=(1, 2, 3))
    assert not change[:5].any()
    assert (np.diff(change[4:9]) > 0).all()


def test_only_the_frames_asked_for_are_edited(portrait_clip, tmp_path):
    summary = edit_video(portrait_clip, tmp_path / "out.mp4", ["smile=1"], replace(LOSSLESS, frames=(3, 5)))
    change = np.abs(pictures(tmp_path / "out.mp4") - pictures(portrait_clip)).max(axis=(1, 2, 3))
    assert list(np.flatnonzero(change)) == [3, 4, 5]
    assert summary.edited == 3
    with pytest.raises(UsageError, match="are 0 to 9"):
        edit_video(portrait_clip, tmp_path / "none.mp4", ["smile=1"], replace(LOSSLESS, frames=(10, 20)))


def test_a_sequence_keeps_its_numbers(portrait, tmp_path):
    for index in range(4):
        cv2.imwrite(str(tmp_path / f"in.{1001 + index}.png"), camera_move(portrait, index, (320, 240))[..., ::-1])
    options = EditOptions(compute=CPU, frames=(1002, 1004))
    edit_video(tmp_path / "in.####.png", tmp_path / "out.####.png", ["smile=1@1003,0@1004"], options)
    for number in range(1001, 1005):
        before, after = (pictures(tmp_path / f"{name}.{number}.png") for name in ("in", "out"))
        assert np.array_equal(before, after) == (number in (1001, 1004))


def test_edits_are_applied_in_the_order_given(portrait_clip, tmp_path):
    for name, order in (("a", ["smile=1", "age=1"]), ("b", ["age=1", "smile=1"])):
        edit_video(portrait_clip, tmp_path / f"{name}.mp4", order, replace(LOSSLESS, frames=(0, 3)))
    assert not np.array_equal(pictures(tmp_path / "a.mp4"), pictures(tmp_path / "b.mp4"))


@pytest.mark.parametrize(("detail", "blend"), [("keep", "feather"), ("replace", "seamless"), ("replace", "feather")])
def test_every_way_of_compositing_stays_inside_the_face(portrait_clip, tmp_path, published, detail, blend):
    way = CompositingOptions(detail, blend)
    options = EditOptions(published, compute=CPU, codec="h264", crf=0, compositing=way)
    edit_video(portrait_clip, tmp_path / "out.mp4", ["smile=1"], options)
    changed = (pictures(tmp_path / "out.mp4") != pictures(portrait_clip)).any(axis=(0, 3))
    assert changed[90:170, 120:200].mean() > 0.5
    assert not changed[:, :60].any()


def test_the_carried_model_draws_no_faces(portrait_clip, tmp_path):
    with pytest.raises(UsageError, match="replace"):
        edit_video(
            portrait_clip, tmp_path / "out.mp4", ["smile=1"], EditOptions(compositing=CompositingOptions("replace"))
        )


def test_frames_without_a_face_pass_through(portrait, tmp_path):
    seen = [camera_move(portrait, index, (320, 240)) for index in range(6)]
    empty = [np.full_like(seen[0], 90)] * 4
    source = write_clip(tmp_path / "in.mp4", [*empty, *seen], sound=False)
    summary = edit_video(source, tmp_path / "out.mp4", ["smile=1"], LOSSLESS)
    assert (summary.frames, summary.edited, summary.passed_through) == (10, 6, 4)
    change = np.abs(pictures(tmp_path / "out.mp4") - pictures(source)).mean(axis=(1, 2, 3))
    assert not change[:4].any()
    assert (change[4:] > 0).all()


@pytest.mark.parametrize("detail", ["keep", "replace"])
def test_an_edit_fades_in_where_a_face_is_found_within_a_shot(portrait, tmp_path, published, detail):
    seen = camera_move(portrait, 0, (320, 240))
    hidden = seen.copy()
    hidden[90:190, 110:210] = 150
    source = write_clip(tmp_path / "in.mp4", [hidden] * 3 + [seen] * 12, sound=False)
    model = published if detail == "replace" else None
    options = EditOptions(model, compute=CPU, codec="h264", crf=0, compositing=CompositingOptions(detail))
    edit_video(source, tmp_path / "out.mp4", ["smile=1"], options)
    change = np.abs(pictures(tmp_path / "out.mp4") - pictures(source)).mean(axis=(1, 2, 3))
    assert not change[:3].any()
    assert change[3] < change[5] < change[8]
    assert change[3] < 0.6 * change[12]


def test_a_clip_without_a_face_writes_nothing(tmp_path):
    source = write_clip(tmp_path / "in.mp4", [np.full((120, 160, 3), 90, dtype=np.uint8)] * 3)
    with pytest.raises(NoFaceError, match="no face found in 3 frames"):
        edit_video(source, tmp_path / "out.mp4", ["smile=1"], LOSSLESS)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_two_faces_in_a_picture(portrait, tmp_path):
    small, large = (cv2.resize(portrait[:256, 96:352], (side, side)) for side in (200, 320))
    picture = np.full((320, 540, 3), 120, dtype=np.uint8)
    picture[:200, :200], picture[:, 220:] = small, large
    cv2.imwrite(str(tmp_path / "in.png"), picture[..., ::-1])

    def changed(faces) -> np.ndarray:
        options = EditOptions(compute=CPU, tracking=TrackingOptions(faces=faces), overwrite=True)
        edit_video(tmp_path / "in.png", tmp_path / "out.png", ["smile=1"], options)
        return np.any(cv2.imread(str(tmp_path / "out.png")) != picture[..., ::-1], axis=2)

    largest, both = changed("largest"), changed("all")
    assert largest[:, 220:].any()
    assert not largest[:, :210].any()
    assert both[:, :210].any()
    with pytest.raises(UsageError, match="no face 7"):
        changed((7,))


def test_analysis_is_not_done_twice(portrait_clip, tmp_path):
    stages: list[str] = []

    def listen(stage, items, total):
        stages.append(stage)
        yield from items

    for number, attribute in enumerate(("smile=1", "age=1")):
        edit_video(portrait_clip, tmp_path / f"{number}.mp4", [attribute], replace(LOSSLESS, frames=(0, 2)), listen)
    assert stages == ["track", "identify", "encode", "occlusion", "edit", "edit"]


def test_the_comparison_shows_original_and_edit(portrait_clip, tmp_path):
    options = EditOptions(compute=CPU, compare=tmp_path / "compare.mp4")
    edit_video(portrait_clip, tmp_path / "out.mp4", ["smile=1"], options)
    original, edited = np.split(pictures(tmp_path / "compare.mp4"), 2, axis=2)
    assert np.abs(original - pictures(portrait_clip)).mean() < 4
    assert np.abs(edited - original)[:, 90:170, 120:200].mean() > 2


def test_the_comparison_shows_the_reconstruction_of_a_model_that_draws_faces(portrait_clip, tmp_path, published):
    options = EditOptions(published, compute=CPU, compare=tmp_path / "compare.mp4")
    edit_video(portrait_clip, tmp_path / "out.mp4", ["smile=1"], options)
    shown = pictures(tmp_path / "compare.mp4")
    assert shown.shape == (10, 240, 960, 3)
    original, reconstruction, edited = np.split(shown, 3, axis=2)
    assert np.abs(original - pictures(portrait_clip)).mean() < 4
    assert np.abs(edited - original)[:, 90:170, 120:200].mean() > 2
    assert np.abs(reconstruction - original)[:, 90:170, 120:200].mean() > 2
    assert times(tmp_path / "compare.mp4") == times(portrait_clip)


REAL_CLIPS = {
    "hand-before-face": 0,
    "man-glasses-vertical": 0,
    "man-hat-1080p": 0,
    "man-profile-turn-224": 0.6,
    "man-smiling-512": 0,
    "man-speech-audio": 0,
    "stage-cuts-many-faces": 4,
    "woman-happy-1080p-audio": 0,
    "woman-room-720p-audio": 0,
}
"""Clips of ../shared, and the second from which a part of each is taken that shows a face."""


@pytest.mark.parametrize("name", REAL_CLIPS)
def test_real_clips(shared, tmp_path, name):
    source = tmp_path / "in.mp4"
    cut = ["-ss", str(REAL_CLIPS[name]), "-i", str(shared / "clips" / f"{name}.mp4"), "-t", "0.15"]
    run_ffmpeg([*cut, "-c", "copy", str(source)], str(source))
    summary = edit_video(source, tmp_path / "out.mp4", ["smile=1", "age=-0.5"], LOSSLESS)
    assert summary.edited > 0
    assert times(tmp_path / "out.mp4") == times(source)
    before, after = open_clip(source).info, open_clip(tmp_path / "out.mp4").info
    for kept in ("width", "height", "sample_aspect_ratio", "orientation", "colour", "pix_fmt", "time_base"):
        assert getattr(after, kept) == getattr(before, kept), kept
    if before.has_sound:
        assert sound_packets(tmp_path / "out.mp4") == sound_packets(source)


@pytest.mark.cuda
def test_cuda_gives_what_the_cpu_gives(portrait_clip, tmp_path):
    for device in ("cpu", "cuda"):
        options = EditOptions(compute=ComputeOptions(device=device), codec="h264", crf=0)
        edit_video(portrait_clip, tmp_path / f"{device}.mp4", ["smile=1"], options)
    assert np.abs(pictures(tmp_path / "cpu.mp4") - pictures(tmp_path / "cuda.mp4")).mean() < 0.5
