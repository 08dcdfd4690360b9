"""The documents that a benchmark reads: generated ones, or copies of real ones that differ in their last bytes."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.generator import generate


def add_document_options(parser: argparse.ArgumentParser, *, pages: int) -> None:
    """`--pages`, `--seed`, `--documents` and `--repeat`."""
    parser.add_argument("--pages", type=int, default=pages, help="pages to generate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--documents", type=Path, help="a folder of real PDFs to use instead of generated ones")
    parser.add_argument("--repeat", type=int, default=10, help="copies of each real PDF")


def documents(args: argparse.Namespace, scratch: Path, *, scans: bool = False) -> list[Path]:
    """PDFs two folders below a folder of their own in `scratch`, and nothing else beside them."""
    folder = scratch / "documents"
    if args.documents is None:
        return generate(folder, args.pages, pages_per_document=4 if scans else 10, seed=args.seed, scans=scans)
    return _copies(args.documents, args.repeat, folder)


def _copies(real: Path, times: int, folder: Path) -> list[Path]:
    import pypdfium2

    made = []
    for path in sorted(real.glob("*.pdf")):
        try:
            pypdfium2.PdfDocument(path).close()
        except pypdfium2.PdfiumError:
            continue
        content = path.read_bytes()
        for copy in range(times):
            target = folder / f"{copy:03d}" / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            # The same bytes twice are one document: a comment behind the end makes each copy one of its own.
            target.write_bytes(content + b"\n%% copy %d\n" % copy)
            made.append(target)
    return made
