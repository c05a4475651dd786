"""The place of a result: checked before any work, written beside it under a hidden name, moved there when whole."""

import os
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from facevid.errors import OutputError, UsageError

MOST_NAME = 255
"""Bytes of a file's name that Linux, macOS and Windows all take."""


def check_destination(out: Path, source: Path, suffixes: tuple[str, ...], overwrite: bool) -> None:
    """Raise UsageError or OutputError, with the remedy, where `out` cannot become a result made of `source`."""
    if out.suffix.lower() not in suffixes:
        msg = f"{out}: unknown kind of file for this source; end its name in one of {', '.join(suffixes)}"
        raise UsageError(msg)
    folder = out.parent
    if not folder.is_dir():
        msg = f"{out} cannot be written: there is no folder {folder}; make it first"
        raise OutputError(msg)
    if out.is_dir():
        msg = f"{out} cannot be written: it is a folder; give the name of a file"
        raise OutputError(msg)
    if out.exists() and source.exists() and out.samefile(source):
        msg = f"{out} is the source itself; choose another name"
        raise UsageError(msg)
    if out.exists() and not overwrite:
        msg = f"{out} exists already; choose another name, or pass --overwrite"
        raise OutputError(msg)
    if not os.access(folder, os.W_OK | os.X_OK):
        msg = f"{out} cannot be written: no permission to write in {folder}; choose another folder"
        raise OutputError(msg)


def check_name(out: Path) -> None:
    """Raise UsageError where a result cannot be named so."""
    try:
        size = len(str(out.name).encode())
    except UnicodeEncodeError as error:
        raise UsageError(f"{str(out)!r}: the result's name is no UTF-8; choose another") from error
    if size > MOST_NAME:
        raise UsageError(f"{out}: the result's name has {size} bytes; choose one of at most {MOST_NAME}")


def check_folder(folder: Path, product: Path) -> None:
    """Raise OutputError, naming `product`, with the remedy, where no files can be put into `folder`, new or not."""
    if folder.exists() and not folder.is_dir():
        msg = f"{product} cannot be written: {folder} is a file; choose another folder"
        raise OutputError(msg)
    if not folder.exists() and not folder.parent.is_dir():
        msg = f"{product} cannot be written: there is no folder {folder.parent}; make it first"
        raise OutputError(msg)
    if not os.access(folder if folder.exists() else folder.parent, os.W_OK | os.X_OK):
        msg = f"{product} cannot be written: no permission to write in {folder}; choose another folder"
        raise OutputError(msg)


class Temporaries:
    """Hidden files beside `out`, all removed on leaving; `commit` moves one of them to `out` in one step."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._token = secrets.token_hex(4)
        self._paths: list[Path] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for path in self._paths:
            path.unlink(missing_ok=True)

    def path(self, role: str, suffix: str) -> Path:
        """Return the path of a temporary file; `role` tells it from the others."""
        stem = self._out.stem.encode()[:64].decode(errors="ignore")
        path = self._out.parent / f".{stem}.{role}-{self._token}{suffix}"
        self._paths.append(path)
        return path

    def commit(self, path: Path) -> None:
        """Move the finished `path` to its final place, replacing what was there."""
        try:
            path.replace(self._out)
        except OSError as error:
            msg = f"{self._out} cannot be written: {error.strerror}; choose another name or folder"
            raise OutputError(msg) from error


class HiddenFolder:
    """A hidden folder beside `folder`, or in it where that exists; removed on leaving.

    `commit` moves its files to `folder`, all or none of them. `product` is what is named in messages.
    """

    def __init__(self, folder: Path, product: Path) -> None:
        self._folder, self._product = folder, product
        is_new = not folder.exists()
        name = f".{folder.name if is_new else 'frames'}.{secrets.token_hex(4)}"
        self.path = (folder.parent if is_new else folder) / name

    def __enter__(self) -> Self:
        try:
            self.path.mkdir()
        except OSError as error:
            raise self._failure(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def commit(self, names: Sequence[str], stale: Sequence[Path] = ()) -> None:
        """Move the files of these names to `folder`, in the place of those there; `stale` files there are removed."""
        try:
            if self._folder.exists():
                self._replace(names, stale)
            else:
                self.path.rename(self._folder)
        except OSError as error:
            raise self._failure(error) from error

    def _replace(self, names: Sequence[str], stale: Sequence[Path]) -> None:
        """Move the files into the existing folder; where that fails, what was there before is put back."""
        before = self.path / "before"
        before.mkdir()
        moved: list[Path] = []
        try:
            for path in stale:
                path.rename(before / path.name)
            for name in names:
                path = self._folder / name
                if path.is_file():
                    path.rename(before / name)
                (self.path / name).rename(path)
                moved.append(path)
        except BaseException:
            for path in moved:
                path.unlink(missing_ok=True)
            for old in before.iterdir():
                old.rename(self._folder / old.name)
            raise

    def _failure(self, error: OSError) -> OutputError:
        return OutputError(f"{self._product} cannot be written: {error.strerror}; choose another folder")
