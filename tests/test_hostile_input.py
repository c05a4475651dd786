"""Damaged and hostile input to every parser: it is accepted, or raises a FacevidError of one line that names it."""

import json
import random
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from facevid.cli.main import cli
from facevid.edits.attribute_edit import check_totals, parse_edit
from facevid.edits.attributes import parse_attribute
from facevid.edits.edit_file import parse_frames, read_edits
from facevid.errors import FacevidError, InputError, ModelError
from facevid.models import import_model, load_model
from facevid.models.bundle import read_bundle
from facevid.models.layouts import read_parts
from facevid.models.weights import read_weights
from facevid.training.common.config import FaceModelConfig
from facevid.training.common.labels import labels_of, parse_rule, read_table
from facevid.training.common.pictures import PictureFiles, aligned_faces
from facevid.training.common.run import Compute, TrainingRun, save_atomically
from facevid.training.common.run_record import RunRecord
from facevid.training.editors.codes import CodeSet, load_codes, save_codes
from facevid.training.face_model.face_networks import new_networks
from tests.conftest import RunFacevid
from tests.damage import NUMBERS, TEXTS, damaged_bytes, damaged_text, damaged_value
from tests.models.files import LAYERS, WIDTH, encoder_content, save_components, save_psp, save_transformer

ROUNDS = 80
"""Number of random damages tried for each file."""

EDITS = """[[face]]
face = [0, 2]
frames = "1001-1100"
attr = ["smile=+1", "age=0@1001,-0.5@1050", "direction:male~age=1@0.5s,2@1s"]

[[face]]
attr = ["ganspace:3:0-4=2.5"]
"""
TABLE = "file,smile,age,has_labels\na.png,0.9,31,1\nb.png,0.1,,1\nc.png,,60,0\n"
EXPRESSIONS = ("smile=+1", "age=0@1001,-0.5@1050", "direction:male~age=1@0.5s,2@1s", "ganspace:3:0-4=2.5")


def is_printable(line: str) -> bool:
    """Return whether a line has no control characters, line separators or surrogates."""
    return not {unicodedata.category(letter) for letter in line} & {"Cc", "Cs", "Zl", "Zp"}


def error_message(call: Callable[[], Any]) -> str | None:
    """Return the message of the FacevidError that a call raises, None if it raises nothing."""
    try:
        call()
    except FacevidError as error:
        message = str(error)
        assert is_printable(message)
        assert len(message) < 2100
        return message
    return None


def fuzz(path: Path, damage: Callable[[random.Random], bytes], read: Callable[[Path], Any]) -> None:
    """Damage a file at random and read it, ROUNDS times; errors must name the file or its folder."""
    chance, refused = random.Random(path.name), 0
    for _ in range(ROUNDS):
        path.write_bytes(damage(chance))
        message = error_message(lambda: read(path))
        refused += message is not None
        assert message is None or path.name in message or path.parent.name in message
    assert refused > ROUNDS // 10


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    files = [save_psp(tmp_path), save_transformer(tmp_path), save_components(tmp_path)]
    return import_model(files, "mine")


def test_bundle_descriptions(bundle: Path) -> None:
    path = bundle / "bundle.json"
    whole = path.read_text()
    values = json.loads(whole)
    fuzz(path, lambda chance: json.dumps(damaged_value(values, chance)).encode(), lambda path: read_bundle(path.parent))
    fuzz(path, lambda chance: encoded(damaged_text(whole, chance)), lambda path: read_bundle(path.parent))


def test_bundles_with_a_damaged_description(bundle: Path) -> None:
    path, chance = bundle / "bundle.json", random.Random(1)
    values = json.loads(path.read_text())
    for _ in range(20):
        path.write_text(json.dumps(damaged_value(values, chance)))
        error_message(lambda: load_model(bundle).editor("smile"))


@pytest.mark.parametrize("damage", ["text", "bytes"])
def test_edit_files(tmp_path: Path, damage: str) -> None:
    def damaged(chance: random.Random) -> bytes:
        return encoded(damaged_text(EDITS, chance)) if damage == "text" else damaged_bytes(EDITS.encode(), chance)

    fuzz(tmp_path / "shot.toml", damaged, read_edits)


def test_attributes_and_keyframes() -> None:
    model, chance, refused = load_model(), random.Random(2), 0
    for _ in range(20 * ROUNDS):
        text = damaged_text(chance.choice(EXPRESSIONS), chance)

        def use(text: str = text) -> None:
            edit = parse_edit(text)
            check_totals([edit, edit])
            parse_attribute(edit.attribute)
            model.editor(edit.attribute)
            if edit.unit != "timecode":
                assert np.isfinite(edit.strengths(range(3), [Fraction(1)] * 3)).all()

        message = error_message(use)
        refused += message is not None
        assert message is None or '"' in message
    assert refused > ROUNDS


@pytest.mark.parametrize("parse", [parse_frames, parse_rule])
def test_short_forms(parse: Callable[[str], Any]) -> None:
    chance = random.Random(3)
    for text in ("1001-1100", "smile=smile:0.3:0.7", "Young=age:40:28"):
        for _ in range(ROUNDS):
            error_message(partial(parse, damaged_text(text, chance)))


def test_tables(tmp_path: Path) -> None:
    def read(path: Path) -> None:
        table = read_table(path)
        labels_of(path, table, [parse_rule("smile=smile:0.3:0.7"), parse_rule("Young=age:40:28")])

    fuzz(tmp_path / "faces.csv", lambda chance: encoded(damaged_text(TABLE, chance)), read)
    fuzz(tmp_path / "bytes.csv", lambda chance: damaged_bytes(TABLE.encode(), chance), read)


@pytest.mark.parametrize("form", ["w", "w:gz", "w:xz"])
def test_picture_archives(tmp_path: Path, form: Any) -> None:
    for name in ("a", "b"):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((16, 16, 3), 90, np.uint8))
    path = tmp_path / "faces.tar"
    with tarfile.open(path, form) as archive:
        for name in ("a.png", "b.png"):
            archive.add(tmp_path / name, name)
    whole = path.read_bytes()

    def read(path: Path) -> None:
        with PictureFiles(path) as files:
            names = files.names(path, {"file": ["a.png", "b.png"]})
            assert len(list(aligned_faces(files, names, 8))) == 2

    fuzz(path, lambda chance: damaged_bytes(whole, chance), read)


def test_a_picture_with_a_huge_declared_size(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((16, 16, 3), np.uint8))
    data = bytearray((tmp_path / "a.png").read_bytes())
    data[16:24] = (2**30).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(InputError, match=r"a\.png"):
        PictureFiles(tmp_path).read("a.png")


def code_set() -> CodeSet:
    labels = torch.zeros(4, 40, dtype=torch.int8)
    return CodeSet(torch.randn(4, LAYERS, WIDTH), labels, ("a", "b", "c", "d"), torch.zeros(4, dtype=torch.bool))


def test_codes(tmp_path: Path) -> None:
    path = tmp_path / "codes.safetensors"
    save_codes(path, code_set())
    whole = path.read_bytes()
    fuzz(path, lambda chance: damaged_bytes(whole, chance), load_codes)


@pytest.mark.parametrize(
    "files", ["null", "[" * 100_000, '{"a": 1}', "[1, 2, 3, 4]", '["a", "b", "c"]', "Infinity", '"abcd"', ""]
)
def test_codes_with_an_invalid_list_of_files(tmp_path: Path, files: str) -> None:
    codes = code_set()
    tensors = {"codes": codes.codes, "labels": codes.labels, "held_out": codes.held_out}
    save_file(tensors, tmp_path / "codes.safetensors", {"files": files})
    with pytest.raises(InputError, match=r"codes\.safetensors"):
        load_codes(tmp_path / "codes.safetensors")


@pytest.mark.parametrize(
    "change",
    [
        {"codes": torch.full((4, LAYERS, WIDTH), float("nan"))},
        {"codes": torch.zeros(4, LAYERS, WIDTH, dtype=torch.int8)},
        {"labels": torch.full((4, 40), 7, dtype=torch.int8)},
        {"labels": torch.zeros(4, 40)},
        {"held_out": torch.zeros(4, dtype=torch.int8)},
        {"codes": torch.zeros(4, 0, WIDTH)},
    ],
)
def test_codes_with_invalid_tensors(tmp_path: Path, change: dict[str, torch.Tensor]) -> None:
    codes = code_set()
    tensors = {"codes": codes.codes, "labels": codes.labels, "held_out": codes.held_out} | change
    save_file(tensors, tmp_path / "codes.safetensors", {"files": '["a", "b", "c", "d"]'})
    with pytest.raises(InputError, match=r"codes\.safetensors"):
        load_codes(tmp_path / "codes.safetensors")


def saved(kind: str, folder: Path) -> Path:
    """Save weights in one of the supported formats."""
    path = folder / kind
    match kind:
        case "zip.pt":
            return save_transformer(folder, kind)
        case "legacy.pt":
            torch.save({"w": torch.randn(5, 5), "deep": {"a": 1}}, path, _use_new_zipfile_serialization=False)
        case "smile.npy":
            np.save(path, np.ones((1, WIDTH), np.float32))
        case "smile.safetensors":
            save_file({"direction": torch.ones(1, WIDTH)}, path, {"encoder": "psp"})
    return path


@pytest.mark.parametrize("kind", ["zip.pt", "legacy.pt", "smile.npy", "smile.safetensors"])
def test_weights(tmp_path: Path, kind: str) -> None:
    whole = saved(kind, tmp_path).read_bytes()
    fuzz(tmp_path / kind, lambda chance: damaged_bytes(whole, chance), load_model)


def deep(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"state_dict": value}
    return value


def circular() -> dict[str, Any]:
    value: dict[str, Any] = {"w": torch.zeros(2)}
    value["state_dict"] = value
    return value


@pytest.mark.parametrize(
    "content",
    [
        circular(),
        {1: 2},
        [torch.zeros(2)],
        {"state_dict": {"encoder.x": 1}, "opts": 3},
        {"g_ema": {}, "latent_avg": 3},
        7,
    ],
)
def test_checkpoints_of_another_structure(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "odd.pt")
    with pytest.raises(ModelError, match=r"odd\.pt"):
        load_model(tmp_path / "odd.pt")


def test_a_deeply_nested_checkpoint(tmp_path: Path) -> None:
    """The pickle is written by hand, because PyTorch's pickler cannot nest that deeply."""
    pickled = b"\x80\x02" + b"}X\x01\x00\x00\x00a" * 5000 + b"}" + b"s" * 5000 + b"."
    torch.save({}, tmp_path / "whole.pt")
    with zipfile.ZipFile(tmp_path / "whole.pt") as old, zipfile.ZipFile(tmp_path / "deep.pt", "w") as new:
        for entry in old.namelist():
            new.writestr(entry, pickled if entry.endswith("data.pkl") else old.read(entry))
    with pytest.raises(ModelError, match=r"deep\.pt"):
        load_model(tmp_path / "deep.pt")


def test_an_array_with_an_invalid_header(tmp_path: Path) -> None:
    header = b"(" * 118
    (tmp_path / "smile.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(ModelError, match=r"smile\.npy"):
        read_weights(tmp_path / "smile.npy")


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2, torch.complex64])
def test_directions_in_unsupported_number_formats(tmp_path: Path, dtype: torch.dtype) -> None:
    save_file({"direction": torch.ones(1, WIDTH).to(dtype)}, tmp_path / "smile.safetensors")
    with pytest.raises(ModelError, match=r"smile\.safetensors"):
        read_parts(tmp_path / "smile.safetensors")


def test_a_transformer_of_integers(tmp_path: Path) -> None:
    state = torch.load(save_transformer(tmp_path), weights_only=True)
    torch.save({name: tensor.to(torch.int8) for name, tensor in state.items()}, tmp_path / "tnet_31.pt")
    with pytest.raises(ModelError, match=r"tnet_31\.pt: .*torch\.int8"):
        load_model(tmp_path / "tnet_31.pt")


@pytest.mark.parametrize(
    "missing", ["encoder.input_layer.0.weight", "encoder.body.2.res_layer.3.weight", "decoder.input"]
)
def test_an_incomplete_checkpoint_to_start_from(tmp_path: Path, missing: str) -> None:
    content = encoder_content()
    state = content["state_dict"]
    content["state_dict"] = {name: tensor for name, tensor in state.items() if not name.startswith(missing)}
    torch.save(content, tmp_path / "start.pt")
    with pytest.raises(ModelError, match=r"start\.pt: "):
        new_networks(FaceModelConfig(), Compute(), tmp_path / "start.pt")


def training(path: Path) -> TrainingRun:
    network = torch.nn.Linear(2, 2)
    optimizer = torch.optim.Adam(network.parameters())
    return TrainingRun(path, {"seed": 0}, {"network": network}, {"optimizer": optimizer}, torch.Generator())


def test_training_checkpoints(tmp_path: Path) -> None:
    path = tmp_path / "run.checkpoint.pt"
    training(path).save()
    whole, content = path.read_bytes(), torch.load(path, weights_only=True)
    fuzz(path, lambda chance: damaged_bytes(whole, chance), training)
    values: list[Any] = [None, [], {}, float("nan"), torch.zeros(3), "x"]
    odd: list[Any] = [*values, {"settings": 3}, *(content | {key: value} for key in content for value in values)]
    for content in odd:
        save_atomically(path, content)
        message = error_message(lambda: training(path))
        assert message is None or path.name in message


def test_a_checkpoint_that_would_run_code(tmp_path: Path) -> None:
    """PyTorch's own message is a page long and must not be quoted."""
    path = tmp_path / "run.checkpoint.pt"
    torch.save({"step": Path("x")}, path)
    with pytest.raises(InputError, match=r"run\.checkpoint\.pt") as caught:
        training(path)
    assert len(str(caught.value)) < len(str(path)) + 200


def test_training_records(tmp_path: Path) -> None:
    log, record = tmp_path / "losses.csv", tmp_path / "run.json"

    def begin(_: Path) -> None:
        RunRecord(tmp_path, Compute()).begin(10, {"batch_size": 2}, {}, None)

    fuzz(log, lambda chance: damaged_bytes(b"10,loss,0.5\n20,loss,0.25\n", chance), begin)
    log.unlink()
    fuzz(record, lambda chance: encoded(damaged_text('{"sessions": [{"began": "now"}], "steps": 3}', chance)), begin)


OPTIONS = ("--rate", "--frames", "--face", "--smooth", "--batch-size", "--start-number", "--crf", "--model", "--edits")
ODD_VALUES = ["1e-999999999", "1/0", "1/" + "9" * 5000, "9" * 21, "\udcff", *NUMBERS]
ODD_VALUES += [text for text in TEXTS if "\0" not in text and "\ud800" not in text]  # impossible in an argument


@pytest.mark.parametrize("option", [*OPTIONS, "--compare", "--layers", "--codec", "--pix-fmt", "--device", "--unknown"])
def test_options_of_the_command_line(run_facevid: RunFacevid, tmp_path: Path, option: str) -> None:
    for value in ODD_VALUES:
        check_edit_fails(run_facevid, tmp_path / "none.mp4", tmp_path / "out.mp4", "--attr", "smile=1", option, value)


def leaves(group: click.Group, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command below a group, with the words that call it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from leaves(command, (*words, name))
        else:
            yield (*words, name), command


FEW_VALUES = ("", "nan", "9" * 5000, "x" * 5000, "\udcff", "a\x1b]0;x\x07\nfacevid: fine")


@pytest.mark.parametrize("words", [words for words, _ in leaves(cli)], ids=" ".join)
def test_every_parameter_of_every_command(
    run_facevid: RunFacevid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """Required parameters get minimal values; no input files exist."""
    monkeypatch.chdir(tmp_path)
    command = dict(leaves(cli))[words]
    needed = [parameter for parameter in command.params if parameter.required or isinstance(parameter, click.Argument)]
    for tried in command.params:
        if isinstance(tried, click.Option) and tried.is_flag:
            continue
        for value in FEW_VALUES:
            given = {
                parameter: "1" if isinstance(parameter.type, click.types.IntParamType) else "none"
                for parameter in needed
            }
            given[tried] = value
            options = [
                text
                for parameter in given
                if isinstance(parameter, click.Option)
                for text in (parameter.opts[0], given[parameter])
            ]
            names = [given[parameter] for parameter in given if isinstance(parameter, click.Argument)]
            outcome = run_facevid(*words, *options, "--", *names)
            assert outcome.code in (2, 3, 5, 6), (tried.name, value[:20], outcome.code, outcome.err[-300:])
            assert all(is_printable(line) for line in (outcome.out + outcome.err).split("\n"))


def test_attributes_and_names_on_the_command_line(run_facevid: RunFacevid, tmp_path: Path) -> None:
    source, out = tmp_path / "none.mp4", tmp_path / "out.mp4"
    for value in ODD_VALUES:
        for attribute in (f"smile={value}", f"smile=1@{value}", f"{value}=1"):
            check_edit_fails(run_facevid, source, out, "--attr", attribute)
        check_edit_fails(run_facevid, "--attr", "smile=1", "--", source, value)
        check_edit_fails(run_facevid, "--attr", "smile=1", "--", value, out)


@pytest.mark.parametrize("words", [["list"], ["list", "--json"], ["info", "mine"], ["verify"]])
def test_damaged_models_on_the_command_line(run_facevid: RunFacevid, bundle: Path, words: list[str]) -> None:
    path, chance = bundle / "bundle.json", random.Random(4)
    values = json.loads(path.read_text())
    for _ in range(15):
        path.write_text(json.dumps(damaged_value(values, chance)))
        outcome = run_facevid("models", *words)
        assert outcome.code in (0, 5), outcome.err
        assert words[0] != "list" or (outcome.code == 0 and "bundled" in outcome.out and "mine" in outcome.out)
        assert all(is_printable(line) for line in (outcome.out + outcome.err).split("\n"))


def test_damaged_codes_on_the_command_line(run_facevid: RunFacevid, tmp_path: Path) -> None:
    path, chance = tmp_path / "codes.safetensors", random.Random(5)
    save_codes(path, code_set())
    whole = path.read_bytes()
    for _ in range(15):
        path.write_bytes(damaged_bytes(whole, chance))
        outcome = run_facevid("train", "components", path, "--out", tmp_path / "out", "--count", "2", "--overwrite")
        assert outcome.code in (0, 2, 3), outcome.err


def check_edit_fails(run_facevid: RunFacevid, *arguments: object) -> None:
    """Run `facevid edit` without an existing source, and check its exit code and that its output is printable."""
    outcome = run_facevid("edit", *arguments)
    assert outcome.code in (2, 3, 5, 6), (arguments, outcome.err[-300:])
    assert all(is_printable(line) for line in outcome.err.split("\n"))
    assert len(outcome.err) < 3000
