"""The command line: one module for each command, which parses options, calls the library and prints the result."""

from facevid.cli.main import main, run

__all__ = ["main", "run"]
