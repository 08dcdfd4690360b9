"""What is taken for running matter on real pages, for a person to check, and how much of the true texts it takes.

    python -m benchmarks.running_heads ../shared/corpus [--kinds born_digital graded scanned] [--list]

Reads the documents of a corpus (its manifest.jsonl) as a run does. `--list` prints every string that was taken out,
with the pages it was on. Lost is what a true text (truth.jsonl) holds of what was taken out, but for the running heads
that some true texts have in them as well (`RUNNING`, looked at by eye).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from omnipipe.page import PageError, ProblemError
from omnipipe.reading.facts import ReadOptions
from omnipipe.reading.process import ReaderProcess
from omnipipe.text.compose import PAGE_FURNITURE

RUNNING = re.compile(r"the digital millennium copyright act of 1998|copyright office summary december 1998|page \d+")
"""Heads and feet that are in the true texts of `made-mixed-4pages.pdf`."""


class Taken(NamedTuple):
    """One page: the number of characters of its body, and what was taken out as type and text."""

    page: int
    num_body: int
    found: list[tuple[str, str]]


def documents(corpus: Path, kinds: list[str]) -> Iterator[Path]:
    """The PDFs of the manifest that are of one of `kinds`."""
    for line in (corpus / "manifest.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["kind"] in kinds and row["format"] == "pdf":
            yield corpus / row["path"]


def read(reader: ReaderProcess, path: Path) -> Iterator[Taken]:
    """The pages of one document that have a text layer."""
    try:
        count = reader.inspect(str(path)).page_count
    except ProblemError:
        return
    for index, facts in enumerate(reader.read_pages(str(path), range(count), ReadOptions())):
        if isinstance(facts, PageError) or facts.layer is None:
            continue
        found = [(block[0], block[4]) for block in facts.layer.blocks if block[0] in PAGE_FURNITURE]
        yield Taken(index + 1, len(squeezed(facts.layer.text)), found)


def squeezed(text: str) -> str:
    """`text` without white space and case."""
    return re.sub(r"\s+", "", text).lower()


def truths(corpus: Path) -> dict[tuple[str, int | None], str]:
    """True texts by path and page; None is the whole document."""
    rows = map(json.loads, (corpus / "truth.jsonl").read_text(encoding="utf-8").splitlines())
    return {(row["path"], row["page"]): squeezed(row["text"]) for row in rows}


def lost(taken: list[Taken], path: str, known: dict[tuple[str, int | None], str]) -> tuple[int, list[str]]:
    """Characters of true texts of a document, and what of them was taken out."""
    size, gone = 0, []
    for page in taken:
        truth = known.get((path, page.page), known.get((path, None), ""))
        size += len(truth) if (path, page.page) in known else 0
        found = [text for _, text in page.found if not RUNNING.fullmatch(text.lower())]
        gone += [text for text in found if len(squeezed(text)) > 3 and squeezed(text) in truth]
    return size + len(known.get((path, None), "")), gone


def show(path: str, taken: list[Taken]) -> None:
    """Every string that was taken out of a document, numbers that count the pages as one."""
    pages: dict[tuple[str, str], list[int]] = defaultdict(list)
    for page in taken:
        for kind, text in page.found:
            shown = re.sub(r"\d+", "#", text) if kind == "page_number" else text
            pages[kind, shown].append(page.page)
    print(f"\n{path}: {len(taken)} pages")
    for (kind, text), where in pages.items():
        print(f"  {kind:12} {text[:130]!r}  p. {', '.join(map(str, where[:8]))}{', ...' if len(where) > 8 else ''}")


def main() -> None:
    """Read, list, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--kinds", nargs="+", default=["born_digital", "graded", "scanned"])
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args()
    known = truths(args.corpus)
    totals, true_chars = Counter[str](), 0
    with ReaderProcess() as reader:
        for path in documents(args.corpus, args.kinds):
            name = str(path.relative_to(args.corpus))
            taken = list(read(reader, path))
            size, gone = lost(taken, name, known)
            true_chars += size
            totals["lost"] += sum(len(squeezed(text)) for text in gone)
            totals["pages"] += len(taken)
            totals["touched"] += sum(bool(page.found) for page in taken)
            totals["body"] += sum(page.num_body for page in taken)
            totals["taken"] += sum(len(squeezed(text)) for page in taken for _, text in page.found)
            for text in gone:
                print(f"lost: {name}: {text[:100]!r}", file=sys.stderr)
            if args.list:
                show(name, taken)
    print(
        f"\n{totals['pages']} pages with a text layer, something taken out of {totals['touched']}; "
        f"{totals['taken']} characters taken, {totals['body']} left\n"
        f"lost of {true_chars} true characters: {totals['lost']} ({100 * totals['lost'] / max(1, true_chars):.3f} %)"
    )


if __name__ == "__main__":
    main()
