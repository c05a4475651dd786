"""The command line. One file a command: it parses, calls the library, and prints."""

from facevid.cli.main import main

__all__ = ["main"]
