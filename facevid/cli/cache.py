"""`facevid cache`."""

import json
from dataclasses import asdict

import click

from facevid.cli.shared_options import json_option, verbose_option
from facevid.cli.terminal import print_line
from facevid.utils.cache import CacheUsage, cache_usage, clear_cache


@click.group()
def command() -> None:
    """Show or clear the cache of analysis results.

    \b
      facevid cache info
      facevid cache clear

    Tracking and codes of each clip are kept, so that another --attr does not repeat the analysis. The cache is in
    FACEVID_HOME/cache, or in the cache folder of your system if that variable is not set.
    """


@command.command("info")
@json_option
@verbose_option
def info_command(as_json: bool) -> None:
    """Show the folder and the size of the cache."""
    _print(cache_usage(), as_json)


@command.command("clear")
@json_option
@verbose_option
def clear_command(as_json: bool) -> None:
    """Delete all cached results and show what was deleted."""
    _print(clear_cache(), as_json)


def _print(usage: CacheUsage, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(asdict(usage) | {"folder": str(usage.folder)}))
        return
    print_line(f"folder    {usage.folder}")
    print_line(f"entries   {usage.entries}")
    print_line(f"size      {usage.bytes / 1e6:,.1f} MB of at most {usage.capacity / 1e6:,.0f} MB")
