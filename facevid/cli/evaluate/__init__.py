"""`facevid evaluate`: one module for each subcommand."""

import click

from facevid.cli.evaluate import editors, model, occlusion, stability, video


class EvaluateCommands(click.Group):
    """Runs `facevid evaluate video` if the first argument is not a subcommand."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Insert `video` before arguments that name no subcommand."""
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["video", *args]
        return super().parse_args(ctx, args)


@click.group(cls=EvaluateCommands)
def command() -> None:
    """Measure edits, editors, face models and occlusion masks.

    Without a subcommand, `facevid evaluate SOURCE EDITED` measures an edited clip against its source.

    \b
      facevid evaluate in.mp4 out.mp4                            # same as `facevid evaluate video`
      facevid evaluate stability in.mp4 --attr smile=+1          # compare smoothing methods
      facevid evaluate occlusion in.mp4                          # occlusion masks, on synthetic occluders
      facevid evaluate editors codes.safetensors --model mine --out results
      facevid evaluate model london london.csv --model mine
    """


command.add_command(video.command)
command.add_command(stability.command)
command.add_command(occlusion.command)
command.add_command(editors.command)
command.add_command(model.command)
