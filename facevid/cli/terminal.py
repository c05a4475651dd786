"""What commands write for people: names and texts of files may hold anything, and reach the terminal escaped."""

from typing import TYPE_CHECKING

import click

from facevid.errors import printable

if TYPE_CHECKING:
    from rich.table import Table


def say(line: str, err: bool = False) -> None:
    """Print a line, on stderr where `err`."""
    click.echo(printable(line), err=err)


def add_row(table: "Table", *cells: str, style: str = "") -> None:
    """Add a row of plain text: nothing in it is markup."""
    from rich.text import Text  # `--help` does without

    table.add_row(*(Text(printable(cell), style) for cell in cells))


def show(table: "Table", soft_wrap: bool = False) -> None:
    """Print a table."""
    from rich.console import Console

    Console().print(table, highlight=False, soft_wrap=soft_wrap)
