"""What OCR engines read and cost on pages with known text: python -m benchmarks.ocr_engines --corpus ../shared/corpus

Character error rate (edits in reading order over characters, white space left out, quotes and dashes made equal, words
broken at a line's end joined), CPU seconds a page and the memory of a process that runs one engine. Pages come through
omnipipe's own reader in the size that each engine asks for.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import re
import resource
import statistics
import sys
import time
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks import record
from omnipipe.page import PageError
from omnipipe.reading.process import ReaderLimits, ReaderProcess
from omnipipe.stages.ocr import EngineName, Ocr

_ENGINES: tuple[EngineName, ...] = ("rapidocr", "tesseract", "fast")
_KINDS = (
    ("turned or skewed", r"rotated|skew"),
    ("poor: noise, 72 dpi", r"poor|72dpi"),
    ("clean scans", r"scanned/made"),
    ("clean images of all formats", r"images/(made|pillow)"),
    ("columns and boxes", r"linn|ccitt|jbig2|8087|edgar"),
    ("other real pages", r""),
)
_SAME = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "−": "-", "\u00ad": "-"})


class Truth(NamedTuple):
    """A page, or all pages of a document where `page` (from 1) is None, and what is printed on it."""

    path: str
    page: int | None
    text: str


class Reading(NamedTuple):
    """What an engine made of a truth: its error rate, CPU seconds, confidence, the turn and who read it."""

    path: str
    page: int | None
    error_rate: float
    cpu_seconds: float
    confidence: float | None
    turn: int
    engine: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True, help="the folder with truth.jsonl")
    parser.add_argument("--engines", nargs="+", default=list(_ENGINES), choices=_ENGINES)
    args = parser.parse_args()
    truths = [
        Truth(row["path"], row["page"], row["text"])
        for row in map(json.loads, (args.corpus / "truth.jsonl").read_text().splitlines())
        if row["path"].startswith(("scanned/", "images/"))
    ]
    readings: dict[str, list[Reading]] = {}
    memory: dict[str, int] = {}
    for engine in args.engines:
        # One process an engine, so that its memory is its own.
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            readings[engine], memory[engine] = pool.apply(_read_all, (engine, args.corpus, truths))
    _report(readings, memory)


def error_rate(truth: str, text: str) -> float:
    """Edits that make `text` out of `truth`, over its characters."""
    wanted, found = _plain(truth), _plain(text)
    return _distance(wanted, found) / max(1, len(wanted))


def _read_all(engine: EngineName, corpus: Path, truths: list[Truth]) -> tuple[list[Reading], int]:
    stage = Ocr(engine=engine)
    reader = ReaderProcess(ReaderLimits())
    extractor = stage.build()
    extractor.load()
    readings = []
    try:
        for truth in truths:
            path = str(corpus / truth.path)
            indices = range(reader.inspect(path).page_count) if truth.page is None else [truth.page - 1]
            pictures = list(reader.render_pages(path, list(indices), stage.picture))
            start = time.process_time()
            results = [extractor.extract(found) for found in pictures if not isinstance(found, PageError)]
            took = (time.process_time() - start) / max(1, len(results))
            rate = error_rate(truth.text, "\n".join(result.content for result in results))
            first = results[0]
            readings.append(
                Reading(truth.path, truth.page, rate, took, first.confidence, first.rotation_applied, first.engine)
            )
    finally:
        extractor.close()
        reader.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return readings, peak // (1024 if sys.platform != "darwin" else 1024 * 1024)


def _report(readings: dict[str, list[Reading]], memory: dict[str, int]) -> None:
    engines = list(readings)
    print(f"{'CER; CPU seconds a page':<34}" + "".join(f"{engine:>20}" for engine in engines))
    kinds: dict[str, dict[str, dict[str, float]]] = {}
    for kind, num, row in _rows(readings):
        kinds[f"{kind} ({num})"] = row
        cells = "".join(f"{row[engine]['cer']:>12.4f}{row[engine]['cpu_seconds']:>8.2f}" for engine in engines)
        print(f"{f'{kind} ({num})':<34}{cells}")
    print(f"{'peak memory of the process, MiB':<34}" + "".join(f"{memory[engine]:>20}" for engine in engines))
    pages = [
        {
            "page": f"{group[0].path}#{group[0].page or 1}",
            **{
                engine: {
                    "cer": round(one.error_rate, 4),
                    "cpu_seconds": round(one.cpu_seconds, 2),
                    "confidence": one.confidence and round(one.confidence, 3),
                    "turn": one.turn,
                    "read_by": one.engine.split()[0],
                }
                for engine, one in zip(engines, group, strict=True)
            },
        }
        for group in zip(*readings.values(), strict=True)
    ]
    record.save("ocr_engines", {"kinds": kinds, "peak_memory_mib": memory, "pages": pages})


def _rows(readings: dict[str, list[Reading]]) -> Iterator[tuple[str, int, dict[str, dict[str, float]]]]:
    groups: dict[str, list[tuple[Reading, ...]]] = defaultdict(list)
    for group in zip(*readings.values(), strict=True):
        groups[next(kind for kind, pattern in _KINDS if re.search(pattern, group[0].path))].append(group)
        groups["all"].append(group)
    for kind in [*(kind for kind, _ in _KINDS if kind in groups), "all"]:
        columns = zip(readings, zip(*groups[kind], strict=True), strict=True)
        yield kind, len(groups[kind]), {engine: _means(column) for engine, column in columns}


def _means(readings: tuple[Reading, ...]) -> dict[str, float]:
    return {
        "cer": round(statistics.mean(one.error_rate for one in readings), 4),
        "worst_cer": round(max(one.error_rate for one in readings), 4),
        "cpu_seconds": round(statistics.mean(one.cpu_seconds for one in readings), 3),
    }


def _plain(text: str) -> str:
    same = unicodedata.normalize("NFKC", text).translate(_SAME)
    return "".join(re.sub(r"(?<=[^\W\d_])-\s+(?=[a-z])", "", same).split())


def _distance(wanted: str, found: str) -> int:
    """Levenshtein distance, with a column of the table as the bits of one integer (Myers 1999)."""
    if not wanted:
        return len(found)
    where: dict[str, int] = defaultdict(int)
    for i, character in enumerate(wanted):
        where[character] |= 1 << i
    mask = (1 << len(wanted)) - 1
    top = 1 << (len(wanted) - 1)
    plus, minus, distance = mask, 0, len(wanted)
    for character in found:
        equal = where.get(character, 0)
        across = equal | minus
        equal = (((equal & plus) + plus) ^ plus) | equal
        up, down = minus | (~(equal | plus) & mask), plus & equal
        distance += bool(up & top) - bool(down & top)
        up, down = ((up << 1) | 1) & mask, (down << 1) & mask
        plus, minus = down | (~(across | up) & mask), up & across
    return distance


if __name__ == "__main__":
    main()
