"""`python -m facevid`."""

from facevid.cli import run

run()
