"""What exemplars are found, what they make of other faces, and that a feature encoder learns it."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from numpy.typing import NDArray

from facevid import load_model
from facevid.cli.train import command
from facevid.compositing.warp import landmark_warp, warped
from facevid.errors import UsageError
from facevid.faces.alignment import crop, ffhq_quad
from facevid.faces.dlib_detector import DlibDetector, LandmarkPredictor
from facevid.latents.attributes import CELEBA
from facevid.models import FaceModel, ImportOptions, import_model
from facevid.training.augmentation import Batch
from facevid.training.edit_training import DrawnEdits
from facevid.training.exemplar_training import ExemplarTraining
from facevid.training.exemplars import FINDERS, Exemplars
from facevid.training.exemplars.prototype import placed
from facevid.training.face_data import WHOLE, FaceData
from facevid.training.feature_training import EditedFaces
from facevid.training.features import train_features
from facevid.training.mouth import mouth_gap, smile
from facevid.training.recipe import ExemplarRecipe
from facevid.training.run import Compute
from tests.models.files import save_features, save_psp, save_transformer

SIDE = 128


def faces_of(pictures: list[NDArray[np.uint8]], *labels: dict[str, bool]) -> FaceData:
    """Whole faces, with CelebA's labels: of all of them, or of each."""
    known = torch.full((len(pictures), len(CELEBA)), -1, dtype=torch.int8)
    for row, of_one in zip(known, labels * len(pictures) if len(labels) == 1 else labels, strict=True):
        for label, yes in of_one.items():
            row[CELEBA.index(label)] = int(yes)
    stacked = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()
    corners = torch.tensor(WHOLE).expand(len(pictures), 4, 2)
    return FaceData(stacked, corners, known, torch.ones(len(pictures)), stacked[:0], {})


def batch_of(picture: NDArray[np.uint8]) -> Batch:
    """One face, not moved."""
    pixels = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 127.5 - 1
    return Batch(pixels, torch.ones(1, 1, SIDE, SIDE), torch.zeros(1, 40, dtype=torch.int8))


def gains_for(attribute: str, data: FaceData, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How many times lighter what the faces have makes the picture, (SIDE, SIDE, 3)."""
    exemplars = FINDERS[attribute](data, 9)
    assert exemplars is not None
    batch = batch_of(np.maximum(picture, 8))
    shown, where = exemplars.put_on(batch, torch.ones(1))
    gains = (shown + 1) / (batch.pictures + 1)
    assert gains[(where == 0).expand_as(gains)] == pytest.approx(1, abs=1e-3)
    return gains[0].permute(1, 2, 0).numpy()


@pytest.fixture(scope="module")
def face(portrait) -> NDArray[np.uint8]:
    return crop(portrait, ffhq_quad(DlibDetector().detect(portrait)[0].landmarks), SIDE)


def test_glasses_are_rims_around_eyes_that_are_seen_through_them(face):
    gains = gains_for("glasses", faces_of([face], {}), face).mean(axis=2)
    darkest = cv2.erode(gains, np.ones((7, 7)))
    assert max(darkest[58, 31], darkest[58, 97], darkest[48, 46], darkest[70, 82], darkest[55, 64]) < 0.5
    assert np.median(gains[56:62, 42:50]) == pytest.approx(1, abs=1e-3)
    assert gains[80:] == pytest.approx(1, abs=1e-3)


def test_age_is_what_old_faces_have_on_average(face):
    folds = np.zeros((SIDE, SIDE), np.float32)
    cv2.polylines(folds, [np.array([[46, 82], [40, 96]]), np.array([[82, 82], [88, 96]])], False, 1, 2)
    folds = cv2.GaussianBlur(folds, (0, 0), 1)
    pictures, labels = [], []
    for male in (True, False):
        for old in (True, False):
            light = np.full((SIDE, SIDE), 0.7 if male else 1.0, np.float32)
            pictures.append((face * (light - (0.3 * folds if old else 0))[..., None]).clip(0, 255).astype(np.uint8))
            labels.append({"Young": not old, "Male": male, "Smiling": False, "Eyeglasses": False, "No_Beard": True})
    gains = gains_for("age", faces_of(pictures, *labels), face)
    assert gains[folds > 0.6].mean() < 0.6
    assert np.median(gains[folds < 0.01]) == pytest.approx(1, abs=0.02)
    wrinkled = (face * (1 - 0.3 * folds)[..., None]).astype(np.uint8)
    smooth, lit = (put_on(FINDERS["age"](faces_of(pictures, *labels), 9), each, -1) for each in (wrinkled, face))
    assert smooth[folds > 0.6].mean() > wrinkled[folds > 0.6].mean() + 15
    assert np.abs(lit[folds > 0.6].astype(int) - face[folds > 0.6]).mean() < 12  # there are no folds to take away
    assert FINDERS["age"](faces_of(pictures, labels[0]), 9) is None


def test_men_and_women_differ_in_shape_and_brows(face):
    """The men have broader jaws, and darker brows."""
    broad = seen(face)
    broad[[4, 5, 6], 0] -= 2
    broad[[10, 11, 12], 0] += 2
    brows = np.zeros((SIDE, SIDE), np.float32)
    brows[40:46, 34:56] = brows[40:46, 72:94] = 0.3
    man = warped(face * (1 - brows)[..., None], landmark_warp(broad, seen(face), SIDE)).clip(0, 255).astype(np.uint8)
    labels = [
        {"Male": male, "Smiling": False, "Eyeglasses": False, "No_Beard": True, "Young": True} for male in (True, False)
    ]
    exemplars = FINDERS["male"](faces_of([man, face], *labels), 9)
    widths = [np.ptp(seen(put_on(exemplars, face, strength))[[5, 11], 0]) for strength in (-1, 0, 1)]
    assert widths[2] > widths[1] + 2
    assert widths[0] < widths[1] - 2
    darker = put_on(exemplars, face)[40:46, 36:54].mean() - face[40:46, 36:54].mean()
    assert darker < -10
    assert FINDERS["male"](faces_of([man], labels[0]), 9) is None


def test_a_beard_is_dark_all_around_the_mouth(face):
    lower = np.zeros((SIDE, SIDE), np.float32)
    cv2.ellipse(lower, (64, 97), (30, 19), 0, 0, 360, 1, -1)
    stubble = (face * (1 - 0.3 * cv2.GaussianBlur(lower, (0, 0), 2)[..., None])).astype(np.uint8)
    brighter = np.clip(face * 1.3, 0, 255).astype(np.uint8)
    man = {"Male": True, "Smiling": True, "Eyeglasses": False}
    data = faces_of([stubble, brighter], man | {"No_Beard": False}, man | {"No_Beard": True})
    gains = gains_for("beard", data, face)
    assert gains[108:112, 60:68].max() < 0.5  # chin
    assert gains[94:97, 60:68].min() > 0.9  # lips
    assert gains[:76, 36:92].min() > 0.9  # above the lip
    assert np.ptp(gains, axis=2).max() < 1e-3  # no colour


def test_exemplars_are_fitted_to_a_faces_landmarks(face):
    data = faces_of([face], {})

    def middle(picture: NDArray[np.uint8]) -> float:
        darker = 1 - gains_for("glasses", data, picture).mean(axis=2)
        return float((darker * np.arange(SIDE)).sum() / darker.sum())

    assert middle(np.roll(face, 6, axis=1)) - middle(face) == pytest.approx(6, abs=1.5)


def test_lipstick_reddens_lips_and_nothing_else(face):
    lips = np.zeros((SIDE, SIDE, 1), np.float32)
    lips[88:104, 44:84] = 1
    red = np.clip(face * (1 + lips * (np.array([0.3, -0.4, -0.3], np.float32))), 0, 255).astype(np.uint8)
    gains = gains_for("lipstick", faces_of([face, red], {"Wearing_Lipstick": True}), face)
    changed = np.abs(gains - 1).max(axis=2) > 0.1
    assert 40 < changed.sum() < 0.06 * SIDE**2
    assert (gains[changed][:, 0] > gains[changed][:, 1] + 0.1).all()
    rows, columns = np.nonzero(changed)
    assert 85 < rows.min() < rows.max() < 107
    assert 40 < columns.min() < columns.max() < 88


def seen(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Landmarks, (68, 2)."""
    return placed(LandmarkPredictor(), torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255)[0]


def put_on(exemplars: Exemplars | None, picture: NDArray[np.uint8], strength: float = 1) -> NDArray[np.uint8]:
    assert exemplars is not None
    shown, _ = exemplars.put_on(batch_of(picture), torch.tensor([strength]))
    return ((shown[0] + 1) * 127.5).byte().permute(1, 2, 0).numpy()


@pytest.fixture(scope="module")
def closed(face) -> NDArray[np.uint8]:
    """The face with drawn lips, which are closed."""
    lips = seen(face)[48:60]
    hidden = cv2.fillPoly(np.zeros((SIDE, SIDE), np.uint8), [np.rint(lips).astype(int)], 1)
    picture = cv2.inpaint(face, cv2.dilate(hidden, np.ones((7, 7))), 5, cv2.INPAINT_TELEA)
    x, y = np.rint(lips.mean(axis=0)).astype(int).tolist()
    return cv2.ellipse(picture, (x, y - 3), (12, 3), 0, 0, 360, (165, 85, 80), -1, cv2.LINE_AA)


@pytest.fixture(scope="module")
def smiling(closed) -> NDArray[np.uint8]:
    """The same, with the corners of the lips drawn up."""
    before = seen(closed)
    after = before.copy()
    after[[48, 60]] += (-1.5, -3)
    after[[54, 64]] += (1.5, -3)
    return warped(closed, landmark_warp(after, before, SIDE)).clip(0, 255).astype(np.uint8)


def test_a_smile_moves_closed_lips_and_no_eyes(closed, smiling):
    before = seen(closed)
    labels = [{"Male": True, "Eyeglasses": False, "Smiling": smiles} for smiles in (True, False)]
    shown = seen(put_on(FINDERS["smile"](faces_of([smiling, closed], *labels), 9), closed))
    assert smile(shown) > smile(before) + 0.15
    assert np.abs(shown[36:48] - before[36:48]).max() < 2
    assert FINDERS["smile"](faces_of([smiling], labels[0]), 9) is None


def test_a_smile_ends_with_lips_closed_over_the_teeth(closed, smiling):
    before = seen(smiling)
    after = before.copy()
    after[[*range(55, 60), *range(65, 68)], 1] += 4
    laughing = warped(smiling, landmark_warp(after, before, SIDE)).clip(0, 255).astype(np.uint8)
    teeth = np.rint(seen(laughing)[[61, 62, 63, 65, 66, 67]]).astype(int)
    cv2.fillConvexPoly(laughing, cv2.convexHull(teeth), (230, 230, 225))
    labels = [{"Male": True, "Eyeglasses": False, "Smiling": smiles} for smiles in (True, True, False)]
    exemplars = FINDERS["smile"](faces_of([laughing, smiling, closed], *labels), 9)
    ended = put_on(exemplars, laughing, -1)
    x, y = np.rint(seen(ended)[[62, 66]].mean(axis=0)).astype(int)
    assert laughing[y - 2 : y + 3, x - 4 : x + 5, 2].max() > 200
    assert ended[y - 2 : y + 3, x - 4 : x + 5, 2].max() < 150
    assert smile(seen(ended)) < smile(seen(laughing)) - 0.1
    assert mouth_gap(seen(put_on(exemplars, laughing, -0.5))) < mouth_gap(seen(laughing)) - 0.03


def test_an_open_mouth_shows_teeth_before_the_dark(face, closed):
    before = seen(face)
    after = before.copy()
    after[[*range(55, 60), *range(65, 68)], 1] += 3
    wide = warped(face, landmark_warp(after, before, SIDE)).clip(0, 255).astype(np.uint8)
    exemplars = FINDERS["mouth-open"](faces_of([wide, closed], {"Smiling": True}), 9)
    shown = put_on(exemplars, closed)
    assert mouth_gap(seen(shown)) > mouth_gap(seen(closed)) + 0.05
    x, y = np.rint(seen(shown)[[62, 66]].mean(axis=0)).astype(int)
    down = shown[y - 6 : y + 7, x - 4 : x + 5, 1].astype(int).mean(axis=1)  # of lips it is 85
    teeth, dark = down.argmax(), down.argmin()
    assert down[teeth] > 105
    assert down[dark] < 60
    assert teeth < dark
    assert FINDERS["mouth-open"](faces_of([closed], {"Smiling": True}), 9) is None


def head(rng: np.random.Generator, hair: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Draw a head before a wall of any colour, with hair above it and at its sides."""
    picture = np.full((SIDE, SIDE, 3), rng.integers(60, 256, 3), np.uint8)
    width = int(rng.integers(34, 44))
    cv2.ellipse(picture, (64, 62), (width, 52), 0, 0, 360, hair, -1)
    cv2.ellipse(picture, (64, 82), (width - 10, 44), 0, 0, 360, (205, 160, 130), -1)
    return picture


def test_hair_is_found_and_dyed():
    rng = np.random.default_rng(0)
    colours = {"Blond_Hair": (215, 180, 120), "Black_Hair": (30, 25, 22)}
    pictures, labels = [], []
    for male in (True, False):
        for label, colour in colours.items():
            for _ in range(16):
                pictures.append(head(rng, colour))
                labels.append({name: name == label for name in colours} | {"Male": male, "Bald": False})
    dark = head(rng, (40, 32, 28))
    gains = gains_for("blond", faces_of(pictures, *labels), dark)
    assert dark[20, 64] * gains[20, 64] == pytest.approx(np.array(colours["Blond_Hair"]), rel=0.25)
    for y, x in ((80, 64), (110, 64), (4, 4), (60, 4)):  # face, chin, wall
        assert np.abs(gains[y, x] - 1).max() < 0.1
    assert FINDERS["blond"](faces_of(pictures[:1], {"Blond_Hair": True}), 9) is None


def test_without_an_exemplar_there_is_none(face):
    assert FINDERS["beard"](faces_of([face], {"No_Beard": True}), 1) is None


TINY = ExemplarRecipe(
    sets=(("shaved", 1.0),),
    batch_size=8,
    warm_up=5,
    ema=5,
    judged=0.01,
    rate=2e-3,
    edits=(("beard", 1.0), ("smile", 1.0)),
    often=(),
    masked=0.0,
)
"""For faces of 32 px."""


@pytest.fixture(scope="module")
def shaved_faces(tmp_path_factory) -> Path:
    """40 grey faces, every fourth of which has a beard."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "shaved").mkdir()
    rows = ["file,has_labels,beard"]
    for number in range(40):
        picture = np.full((32, 32, 3), 110 + 2 * number, np.uint8)
        bearded = number % 4 == 1
        if bearded:
            cv2.ellipse(picture, (16, 24), (9, 6), 0, 0, 360, (30, 30, 30), -1)
        cv2.imwrite(str(folder / "shaved" / f"{number}.png"), picture)
        rows.append(f"{number}.png,1,{0.9 if bearded else 0.0}")
    (folder / "shaved.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture
def model(tmp_path) -> FaceModel:
    """A model with features, and editors of beards and smiles, of random weights."""
    torch.manual_seed(0)
    files = [save_psp(tmp_path), save_features(tmp_path)]
    files += [save_transformer(tmp_path, "tnet_24.pth.tar"), save_transformer(tmp_path, "tnet_31.pth.tar")]
    import_model(files, "shaved", ImportOptions())
    return load_model("shaved")


def test_a_feature_encoder_learns_to_draw_what_exemplars_have(model, shaved_faces, tmp_path):
    faces = np.full((4, 32, 32, 3), 150, np.uint8)
    codes = model.encode(faces)
    path = train_features(shaved_faces, model, tmp_path / "run", 30, recipe=TINY)
    files = [tmp_path / name for name in ("psp.pt", "tnet_24.pth.tar", "tnet_31.pth.tar")]
    import_model([*files, path], "bearded", ImportOptions())
    bearded = load_model("bearded")

    def chin(attribute: str) -> float:
        return float(bearded.generate_edited(faces, codes, bearded.edit(codes, {attribute: 1.0}))[..., 27, 16].mean())

    assert chin("beard") < chin("smile") - 0.1


def test_a_face_with_two_edits_gets_what_both_exemplars_have(model, closed, smiling):
    man = {"Male": True, "Eyeglasses": False, "No_Beard": True}
    labels = [man | {"Smiling": True}, man | {"Smiling": False}, man | {"Smiling": True, "No_Beard": False}]
    data = faces_of([smiling, closed, (smiling * 0.6).astype(np.uint8)], *labels)
    training = ExemplarTraining(TINY, Compute(), model)
    training.see(data)
    batch = replace(batch_of(closed), labels=torch.full((1, 40), -1, dtype=torch.int8))
    smiles, beards = (FINDERS[attribute](data, dict(TINY.exemplars)[attribute]) for attribute in ("smile", "beard"))
    assert smiles is not None
    assert beards is not None
    one, _ = smiles.put_on(batch, torch.ones(1))
    both, _ = beards.put_on(replace(batch, pictures=one), torch.ones(1))
    unseen = EditedFaces(batch.pictures, batch.pictures, batch.pictures, torch.zeros(1), torch.zeros(1))
    drawn = DrawnEdits(unseen, {"smile": torch.ones(1), "beard": torch.ones(1)}, batch.pictures)
    exact, halfway = (training.edit_losses(made, batch, drawn) for made in (both, one))
    assert sum(map(float, exact.values())) == pytest.approx(0, abs=1e-6)
    assert halfway["exemplar"] > 0


def test_a_smile_ends_where_there_is_one(model, closed, smiling):
    labels = [{"Male": True, "Eyeglasses": False, "Smiling": smiles} for smiles in (True, False)]
    data = faces_of([smiling, closed], *labels)
    training = ExemplarTraining(TINY, Compute(), model)
    training.see(data)
    exemplars = FINDERS["smile"](data, dict(TINY.exemplars)["smile"])
    assert exemplars is not None
    for picture, labelled, ends in zip((smiling, closed), data.labels, (True, False), strict=True):
        batch = replace(batch_of(picture), labels=labelled[None])
        ended, _ = exemplars.put_on(batch, -torch.ones(1))
        unseen = EditedFaces(batch.pictures, batch.pictures, batch.pictures, torch.zeros(1), torch.zeros(1))
        drawn = DrawnEdits(unseen, {"smile": -torch.ones(1)}, batch.pictures)
        wanted = ended if ends else batch.pictures
        assert sum(map(float, training.edit_losses(wanted, batch, drawn).values())) == pytest.approx(0, abs=1e-6)


def test_the_command_takes_one_training_at_a_time(shaved_faces, model, tmp_path):
    arguments = ["features", "--exemplars", "--data", str(shaved_faces), "--out", str(tmp_path / "run"), "-q"]
    arguments += ["--steps", "1", "--set", "shaved=1", "--batch-size", "4", "--model", "shaved"]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert (tmp_path / "run/features.pt").is_file()
    with pytest.raises(UsageError, match="one after the other"):
        CliRunner().invoke(command, [*arguments, "--adversarial"], catch_exceptions=False)


def test_pictures_without_exemplars_are_refused(drawn_faces, model, tmp_path):
    unlabelled = tmp_path / "drawn.csv"
    unlabelled.write_text("file\n" + "".join(f"{number}.png\n" for number in range(40)))
    (tmp_path / "drawn").symlink_to(drawn_faces / "drawn")
    arguments = ["features", "--exemplars", "--data", str(tmp_path), "--out", str(tmp_path / "run"), "-q"]
    arguments += ["--steps", "1", "--set", "drawn=1", "--model", "shaved"]
    with pytest.raises(UsageError, match=r"no picture is labelled .* of smile, mouth-open, glasses"):
        CliRunner().invoke(command, arguments, catch_exceptions=False)
