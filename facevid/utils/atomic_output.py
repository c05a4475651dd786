"""Atomic output: a destination is checked first, written under a hidden temporary name, and renamed when complete."""

import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from facevid.errors import OutputError, UsageError, reason

MOST_NAME = 255
"""Maximum length of a file name in bytes, on Linux, macOS and Windows."""


def check_destination(out: Path, source: Path, suffixes: tuple[str, ...], overwrite: bool) -> None:
    """Check that a result made from `source` can be written to the file `out`.

    Args:
        out: file to write.
        source: file that must not be overwritten.
        suffixes: allowed extensions of `out`, in lower case with the dot.
        overwrite: allow an existing `out`.

    Raises:
        UsageError: the extension is not allowed, or `out` is the source.
        OutputError: the folder is missing or not writable, or `out` exists.
    """
    if out.suffix.lower() not in suffixes:
        raise UsageError(f"{out}: unknown kind of file for this source; use one of {', '.join(suffixes)}")
    folder = out.parent
    if not folder.is_dir():
        raise OutputError(f"{out} cannot be written: there is no folder {folder}; create it first")
    if out.is_dir():
        raise OutputError(f"{out} cannot be written: it is a folder; give the name of a file")
    if out.exists() and source.exists() and out.samefile(source):
        raise UsageError(f"{out} is the source itself; choose another name")
    if out.exists() and not overwrite:
        raise OutputError(f"{out} exists already; choose another name, or pass --overwrite")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{out} cannot be written: no permission to write in {folder}; choose another folder")


def check_name(out: Path) -> None:
    """Check the file name of a result. Raises UsageError if it is not UTF-8 or is too long."""
    try:
        size = len(str(out.name).encode())
    except UnicodeEncodeError as error:
        raise UsageError(f"{str(out)!r}: the file name is not valid UTF-8; choose another name") from error
    if size > MOST_NAME:
        raise UsageError(f"{out}: the file name has {size} bytes; choose one of at most {MOST_NAME} bytes")


def check_folder(folder: Path, product: Path) -> None:
    """Check that files can be written to a folder, which need not exist yet.

    Args:
        folder: folder to write to.
        product: result as the user named it, for the message.

    Raises:
        OutputError: `folder` is a file, its parent is missing, or it is not writable.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{product} cannot be written: {folder} is a file; choose another folder")
    if not folder.exists() and not folder.parent.is_dir():
        raise OutputError(f"{product} cannot be written: there is no folder {folder.parent}; create it first")
    if not os.access(folder if folder.exists() else folder.parent, os.W_OK | os.X_OK):
        raise OutputError(f"{product} cannot be written: no permission to write in {folder}; choose another folder")


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder, created if needed; on success it is renamed to `path`.

    Raises:
        OutputError: the block, or the renaming, failed with an error of the system or of `torch.save`.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except (OSError, RuntimeError) as error:
        raise OutputError(f"{path}: cannot be written ({reason(error)}); check free space and permissions") from error
    finally:
        temporary.unlink(missing_ok=True)


class TemporaryFiles:
    """Context manager of hidden temporary files beside `out`, which are deleted at exit.

    `commit` renames one of them to `out`.
    """

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
        """Return the path of a new temporary file, with `role` in its name."""
        stem = self._out.stem.encode()[:64].decode(errors="ignore")
        path = self._out.parent / f".{stem}.{role}-{self._token}{suffix}"
        self._paths.append(path)
        return path

    def commit(self, path: Path) -> None:
        """Rename the finished file `path` to `out`, replacing an existing file atomically."""
        try:
            path.replace(self._out)
        except OSError as error:
            raise OutputError(
                f"{self._out} cannot be written: {error.strerror}; choose another name or folder"
            ) from error


class TemporaryFolder:
    """Context manager of a hidden temporary folder, which is deleted at exit.

    It lies beside `folder`, or inside it if `folder` exists. `commit` moves its files to `folder`, all or none of them.

    Args:
        folder: final folder of the files.
        product: result as the user named it, for messages.
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
        """Move the named files to `folder`, replacing existing ones, and delete the `stale` files there."""
        try:
            if self._folder.exists():
                self._replace(names, stale)
            else:
                self.path.rename(self._folder)
        except OSError as error:
            raise self._failure(error) from error

    def _replace(self, names: Sequence[str], stale: Sequence[Path]) -> None:
        """Move the files into the existing folder; on failure, restore its previous files."""
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
