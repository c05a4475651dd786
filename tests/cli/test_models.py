"""`facevid models` and `facevid attrs`, from the command line."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from facevid.cli import models
from facevid.cli.main import cli
from facevid.errors import ModelError, UsageError
from facevid.models.attribute_measures import read_measures
from facevid.models.manifest import ManifestEntry, ManifestFile
from tests.conftest import RunFacevid
from tests.models.files import save_psp, save_transformer

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs a command, which must succeed, and returns its output on stdout."""
    monkeypatch.setenv("FACEVID_HOME", str(tmp_path / "home"))

    def call(*arguments: object) -> str:
        result = CliRunner().invoke(cli, [str(argument) for argument in arguments], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    return call


def test_import_list_info_verify(run: Run, tmp_path: Path) -> None:
    run("models", "import", save_psp(tmp_path), save_transformer(tmp_path), "--name", "mine", "--edit-layers", "0-3")
    listed = json.loads(run("models", "list", "--json"))
    assert [model["name"] for model in listed] == ["bundled", "mine"]
    info = json.loads(run("models", "info", "mine", "--json"))
    assert info["edit_layers"] == [0, 3]
    assert info["attributes"] == [{"name": "smile", "method": "transformer"}]
    has_occlusion = {
        name: json.loads(run("models", "info", name, "--json"))["occlusion"] for name in ("mine", "bundled")
    }
    assert has_occlusion == {"mine": False, "bundled": True}
    assert "mine" in run("models", "list")
    assert "psp, 32 px" in run("models", "info", "mine")
    assert "mine: ok" in run("models", "verify")


def test_attrs(run: Run) -> None:
    table = json.loads(run("attrs", "--json"))
    names = ["age", "lipstick", "male", "mouth-open", "smile"]
    for method in ("transformer", "direction"):
        assert [row["name"] for row in table["attributes"] if row["method"] == method] == names
    measures = read_measures(None)
    assert table["attributes"][0] == {
        "name": "age",
        "plus": "older",
        "minus": "younger",
        "recommended": True,
        "measured": measures["age"].measured,
        "identity": measures["age"].identity,
        "positive": "not Young",
        "method": "transformer",
        "layers": "0-2",
    }
    assert not table["attributes"][1]["recommended"]
    printed, verbose = run("attrs"), run("attrs", "-v")
    assert "CC0" in printed
    assert ("Smiling" in printed, "Smiling" in verbose) == (False, True)
    assert ("a broad smile" in printed, str(measures["smile"].identity) in printed) == (True, True)


def test_the_licence_must_be_accepted(run: Run) -> None:
    assert "non-commercial" in run("models", "fetch")
    with pytest.raises(UsageError, match="--accept-license"):
        run("models", "fetch", "ffhq")


def test_fetch_from_a_mirror_without_the_files(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEVID_MODEL_MIRROR", tmp_path.as_uri())
    with pytest.raises(ModelError, match=r"psp_ffhq_encode\.pt: "):
        run("models", "fetch", "ffhq", "--accept-license")


@pytest.mark.parametrize("terminal", [False, True])
def test_fetch_shows_its_progress(
    run_facevid: RunFacevid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    source = save_psp(tmp_path)
    data = source.read_bytes()
    file = ManifestFile(source.name, "https://nowhere.invalid/x", len(data), hashlib.sha256(data).hexdigest())
    monkeypatch.setattr(models, "find_entry", lambda name: ManifestEntry(name, "a test", "none", (file,)))
    monkeypatch.setenv("FACEVID_MODEL_MIRROR", str(tmp_path))
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")  # makes Rich treat any stream as a terminal
    outcome = run_facevid("models", "fetch", "tiny", "--accept-license")
    assert outcome.code == 0
    assert "psp.pt" in outcome.err
    assert ("psp.pt: 0 of 0 MB" in outcome.err) == (not terminal)


@pytest.mark.parametrize("licence", ["CC[/]", "[red]all rights", "[link=https://x]y[/link]"])
def test_markup_in_a_licence_is_shown_as_text(run: Run, tmp_path: Path, licence: str) -> None:
    run("models", "import", save_psp(tmp_path), "--name", "mine", "--license", licence)
    assert licence[:5] in run("models", "list")
    assert licence in run("models", "info", "mine")
    assert json.loads(run("models", "info", "mine", "--json"))["licence"] == licence
    assert licence in run("attrs", "--model", "mine")


def test_markup_in_a_file_name_is_shown_as_text(run: Run, tmp_path: Path) -> None:
    source = save_psp(tmp_path).rename(tmp_path / "psp[b]\x1b[2J.pt")
    run("models", "import", source, "--name", "mine")
    assert "psp[b]\\x1b[2J.pt" in run("models", "info", "mine")


def test_damaged_models_are_listed_with_the_others(run: Run, tmp_path: Path) -> None:
    for name in ("first", "second"):
        run("models", "import", save_psp(tmp_path), "--name", name)
    (tmp_path / "home/models/first/bundle.json").write_text("[/]")
    (tmp_path / "home/models/no [name]").mkdir()
    (tmp_path / "home/models/no [name]/bundle.json").write_text("{}")
    for listed in (run("models", "list"), run("models", "list", "--json")):
        assert all(name in listed for name in ("bundled", "first", "second", "no [name]", "damaged"))
    errors = {model["name"]: model.get("error", "") for model in json.loads(run("models", "list", "--json"))}
    assert [name for name, error in errors.items() if error] == ["first", "no [name]"]
    assert "bundle.json" in errors["first"]


def test_verify_reports_every_damaged_model(run: Run, tmp_path: Path) -> None:
    run("models", "import", save_psp(tmp_path), "--name", "mine")
    (tmp_path / "home/models/mine/encoder.safetensors").unlink()
    with pytest.raises(ModelError, match=r"^1 of 2 "):
        run("models", "verify")
