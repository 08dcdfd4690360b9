"""How well pages are read by OCR: python -m benchmarks.ocr_quality --corpus ../shared/corpus

Pages with known text go through the product's own stages (read, render, OCR). Per page and per group: character error
rate (edits over the truth's characters, each run of white space one space), the same without white space, word error
rate, the share of words that are missing or made up wherever they stand, CPU seconds of the OCR stage; and how well
`quality` foretells the error rate. `--turns` reads no text: it counts the pages, born-digital ones as well,
that come out upright when turned by 90, 180 and 270 degrees.

Truths of kind `machine` are another tool's reading and stand in a group of their own; pages whose order was never
checked count by their words only.
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import json
import multiprocessing
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks import record
from benchmarks.ocr_pages import Reading, Task, read_page
from benchmarks.text_errors import char_errors, correlation, rank_correlation, word_bag_errors, word_errors
from omnipipe.stages.ocr import EngineName

_ENGINES: tuple[EngineName, ...] = ("rapidocr", "fast", "tesseract")
_TURNS = (0, 90, 180, 270)
GOALS = {"scans": 0.005, "images": 0.015, "poor": 0.025}


@dataclass(frozen=True, slots=True)
class Truth:
    """A page (0-based `index`) and what is printed on it."""

    path: str
    index: int
    text: str
    kind: str
    is_ordered: bool

    @property
    def group(self) -> str:
        """What it counts for: `scans`, `images`, `poor`, or `machine` and `unordered` for truths of less worth."""
        if self.kind == "machine":
            return "machine"
        if not self.is_ordered:
            return "unordered"
        return "poor" if "poor" in self.path else "images" if self.path.startswith("images/") else "scans"


@dataclass(frozen=True, slots=True)
class Score:
    """A page as one engine read it. Rates are edits over the truth's length; `cer` is None where order is unknown."""

    page: str
    group: str
    cer: float | None
    cer_without_spaces: float | None
    wer: float | None
    words_wrong: float
    quality: float | None
    turn: int
    cpu_seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True, help="the folder with truth.jsonl")
    parser.add_argument("--engines", nargs="+", default=list(_ENGINES), choices=_ENGINES)
    parser.add_argument("--only", default="", help="pages whose path has this in it")
    parser.add_argument("--turns", action="store_true", help="count pages that come out upright; no text is read")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="settings of the OCR stage")
    parser.add_argument("--cache", type=Path, help="keep readings here, by page and by the code that read them")
    parser.add_argument("--texts", type=Path, help="write truth and text of each page here, to be compared by eye")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/ocr_quality.json")
    args = parser.parse_args()
    truths = [truth for truth in _truths(args.corpus) if args.only in truth.path]
    if args.turns:
        truths = [page for truth in truths for page in _pages(args.corpus, truth)]
    else:
        truths = [truth for truth in truths if truth.path.startswith(("scanned/", "images/"))]
    figures: dict[str, object] = {}
    for engine in args.engines:
        settings = dict(part.split("=", 1) for part in args.set)
        tasks = [
            Task(str(args.corpus), truth.path, truth.index + 1, engine, json.dumps(settings), turn, not args.turns)
            for truth in truths
            for turn in (_TURNS if args.turns else (0,))
        ]
        readings = list(_read_all(tasks, args.cache, args.processes))
        if args.turns:
            figures[f"turns, {engine}"] = _upright(readings)
            continue
        pairs = [(truth, found) for truth, found in zip(truths, readings, strict=True) if found.route == "ocr"]
        scores = [_score(truth, found) for truth, found in pairs]
        figures[engine] = _report(engine, scores)
        if args.texts:
            _write_texts(args.texts / engine, pairs)
    if args.save:
        # Readings and turns are asked for apart and stand in one file.
        kept = record.RESULTS / "ocr_quality.json"
        before = json.loads(kept.read_text())["figures"] if kept.exists() else {}
        record.save("ocr_quality", {**before, **figures})


def _truths(corpus: Path) -> Iterator[Truth]:
    for row in map(json.loads, (corpus / "truth.jsonl").read_text().splitlines()):
        index = (row["page"] or 1) - 1
        yield Truth(row["path"], index, row["text"], row["truth_kind"], row["order_checked"])


def _pages(corpus: Path, truth: Truth) -> Iterator[Truth]:
    """Every page that `truth` is of; documents of one page, and pages of others, are one."""
    rows = map(json.loads, (corpus / "manifest.jsonl").read_text().splitlines())
    counts = {row["path"]: row["pages"] for row in rows}
    is_document = truth.path.startswith("born_digital/")
    yield from (replace(truth, index=i) for i in range(counts[truth.path])) if is_document else (truth,)


def _read_all(tasks: Sequence[Task], cache: Path | None, processes: int) -> Iterator[Reading]:
    """The reading of each task, in order; those in `cache` that the same code made are not made again."""
    code = _code_hash()
    keys = [hashlib.sha256(f"{code}{task}".encode()).hexdigest()[:24] for task in tasks]
    kept = _kept(cache, keys)
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        futures = {key: pool.submit(read_page, task) for key, task in zip(keys, tasks, strict=True) if key not in kept}
        for key in keys:
            if key in kept:
                yield kept[key]
                continue
            found = futures[key].result()
            if cache is not None:
                (cache / f"{key}.json").write_text(json.dumps(asdict(found), ensure_ascii=False))
            yield found


def _kept(cache: Path | None, keys: Iterable[str]) -> dict[str, Reading]:
    if cache is None:
        return {}
    cache.mkdir(parents=True, exist_ok=True)
    files = {key: cache / f"{key}.json" for key in keys}
    return {key: Reading(**json.loads(file.read_text())) for key, file in files.items() if file.exists()}


def _code_hash() -> str:
    """Of all that a reading depends on: the OCR stage and the package of the engines."""
    import omnipipe.stages.ocr
    import omnipipe.tasks.ocr_extraction

    folder = Path(inspect.getfile(omnipipe.tasks.ocr_extraction)).parent
    files = [*sorted(folder.glob("*.py")), Path(inspect.getfile(omnipipe.stages.ocr))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _score(truth: Truth, found: Reading) -> Score:
    text = found.text
    cer = char_errors(truth.text, text) if truth.is_ordered else None
    return Score(
        page=f"{truth.path}#{truth.index + 1}",
        group=truth.group,
        cer=cer and round(cer, 5),
        cer_without_spaces=round(char_errors(truth.text, text, spaces=False), 5) if truth.is_ordered else None,
        wer=round(word_errors(truth.text, text), 5) if truth.is_ordered else None,
        words_wrong=round(word_bag_errors(truth.text, text), 5),
        quality=found.quality and round(found.quality, 4),
        turn=found.turn,
        cpu_seconds=round(found.cpu_seconds, 3),
    )


def _report(engine: str, scores: Sequence[Score]) -> dict[str, object]:
    print(f"{engine:<48}{'CER':>8}{'no space':>9}{'WER':>8}{'words':>8}{'quality':>9}{'CPU s':>7}")
    for score in sorted(scores, key=lambda score: (score.group, -(score.cer or 0))):
        print(_line(score))
    groups = {}
    for name, members in _groups(scores).items():
        mean = replace(_mean(members), page=f"{name}, mean of {len(members)}")
        groups[name] = {**asdict(mean), "num": len(members)}
        goal = f"  (wanted: {GOALS[name]})" if name in GOALS else ""
        print(_line(mean) + goal)
    judged = [s for s in scores if s.cer is not None and s.quality is not None and s.group in GOALS]
    errors, qualities = [s.cer or 0.0 for s in judged], [s.quality or 0.0 for s in judged]
    foretold: dict[str, float] = (
        {}
        if not judged
        else {
            "pearson": round(correlation(qualities, errors), 3),
            "spearman": round(rank_correlation(qualities, errors), 3),
            "mean_distance": round(statistics.mean(abs(1 - q - e) for q, e in zip(qualities, errors, strict=True)), 4),
            "pages": len(judged),
        }
    )
    print(f"quality and error rate: {foretold}\n")
    return {"groups": groups, "quality_and_cer": foretold, "pages": [asdict(score) for score in scores]}


def _groups(scores: Sequence[Score]) -> Mapping[str, list[Score]]:
    groups: dict[str, list[Score]] = defaultdict(list)
    for score in sorted(scores, key=lambda score: score.group):
        groups[score.group].append(score)
    return {**groups, "all": list(scores)}


def _mean(scores: Sequence[Score]) -> Score:
    def of(values: Iterable[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return round(statistics.mean(known), 5) if known else None

    return Score(
        page="",
        group=scores[0].group,
        cer=of(score.cer for score in scores),
        cer_without_spaces=of(score.cer_without_spaces for score in scores),
        wer=of(score.wer for score in scores),
        words_wrong=of(score.words_wrong for score in scores) or 0.0,
        quality=of(score.quality for score in scores),
        turn=0,
        cpu_seconds=of(score.cpu_seconds for score in scores) or 0.0,
    )


def _line(score: Score) -> str:
    rates = (score.cer, score.cer_without_spaces, score.wer, score.words_wrong, score.quality)
    cells = "".join(f"{'-' if rate is None else f'{rate:.4f}':>9}" for rate in rates)
    return f"{score.group:<9} {score.page:<44}"[:54].ljust(54) + cells + f"{score.cpu_seconds:>7.2f}"


def _upright(readings: Sequence[Reading]) -> dict[str, object]:
    """Of each page turned on purpose, whether it was turned back to where it stands when it is not turned."""
    wrong = [f"{r.page} turned by {r.turned_by}: turned by {r.turn}" for r in readings if not r.is_upright]
    turned = [r for r in readings if r.turned_by]
    share = sum(r.is_upright for r in turned) / max(1, len(turned))
    seconds = statistics.mean(r.cpu_seconds for r in readings)
    print(f"upright: {share:.4f} of {len(turned)} turned pages, {seconds:.2f} CPU s a page", *wrong, sep="\n")
    kept = [r for r in readings if not r.turned_by]
    return {
        "upright_of_turned": round(share, 4),
        "turned": len(turned),
        "upright_of_unturned": round(sum(r.is_upright for r in kept) / max(1, len(kept)), 4),
        "unturned": len(kept),
        "cpu_seconds": round(seconds, 3),
        "wrong": wrong,
    }


def _write_texts(folder: Path, pairs: Iterable[tuple[Truth, Reading]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for truth, found in pairs:
        name = f"{truth.path.replace('/', '_')}.{truth.index + 1}"
        (folder / f"{name}.truth.txt").write_text(truth.text)
        (folder / f"{name}.ocr.txt").write_text(found.text)


if __name__ == "__main__":
    main()
