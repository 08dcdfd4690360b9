"""What exports are written as: a tree of text files, or JSON lines. Every file appears whole or not at all."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol

from omnipipe import __version__
from omnipipe.export.document import PageRow, RunDocument
from omnipipe.export.name import output_name
from omnipipe.export.written import WrittenFiles
from omnipipe.text.blocks.paragraphs import SEPARATOR, join_pages, page_seam

_PART_BYTES = 1 << 30
_PART = r"documents-\d{5,}\.jsonl\.zst"
_COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}


class Writer(Protocol):
    """Takes documents one by one; what it wrote is complete after `close`."""

    def write(self, document: RunDocument, rows: Sequence[PageRow]) -> None:
        """Write a document with those of its pages that were chosen, in page order."""

    def close(self) -> None:
        """Finish the last file."""

    def discard(self) -> None:
        """Remove what is not complete."""


class TreeWriter:
    """One file a document below `folder`, in folders like the sources'.

    Markdown names pages that have no text in a comment; `front_matter` puts a YAML head before the text. `is_again`: an
    earlier export of the same run wrote into `folder`; those of its files that have no document any more are removed.
    """

    def __init__(
        self, folder: Path, taken: set[int], *, is_markdown: bool, front_matter: bool, is_again: bool = False
    ) -> None:
        self._folder = folder
        self._written = WrittenFiles(folder, is_again=is_again)
        self._taken = taken
        self._is_markdown = is_markdown
        self._front_matter = front_matter
        self._temporary = temporary_file(folder)

    def write(self, document: RunDocument, rows: Sequence[PageRow]) -> None:
        ending = ".md" if self._is_markdown else ".txt"
        name = output_name(document.parts, document.num_shared, document.doc_id, self._taken, ending)
        self._written.add(name)
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(self._temporary, "w", encoding="utf-8", errors="replace", newline="\n") as file:
            if self._front_matter:
                file.write(_front_matter(document, rows))
            for text, separator in self._texts(rows):
                file.write(f"{text}{separator}")
            file.write("\n")
        self._temporary.replace(path)

    def close(self) -> None:
        self._written.finish()
        self._temporary.unlink(missing_ok=True)

    def discard(self) -> None:
        # On a full disk, closing writes what was left and fails as well.
        with suppress(OSError):
            self._written.close()
        self._temporary.unlink(missing_ok=True)

    def _texts(self, rows: Sequence[PageRow]) -> Iterator[tuple[str, str]]:
        """What is written of each page, and what after it."""
        before, index = "", -1
        for row in rows:
            text = row.text if self._is_markdown or row.plain is None else row.plain
            if not text and self._is_markdown and row.error_code is not None:
                text = _comment(row)
            if not text:
                continue
            cut, separator = 0, SEPARATOR
            if before and row.page_index == index + 1:
                cut, separator = page_seam(before, text)
            if before:
                yield before[: len(before) - cut], separator
            before, index = text, row.page_index
        yield before, ""


class JsonLinesWriter:
    """One JSON object a document and line, with the fields that Dolma readers expect.

    Into one file if `output` ends in .jsonl, .jsonl.gz or .jsonl.zst, else into parts of 1 GiB (before compression)
    below the folder `output`.
    """

    def __init__(self, output: Path, *, source: str) -> None:
        self._output = output
        self._source = source
        self._is_file = is_json_lines_file(output)
        self._num_parts = 0
        self._num_bytes = 0
        self._path: Path | None = None
        self._file: IO[bytes] | None = None

    def write(self, document: RunDocument, rows: Sequence[PageRow]) -> None:
        if self._file is None or (self._num_bytes >= _PART_BYTES and not self._is_file):
            self._finish_part()
            self._begin_part()
        line = json.dumps(_dolma(document, rows, self._source), ensure_ascii=False).encode(errors="replace") + b"\n"
        assert self._file is not None
        self._file.write(line)
        self._num_bytes += len(line)

    def close(self) -> None:
        if self._file is None and self._num_parts == 0:
            self._begin_part()
        self._finish_part()
        if not self._is_file:
            self._remove_old_parts()

    def discard(self) -> None:
        if self._file is not None and self._path is not None:
            with suppress(OSError):
                self._file.close()
            _temporary(self._path).unlink(missing_ok=True)
            self._file = None

    def _begin_part(self) -> None:
        import pyarrow as pa

        self._path = self._output if self._is_file else self._output / _part(self._num_parts)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = pa.output_stream(
            str(_temporary(self._path)), compression=_COMPRESSIONS.get(self._path.suffix), buffer_size=1 << 16
        )
        self._num_parts += 1
        self._num_bytes = 0

    def _finish_part(self) -> None:
        if self._file is not None and self._path is not None:
            self._file.close()
            _temporary(self._path).replace(self._path)
            self._file = None

    def _remove_old_parts(self) -> None:
        # An earlier export of the same run may have had more.
        written = {_part(number) for number in range(self._num_parts)}
        for path in self._output.glob("documents-*.jsonl.zst"):
            if re.fullmatch(_PART, path.name) and path.name not in written:
                path.unlink()


def _part(number: int) -> str:
    return f"documents-{number:05}.jsonl.zst"


def is_json_lines_file(path: Path) -> bool:
    """Whether `path` names one file and not a folder of parts."""
    return path.name.lower().endswith((".jsonl", ".jsonl.gz", ".jsonl.zst", ".json", ".json.gz", ".json.zst"))


def temporary_file(folder: Path) -> Path:
    """What files of a tree are called in `folder` until they are whole."""
    return folder / f".omnipipe-{os.getpid()}.tmp"


def left_over(folder: Path, file: Path | None = None) -> list[Path]:
    """What an export into `folder`, or to `file` in it, left half written when it was killed."""
    half = rf"\.\d+-({_PART if file is None else re.escape(file.name)})|\.omnipipe-\d+\.tmp"
    return [path for path in folder.glob(".*") if re.fullmatch(half, path.name)]


def _temporary(path: Path) -> Path:
    # The ending stays: pyarrow and people tell the compression by it.
    return path.with_name(f".{os.getpid()}-{path.name}")


def _comment(row: PageRow) -> str:
    first = row.page_index + 1
    pages = f"page {first}" if row.num_pages == 1 else f"pages {first} to {first + row.num_pages - 1}"
    message = " ".join((row.error_message or "").replace("--", "- -").replace(">", "&gt;").split())
    return f"<!-- {pages}: {row.status}, {row.error_code}: {message} -->"


def _front_matter(document: RunDocument, rows: Sequence[PageRow]) -> str:
    plain = {
        "source": document.uri,
        "id": document.doc_id,
        "pages": _page_count(rows),
        **{f"pages_{status}": count for status, count in sorted(_statuses(rows).items())},
    }
    # JSON values are YAML values.
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in plain.items()]
    return "\n".join(["---", *lines, "---", "", ""])


def _dolma(document: RunDocument, rows: Sequence[PageRow], source: str) -> dict[str, object]:
    joined = join_pages([row.text or "" for row in rows], [row.page_index for row in rows])
    return {
        "id": document.doc_id,
        "text": joined.text,
        "source": source,
        "added": max(row.created_at for row in rows).isoformat(timespec="milliseconds"),
        "created": None,
        "metadata": {
            "source_uri": document.uri,
            "page_count": _page_count(rows),
            "page_numbers": [row.page_index + 1 for row in rows],
            "page_starts": joined.starts,
            "page_ends": joined.ends,
            "statuses": dict(sorted(_statuses(rows).items())),
            "routes": dict(sorted(Counter(row.route for row in rows).items())),
            "quality": _mean([row.quality for row in rows if row.quality is not None]),
            "config_hash": rows[0].config_hash,
            "omnipipe_version": __version__,
        },
    }


def _page_count(rows: Sequence[PageRow]) -> int | None:
    return next((row.page_count for row in rows if row.page_count is not None), None)


def _statuses(rows: Sequence[PageRow]) -> Counter[str]:
    statuses: Counter[str] = Counter()
    for row in rows:
        statuses[row.status] += row.num_pages
    return statuses


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None
