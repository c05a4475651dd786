"""Pivotal tuning of a small random generator to a clip."""

import json
from pathlib import Path

import pytest
import torch

from facevid.errors import ModelError, UsageError
from facevid.models import ImportOptions, import_model, load_model
from facevid.models.store import home
from facevid.training.common import run
from facevid.training.common.run import Compute
from facevid.training.tuning.pivotal_tuning import TuningOptions, tune_model
from tests.conftest import RunFacevid
from tests.models.files import save_psp, save_transformer
from tests.progress import interrupt_after


def test_tuned_model_reconstructs_better_and_edits(
    run_facevid: RunFacevid, published: str, portrait_clip: Path, tmp_path: Path
) -> None:
    arguments = ["--model", published, "--name", "shot", "--steps", "12", "--learning-rate", "0.02", "--device", "cpu"]
    outcome = run_facevid("tune", portrait_clip, *arguments, "--batch-size", "2", "-q", "--json")
    assert outcome.code == 0, outcome.err
    result = json.loads(outcome.out)
    assert result["faces"] == 9
    assert result["after"]["psnr"] > result["before"]["psnr"] + 1
    base, tuned = load_model(published), load_model("shot")
    assert base.generator is not None and tuned.generator is not None
    assert tuned.fingerprint == base.fingerprint
    assert tuned.average is not None
    codes = tuned.average[None]
    assert not torch.allclose(base.generate(codes), tuned.generate(codes), atol=0.05)
    weights = [each.get_parameter("style.1.weight") for each in (base.generator, tuned.generator)]
    assert torch.equal(*weights)
    folder = home() / "models"
    assert {path.name for path in (folder / "shot").iterdir()} == {
        "bundle.json",
        "preview.png",
        "tuned.safetensors",
        "tuning.json",
    }
    assert sorted(path.name for path in folder.iterdir()) == ["published", "shot"]
    edit = run_facevid("edit", portrait_clip, tmp_path / "out.mp4", "--attr", "smile=1", "--model", "shot", "-q")
    assert edit.code == 0, edit.err
    assert run_facevid("tune", portrait_clip, *arguments, "-q").code == 2
    assert run_facevid("tune", portrait_clip, "--model", "bundled", "--name", "other", "-q").code == 5
    assert run_facevid("tune", portrait_clip, "--model", "shot", "--name", "other", "-q").code == 2


def test_tuned_model_needs_its_base(published: str, portrait_clip: Path, tmp_path: Path) -> None:
    tune_model(portrait_clip, published, "shot", options=TuningOptions(steps=1, batch_size=1))
    # the tuned model becomes an ordinary one when it is imported together with another editor
    import_model(["shot", save_transformer(tmp_path)], "whole")
    whole, shot = load_model("whole"), load_model("shot")
    assert shot.average is not None
    assert torch.allclose(whole.generate(shot.average[None]), shot.generate(shot.average[None]), atol=1e-3)
    assert [(each.attribute.everyday, each.method) for each in whole.editors] == [
        ("smile", "transformer"),
        ("smile", "direction"),
    ]
    torch.manual_seed(1)
    import_model([save_psp(tmp_path)], "published", ImportOptions(overwrite=True))
    with pytest.raises(ModelError, match=r"shot.*published"):
        load_model("shot")
    load_model("whole")


def test_interrupted_tuning_resumes(published: str, portrait_clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "SECONDS_BETWEEN_SAVES", 0.0)
    options = TuningOptions(steps=3, batch_size=1)
    interrupt = interrupt_after(2, "tune")
    tune_model(portrait_clip, published, "whole", options=options)
    with pytest.raises(KeyboardInterrupt):
        tune_model(portrait_clip, published, "shot", options=options, compute=Compute(progress=interrupt))
    assert not (home() / "models" / "shot").exists()
    with pytest.raises(UsageError, match=r"checkpoint\.pt: .* steps 3, not 4"):
        tune_model(portrait_clip, published, "shot", options=TuningOptions(steps=4, batch_size=1))
    tune_model(portrait_clip, published, "shot", options=options)
    code = load_model("shot").average
    assert code is not None
    assert torch.equal(load_model("shot").generate(code[None]), load_model("whole").generate(code[None]))
