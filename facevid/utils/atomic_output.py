"""Atomic output: a destination is checked first, written under a hidden temporary name, and renamed when complete."""

import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from filelock import FileLock, Timeout

from facevid.errors import OutputError, UsageError, reason

MAX_NAME_BYTES = 255
"""Maximum length of a file name in bytes, on Linux, macOS and Windows."""

MAX_PREFIX_BYTES = 64
"""Maximum length, in bytes, of a result's name in the name of its hidden folder."""

NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP)
"""Error numbers of file systems that do not support locks."""

LOCK_FILE = "lock"
"""File in a hidden folder that is locked while the process that created the folder runs."""

REPLACED_FOLDER = "replaced"
"""Folder in a hidden folder for the previous files of a result that is being replaced."""


def check_destination(out: Path, source: Path | None, suffixes: tuple[str, ...], overwrite: bool) -> None:
    """Check that a result, made from `source`, can be written to the file `out`.

    Args:
        out: file to write.
        source: file that must not be overwritten; None if the result is made from none.
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
    if source is not None and out.exists() and source.exists() and out.samefile(source):
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
    if size > MAX_NAME_BYTES:
        raise UsageError(f"{out}: the file name has {size} bytes; choose one of at most {MAX_NAME_BYTES} bytes")


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


def sync_file(file: IO[bytes]) -> None:
    """Wait until what was written to a file is on the disk, where it survives a loss of power."""
    file.flush()
    os.fsync(file.fileno())


def sync_path(path: Path) -> None:
    """Wait until a complete file is on the disk, where it survives a loss of power."""
    with path.open("rb") as file:
        sync_file(file)


@contextmanager
def atomic_path(path: Path, durable: bool = False) -> Iterator[Path]:
    """Yield a temporary path in the same folder, created if needed; on success it is renamed to `path`.

    Args:
        path: file to write.
        durable: wait until the content is on the disk before the renaming.

    Raises:
        OutputError: the block, or the renaming, failed with an error of the system or of `torch.save`.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        if durable:
            sync_path(temporary)
        temporary.replace(path)
    except (OSError, RuntimeError) as error:
        raise OutputError(f"{path}: cannot be written ({reason(error)}); check free space and permissions") from error
    finally:
        temporary.unlink(missing_ok=True)


def link_or_copy(path: Path, target: Path, product: Path) -> None:
    """Make a file available under another name as well. Raises OutputError, which names `product`."""
    try:
        try:
            target.hardlink_to(path)
        except OSError:  # another disk, or one without links
            shutil.copyfile(path, target)
    except OSError as error:
        raise OutputError(f"{product} cannot be written: {reason(error)}; free some space") from error


class HiddenFolder:
    """Context manager of a hidden folder `.<name>.<token>` for unfinished output, which is deleted at exit.

    A file in the folder is locked while the process runs. The system releases the lock however the process ends, so the
    next run recognises the folders of killed runs, moves the files of a result that was being replaced back, and
    deletes the folders.

    Args:
        parent: folder in which it is created, an existing one.
        name: beginning of its name, usually that of the result.

    Attributes:
        folder: path of the folder; it exists inside the context.
    """

    def __init__(self, parent: Path, name: str) -> None:
        self._parent, self._prefix = parent, "." + name.encode()[:MAX_PREFIX_BYTES].decode(errors="ignore")
        self._new_token()

    def __enter__(self) -> Self:
        self._delete_abandoned()
        while True:
            self.folder.mkdir()
            try:
                self._lock.acquire(timeout=0)
                if (self.folder / LOCK_FILE).exists():
                    return self
                self._lock.release()
            except (Timeout, FileNotFoundError):  # another process is deleting it as abandoned
                shutil.rmtree(self.folder, ignore_errors=True)
            except OSError as error:
                if error.errno in NO_LOCKS:  # other processes cannot lock it either, so none deletes it
                    return self
                raise
            self._new_token()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _new_token(self) -> None:
        self.folder = self._parent / f"{self._prefix}.{secrets.token_hex(4)}"
        self._lock = FileLock(self.folder / LOCK_FILE)

    def _delete_abandoned(self) -> None:
        """Delete the folders that killed processes left for the same result."""
        name = re.compile(re.escape(self._prefix) + r"\.[0-9a-f]{8}")
        for folder in [path for path in self._parent.iterdir() if name.fullmatch(path.name) and path.is_dir()]:
            with suppress(Timeout, OSError), FileLock(folder / LOCK_FILE).acquire(timeout=0):
                for path in (folder / REPLACED_FOLDER).glob("*"):
                    path.rename(self._parent / path.name)
                shutil.rmtree(folder, ignore_errors=True)


class TemporaryFiles(HiddenFolder):
    """Context manager of temporary files in a hidden folder beside `out`, which are deleted at exit.

    `commit` moves one of them to `out`.
    """

    def __init__(self, out: Path) -> None:
        self._out = out
        super().__init__(out.parent, out.name)

    def __enter__(self) -> Self:
        try:
            return super().__enter__()
        except OSError as error:
            raise self._failure(error) from error

    def path(self, role: str, suffix: str) -> Path:
        """Return the path of a new temporary file, with `role` in its name."""
        return self.folder / f"{role}{suffix}"

    def commit(self, path: Path) -> None:
        """Move the finished file `path` to `out`, replacing an existing file atomically."""
        try:
            sync_path(path)
            path.replace(self._out)
        except OSError as error:
            raise self._failure(error) from error

    def _failure(self, error: OSError) -> OutputError:
        return OutputError(f"{self._out} cannot be written: {reason(error)}; choose another name or folder")


class TemporaryFolder(HiddenFolder):
    """Context manager of a hidden folder for the files of `folder`, which is deleted at exit.

    It lies beside `folder`, or inside it if `folder` exists. `commit` moves its files to `folder`, all or none of them.

    Args:
        folder: final folder of the files.
        product: result as the user named it, for messages.

    Attributes:
        path: folder for the new files; it exists inside the context.
    """

    def __init__(self, folder: Path, product: Path) -> None:
        self._folder, self._product = folder, product
        is_new = not folder.exists()
        super().__init__(folder.parent if is_new else folder, folder.name if is_new else "frames")

    def __enter__(self) -> Self:
        try:
            super().__enter__()
            self.path.mkdir()
        except OSError as error:
            raise self._failure(error) from error
        return self

    @property
    def path(self) -> Path:  # noqa: D102 -- described above
        return self.folder / "files"

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
        # After a kill, the next run moves files from REPLACED_FOLDER to the parent of the hidden folder. That is where
        # they belong only if the hidden folder lies inside the final one.
        replaced = self.folder / (REPLACED_FOLDER if self._parent == self._folder else "old")
        replaced.mkdir()
        moved: list[Path] = []
        try:
            for path in stale:
                path.rename(replaced / path.name)
            for name in names:
                path = self._folder / name
                if path.is_file():
                    path.rename(replaced / name)
                (self.path / name).rename(path)
                moved.append(path)
        except BaseException:
            for path in moved:
                path.unlink(missing_ok=True)
            for old in replaced.iterdir():
                old.rename(self._folder / old.name)
            raise

    def _failure(self, error: OSError) -> OutputError:
        return OutputError(f"{self._product} cannot be written: {reason(error)}; choose another folder")
