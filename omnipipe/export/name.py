"""File names for exported documents: those of the sources, made safe, no two alike."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from pathlib import PurePosixPath

from omnipipe.sources.place import DOCUMENT_SUFFIXES, find_row

_MAX_BYTES = 180
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\]')
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
# Names that Windows keeps for devices, whatever their ending.
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
_EXPORT_ENDINGS = (".md", ".txt")


def uri_parts(uri: str) -> tuple[str, ...]:
    """The folders and the file name of `uri`, each safe as a name on every file system."""
    row = find_row(uri)
    if row is not None:
        *folders, last = uri_parts(row.manifest)
        return (*folders, _safe_folder(last), f"row-{row.number}")
    scheme = _SCHEME.match(uri)
    if scheme is None or scheme[1].lower() == "file":
        path = uri[scheme.end() :] if scheme else uri
        steps = [step for step in path.replace("\\", "/").split("/") if step not in ("", ".")]
    else:
        steps = [scheme[1].lower(), *(step for step in uri[scheme.end() :].split("/") if step not in ("", "."))]
    *folders, last = steps or ["document"]
    return (*(_safe_folder(step) for step in folders), _safe(last))


def common_folder(first: Sequence[str], second: Sequence[str]) -> tuple[str, ...]:
    """The folders that two names (or a name and such folders) have in common."""
    shared: list[str] = []
    for left, right in zip(first, second, strict=False):
        if left != right:
            break
        shared.append(left)
    return tuple(shared)


def name_hashes(parts: Sequence[str]) -> tuple[int, int]:
    """64-bit hashes of the short and the long name; names that differ only in case have equal ones."""
    *folders, last = parts
    return _hash([*folders, _short(last)]), _hash([*folders, last])


def output_name(parts: Sequence[str], num_shared: int, doc_id: str, taken: set[int], ending: str) -> PurePosixPath:
    """The short name (`report`), the long one (`report.pdf`) if that is in `taken`, else one with the document's id.

    The first `num_shared` folders are left away.
    """
    *folders, last = parts
    short_hash, long_hash = name_hashes(parts)
    name = _short(last)
    if short_hash in taken:
        name = last if long_hash not in taken else f"{last}-{doc_id[:12]}"
    return PurePosixPath(*folders[num_shared:], name + ending)


def _short(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return stem if dot and stem and suffix.lower() in DOCUMENT_SUFFIXES else name


def _hash(parts: Sequence[str]) -> int:
    return int.from_bytes(
        hashlib.blake2b(unicodedata.normalize("NFC", "/".join(parts)).casefold().encode(), digest_size=8).digest(),
        "little",
    )


def _safe(name: str) -> str:
    safe = _UNSAFE.sub("_", name.encode(errors="replace").decode()).rstrip(" .") or "_"
    if safe.startswith("..") or _RESERVED.fullmatch(safe):
        safe = f"_{safe}"
    if len(safe.encode()) > _MAX_BYTES:
        digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:12]
        safe = f"{safe.encode()[: _MAX_BYTES - 13].decode(errors='ignore')}-{digest}"
    return safe


def _safe_folder(name: str) -> str:
    # A folder called a.md would stand where the export of a.pdf goes.
    safe = _safe(name)
    return f"{safe}_" if safe.lower().endswith(_EXPORT_ENDINGS) else safe
