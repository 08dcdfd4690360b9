"""How well and how fast pages are read, ours and what people would pick instead: python -m benchmarks.reading

The graded tests and the true texts of the document corpus (`--corpus`) through omnipipe, pdftotext, pypdf, markitdown,
kreuzberg and pymupdf4llm with its layout package, the last four in an environment of their own. Every document is a
file of its own, and so is every page of which the text is known: one process a reader, one document after another.
Speed is in pages a second of CPU time, warm, on documents with a text layer, which go through all readers in turn,
several times: the median pass, and the median of the ratios within a pass.

Writes results/reading.json, docs/reading.md and docs/reading.svg.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks import record
from benchmarks.peers import find_peer, make_environment
from benchmarks.reading_documents import Job, graded_jobs, speed_jobs, truth_jobs
from benchmarks.reading_plot import write_plot
from benchmarks.reading_speed import Speed, measure_speed
from benchmarks.runs import environment
from omnipipe.evaluation.evaluate import Evaluation, evaluate
from omnipipe.evaluation.jsonl import load_cases, load_truths
from omnipipe.evaluation.summary import interval, percent, scores_by_type

_WORKER = Path(__file__).parent / "reading_worker.py"
_DOCS = Path(__file__).resolve().parent.parent / "docs"
# AGPL and other licences: they are measured here and used nowhere.
_PACKAGES = ("pypdf", "markitdown[pdf]", "pymupdf4llm<2", "pymupdf-layout", "kreuzberg")
_READERS = ("omnipipe", "pdftotext", "pypdf", "markitdown", "kreuzberg-tesseract", "pymupdf4llm-layout")
_HAVE_OCR = frozenset({"omnipipe", "kreuzberg-tesseract", "pymupdf4llm-layout"})
_LEAVE_HEADS_OUT = frozenset({"omnipipe", "pymupdf4llm-layout"})
_KINDS = ("absent", "present", "order", "table", "baseline")
_PLACES = ("born_digital", "images", "scanned")


@dataclass(frozen=True, slots=True)
class Figures:
    """One reader's: tests passed by type, errors (0 is none) by folder of truth, pages per second of CPU time."""

    name: str
    version: str
    num_passed: int
    num_tests: int
    interval_95: str
    passed: dict[str, str]
    cer: dict[str, float | None]
    word_f1: dict[str, float | None]
    pages_per_cpu_second: float | None
    failed: list[str]
    omnipipe_ratio: dict[str, float] | None = None
    """How many times as fast omnipipe is, by pass: median and spread."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=Path("../shared/corpus"))
    parser.add_argument("--environment", type=Path, help="keep the peers' environment here and use it again")
    parser.add_argument("--readers", nargs="+", default=list(_READERS), choices=_READERS)
    parser.add_argument("--speed-pages", type=int, default=100, help="at least so many pages for the speed")
    parser.add_argument("--passes", type=int, default=5, help="how often the documents of the speed are read")
    parser.add_argument("--minutes", type=float, default=15, help="a reader may take so long for a set of documents")
    parser.add_argument("--scores-from", type=Path, help="take scores from an earlier result, measure the speed only")
    parser.add_argument("--no-docs", action="store_true", help="write the result only")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="omnipipe-reading-") as scratch:
        peers = make_environment(args.environment or Path(scratch) / "venv", _PACKAGES)
        names = list(_present(args.readers, peers))
        speeds = _speeds(names, peers, args)
        found = [_with_speed(_measure(name, peers, args, Path(scratch)), speeds) for name in names]
    versions = {figures.name: figures.version for figures in found if figures.name != "omnipipe"}
    path = record.save("reading", {"readers": [asdict(figures) for figures in found]}, versions=versions)
    table = "\n".join(_table(found))
    print(table)
    if not args.no_docs:
        known = json.loads(path.read_text(encoding="utf-8"))
        (_DOCS / "reading.md").write_text(_page(table, known), encoding="utf-8")
        write_plot(
            _DOCS / "reading.svg", [(f.name, f.pages_per_cpu_second, f.num_passed) for f in found], found[0].num_tests
        )


def _present(names: Sequence[str], python: Path) -> Iterator[str]:
    for name in names:
        if name == "omnipipe" or find_peer(name.partition("-")[0], python):
            yield name


def _measure(name: str, peers: Path, args: argparse.Namespace, scratch: Path) -> Figures:
    python = sys.executable if name == "omnipipe" else str(peers)
    if args.scores_from is not None:
        return _earlier(args.scores_from, name)
    folder = scratch / name
    graded, truth = folder / "graded", folder / "truth"
    # The true texts have their running heads: readers that know such a switch keep them there, and drop them in tests.
    with_heads = f"{name}-keep-headers" if name in _LEAVE_HEADS_OUT else name
    to_read = (
        (name, graded_jobs(args.corpus, graded)),
        (with_heads, truth_jobs(args.corpus, truth, scratch / "pages")),
    )
    reports = [_read(reader, python, jobs, scratch, args.minutes) for reader, jobs in to_read]
    cases = [entry for entry in load_cases([args.corpus / "graded" / "tests.jsonl"]) if entry.case.type != "math"]
    judged = evaluate(graded, cases)
    rated = evaluate(truth, (), load_truths(args.corpus / "truth.jsonl"))
    failed = sorted({name for report in reports for name in _names(report.get("failed"))})
    print(f"{name}: {judged.score().num_passed} tests passed", file=sys.stderr, flush=True)
    return _figures(name, str(reports[0].get("version", "")), judged, rated, failed)


def _speed_reader(name: str) -> str:
    return f"{name}-text" if name in _HAVE_OCR else name


def _speeds(names: Sequence[str], peers: Path, args: argparse.Namespace) -> dict[str, Speed]:
    pythons = {_speed_reader(name): sys.executable if name == "omnipipe" else str(peers) for name in names}
    jobs = speed_jobs(args.corpus, Path(), args.speed_pages)
    found = measure_speed(pythons, jobs, passes=args.passes, minutes=args.minutes)
    return {name: found[_speed_reader(name)] for name in names}


def _with_speed(figures: Figures, speeds: Mapping[str, Speed]) -> Figures:
    theirs = speeds[figures.name].rates
    ours = speeds["omnipipe"].rates if "omnipipe" in speeds else []
    ratios = [our / their for our, their in zip(ours, theirs, strict=False)]
    return replace(
        figures,
        pages_per_cpu_second=round(statistics.median(theirs), 2) if theirs else None,
        omnipipe_ratio=record.spread(ratios, 2) if ratios else None,
        failed=sorted({*figures.failed, *speeds[figures.name].failed}),
    )


def _earlier(path: Path, name: str) -> Figures:
    readers = json.loads(path.read_text(encoding="utf-8"))["figures"]["readers"]
    return Figures(**next(reader for reader in readers if reader["name"] == name))


def _names(value: object) -> list[str]:
    return [str(name) for name in value] if isinstance(value, list) else []


def _figures(name: str, version: str, judged: Evaluation, rated: Evaluation, failed: list[str]) -> Figures:
    score = judged.score()
    scores = {entry.name: entry for entry in scores_by_type(judged)}
    errors = {entry.name: entry for entry in rated.error_scores()}
    return Figures(
        name=name,
        version=version,
        num_passed=score.num_passed,
        num_tests=score.num_passed + score.num_failed,
        interval_95=interval(score.share, 0),
        passed={kind: f"{entry.num_passed}/{entry.num_passed + entry.num_failed}" for kind, entry in scores.items()},
        cer={place: errors[place].cer.value for place in errors},
        word_f1={place: errors[place].word_f1.value for place in errors},
        pages_per_cpu_second=None,
        failed=failed,
    )


def _read(name: str, python: str, jobs: Sequence[Job], scratch: Path, minutes: float) -> dict[str, object]:
    """What the worker reports; nothing where it ended before the last document. Those that it left are empty."""
    for job in jobs:
        job.target.parent.mkdir(parents=True, exist_ok=True)
        job.target.touch()
    listed = scratch / f"{name}.jobs"
    listed.write_text("\n".join(f"{job.path.absolute()}\t{job.target}" for job in jobs), encoding="utf-8")
    command = [python, str(_WORKER), name, str(listed)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment(), timeout=60 * minutes
        )
    except subprocess.TimeoutExpired:
        print(f"{name} was not done with {len(jobs)} documents after {minutes:g} minutes", file=sys.stderr)
        return {}
    if done.returncode:
        print(f"{name} ended with {done.returncode}:\n{done.stderr[-2000:]}", file=sys.stderr)
        return {}
    report: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return report


def _table(found: Sequence[Figures]) -> Iterator[str]:
    num_tests = found[0].num_tests if found else 0
    kinds = " | ".join(_KINDS)
    yield (
        f"| reader | tests passed of {num_tests} (95 %) | {kinds} | CER born digital | images | scans "
        "| word F1 born digital | pages per CPU second | omnipipe is so many times as fast |"
    )
    yield "|---|---|" + "---|" * (len(_KINDS) + len(_PLACES) + 3)
    for entry in found:
        passed = " | ".join(entry.passed.get(kind, "-") for kind in _KINDS)
        errors = " | ".join(percent(entry.cer.get(place), 1) for place in _PLACES)
        rate = "-" if entry.pages_per_cpu_second is None else f"{entry.pages_per_cpu_second:g}"
        known = entry.omnipipe_ratio
        ratio = f"{known['median']:g} ({known['min']:g} to {known['max']:g})" if known else "-"
        yield (
            f"| {entry.name} {entry.version} | **{entry.num_passed}** ({entry.interval_95} %) | {passed} | {errors} "
            f"| {percent(entry.word_f1.get('born_digital'))} | {rate} | {ratio} |"
        )


def _page(table: str, known: dict[str, object]) -> str:
    machine = known["machine"]
    assert isinstance(machine, dict)
    made = f"Made by `{known['command']}` on {str(known['date'])[:10]}, {machine['cores']} cores of {machine['cpu']}."
    return _PAGE.format(made=made, table=table)


_PAGE = """# Reading pages: omnipipe beside other readers

{made}
Versions and details stand in `benchmarks/results/reading.json`; figures mean what [evaluation.md](evaluation.md) says.

{table}

![Tests passed and pages per CPU second of each reader](reading.svg)

- **Tests** are those of the graded sample of olmOCR's bench, formulas left out: what stands in a page and what does
  not (running heads, page numbers), order, tables, a blank page.
- **CER** is all character errors over all characters of the true texts of a kind; 100 % is no text at all. Readers
  without OCR read no scans and images; some true texts of born-digital documents are another tool's, looked over.
  They have the running heads, so omnipipe (`--keep-headers`) and pymupdf4llm keep them here, and not in the tests.
- **Pages per CPU second** are of documents of 3 to 20 pages with a text layer, without OCR, one process, warm, child
  processes included; each document goes through all readers in turn, in several passes: the median pass, and the
  ratios within a pass.
"""


if __name__ == "__main__":
    main()
