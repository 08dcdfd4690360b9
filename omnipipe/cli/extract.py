"""`omnipipe extract`: one document's text on stdout, in this process, without Ray and without a run directory."""

from __future__ import annotations

import json
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omnipipe.cli import engine, option
from omnipipe.cli.choice import choose_pipeline, read_passwords
from omnipipe.cli.engine_option import EngineOptions, takes_engine_options
from omnipipe.errors import InputError
from omnipipe.text.blocks.paragraphs import PageJoiner

if TYPE_CHECKING:
    from omnipipe.page import Page
    from omnipipe.pipeline import Pipeline
    from omnipipe.sources.source import Source

# Small, so that the first pages are printed while the next are read; more where an engine works on many at once.
_PAGES_AT_ONCE = 8
_MOST_PAGES_AT_ONCE = 64


class Format(StrEnum):
    """What is printed."""

    markdown = "markdown"
    text = "text"
    json = "json"


File = Annotated[str, typer.Argument(metavar="FILE", help="A document: path or uri, or - for its bytes on stdin.")]
OutputFormat = Annotated[
    Format,
    typer.Option(
        "--format",
        "-f",
        metavar="markdown|text|json",
        envvar="OMNIPIPE_FORMAT",
        help="json: one object per page and line.",
    ),
]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict",
        envvar="OMNIPIPE_STRICT",
        help="Exit code 1 if any page could not be read; 2 if the engine lacks a parameter.",
    ),
]
Draw = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        envvar="OMNIPIPE_DRAW",
        help="Write a picture of each page there, with its blocks, their kinds, the reading order and the route.",
    ),
]


@takes_engine_options
def extract(
    file: File,
    pages: option.Pages = None,
    output_format: OutputFormat = Format.markdown,
    password: option.Passwords = None,
    password_file: option.PasswordFile = None,
    pipeline: option.PipelineName = "default",
    ocr: option.Ocr = None,
    lang: option.Lang = None,
    layout: option.Layout = None,
    force_ocr: option.ForceOcr = False,
    keep_headers: option.KeepHeaders = False,
    strict: Strict = False,
    draw: Draw = None,
    *,
    engine_options: EngineOptions,
) -> None:
    """Print the text of one document.

    Pages that cannot be read are named on stderr. Exit code 0 if at least one page was read, 1 if none was.
    """
    named = engine.pipeline_name(pipeline, engine_options)
    chosen = choose_pipeline(named, ocr=ocr, lang=lang, layout=layout, force_ocr=force_ocr, keep_headers=keep_headers)
    chosen = engine.with_options(chosen, engine_options)
    engine.check_engines(chosen, engine_options, strict=strict)
    passwords = read_passwords(password, password_file)
    num_read = num_lost = 0
    with (
        _local_file(file) as path,
        _drawing(draw, path, file, passwords) as drawn,
        closing(_Printer(output_format)) as printer,
    ):
        for page in _extracted(chosen, path, pages, passwords):
            if page.error is not None:
                printer.close()
                where = f" page {page.index + 1}" if page.count is not None else ""
                typer.echo(f"omnipipe: {file}{where}: {page.error.code}: {page.error.message}", err=True)
            # A page that fell back has an error, and a text all the same.
            if page.status in ("failed", "skipped"):
                num_lost += 1
            else:
                num_read += 1
            drawn(page)
            printer.add(page)
    if num_read == 0 or (strict and num_lost):
        raise typer.Exit(1)


class _Printer:
    """Pages on stdout, one as soon as it is read; a paragraph that runs on over a page's end is one."""

    def __init__(self, output_format: Format) -> None:
        self._format = output_format
        self._pages = PageJoiner()
        self._is_open = self._has_text = False

    def add(self, page: Page) -> None:
        """Print `page`, all but the end of its last line."""
        if self._format is Format.json:
            typer.echo(json.dumps(_plain(page), ensure_ascii=False))
            return
        text = self._pages.add(_form(page, self._format), page.index)
        if text:
            typer.echo(f"\n{text}" if self._has_text and not self._is_open else text, nl=False)
            self._is_open = self._has_text = True

    def close(self) -> None:
        """End the last line, so that something else can be said; more pages may follow."""
        if self._is_open:
            typer.echo(self._pages.end())
            self._is_open = False


@contextmanager
def _drawing(
    folder: Path | None, path: str, name: str, passwords: tuple[str, ...]
) -> Iterator[Callable[[Page], object]]:
    """What to do with each page for `--draw`: nothing where it was not asked for."""
    if folder is None:
        yield lambda page: None
        return
    from omnipipe.cli.draw import PageDrawer

    with PageDrawer(folder, path, "stdin" if name == "-" else name, passwords) as drawer:
        yield drawer.draw


def _extracted(pipeline: Pipeline, path: str, pages: str | None, passwords: tuple[str, ...]) -> Iterator[Page]:
    from omnipipe.chain import Chain
    from omnipipe.progress import counted
    from omnipipe.sources.fetch import Fetcher
    from omnipipe.sources.index import index_source
    from omnipipe.sources.pages import PageSelection, split
    from omnipipe.unit import Member, Unit
    from omnipipe.worker import WorkerOptions

    selection = PageSelection.parse(pages) if pages is not None else None
    source = _source(path)
    with Chain(pipeline, WorkerOptions(passwords=passwords)) as worker:
        fetcher = Fetcher()
        try:
            record = index_source(source, worker.reader, fetcher)
        finally:
            fetcher.close()
        if record.problem is not None or record.page_count is None:
            members = [Member(record.ref(), 0, 1, "problem", record.problem)]
        else:
            spans, _ = split(record.page_count, selection, None)
            if not spans:
                raise InputError(
                    f"--pages {pages!r}: {path} has {counted(record.page_count, 'page')}. Name some of those."
                )
            members = [Member(record.ref(), start, stop) for start, stop in spans]
        waiting = worker.start_pages(Unit(id="extract", members=tuple(members)))
        size = min(_MOST_PAGES_AT_ONCE, max(_PAGES_AT_ONCE, *(config.num_running for config in pipeline.engines), 0))
        for first in range(0, len(waiting), size):
            yield from worker.process(waiting[first : first + size])


def _source(path: str) -> Source:
    from omnipipe.sources.expand import expand
    from omnipipe.sources.place import find_local_path, local_uri
    from omnipipe.sources.source import Source
    from omnipipe.sources.walk import find_stat

    local = find_local_path(path)
    status = find_stat(local) if local is not None else None
    if local is not None and status is not None and stat.S_ISREG(status.st_mode):
        # Not through expand: that would take a document called x.txt for a manifest.
        return Source(local_uri(local), status.st_size, str(status.st_mtime_ns))
    found = expand([path])
    source = next(found)
    if next(found, None) is not None:
        raise InputError(f"{path} names several documents. Use: omnipipe run '{path}' -o OUT")
    return source


def _form(page: Page, output_format: Format) -> str:
    if output_format is Format.text and page.blocks:
        from omnipipe.text.plain import plain_page

        return plain_page(((block.type, block.text, block.source) for block in page.blocks), page.text)
    return page.text or ""


def _plain(page: Page) -> dict[str, object]:
    return {
        "page_number": page.index + 1,
        "page_count": page.count,
        "status": page.status,
        "route": page.route,
        "route_reason": page.route_reason,
        "text": page.text,
        "quality": page.quality,
        "flags": list(page.flags),
        "error_code": page.error.code if page.error else None,
        "error_message": page.error.message if page.error else None,
    }


@contextmanager
def _local_file(file: str) -> Iterator[str]:
    if file != "-":
        if Path(file).is_dir():
            raise InputError(f"{file} is a folder. Use: omnipipe run {file} -o OUT")
        yield file
        return
    if sys.stdin.isatty():
        raise InputError("extract - reads a document from stdin, and stdin is a terminal. Use: omnipipe extract FILE")
    with tempfile.TemporaryDirectory(prefix="omnipipe-") as folder:
        path = Path(folder) / "stdin"
        path.write_bytes(sys.stdin.buffer.read())
        yield str(path)
