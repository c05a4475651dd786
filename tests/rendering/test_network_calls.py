"""How often an edit decodes each frame and runs each network: once, and never for frames without an edit."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dlib
import pytest

from facevid import edit_video
from facevid.models import import_model
from facevid.models.model import FaceModel
from facevid.networks.prepared_generator import PreparedGenerator
from facevid.options import CompositingOptions, Detail, EditOptions
from facevid.video import Clip, Frame
from facevid.video.encoding.frame_encoder import PacketEncoder
from tests.models.files import save_feature_style, save_psp, save_transformer


@pytest.fixture
def faces_processed(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the faces or codes that each network processes, and the encoded frames."""
    counts: Counter[str] = Counter()

    def count(owner: type[Any], method: str, name: str, items: Callable[[Any], int] = len) -> None:
        original: Callable[..., Any] = getattr(owner, method)

        def counted(self: Any, *arguments: Any) -> Any:
            counts[name] += items(arguments[0])
            return original(self, *arguments)

        monkeypatch.setattr(owner, method, counted)

    count(FaceModel, "encode", "encoder")
    count(FaceModel, "feature_residual", "features")
    count(FaceModel, "occlusion_probability", "occlusion")
    count(FaceModel, "decode_changes", "changes")
    count(PreparedGenerator, "__call__", "generator")
    count(PacketEncoder, "encode", "frames", lambda frame: int(frame is not None))  # None flushes the encoder
    decode = Clip.frames

    def counted_frames(self: Clip, *arguments: Any) -> Iterator[Frame]:
        for frame in decode(self, *arguments):
            counts["decoded"] += 1
            yield frame

    monkeypatch.setattr(Clip, "frames", counted_frames)
    return counts


@pytest.mark.parametrize(("frames", "edited"), [(None, 10), ((3, 5), 3)])
def test_the_bundled_model(
    portrait_clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    faces_processed: Counter[str],
    *,
    frames: tuple[int, int] | None,
    edited: int,
) -> None:
    options = EditOptions(frames=frames, overwrite=True)
    edit_video(portrait_clip, tmp_path / "out.mp4", ["smile=1", "age=-0.5"], options)
    analysis = {"encoder": 10, "occlusion": 10}
    assert faces_processed == {**analysis, "changes": edited, "frames": 10, "decoded": 10}
    monkeypatch.setattr(dlib, "fhog_object_detector", None)  # a cached analysis loads no detector
    edit_video(portrait_clip, tmp_path / "out.mp4", ["smile=-1"], options)
    # The analysis is cached.
    assert faces_processed == {**analysis, "changes": 2 * edited, "frames": 20, "decoded": 20}


@pytest.mark.parametrize(("detail", "passes"), [("replace", 1), ("keep", 2)])
def test_a_published_model(
    portrait_clip: Path,
    tmp_path: Path,
    published: str,
    faces_processed: Counter[str],
    detail: Detail,
    *,
    passes: int,
) -> None:
    """To keep detail, faces are generated before the edit and after it."""
    options = EditOptions(model=published, frames=(3, 5), compositing=CompositingOptions(detail))
    edit_video(portrait_clip, tmp_path / "out.mp4", ["smile=1"], options)
    assert faces_processed == {"encoder": 10, "occlusion": 10, "generator": 3 * passes, "frames": 10, "decoded": 10}


def test_features(portrait_clip: Path, tmp_path: Path, faces_processed: Counter[str]) -> None:
    """The features of a face are computed once, also for the comparison, which generates the face twice."""
    save_transformer(tmp_path)
    import_model([save_psp(tmp_path), save_feature_style(tmp_path), tmp_path / "tnet_31.pth.tar"], "features")
    options = EditOptions(model="features", frames=(3, 5), compare=tmp_path / "compare.mp4")
    edit_video(portrait_clip, tmp_path / "out.mp4", ["smile=0.1"], options)
    assert faces_processed == {
        "encoder": 10,
        "occlusion": 10,
        "features": 3,
        "generator": 6,
        "frames": 20,
        "decoded": 10,
    }
