"""`facevid train`: one module for each subcommand."""

import click

from facevid.cli.train import (
    appearance,
    classifier,
    codes,
    components,
    directions,
    landmarks,
    model,
    occlusion,
    transformer,
)


@click.group()
def command() -> None:
    """Train editors, face models, occlusion networks and landmark networks.

    \b
    Editors for an existing model, from labelled pictures of faces:
      facevid train codes faces.tar labels.csv --out codes.safetensors
      facevid train classifier codes.safetensors --out trained
      facevid train transformer codes.safetensors trained/latent_classifier.pth --attr smile --attr age --out trained
      facevid train directions codes.safetensors --out trained
      facevid train components codes.safetensors --out trained
      facevid models import ffhq trained/* --name mine

    Every command can be stopped with Ctrl-C and resumes from its checkpoint when it is run again. Finished results
    are kept unless --overwrite is given. Every twentieth row of a table is held out of training for `facevid
    evaluate`.
    """


command.add_command(codes.command)
command.add_command(classifier.command)
command.add_command(transformer.command)
command.add_command(directions.command)
command.add_command(components.command)
command.add_command(model.command)
command.add_command(occlusion.command)
command.add_command(landmarks.command)
command.add_command(appearance.command)
