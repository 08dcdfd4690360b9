"""Files that are whole or not there: written under a temporary name, synced, and only then given their own."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from omnipipe.errors import OutputError, RunStopped

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

REMEDY = "Remove it and repeat the omnipipe run that wrote it: what it held is made anew."
"""For a damaged file of a run, but its manifest."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# A disk with errors, which the system takes away or makes read-only, and a server of files that went.
_REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.ESTALE, errno.ENOTCONN})
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV})


def temporary(folder: Path, name: str) -> Path:
    """A name in `folder` that no other process or call uses: a late worker may write what its successor writes."""
    return folder / f"{name}.{os.getpid()}.{time.time_ns()}"


@contextlib.contextmanager
def stopping(folder: Path, *others: Path) -> Iterator[None]:
    """Turns a full disk, a file system that refuses, or a run directory that went away into `RunStopped`."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise RunStopped(
                f"The disk of {folder} is full; what is committed stays valid. "
                "Free some space and run the same command again to go on."
            ) from error
        if error.errno in _REFUSED:
            raise RunStopped(
                f"{folder} cannot be used any more: {error.strerror}; what is committed stays valid. "
                "Run the same command again to go on when it can."
            ) from error
        gone = next((place for place in (folder, *others) if not place.exists()), None)
        if error.errno == errno.ENOENT and gone is not None:
            raise RunStopped(
                f"{gone} has gone: the run directory was emptied or removed while this worker was writing."
            ) from error
        raise


def write_first(path: Path, folder: Path, write: Callable[[Path], None]) -> bool:
    """Write `path` by way of a temporary file in `folder`; False where `path` was there already, and stays.

    `write` fills the temporary file. The first writer wins, whoever else writes the same name.
    """
    with _written(path, folder, write) as made:
        try:
            os.link(made, path)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if path.exists():
                return False
            made.replace(path)
        return True


def write_over(path: Path, folder: Path, write: Callable[[Path], None]) -> None:
    """Write `path` by way of a temporary file in `folder`, in place of what was there."""
    with _written(path, folder, write) as made:
        made.replace(path)


@contextlib.contextmanager
def _written(path: Path, folder: Path, write: Callable[[Path], None]) -> Iterator[Path]:
    made = temporary(folder, path.name)
    with stopping(folder, path.parent):
        try:
            write(made)
            _sync(made)
            yield made
        finally:
            with contextlib.suppress(OSError):
                made.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDWR)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power cut, where the system can."""
    with contextlib.suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def write_json(path: Path, folder: Path, plain: Mapping[str, object]) -> None:
    """Write `plain` as `path`, atomically."""
    text = json.dumps(plain, indent=2, ensure_ascii=True) + "\n"
    write_over(path, folder, lambda made: _write_text(made, text))


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def numbered(folder: Path) -> list[Path]:
    """The files NNNNNN.parquet in `folder`, in order."""
    return sorted(path for path in folder.glob("*.parquet") if path.stem.isdecimal()) if folder.is_dir() else []


def append_table(folder: Path, tmp: Path, number: int, table: pa.Table) -> Path:
    """Write `table` as file `number` of an append-only folder.

    Raises:
        OutputError: The number is taken: another driver wrote beside this one.
    """
    import pyarrow.parquet as pq

    path = folder / f"{number:06}.parquet"
    if not write_first(path, tmp, lambda made: pq.write_table(table, made, compression="zstd")):
        raise OutputError(
            f"{path} was written by another driver. Let only one run at a time write into {folder.parent}."
        )
    sync_folder(folder)
    return path


def next_number(folder: Path) -> int:
    """One more than the highest number in `folder`."""
    files = numbered(folder)
    return int(files[-1].stem) + 1 if files else 0


def one_line(error: Exception) -> str:
    """The start of what an error says, without the stop at its end."""
    return " ".join(str(error).split())[:120].rstrip(".")


@contextlib.contextmanager
def open_parquet(path: Path) -> Iterator[pq.ParquetFile]:
    """A Parquet file whose checksums are checked as it is read.

    Raises:
        ValueError: The file is damaged, found now or while it is read.
    """
    import pyarrow.parquet as pq

    try:
        with path.open("rb") as opened:
            yield pq.ParquetFile(opened, page_checksum_verification=True)
    except IsADirectoryError as error:
        raise ValueError("it is a folder") from error
    except OSError as error:
        # So pyarrow says of some damage; what the system refuses has a number.
        if error.errno is not None:
            raise
        raise ValueError(one_line(error)) from error


def read_columns(path: Path, columns: Sequence[str]) -> pa.Table:
    """`columns` of a small file of the ledger.

    Raises:
        OutputError: The file is damaged.
    """
    try:
        with open_parquet(path) as file:
            return file.read(columns=list(columns), use_threads=False)
    except (ValueError, KeyError) as error:
        raise OutputError(f"{path} is damaged: {one_line(error)}. {REMEDY}") from error
