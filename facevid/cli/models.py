"""`facevid models`."""

import json
from pathlib import Path
from typing import Any

import click
from msgspec import UnsetType
from rich.table import Table

from facevid.cli.progress_bars import ByteProgress
from facevid.cli.shared_options import PathType, json_option, layer_range, overwrite_option, verbose_option
from facevid.cli.terminal import add_row, print_line, print_table
from facevid.errors import FacevidError, ModelError, UsageError
from facevid.models.bundle import Bundle, read_bundle
from facevid.models.fetch import fetch_model
from facevid.models.importing import ImportOptions, import_model
from facevid.models.load import verify_model
from facevid.models.manifest import MANIFEST, ManifestEntry, find_entry
from facevid.models.store import BUNDLED_NAME, home, locate, stored_names


@click.group()
def command() -> None:
    """Import, download, list and check face models.

    \b
      facevid models import psp_ffhq_encode.pt tnet_31.pth.tar --name ffhq
      facevid models list
      facevid edit in.mp4 out.mp4 --attr smile=+1 --model ffhq

    Models are stored in the folder FACEVID_HOME, or in your user data folder if that variable is not set.
    """


@command.command("import")
@click.argument("files", nargs=-1, required=True, type=PathType(), metavar="FILE...")
@click.option("--name", required=True, help="Name of the model in the store.")
@click.option(
    "--as",
    "attributes",
    multiple=True,
    metavar="NAME",
    help="Attribute of a transformer or direction; repeat it for each, in the order of the files.",
)
@click.option(
    "--edit-layers",
    metavar="A-B",
    help="Layers of the code that transformers edit.  [default: 0-10 with a pSp or Feature-Style encoder, else all]",
)
@click.option(
    "--detail",
    type=click.Choice(["keep", "replace"]),
    help="Default of `facevid edit --detail` with this model.  [default: replace]",
)
@click.option("--license", "licence", metavar="TEXT", help="Licence of the weights, as text.")
@click.option("--half", is_flag=True, help="Store the weights in float16, at half the size.")
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
    """Import published weights as one model.

    Reads pSp, e4e, Feature-Style and StyleGAN2 checkpoints, latent transformers, latent classifiers, directions,
    GANSpace components and occlusion networks. The kind of each FILE is detected from its contents. The attribute of
    a transformer is read from its file name, tnet_<CelebA index>, or given with --as. One FILE may be the name of an
    imported model, to which the other files are added.

    \b
    Examples:
      facevid models import psp_ffhq_encode.pt tnet_31.pth.tar tnet_39.pth.tar --name ffhq
      facevid models import ffhq tnet_20.pth.tar --name ffhq --overwrite
      facevid models import e4e_ffhq_encode.pt age.pt ffhq_pca.pt --name e4e --half
      facevid models import psp_ffhq_encode.pt mine.pth --as smile --name mine
      facevid models import psp_ffhq_encode.pt 143_enc.pth tnet_31.pth.tar --name ffhq-fs
    """
    layers = layer_range(edit_layers)
    options = ImportOptions(attributes, layers, detail, licence, half, overwrite)
    folder = import_model(files, name, options)
    _print_bundle(name, folder, read_bundle(folder))


@command.command("list")
@json_option
@verbose_option
def list_command(as_json: bool) -> None:
    """List the imported models, and those that can be downloaded."""
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
    print_table(table)
    print_line(f"stored in: {home()}")
    print_line(f"available to fetch: {', '.join(entry.name for entry in MANIFEST)}")


@command.command("info")
@click.argument("name", default=BUNDLED_NAME)
@json_option
@verbose_option
def info_command(name: str, as_json: bool) -> None:
    """Show a model's networks, attributes, sources and licence."""
    folder = locate(name)
    bundle = read_bundle(folder)
    if as_json:
        click.echo(json.dumps(_summary(name, bundle), indent=2))
    else:
        _print_bundle(name, folder, bundle)


@command.command("verify", short_help="Check the hashes and shapes of models.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@verbose_option
def verify_command(names: tuple[str, ...]) -> None:
    """Check the hashes and tensor shapes of models; without NAME, of all models."""
    failures = []
    checked = names or (BUNDLED_NAME, *stored_names())
    for name in checked:
        try:
            size = verify_model(locate(name))
            print_line(f"{name}: ok ({size / 1e6:,.1f} MB checked)")
        except FacevidError as error:
            failures.append(error)
            print_line(f"{name}: {error}", err=True)
    if failures:
        raise ModelError(f"{len(failures)} of {len(checked)} models failed the check; import or fetch them again")


@command.command("fetch", short_help="Download and import a published model.")
@click.argument("name", required=False)
@click.option("--accept-license", is_flag=True, help="Confirm that you have read and accept the licence shown.")
@click.option("--half", is_flag=True, help="Store the weights in float16, at half the size.")
@overwrite_option
@verbose_option
def fetch_command(*, name: str | None, accept_license: bool, half: bool, overwrite: bool) -> None:
    """Download, check and import a published model; without NAME, list the available models.

    An interrupted download resumes where it stopped. On a machine without internet access, set FACEVID_MODEL_MIRROR
    to a folder, or a URL (https://...), that holds the same files.

    \b
    Examples:
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
        raise UsageError(f"{name}: read the licence above, and add --accept-license if you accept it")
    with ByteProgress() as progress:
        folder = fetch_model(entry, half=half, overwrite=overwrite, progress=progress)
    _print_bundle(name, folder, read_bundle(folder))


def _summary_or_error(name: str) -> dict[str, Any]:
    """Describe a model, or its damage: one damaged model must not prevent listing the others."""
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
            {"name": attribute.everyday, "method": "transformer" if part.kind == "shared" else part.kind}
            for part in bundle.editors
            for attribute in part.attributes
        ],
        "edit_layers": [settings.edit_layers.start, settings.edit_layers.stop - 1],
        "detail": settings.detail,
        "alignment": settings.alignment,
        "licence": settings.licence,
        "base": None if isinstance(bundle.base, UnsetType) else bundle.base.name,
        "bytes": sum(part.bytes for part in bundle.parts),
        "sources": [{"file": source.file, "sha256": source.sha256} for source in bundle.sources],
    }


def _print_bundle(name: str, folder: Path, bundle: Bundle) -> None:
    summary = _summary(name, bundle)
    table = Table(show_header=False, box=None)
    add_row(table, "model", name)
    if summary["base"]:
        add_row(table, "tuned from", f"{summary['base']}, which has the other networks and the editors")
    add_row(table, "folder", str(folder))
    add_row(table, "generator", f"{bundle.resolution} px" if bundle.resolution else "none")
    encoder = summary["encoder"] or "of the base"
    add_row(table, "encoder", f"{encoder}, {bundle.crop_size} px" if bundle.crop_size else "none")
    add_row(table, "occlusion", "own network" if summary["occlusion"] else "network of the bundled model")
    add_row(table, "codes", f"{bundle.layers} x {bundle.width}")
    add_row(table, "attributes", ", ".join(f"{a['name']} ({a['method']})" for a in summary["attributes"]) or "none")
    add_row(table, "edit layers", "{}-{}".format(*summary["edit_layers"]))
    add_row(table, "detail", bundle.settings.detail)
    add_row(table, "alignment", bundle.settings.alignment)
    add_row(table, "licence", bundle.settings.licence)
    add_row(table, "size", f"{summary['bytes'] / 1e6:,.1f} MB")
    for source in bundle.sources:
        add_row(table, "from", f"{source.file}  {source.bytes:,} bytes  sha256 {source.sha256}")
    print_table(table, soft_wrap=True)


def _print_entry(entry: ManifestEntry) -> None:
    print_line(f"{entry.name}: {entry.description}")
    for file in entry.files:
        print_line(f"  {file.name}  {file.bytes / 1e6:,.1f} MB  {file.address}")
    print_line(f"  licence: {entry.licence}")
