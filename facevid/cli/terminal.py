"""Text output of the commands. Control characters, as in file names and metadata, are escaped."""

from typing import TYPE_CHECKING

import click

from facevid.errors import printable

if TYPE_CHECKING:
    from rich.table import Table


def print_line(line: str, err: bool = False) -> None:
    """Print one line on stdout, or on stderr if `err`."""
    click.echo(printable(line), err=err)


def add_row(table: "Table", *cells: str, style: str = "") -> None:
    """Add a row of plain text, in which Rich markup is not interpreted."""
    from rich.text import Text  # imported here to keep `--help` fast

    table.add_row(*(Text(printable(cell), style) for cell in cells))


def print_table(table: "Table", soft_wrap: bool = False) -> None:
    """Print a table on stdout; with `soft_wrap`, long cells are not cut to the terminal's width."""
    from rich.console import Console

    Console().print(table, highlight=False, soft_wrap=soft_wrap)
