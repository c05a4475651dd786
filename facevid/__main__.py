"""`python -m facevid`."""

from facevid.cli import main

main()
