"""Runs in a reader's own environment: python reading_worker.py NAME JOBS

JOBS holds a document and an output file a line, parted by a tab. Writes each document's markdown. Prints one JSON
object: version, and failed (names of documents that raised).

With `-` for JOBS: reads the document on each line of standard input, and prints `cpu_seconds` and what it took, this
process and its children together, and `failed` where it raised.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from peer_worker import READERS, Reader, version  # type: ignore[import-not-found, unused-ignore]


def omnipipe(*, keep_headers: bool = False, with_ocr: bool = True) -> Reader:
    """The default pipeline in this process, as `omnipipe extract` runs it, for one document after another."""
    from omnipipe.chain import Chain
    from omnipipe.cli.choice import choose_pipeline
    from omnipipe.cli.option import OcrChoice
    from omnipipe.sources.fetch import Fetcher
    from omnipipe.sources.index import index_source
    from omnipipe.sources.place import local_uri
    from omnipipe.sources.source import Source
    from omnipipe.unit import Member, Unit

    ocr = None if with_ocr else OcrChoice.off
    chain = Chain(choose_pipeline("default", ocr=ocr, force_ocr=False, keep_headers=keep_headers))
    fetcher = Fetcher()

    def read(path: str) -> str:
        status = Path(path).stat()
        source = Source(local_uri(path), status.st_size, str(status.st_mtime_ns))
        record = index_source(source, chain.reader, fetcher)
        if record.problem is not None or record.page_count is None:
            raise ValueError(str(record.problem))
        pages = chain.run(Unit(id="reading", members=(Member(record.ref(), 0, record.page_count),)))
        return "\n\n".join(page.text for page in pages if page.text)

    return read


def kreuzberg_tesseract() -> Reader:
    """Its markdown, with Tesseract for pictures and pages without text."""
    library = importlib.import_module("kreuzberg")
    config = library.ExtractionConfig(
        use_cache=False,
        output_format="markdown",
        ocr=library.OcrConfig(backend="tesseract", language="eng"),
        concurrency=library.ConcurrencyConfig(max_threads=1),
    )
    return lambda path: str(library.extract_file_sync(path, config=config).content)


def pymupdf4llm_layout(*, keep_headers: bool = False, with_ocr: bool = True) -> Reader:
    """With its layout package, which must be imported first, and its OCR."""
    importlib.import_module("pymupdf.layout")
    library = importlib.import_module("pymupdf4llm")
    options = {"header": keep_headers, "footer": keep_headers, "use_ocr": with_ocr}
    return lambda path: str(library.to_markdown(path, show_progress=False, **options))


_READERS: dict[str, Callable[[], Reader]] = {
    **READERS,
    "omnipipe": omnipipe,
    "omnipipe-keep-headers": lambda: omnipipe(keep_headers=True),
    "omnipipe-text": lambda: omnipipe(with_ocr=False),
    "kreuzberg-tesseract": kreuzberg_tesseract,
    "kreuzberg-tesseract-text": READERS["kreuzberg"],
    "pymupdf4llm-layout": pymupdf4llm_layout,
    "pymupdf4llm-layout-keep-headers": lambda: pymupdf4llm_layout(keep_headers=True),
    "pymupdf4llm-layout-text": lambda: pymupdf4llm_layout(with_ocr=False),
}


def main() -> None:
    """Read every document of the list, one after the other, or each that is asked for."""
    name, listed = sys.argv[1:3]
    read = _READERS[name]()
    if listed == "-":
        _serve(read)
        return
    jobs = [line.split("\t") for line in Path(listed).read_text(encoding="utf-8").splitlines()]
    failed: list[str] = []
    for path, target in jobs:
        text = _answer(read, path)
        if text is None:
            failed.append(Path(path).name)
        Path(target).write_text(text or "", encoding="utf-8", errors="replace")
    print(json.dumps({"version": version(_package(name)), "failed": failed}))


def _serve(read: Reader) -> None:
    for line in sys.stdin:
        before = _cpu_seconds()
        said = "" if _answer(read, line.rstrip("\n")) is not None else " failed"
        print(f"\ncpu_seconds {_cpu_seconds() - before}{said}", flush=True)


def _package(name: str) -> str:
    return name.partition("-")[0]


def _answer(read: Reader, path: str) -> str | None:
    try:
        return str(read(path))
    except Exception as error:  # noqa: BLE001 - a document that a reader cannot read is told, and is no end of the rest
        print(f"{Path(path).name}: {type(error).__name__}: {str(error)[:200]}", file=sys.stderr)
        return None


def _cpu_seconds() -> float:
    ended = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return ended + _living_children(os.getpid())


def _living_children(parent: int) -> float:
    """CPU seconds of children that still run, from /proc: they count for their parent only when they have ended."""
    spent = 0
    for task in Path(f"/proc/{parent}/task").glob("*/children"):
        for child in task.read_text().split():
            for thread in Path(f"/proc/{child}/task").glob("*/schedstat"):
                with suppress(OSError):
                    spent += int(thread.read_text().split()[0])
    return spent / 1e9


if __name__ == "__main__":
    main()
