"""`facevid models` and `facevid attrs`, from the command line."""

import hashlib
import json

import pytest
from click.testing import CliRunner

from facevid.cli import models
from facevid.cli.main import cli
from facevid.errors import ModelError, UsageError
from facevid.models.manifest import ManifestEntry, ManifestFile
from tests.models.files import save_psp, save_transformer


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("FACEVID_HOME", str(tmp_path / "home"))

    def call(*words):
        result = CliRunner().invoke(cli, [str(word) for word in words], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    return call


def test_import_list_info_verify(run, tmp_path):
    run("models", "import", save_psp(tmp_path), save_transformer(tmp_path), "--name", "mine", "--edit-layers", "0-3")
    listed = json.loads(run("models", "list", "--json"))
    assert [model["name"] for model in listed] == ["bundled", "mine"]
    info = json.loads(run("models", "info", "mine", "--json"))
    assert info["edit_layers"] == [0, 3]
    assert info["attributes"] == [{"name": "smile", "method": "transformer"}]
    told = {name: json.loads(run("models", "info", name, "--json"))["occlusion"] for name in ("mine", "bundled")}
    assert told == {"mine": False, "bundled": True}
    assert "mine" in run("models", "list")
    assert "psp, 32 px" in run("models", "info", "mine")
    assert "mine: whole" in run("models", "verify")


def test_attrs(run):
    table = json.loads(run("attrs", "--json"))
    names = ["age", "lipstick", "male", "mouth-open", "smile"]
    for method in ("transformer", "direction"):
        assert [row["name"] for row in table["attributes"] if row["method"] == method] == names
    assert table["attributes"][0] == {
        "name": "age",
        "positive": "not Young",
        "method": "transformer",
        "layers": "0-2",
    }
    assert "CC0" in run("attrs")


def test_a_licence_must_be_accepted(run):
    assert "non-commercial" in run("models", "fetch")
    with pytest.raises(UsageError, match="--accept-license"):
        run("models", "fetch", "ffhq")


def test_fetch_from_a_mirror_without_the_files(run, tmp_path, monkeypatch):
    monkeypatch.setenv("FACEVID_MODEL_MIRROR", tmp_path.as_uri())
    with pytest.raises(ModelError, match="cannot be downloaded"):
        run("models", "fetch", "ffhq", "--accept-license")


@pytest.mark.parametrize("watched", [False, True])
def test_fetch_tells_how_far_it_is(run_facevid, tmp_path, monkeypatch, watched):
    source = save_psp(tmp_path)
    data = source.read_bytes()
    file = ManifestFile(source.name, "https://nowhere.invalid/x", len(data), hashlib.sha256(data).hexdigest())
    monkeypatch.setattr(models, "find_entry", lambda name: ManifestEntry(name, "a test", "none", (file,)))
    monkeypatch.setenv("FACEVID_MODEL_MIRROR", str(tmp_path))
    if watched:
        monkeypatch.setenv("FORCE_COLOR", "1")  # Rich then takes any stream for a terminal
    ended = run_facevid("models", "fetch", "tiny", "--accept-license")
    assert ended.code == 0
    assert "psp.pt" in ended.err
    assert ("psp.pt: 0 of 0 MB" in ended.err) == (not watched)


@pytest.mark.parametrize("licence", ["CC[/]", "[red]all rights", "[link=https://x]y[/link]"])
def test_a_licence_is_no_markup(run, tmp_path, licence):
    run("models", "import", save_psp(tmp_path), "--name", "mine", "--license", licence)
    assert licence[:5] in run("models", "list")
    assert licence in run("models", "info", "mine")
    assert json.loads(run("models", "info", "mine", "--json"))["licence"] == licence
    assert licence in run("attrs", "--model", "mine")


def test_a_file_s_name_is_no_markup(run, tmp_path):
    source = save_psp(tmp_path).rename(tmp_path / "psp[b]\x1b[2J.pt")
    run("models", "import", source, "--name", "mine")
    assert "psp[b]\\x1b[2J.pt" in run("models", "info", "mine")


def test_a_damaged_model_does_not_hide_the_others(run, tmp_path):
    for name in ("first", "second"):
        run("models", "import", save_psp(tmp_path), "--name", name)
    (tmp_path / "home/models/first/bundle.json").write_text("[/]")
    (tmp_path / "home/models/no [name]").mkdir()
    (tmp_path / "home/models/no [name]/bundle.json").write_text("{}")
    for listed in (run("models", "list"), run("models", "list", "--json")):
        assert all(name in listed for name in ("bundled", "first", "second", "no [name]", "damaged"))
    told = {each["name"]: each.get("error", "") for each in json.loads(run("models", "list", "--json"))}
    assert [name for name, error in told.items() if error] == ["first", "no [name]"]
    assert "import the weights again" in told["first"]


def test_verify_reports_every_damaged_model(run, tmp_path):
    run("models", "import", save_psp(tmp_path), "--name", "mine")
    (tmp_path / "home/models/mine/encoder.safetensors").unlink()
    with pytest.raises(ModelError, match="1 of the models"):
        run("models", "verify")
