"""`facevid models`: import, check, list and fetch face models."""

import json
import re
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from facevid.cli.common import PathType, json_option, overwrite_option, verbose_option
from facevid.cli.progress import ByteProgress
from facevid.cli.terminal import add_row, say, show
from facevid.errors import FacevidError, ModelError, UsageError
from facevid.models.bundle import Bundle, read_bundle
from facevid.models.fetch import fetch_model
from facevid.models.importing import ImportOptions, import_model
from facevid.models.manifest import MANIFEST, ManifestEntry, find_entry
from facevid.models.store import BUNDLED_NAME, home, locate, stored_names
from facevid.models.verify import verify_model


@click.group()
def command() -> None:
    """Import, check and list face models.

    \b
      facevid models import psp_ffhq_encode.pt tnet_31.pth.tar --name ffhq
      facevid models list
      facevid edit in.mp4 out.mp4 --attr smile=+1 --model ffhq

    Models are kept in FACEVID_HOME, else in your user data folder.
    """


@command.command("import")
@click.argument("files", nargs=-1, required=True, type=PathType(), metavar="FILE...")
@click.option("--name", required=True, help="Name of the model in the store.")
@click.option(
    "--as",
    "attributes",
    multiple=True,
    metavar="NAME",
    help="What a transformer or a direction moves; once for each, in the order of the files.",
)
@click.option("--edit-layers", metavar="A-B", help="Layers that transformers move [0-10 with pSp, else all].")
@click.option(
    "--detail",
    type=click.Choice(["keep", "replace"]),
    help="Keep the plate's detail, or replace the face whole, by default  [replace].",
)
@click.option("--license", "licence", metavar="TEXT", help="The weights' terms, in words.")
@click.option("--half", is_flag=True, help="Store in float16: half the size.")
@overwrite_option
@verbose_option
def import_command(
    *,
    files: tuple[Path, ...],
    name: str,
    attributes: tuple[str, ...],
    edit_layers: str | None,
    detail: Any,
    licence: str | None,
    half: bool,
    overwrite: bool,
) -> None:
    """Import published files as one model.

    pSp, e4e and StyleGAN2 checkpoints, latent transformers, latent classifiers, directions and GANSpace components
    are told apart by what they hold. A transformer's attribute is read from the name tnet_<CelebA index>, or given.
    One FILE may be a model of the store: the others are added to it.

    \b
      facevid models import psp_ffhq_encode.pt tnet_31.pth.tar tnet_39.pth.tar --name ffhq
      facevid models import ffhq tnet_20.pth.tar --name ffhq --overwrite
      facevid models import e4e_ffhq_encode.pt age.pt ffhq_pca.pt --name e4e --half
      facevid models import psp_ffhq_encode.pt mine.pth --as smile --name mine
    """
    layers = _layer_range(edit_layers) if edit_layers else None
    options = ImportOptions(attributes, layers, detail, licence, half, overwrite)
    folder = import_model(files, name, options)
    _print_bundle(name, folder, read_bundle(folder))


@command.command("list")
@json_option
@verbose_option
def list_command(as_json: bool) -> None:
    """List the models at hand, and those that can be fetched."""
    summaries = [_summary_or_error(name) for name in (BUNDLED_NAME, *stored_names())]
    if as_json:
        click.echo(json.dumps(summaries, indent=2))
        return
    table = Table("model", "pixels", "codes", "encoder", "attributes", "size", "licence", box=None)
    for summary in summaries:
        if "error" in summary:
            add_row(table, summary["name"], summary["error"], style="red")
            continue
        codes = f"{summary['layers']} x {summary['width']}"
        cells = (summary["resolution"], codes, summary["encoder"], len(summary["attributes"]))
        size = f"{summary['bytes'] / 1e6:,.1f} MB"
        add_row(table, summary["name"], *(str(cell or "-") for cell in cells), size, summary["licence"])
    show(table)
    say(f"store: {home()}")
    say(f"to fetch: {', '.join(entry.name for entry in MANIFEST)}")


@command.command("info")
@click.argument("name", default=BUNDLED_NAME)
@json_option
@verbose_option
def info_command(name: str, as_json: bool) -> None:
    """Say what a model is made of, where it came from, and its licence."""
    folder = locate(name)
    bundle = read_bundle(folder)
    if as_json:
        click.echo(json.dumps(_summary(name, bundle), indent=2))
    else:
        _print_bundle(name, folder, bundle)


@command.command("verify")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@verbose_option
def verify_command(names: tuple[str, ...]) -> None:
    """Check models against the hashes and shapes they were imported with; all of them without a NAME."""
    failures = []
    for name in names or (BUNDLED_NAME, *stored_names()):
        try:
            checked = verify_model(locate(name))
            say(f"{name}: whole ({checked / 1e6:,.1f} MB checked)")
        except FacevidError as error:
            failures.append(error)
            say(f"{name}: {error}", err=True)
    if failures:
        raise ModelError(f"{len(failures)} of the models are damaged; import or fetch them again")


@command.command("fetch")
@click.argument("name", required=False)
@click.option("--accept-license", is_flag=True, help="You have read the licence shown, and accept it.")
@click.option("--half", is_flag=True, help="Store in float16: half the size.")
@overwrite_option
@verbose_option
def fetch_command(*, name: str | None, accept_license: bool, half: bool, overwrite: bool) -> None:
    """Download a published model, check it, and import it; without a NAME, list what there is.

    FACEVID_MODEL_MIRROR is a folder that holds the same files, or its address (https://...): the way without internet.
    An interrupted download goes on where it stopped.

    \b
      facevid models fetch ffhq --accept-license
      FACEVID_MODEL_MIRROR=/mnt/weights facevid models fetch ffhq --accept-license
    """
    if name is None:
        for entry in MANIFEST:
            _print_entry(entry)
        return
    entry = find_entry(name)
    _print_entry(entry)
    if not accept_license:
        raise UsageError(f"{name}: read the licence above; if you accept it, add --accept-license")
    with ByteProgress() as progress:
        folder = fetch_model(entry, half=half, overwrite=overwrite, progress=progress)
    _print_bundle(name, folder, read_bundle(folder))


def _layer_range(text: str) -> range:
    match = re.fullmatch(r"(\d{1,2})-(\d{1,2})", text)
    layers = range(int(match[1]), int(match[2]) + 1) if match else range(0)
    if not layers:
        raise UsageError(f'--edit-layers "{text}": write the first and the last layer, for example 0-10')
    return layers


def _summary_or_error(name: str) -> dict[str, Any]:
    """Describe a model; of a damaged one, which shall not hide the others, say what is wrong."""
    try:
        return _summary(name, read_bundle(locate(name)))
    except FacevidError as error:
        return {"name": name, "error": str(error)}


def _summary(name: str, bundle: Bundle) -> dict[str, Any]:
    settings = bundle.settings
    return {
        "name": name,
        "resolution": bundle.resolution,
        "crop_size": bundle.crop_size,
        "layers": bundle.layers,
        "width": bundle.width,
        "encoder": next((part.encoder for part in bundle.parts if part.encoder), None),
        "occlusion": any(part.kind == "occlusion" for part in bundle.parts),
        "attributes": [
            {"name": part.attribute.everyday, "method": part.kind} for part in bundle.parts if part.attribute
        ],
        "edit_layers": [settings.edit_layers.start, settings.edit_layers.stop - 1],
        "detail": settings.detail,
        "alignment": settings.alignment,
        "licence": settings.licence,
        "bytes": sum(part.record.bytes for part in bundle.parts),
        "sources": [{"file": source.file, "sha256": source.sha256} for source in bundle.sources],
    }


def _print_bundle(name: str, folder: Path, bundle: Bundle) -> None:
    summary = _summary(name, bundle)
    table = Table(show_header=False, box=None)
    add_row(table, "model", name)
    add_row(table, "folder", str(folder))
    add_row(table, "generator", f"{bundle.resolution} px" if bundle.resolution else "none")
    add_row(table, "encoder", f"{summary['encoder']}, {bundle.crop_size} px" if bundle.crop_size else "none")
    add_row(table, "occlusion", "its own network" if summary["occlusion"] else "the bundled model's network")
    add_row(table, "codes", f"{bundle.layers} x {bundle.width}")
    add_row(table, "attributes", ", ".join(f"{a['name']} ({a['method']})" for a in summary["attributes"]) or "none")
    add_row(table, "edit layers", "{}-{}".format(*summary["edit_layers"]))
    add_row(table, "detail", bundle.settings.detail)
    add_row(table, "alignment", bundle.settings.alignment)
    add_row(table, "licence", bundle.settings.licence)
    add_row(table, "size", f"{summary['bytes'] / 1e6:,.1f} MB")
    for source in bundle.sources:
        add_row(table, "from", f"{source.file}  {source.bytes:,} bytes  sha256 {source.sha256}")
    show(table, soft_wrap=True)


def _print_entry(entry: ManifestEntry) -> None:
    say(f"{entry.name}: {entry.description}")
    for file in entry.files:
        say(f"  {file.name}  {file.bytes / 1e6:,.1f} MB  {file.address}")
    say(f"  licence: {entry.licence}")
