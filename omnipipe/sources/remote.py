"""Object stores and other file systems through pyarrow."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from omnipipe.errors import InputError
from omnipipe.sources.bounded import waiting_for
from omnipipe.sources.place import find_scheme, is_document_name, suffix_of
from omnipipe.sources.walk import names_match

if TYPE_CHECKING:
    from pyarrow.fs import FileInfo, FileSystem

_RETRY_SECONDS = 30.0

# What a file system is built from besides its scheme and bucket; a change of them builds a new one.
_VARIABLES = (
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_NO_SIGN_REQUEST",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "STORAGE_EMULATOR_HOST",
)


class RemoteFile(NamedTuple):
    """A file in an object store: `size` in bytes, `stamp` as in `Source`."""

    uri: str
    size: int | None
    stamp: str | None


class Remote(NamedTuple):
    """A place on a file system that pyarrow knows; `root_uri + path[len(root_path):]` is the uri of a `path` on it."""

    filesystem: FileSystem
    path: str
    root_uri: str
    root_path: str

    @classmethod
    def of(cls, uri: str) -> Remote:
        """The file system and path of `uri`.

        Raises:
            InputError: No file system is known for its scheme, or it cannot be reached.
        """
        scheme = find_scheme(uri) or ""
        authority, _, key = uri[len(scheme) + 3 :].partition("/")
        if not authority and scheme in ("s3", "gs", "gcs"):
            raise InputError(f"{uri} names no bucket. Check the name: it should look like {scheme}://BUCKET/KEY.")
        environment = tuple(os.environ.get(name) for name in _VARIABLES)
        filesystem, root_path = _filesystem(scheme, authority, environment)
        return cls(filesystem, root_path + key, f"{uri[: len(scheme)]}://{authority}/", root_path)

    def file(self, info: FileInfo) -> RemoteFile:
        """What a listing says of one file."""
        stamp = None if info.mtime_ns is None else str(info.mtime_ns)
        return RemoteFile(self.root_uri + info.path[len(self.root_path) :], info.size, stamp)


def find_files(uris: Sequence[str]) -> list[RemoteFile | None]:
    """What the store says of each of `uris`: None for a folder, without size and stamp where there is nothing."""
    found: list[RemoteFile | None] = [RemoteFile(uri, None, None) for uri in uris]
    groups: dict[int, list[tuple[int, Remote]]] = {}
    for i, uri in enumerate(uris):
        try:
            remote = Remote.of(uri)
        except InputError:
            continue
        groups.setdefault(id(remote.filesystem), []).append((i, remote))
    for group in groups.values():
        for (i, _), info in zip(group, _infos([remote for _, remote in group]), strict=True):
            if info is not None and info.type.name == "File":
                found[i] = RemoteFile(uris[i], info.size, None if info.mtime_ns is None else str(info.mtime_ns))
            elif info is not None and info.type.name == "Directory":
                found[i] = None
    return found


def find_documents(uri: str, left_out: Counter[str]) -> Iterator[RemoteFile]:
    """The documents behind a folder, a prefix or a glob in an object store, by name, in order.

    Files that are no documents by name are counted in `left_out` by their ending.

    Raises:
        InputError: The store cannot be reached or does not let us in.
    """
    remote = Remote.of(uri)
    folder = remote.path.rstrip("/")
    magic = re.search(r"[*?[]", remote.path)
    if magic is not None:
        base = remote.path[: magic.start()].rpartition("/")[0]
        takes, takes_any = _glob(remote.path)
    elif _info(remote._replace(path=folder), uri).type.name == "Directory":
        base, takes, takes_any = folder, (lambda path: True), False
    else:
        base, takes, takes_any = folder.rpartition("/")[0], (lambda path: path.startswith(remote.path)), False
    for info in _files_below(remote, base, uri):
        if not takes(info.path) or _is_hidden(info.path[len(base) :]) or info.type.name != "File":
            continue
        if takes_any or is_document_name(info.path):
            yield remote.file(info)
        else:
            left_out[suffix_of(info.path)] += 1


def is_file(uri: str) -> bool:
    """Whether `uri` is one file in an object store.

    Raises:
        InputError: The store cannot be reached or does not let us in.
    """
    return bool(_info(Remote.of(uri), uri).type.name == "File")


@contextmanager
def os_errors() -> Iterator[None]:
    """Raise what pyarrow's file systems raise of their own as `OSError`."""
    import pyarrow

    try:
        yield
    except pyarrow.ArrowException as error:
        raise OSError(reason(error)) from error


def reason(error: BaseException) -> str:
    """An error of pyarrow in one line of at most 200 characters."""
    return " ".join(str(error).split())[:200]


def _glob(pattern: str) -> tuple[Callable[[str], bool], bool]:
    parts = pattern.split("/")

    def takes(path: str) -> bool:
        names = path.split("/")
        # A folder that matches stands for what is in it, as on local file systems.
        return any(names_match(names[:length], parts) for length in range(len(names), 0, -1))

    return takes, "." in parts[-1]


def _is_hidden(path: str) -> bool:
    return "/." in path if path.startswith("/") else "/." in f"/{path}"


def _files_below(remote: Remote, base: str, uri: str) -> Iterator[FileInfo]:
    if remote.filesystem.type_name != "s3":
        # pyarrow 26 names no folders on Google's store where no object stands for them: only a flat listing is whole.
        yield from _list(remote, base, uri, recursive=True)
        return
    # Two levels: one flat listing per top folder takes few requests, and only one of them is in memory at a time.
    for info in _list(remote, base, uri, recursive=False):
        if info.type.name == "Directory":
            yield from _list(remote, info.path, uri, recursive=True)
        else:
            yield info


def _list(remote: Remote, folder: str, uri: str, *, recursive: bool) -> list[FileInfo]:
    from pyarrow.fs import FileSelector

    try:
        with waiting_for(uri), os_errors():
            infos = remote.filesystem.get_file_info(FileSelector(folder, recursive=recursive))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _denied(uri, error) from error
    return sorted(infos, key=lambda info: info.path.split("/"))


def _info(remote: Remote, uri: str) -> FileInfo:
    try:
        with waiting_for(uri), os_errors():
            return remote.filesystem.get_file_info(remote.path)
    except OSError as error:
        raise _denied(uri, error) from error


def _infos(remotes: Sequence[Remote]) -> list[FileInfo | None]:
    filesystem = remotes[0].filesystem
    try:
        with waiting_for(remotes[0].path), os_errors():
            return list(filesystem.get_file_info([remote.path for remote in remotes]))
    except OSError:
        # One of them is trouble: alone, it does not hide the others.
        return [_find_info(remote) for remote in remotes]


def _find_info(remote: Remote) -> FileInfo | None:
    try:
        with waiting_for(remote.path), os_errors():
            return remote.filesystem.get_file_info(remote.path)
    except OSError:
        return None


def _denied(uri: str, error: OSError) -> InputError:
    hint = ", and AWS_ENDPOINT_URL for a store that is not Amazon's" if find_scheme(uri) == "s3" else ""
    return InputError(f"{uri} cannot be listed: {reason(error)}. Check the name and the credentials{hint}.")


@lru_cache(maxsize=32)
def _filesystem(scheme: str, authority: str, environment: tuple[str | None, ...]) -> tuple[FileSystem, str]:
    import pyarrow
    from pyarrow import fs

    if scheme == "s3":
        return _s3(authority), f"{authority}/"
    if scheme in ("gs", "gcs"):
        return _gcs(), f"{authority}/"
    try:
        filesystem, root = fs.FileSystem.from_uri(f"{scheme}://{authority}/")
    except (pyarrow.ArrowException, OSError, ImportError) as error:
        raise InputError(
            f"{scheme}://{authority} cannot be opened: {reason(error)}. Give s3://, gs://, abfs:// or hdfs:// URIs, or "
            "copy the documents into a local folder."
        ) from error
    return filesystem, root if not root or root.endswith("/") else root + "/"


def _s3(bucket: str) -> FileSystem:
    from pyarrow import fs

    settings: dict[str, str | bool | float] = {"connect_timeout": 10.0, "request_timeout": 60.0}
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if endpoint:
        # pyarrow 26 does not read the variable itself, and wants the scheme apart from the host.
        scheme, _, host = endpoint.rpartition("://")
        settings |= {"endpoint_override": host.rstrip("/"), "scheme": scheme or "https"}
    elif not region:
        try:
            region = fs.resolve_s3_region(bucket)
        except OSError:
            region = None
    if region:
        settings["region"] = region
    if os.environ.get("AWS_NO_SIGN_REQUEST", "").lower() in ("1", "true", "yes"):
        settings["anonymous"] = True
    return fs.S3FileSystem(**settings)


def _gcs() -> FileSystem:
    from pyarrow import fs

    # Without a limit, a name that does not resolve is tried for a quarter of an hour.
    patience = timedelta(seconds=_RETRY_SECONDS)
    emulator = os.environ.get("STORAGE_EMULATOR_HOST")
    if not emulator:
        return fs.GcsFileSystem(retry_time_limit=patience)
    scheme, _, host = emulator.rpartition("://")
    return fs.GcsFileSystem(anonymous=True, scheme=scheme or "http", endpoint_override=host, retry_time_limit=patience)
