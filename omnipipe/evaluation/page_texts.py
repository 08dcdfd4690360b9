"""The texts that are judged: a run's pages, or a folder of markdown files, found by the names in tests and truth."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from omnipipe.errors import InputError
from omnipipe.export.name import uri_parts
from omnipipe.ledger.layout import RunLayout
from omnipipe.text.compose import PAGE_FURNITURE, compose

_PAGE_FILE = re.compile(r"(?P<name>.+)_pg(?P<page>[0-9]{1,6})(_repeat(?P<repeat>[0-9]+))?\.md", re.DOTALL)

# A row that stands for the pages beyond a limit may stand for millions.
_MOST_SKIPPED = 100_000


class _Row(NamedTuple):
    """The columns of a run's pages that are read, by name."""

    doc_id: str
    source_uri: str
    page_number: int
    num_pages: int
    status: str
    route: str
    text: str | None
    text_format: str | None
    blocks: list[dict[str, Any]] | None
    quality: float | None
    error_code: str | None


class FoundText(NamedTuple):
    """The text of one page, or of a whole document; `problem` says why there is none.

    `quality` (0 to 1) is the run's own estimate, of a document the least of its pages'; None where there is none.
    """

    text: str = ""
    format: str = "markdown"
    status: str = ""
    route: str = ""
    quality: float | None = None
    problem: str | None = None


@dataclass(slots=True)
class _Document:
    """`pages` by number from 1; `whole` is the text of all of them where they are not told apart."""

    id: str
    parts: tuple[str, ...]
    pages: dict[int, FoundText] = field(default_factory=dict)
    whole: FoundText | None = None


class PageTexts:
    """Texts by the end of a document's path: `reports/a.pdf` is found at /data/2024/reports/a.pdf."""

    def __init__(self, documents: Iterable[_Document], where: str, *, by_stem: bool = False) -> None:
        self._by_name: defaultdict[str, list[_Document]] = defaultdict(list)
        self._where = where
        self._by_stem = by_stem
        for document in documents:
            self._by_name[document.parts[-1]].append(document)

    def find(self, path: str, page: int | None) -> FoundText | str:
        """The text of page `page` (from 1), or of all pages for None; a sentence where the document is not there."""
        document = self._document(path)
        if isinstance(document, str):
            return document
        if page is None:
            return _joined(document)
        found = document.pages.get(page)
        if found is None and page == 1:
            # A file of a whole document may well be one of a single page.
            found = document.whole
        if found is None:
            return FoundText(problem=f"no page {page} of {path} in {self._where}")
        return found._replace(problem=f"page {page} of {path} {found.problem}") if found.problem else found

    def _document(self, path: str) -> _Document | str:
        *folders, last = uri_parts(path)
        names = (last, _stem(last)) if self._by_stem else (last,)
        found = [
            (_num_shared((*folders, name), document.parts), document)
            for name in names
            for document in self._by_name.get(name, ())
        ]
        # All that is known of both places must agree: the end of an absolute uri, or a short relative name.
        fitting = [pair for pair in found if pair[0] == min(len(folders) + 1, len(pair[1].parts))]
        most = max((shared for shared, _ in fitting), default=0)
        best = {document.id: document for shared, document in fitting if shared == most}
        if len(best) == 1:
            return next(iter(best.values()))
        if best:
            return f"{len(best)} documents in {self._where} could be {path}. Write more of its path into the tests"
        elsewhere = f"; there is {'/'.join(found[0][1].parts)}" if found else ""
        return f"no page for {path} in {self._where}{elsewhere}"


def load_texts(source: Path, wanted: Iterable[str], *, keep_headers: bool = False) -> PageTexts:
    """The texts in a run directory, in a folder of Parquet parts that `compact` wrote, or in markdown files.

    Only documents whose file name one of `wanted` has are kept. Markdown files are NAME_pgN.md (page N of the document
    NAME, from 1; also NAME_pgN_repeat1.md) or NAME.md (its first page, or all of it).

    `keep_headers` puts running heads and page numbers, which a run keeps as blocks, back into the text.

    Raises:
        InputError: There is no such thing in `source`, or a file in it is damaged.
    """
    names = {uri_parts(path)[-1] for path in wanted}
    if not source.is_dir():
        raise InputError(f"{source} is no folder. Name a run directory, or a folder of markdown files.")
    layout = RunLayout(source)
    if layout.manifest.exists():
        files = sorted(layout.pages.glob("*.parquet"))
        return PageTexts(_run_documents(files, names, layout, keep_headers), str(source))
    parts = sorted(source.glob("*.parquet"))
    if parts:
        return PageTexts(_run_documents(parts, names, None, keep_headers), str(source))
    files = sorted(source.rglob("*.md"))
    if not files:
        raise InputError(
            f"{source} holds no run and no markdown file. Name what omnipipe run -o wrote, or NAME_pgN.md."
        )
    return PageTexts(_markdown_documents(source, files, names), str(source), by_stem=True)


def _run_documents(files: list[Path], names: set[str], layout: RunLayout | None, keep_headers: bool) -> list[_Document]:
    uris = _other_uris(layout, names) if layout is not None else {}
    documents: dict[tuple[str, str], _Document] = {}
    for row in _rows(files, names, set(uris)):
        text = _whole_page(row) if keep_headers else row.text
        found = FoundText(text or "", row.text_format or "markdown", row.status, row.route, row.quality)
        if row.status in ("failed", "skipped"):
            found = found._replace(problem=f"{row.status}: {row.error_code}")
        for place in dict.fromkeys((row.source_uri, *uris.get(row.doc_id, ()))):
            parts = uri_parts(place)
            if parts[-1] in names:
                document = documents.setdefault((row.doc_id, place), _Document(row.doc_id, parts))
                numbers = range(row.page_number, row.page_number + min(row.num_pages, _MOST_SKIPPED))
                document.pages.update(dict.fromkeys(numbers, found))
    return list(documents.values())


def _whole_page(row: _Row) -> str | None:
    blocks = [(block["type"], block["level"], block["text"] or "") for block in row.blocks or ()]
    has_any = any(kind in PAGE_FURNITURE for kind, _, _ in blocks)
    return compose(blocks, keep_headers=True) if has_any else row.text


def _other_uris(layout: RunLayout, names: set[str]) -> dict[str, list[str]]:
    """Places of documents that are wanted, by doc_id: the same bytes may lie under several names."""
    from omnipipe.ledger.sourcetable import SourceTable

    table = SourceTable(layout)
    uris: dict[str, list[str]] = {}
    for doc_id in table.doc_ids():
        found = [record.uri for record in table.records(doc_id) if uri_parts(record.uri)[-1] in names]
        if found:
            uris[doc_id] = found
    return uris


def _rows(files: list[Path], names: set[str], doc_ids: set[str]) -> Iterator[_Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    for file in files:
        try:
            with pq.ParquetFile(file) as parquet:
                for group in range(parquet.num_row_groups):
                    keys = parquet.read_row_group(group, columns=["doc_id", "source_uri"]).to_pylist()
                    is_wanted = [key["doc_id"] in doc_ids or uri_parts(key["source_uri"])[-1] in names for key in keys]
                    if any(is_wanted):
                        table = parquet.read_row_group(group, columns=list(_Row._fields)).filter(pa.array(is_wanted))
                        columns = (table[name].to_pylist() for name in _Row._fields)
                        yield from map(_Row._make, zip(*columns, strict=True))
        except (pa.ArrowException, OSError, KeyError) as error:
            raise InputError(f"{file} cannot be read as pages of a run: {str(error)[:120]}") from error


def _markdown_documents(root: Path, files: list[Path], names: set[str]) -> list[_Document]:
    documents: dict[tuple[str, ...], _Document] = {}
    stems = names | set(map(_stem, names))
    for file in files:
        *folders, last = file.relative_to(root).parts
        as_page = _PAGE_FILE.fullmatch(last)
        if as_page is not None and as_page["repeat"] in (None, "1") and as_page["name"] in stems:
            parts = (*folders, as_page["name"])
            documents.setdefault(parts, _Document("/".join(parts), parts)).pages[int(as_page["page"])] = _markdown(file)
        # NAME may itself end in _pgN.
        if last.removesuffix(".md") in stems:
            parts = (*folders, last.removesuffix(".md"))
            documents.setdefault(parts, _Document("/".join(parts), parts)).whole = _markdown(file)
    return list(documents.values())


def _markdown(file: Path) -> FoundText:
    try:
        return FoundText(file.read_text(encoding="utf-8"), "markdown", "ok")
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not UTF-8 (byte {error.start + 1}). Save it as UTF-8.") from error
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.") from error


def _joined(document: _Document) -> FoundText:
    if document.whole is not None and not document.pages:
        return document.whole
    pages = [document.pages[number] for number in sorted(document.pages)]
    form = "markdown" if any(page.format == "markdown" for page in pages) else pages[0].format
    routes = dict.fromkeys(page.route for page in pages if page.route)
    text = "\n\n".join(page.text for page in pages if page.text)
    quality = min((page.quality for page in pages if page.quality is not None), default=None)
    return FoundText(text, form, pages[0].status, "+".join(routes), quality)


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name


def _num_shared(first: tuple[str, ...], second: tuple[str, ...]) -> int:
    shared = 0
    for left, right in zip(reversed(first), reversed(second), strict=False):
        if left != right:
            break
        shared += 1
    return shared
