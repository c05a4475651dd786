"""`facevid evaluate`; one file a command."""

import click

from facevid.cli.evaluate import editors, model, occlusion, stability, video


class EvaluateCommands(click.Group):
    """Takes what names no command for the files of `facevid evaluate video`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `video` before the arguments where no command is named."""
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["video", *args]
        return super().parse_args(ctx, args)


@click.group(cls=EvaluateCommands)
def command() -> None:
    """Measure an edit, ways to steady it, the finding of what is before a face, editors, and face models.

    \b
      facevid evaluate in.mp4 out.mp4                            an edit against its source
      facevid evaluate stability in.mp4 --attr smile=+1          ways to steady it, on your clips
      facevid evaluate occlusion in.mp4                          with things drawn before the face
      facevid evaluate editors codes.safetensors --model mine --out results
      facevid evaluate model london london.csv --model mine
    """


command.add_command(video.command)
command.add_command(stability.command)
command.add_command(occlusion.command)
command.add_command(editors.command)
command.add_command(model.command)
