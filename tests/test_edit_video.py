"""`edit_video` from end to end on a real face, mostly with the bundled model."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facevid import edit_video
from facevid.errors import NoFaceError, UsageError
from facevid.faces.mesh.detector import BundledDetector
from facevid.options import Blend, CompositingOptions, ComputeOptions, Detail, EditOptions, Faces, TrackingOptions
from facevid.pipeline import EditSummary
from facevid.video import open_clip
from facevid.video.writer.ffmpeg import run_ffmpeg
from tests.clips import camera_move, write_clip

T = TypeVar("T")
Picture = NDArray[np.uint8]

CPU = ComputeOptions(device="cpu", batch_size=4)
LOSSLESS = EditOptions(compute=CPU, codec="h264", crf=0)


NOSE_RIDGE = 29
"""Landmark in the middle of the ridge of the nose."""


def pictures(path: Path) -> NDArray[np.int64]:
    """Return all frames, (N, H, W, 3) RGB; signed, so that they can be subtracted."""
    return np.stack([frame.rgb() for frame in open_clip(path).frames()]).astype(np.int64)


def times(path: Path) -> list[Fraction]:
    return [frame.time for frame in open_clip(path).frames()]


def sound_packets(path: Path) -> list[tuple[int | None, bytes]]:
    """Return the timestamp and the data of each packet of the sound track."""
    with av.open(str(path)) as container:
        return [(packet.pts, bytes(packet)) for packet in container.demux(audio=0) if packet.size]


@pytest.fixture(scope="module")
def smiling(portrait_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, EditSummary]:
    """Return the portrait clip with a smile, and the summary of the edit."""
    folder = tmp_path_factory.mktemp("smiling")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACEVID_HOME", str(folder))
        out = folder / "out.mp4"
        return out, edit_video(portrait_clip, out, ["smile=1"], LOSSLESS)


def test_the_face_changes_and_the_rest_does_not(portrait_clip: Path, smiling: tuple[Path, EditSummary]) -> None:
    change = np.abs(pictures(smiling[0]) - pictures(portrait_clip)).max(axis=-1)
    changed = change.max(axis=0) > 0
    # camera_move places the face in the middle of the picture.
    assert change[:, 90:170, 120:200].mean() > 3
    assert not changed[:, :60].any()
    assert not changed[:, 260:].any()
    assert not changed[225:].any()


def test_lipstick_changes_the_lips_and_not_the_eyes(portrait: Picture, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "in.png"), portrait[..., ::-1])
    (face,) = BundledDetector().detect(portrait)
    edit_video(tmp_path / "in.png", tmp_path / "out.png", ["lipstick=1"], EditOptions(compute=CPU))
    change = np.abs(pictures(tmp_path / "out.png")[0] - portrait).max(axis=-1)
    boxes = [cv2.boundingRect(face.landmarks[part]) for part in (slice(22, 48), slice(48, 68))]
    eyes, mouth = (change[y : y + height, x : x + width] for x, y, width, height in boxes)
    assert mouth.mean() > 3
    assert not eyes.any()


def test_frames_timestamps_and_sound_are_those_of_the_source(
    portrait_clip: Path, smiling: tuple[Path, EditSummary]
) -> None:
    out, summary = smiling
    assert times(out) == times(portrait_clip)
    assert sound_packets(out) == sound_packets(portrait_clip)
    assert (summary.frames, summary.edited, summary.passed_through, summary.tracks) == (10, 10, 0, 1)
    assert summary.warnings == ()


def test_a_smile_makes_the_mouth_wider(portrait_clip: Path, smiling: tuple[Path, EditSummary]) -> None:
    detector = BundledDetector()

    def mouth_width(path: Path) -> float:
        """Return the median width of the mouth, in distances between the outer corners of the eyes."""
        widths = []
        for picture in pictures(path).astype(np.uint8):
            (face,) = detector.detect(np.ascontiguousarray(picture))
            eye_distance = np.linalg.norm(face.landmarks[45] - face.landmarks[36])
            widths.append(np.linalg.norm(face.landmarks[54] - face.landmarks[48]) / eye_distance)
        return float(np.median(widths))

    assert mouth_width(smiling[0]) > 1.03 * mouth_width(portrait_clip)


def test_an_edit_of_strength_0_changes_nothing_and_gives_a_warning(portrait_clip: Path, tmp_path: Path) -> None:
    summary = edit_video(portrait_clip, tmp_path / "out.mp4", ["smile=0"], LOSSLESS)
    assert np.array_equal(pictures(tmp_path / "out.mp4"), pictures(portrait_clip))
    assert summary.edited == 0
    assert len(summary.warnings) == 1


def test_frames_before_a_keyframe_of_0_are_unchanged(portrait_clip: Path, tmp_path: Path) -> None:
    edit_video(portrait_clip, tmp_path / "out.mp4", ["smile=0@4,1@8"], LOSSLESS)
    change = np.abs(pictures(tmp_path / "out.mp4") - pictures(portrait_clip)).mean(axis=(1, 2, 3))
    assert not change[:5].any()
    assert (np.diff(change[4:9]) > 0).all()


def test_age_changes_the_nose_towards_young_only(portrait: Picture, tmp_path: Path) -> None:
    """The strength of each frame decides, along keyframes from age=-1 to age=+1."""
    clip = write_clip(tmp_path / "still.mkv", [portrait] * 9)
    edit_video(clip, tmp_path / "out.mkv", ["age=-1@0,1@8"], EditOptions(codec="ffv1"))
    changes = pictures(tmp_path / "out.mkv") - pictures(clip)
    column, row = np.rint(BundledDetector().detect(portrait)[0].landmarks[NOSE_RIDGE]).astype(int)
    young, old = (np.abs(changes[i, row - 8 : row + 8, column - 6 : column + 6].mean()) for i in (0, 8))
    assert young > 12 and old < 8


def test_only_the_selected_frames_are_edited(portrait_clip: Path, tmp_path: Path) -> None:
    summary = edit_video(portrait_clip, tmp_path / "out.mp4", ["smile=1"], replace(LOSSLESS, frames=(3, 5)))
    change = np.abs(pictures(tmp_path / "out.mp4") - pictures(portrait_clip)).max(axis=(1, 2, 3))
    assert list(np.flatnonzero(change)) == [3, 4, 5]
    assert summary.edited == 3
    with pytest.raises(UsageError, match=r"10-20.*portrait\.mp4.*0 to 9"):
        edit_video(portrait_clip, tmp_path / "none.mp4", ["smile=1"], replace(LOSSLESS, frames=(10, 20)))


def test_keyframes_and_outputs_of_a_sequence_use_its_frame_numbers(portrait: Picture, tmp_path: Path) -> None:
    for index in range(4):
        cv2.imwrite(str(tmp_path / f"in.{1001 + index}.png"), camera_move(portrait, index, (320, 240))[..., ::-1])
    options = EditOptions(compute=CPU, frames=(1002, 1004))
    edit_video(tmp_path / "in.####.png", tmp_path / "out.####.png", ["smile=1@1003,0@1004"], options)
    for number in range(1001, 1005):
        before, after = (pictures(tmp_path / f"{name}.{number}.png") for name in ("in", "out"))
        assert np.array_equal(before, after) == (number in (1001, 1004))


def test_edits_are_applied_in_the_order_given(portrait_clip: Path, tmp_path: Path) -> None:
    for name, order in (("a", ["smile=1", "age=1"]), ("b", ["age=1", "smile=1"])):
        edit_video(portrait_clip, tmp_path / f"{name}.mp4", order, replace(LOSSLESS, frames=(0, 3)))
    assert not np.array_equal(pictures(tmp_path / "a.mp4"), pictures(tmp_path / "b.mp4"))


@pytest.mark.parametrize(("detail", "blend"), [("keep", "feather"), ("replace", "seamless"), ("replace", "feather")])
def test_compositing_changes_the_face_only(
    portrait_clip: Path, tmp_path: Path, published: str, detail: Detail, blend: Blend
) -> None:
    options = replace(LOSSLESS, model=published, compositing=CompositingOptions(detail, blend))
    edit_video(portrait_clip, tmp_path / "out.mp4", ["smile=1"], options)
    changed = (pictures(tmp_path / "out.mp4") != pictures(portrait_clip)).any(axis=(0, 3))
    assert changed[90:170, 120:200].mean() > 0.5
    assert not changed[:, :60].any()


def test_the_bundled_model_cannot_replace_faces(portrait_clip: Path, tmp_path: Path) -> None:
    options = EditOptions(compositing=CompositingOptions("replace"))
    with pytest.raises(UsageError, match="--detail replace"):
        edit_video(portrait_clip, tmp_path / "out.mp4", ["smile=1"], options)


def test_frames_without_a_face_pass_through(portrait: Picture, tmp_path: Path) -> None:
    with_face = [camera_move(portrait, index, (320, 240)) for index in range(6)]
    without_face = [np.full_like(with_face[0], 90)] * 4
    source = write_clip(tmp_path / "in.mp4", [*without_face, *with_face], sound=False)
    summary = edit_video(source, tmp_path / "out.mp4", ["smile=1"], LOSSLESS)
    assert (summary.frames, summary.edited, summary.passed_through) == (10, 6, 4)
    change = np.abs(pictures(tmp_path / "out.mp4") - pictures(source)).mean(axis=(1, 2, 3))
    assert not change[:4].any()
    assert (change[4:] > 0).all()


@pytest.mark.parametrize("detail", ["keep", "replace"])
def test_an_edit_fades_in_where_a_face_appears_within_a_shot(
    portrait: Picture, tmp_path: Path, published: str, detail: Detail
) -> None:
    visible = camera_move(portrait, 0, (320, 240))
    covered = visible.copy()
    covered[90:190, 110:210] = 150
    source = write_clip(tmp_path / "in.mp4", [covered] * 3 + [visible] * 12, sound=False)
    model = published if detail == "replace" else None
    options = replace(LOSSLESS, model=model, compositing=CompositingOptions(detail))
    edit_video(source, tmp_path / "out.mp4", ["smile=1"], options)
    change = np.abs(pictures(tmp_path / "out.mp4") - pictures(source)).mean(axis=(1, 2, 3))
    assert not change[:3].any()
    assert change[3] < change[5] < change[8]
    assert change[3] < 0.6 * change[12]


def test_a_clip_without_a_face_writes_no_output(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", [np.full((120, 160, 3), 90, dtype=np.uint8)] * 3)
    with pytest.raises(NoFaceError, match="3 frames"):
        edit_video(source, tmp_path / "out.mp4", ["smile=1"], LOSSLESS)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_faces_are_selected_by_size_and_by_number(portrait: Picture, tmp_path: Path) -> None:
    small, large = (cv2.resize(portrait[:256, 96:352], (side, side)) for side in (200, 320))
    picture = np.full((320, 540, 3), 120, dtype=np.uint8)
    picture[:200, :200], picture[:, 220:] = small, large
    cv2.imwrite(str(tmp_path / "in.png"), picture[..., ::-1])

    def changed(faces: Faces) -> NDArray[np.bool_]:
        options = EditOptions(compute=CPU, tracking=TrackingOptions(faces=faces), overwrite=True)
        edit_video(tmp_path / "in.png", tmp_path / "out.png", ["smile=1"], options)
        return np.asarray((pictures(tmp_path / "out.png")[0] != picture).any(axis=2))

    largest, both = changed("largest"), changed("all")
    assert largest[:, 220:].any()
    assert not largest[:, :210].any()
    assert both[:, :210].any()
    with pytest.raises(UsageError, match="face 7"):
        changed((7,))


def test_a_second_edit_reuses_the_analysis(portrait_clip: Path, tmp_path: Path) -> None:
    stages: list[str] = []

    def record(stage: str, items: Iterable[T], total: int | None) -> Iterator[T]:
        stages.append(stage)
        yield from items

    for number, edit in enumerate(("smile=1", "age=1")):
        edit_video(portrait_clip, tmp_path / f"{number}.mp4", [edit], replace(LOSSLESS, frames=(0, 2)), record)
    assert stages == ["track", "identify", "encode", "occlusion", "edit", "edit"]


def test_the_comparison_shows_original_and_edit(portrait_clip: Path, tmp_path: Path) -> None:
    options = EditOptions(compute=CPU, compare=tmp_path / "compare.mp4")
    edit_video(portrait_clip, tmp_path / "out.mp4", ["smile=1"], options)
    original, edited = np.split(pictures(tmp_path / "compare.mp4"), 2, axis=2)
    assert np.abs(original - pictures(portrait_clip)).mean() < 4
    assert np.abs(edited - original)[:, 90:170, 120:200].mean() > 2


def test_the_comparison_shows_the_reconstruction_where_faces_are_generated(
    portrait_clip: Path, tmp_path: Path, published: str
) -> None:
    options = EditOptions(published, compute=CPU, compare=tmp_path / "compare.mp4")
    edit_video(portrait_clip, tmp_path / "out.mp4", ["smile=1"], options)
    panels = pictures(tmp_path / "compare.mp4")
    assert panels.shape == (10, 240, 960, 3)
    original, reconstruction, edited = np.split(panels, 3, axis=2)
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
"""Clips of the reference data, and the time in seconds at which a part with a face begins."""


@pytest.mark.parametrize("name", REAL_CLIPS)
def test_real_clips_keep_their_format_and_sound(shared: Path, tmp_path: Path, name: str) -> None:
    source = tmp_path / "in.mp4"
    arguments = ["-ss", str(REAL_CLIPS[name]), "-i", str(shared / "clips" / f"{name}.mp4"), "-t", "0.15"]
    run_ffmpeg([*arguments, "-c", "copy", str(source)], str(source))
    summary = edit_video(source, tmp_path / "out.mp4", ["smile=1", "age=-0.5"], LOSSLESS)
    assert summary.edited > 0
    assert times(tmp_path / "out.mp4") == times(source)
    before, after = open_clip(source).info, open_clip(tmp_path / "out.mp4").info
    for field in ("width", "height", "sample_aspect_ratio", "orientation", "colour", "pix_fmt", "time_base"):
        assert getattr(after, field) == getattr(before, field), field
    if before.has_sound:
        assert sound_packets(tmp_path / "out.mp4") == sound_packets(source)


@pytest.mark.cuda
def test_cuda_and_cpu_give_nearly_the_same_result(portrait_clip: Path, tmp_path: Path) -> None:
    for device in ("cpu", "cuda"):
        options = EditOptions(compute=ComputeOptions(device=device), codec="h264", crf=0)
        edit_video(portrait_clip, tmp_path / f"{device}.mp4", ["smile=1"], options)
    assert np.abs(pictures(tmp_path / "cpu.mp4") - pictures(tmp_path / "cuda.mp4")).mean() < 0.5
