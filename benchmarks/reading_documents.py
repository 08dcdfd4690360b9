"""What the benchmark of reading reads: documents, and single pages where the text is known page by page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple


class Job(NamedTuple):
    """A document with the file that its markdown goes to."""

    path: Path
    target: Path
    num_pages: int = 1


def graded_jobs(corpus: Path, output: Path) -> list[Job]:
    """The documents that the graded tests name."""
    names = dict.fromkeys(str(test["pdf"]) for test in _rows(corpus / "graded" / "tests.jsonl"))
    return [Job(corpus / "graded" / name, output / f"{name.removesuffix('.pdf')}_pg1.md") for name in names]


def truth_jobs(corpus: Path, output: Path, scratch: Path) -> list[Job]:
    """The documents of which the text is known; single pages are cut out, into `scratch`, where only theirs is."""
    jobs: list[Job] = []
    for row in _rows(corpus / "truth.jsonl"):
        path, page = str(row["path"]), row["page"]
        if page is None:
            jobs.append(Job(corpus / path, output / f"{path}.md"))
        else:
            assert isinstance(page, int)
            jobs.append(Job(_single(corpus / path, page - 1, scratch), output / f"{path}_pg{page}.md"))
    return jobs


def speed_jobs(corpus: Path, output: Path, num_pages: int) -> list[Job]:
    """Documents of 3 to 20 pages with a text layer to be trusted, in a mixed order: at least `num_pages` pages.

    Shorter ones would measure how a document is opened, longer ones how a single document is set.
    """
    rows = [
        row
        for row in _rows(corpus / "manifest.jsonl")
        if row["kind"] == "born_digital" and row["format"] == "pdf" and row["text_layer"] and row["expected"] == "ok"
        if not row.get("wrong_text_layer") and not row.get("encrypted") and 3 <= _count(row) <= 20
    ]
    jobs: list[Job] = []
    for row in sorted(rows, key=lambda row: str(row["sha256"])):
        if sum(job.num_pages for job in jobs) >= num_pages:
            break
        jobs.append(Job(corpus / str(row["path"]), output / f"{len(jobs):03}.md", _count(row)))
    return jobs


def _rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _count(row: dict[str, object]) -> int:
    count = row["pages"]
    assert isinstance(count, int)
    return count


def _single(path: Path, index: int, scratch: Path) -> Path:
    """A file of page `index` (0-based) alone; the file itself if it has no other."""
    return _pdf_page(path, index, scratch) if path.suffix == ".pdf" else _frame(path, index, scratch)


def _pdf_page(path: Path, index: int, scratch: Path) -> Path:
    import pypdfium2

    with pypdfium2.PdfDocument(path) as document:
        if len(document) == 1:
            return path
        target = scratch / f"{path.stem}-{index}.pdf"
        if not target.exists():
            scratch.mkdir(parents=True, exist_ok=True)
            single = pypdfium2.PdfDocument.new()
            single.import_pages(document, [index])
            single.save(target)
            single.close()
    return target


def _frame(path: Path, index: int, scratch: Path) -> Path:
    from PIL import Image

    with Image.open(path) as image:
        if getattr(image, "n_frames", 1) == 1:
            return path
        target = scratch / f"{path.stem}-{index}.png"
        if not target.exists():
            scratch.mkdir(parents=True, exist_ok=True)
            image.seek(index)
            image.save(target, dpi=image.info.get("dpi", (150, 150)))
    return target
