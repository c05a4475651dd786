"""Every command in the documentation is one that the program takes."""

import re
import shlex
from pathlib import Path

import click
import pytest

from facevid.cli.main import cli

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "facevid").rglob("*.md"))]
COMMAND = re.compile(r"^ {4,}(?:\.venv/bin/)?facevid (.*?)(?:\s+#.*)?$", re.MULTILINE)


def commands() -> list[tuple[str, str]]:
    return [(str(page.relative_to(ROOT)), line) for page in PAGES for line in COMMAND.findall(page.read_text())]


@pytest.mark.parametrize(("page", "line"), commands())
def test_a_documented_command_is_accepted(
    page: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = shlex.split(line)
    monkeypatch.chdir(tmp_path)
    for argument in arguments:
        if argument.endswith(".jpg"):  # a reference picture must exist
            Path(argument).touch()
    parsed: list[click.Context] = []
    monkeypatch.setattr(click.Command, "invoke", lambda command, context: parsed.append(context))
    cli.main(arguments, standalone_mode=False)
    assert parsed[-1].command.name != "facevid"


def test_every_page_is_linked() -> None:
    linked = {
        (page.parent / target).resolve()
        for page in PAGES
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text())
    }
    assert all(target.exists() for target in linked)
    assert {page.resolve() for page in PAGES[1:]} <= linked
