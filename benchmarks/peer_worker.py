"""Runs in the peers' own environment: python peer_worker.py NAME PROCESSES LIST, where LIST holds a path a line.

Prints one JSON object: documents, failed (documents that raised), chars, seconds (from all processes being warm to the
last answer), version.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import multiprocessing
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

Reader = Callable[[str], str]

_FAILED = -1


def pdftotext() -> Reader:
    def read(path: str) -> str:
        return subprocess.run(
            ["pdftotext", "-enc", "UTF-8", path, "-"], capture_output=True, text=True, check=True
        ).stdout

    return read


def pypdf() -> Reader:
    library = importlib.import_module("pypdf")
    return lambda path: "\n".join(page.extract_text() for page in library.PdfReader(path).pages)


def markitdown() -> Reader:
    converter = importlib.import_module("markitdown").MarkItDown()
    return lambda path: str(converter.convert(path).text_content)


def pymupdf4llm() -> Reader:
    library = importlib.import_module("pymupdf4llm")
    return lambda path: str(library.to_markdown(path, show_progress=False))


def kreuzberg(output_format: str = "markdown") -> Reader:
    library = importlib.import_module("kreuzberg")
    # One thread a process, no cache of answers: the processes are what fills the cores, as for all others.
    config = library.ExtractionConfig(
        use_cache=False, output_format=output_format, concurrency=library.ConcurrencyConfig(max_threads=1)
    )
    return lambda path: str(library.extract_file_sync(path, config=config).content)


READERS: dict[str, Callable[[], Reader]] = {
    "pdftotext": pdftotext,
    "pypdf": pypdf,
    "markitdown": markitdown,
    "pymupdf4llm": pymupdf4llm,
    "kreuzberg": kreuzberg,
    "kreuzberg-plain": lambda: kreuzberg("plain"),
}
_reader: Reader


def _open(name: str, sample: str) -> None:
    global _reader
    _reader = READERS[name]()
    _reader(sample)


def _read(path: str) -> int:
    try:
        return len(_reader(path))
    except Exception:  # noqa: BLE001 - a document that a peer cannot read costs it nothing but is told
        return _FAILED


def version(name: str) -> str:
    """What the peer calls itself."""
    if name == "pdftotext":
        said = subprocess.run(["pdftotext", "-v"], capture_output=True, text=True, check=False).stderr
        return said.split("\n")[0].removeprefix("pdftotext version ").strip()
    return importlib.metadata.version(name.removesuffix("-plain"))


def main() -> None:
    name, processes, listed = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    paths = Path(listed).read_text().split("\n")
    report: dict[str, Any] = {"version": version(name), "documents": len(paths)}
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=spawn, initializer=_open, initargs=(name, paths[0])) as pool:
        # Processes that are still loading take no task: after this all of them are warm.
        list(pool.map(time.sleep, [0.5] * processes * 2))
        started = time.perf_counter()
        lengths = list(pool.map(_read, paths))
        report["seconds"] = time.perf_counter() - started
    report["failed"] = lengths.count(_FAILED)
    report["chars"] = sum(length for length in lengths if length != _FAILED)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
