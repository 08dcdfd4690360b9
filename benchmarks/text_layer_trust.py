"""How many wrong text layers are noticed, and how many good ones are called wrong.

    python -m benchmarks.text_layer_trust [--bad 200] [--good 1000] [--seed 1] [--keep FOLDER] [--corpus FOLDER]

Makes PDFs of many kinds, each with a text layer known to be good or bad, and judges them. `--keep` writes the files,
`--corpus` judges the documents of a manifest (`wrong_text_layer`) as well.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pypdfium2

from benchmarks.text_layer_bad import BAD
from benchmarks.text_layer_good import GOOD
from omnipipe.text.options import TextOptions
from omnipipe.text.triage import Verdict, triage_page


def verdict_of(data: bytes, index: int = 0) -> Verdict:
    """The verdict on one page of a document."""
    document = pypdfium2.PdfDocument(data)
    try:
        return triage_page(document[index], TextOptions())[2]
    finally:
        document.close()


def made(kinds: Sequence[Callable[[random.Random], bytes]], count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """`count` documents, the kinds in turn."""
    for i in range(count):
        kind = kinds[i % len(kinds)]
        yield kind.__name__, kind(random.Random(f"{kind.__name__} {seed} {i}"))


def judge_all(
    args: argparse.Namespace, name: str, documents: Iterable[tuple[str, bytes]]
) -> tuple[int, int, Counter[str], Counter[str]]:
    """How many were judged and sent to OCR, and per kind: how many in all, how many were judged wrongly."""
    total, sent, kinds, errors = 0, 0, Counter[str](), Counter[str]()
    for kind, data in documents:
        verdict = verdict_of(data)
        total += 1
        sent += verdict.needs_ocr
        kinds[kind] += 1
        wrong = verdict.needs_ocr != (name == "bad") or verdict.is_blank
        errors[kind] += wrong
        if args.keep:
            (args.keep / f"{kind}-{total:04d}{'-MISJUDGED' if wrong else ''}.pdf").write_bytes(data)
            if wrong:
                print(f"  {kind}-{total:04d}: {verdict}")
    return total, sent, kinds, errors


def judge_corpus(folder: Path) -> None:
    """The corpus' documents: those whose manifest says `wrong_text_layer`, and the others with a text layer."""
    found = {True: [0, 0], False: [0, 0]}
    for line in (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["format"] != "pdf" or not row["text_layer"] or row["kind"] not in ("born_digital", "scanned", "graded"):
            continue
        document = pypdfium2.PdfDocument(folder / row["path"])
        verdicts = [triage_page(document[i], TextOptions())[2] for i in range(len(document))]
        document.close()
        wrong = row["wrong_text_layer"]
        noticed = sum(v.needs_ocr for v in verdicts) * 2 > len(verdicts)
        if wrong or not row["scanned"]:
            found[wrong][0] += 1
            found[wrong][1] += noticed
            if noticed != wrong:
                print(f"  {row['path']}: {Counter(v.reasons[0] for v in verdicts if v.needs_ocr != wrong)}")
    print(
        f"corpus: {found[True][1]} of {found[True][0]} wrong documents noticed, {found[False][1]} of {found[False][0]} good ones called wrong (by most of their pages)"
    )


def main() -> None:
    """Make, judge, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bad", type=int, default=200)
    parser.add_argument("--good", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--corpus", type=Path)
    args = parser.parse_args()
    if args.keep:
        args.keep.mkdir(parents=True, exist_ok=True)
    start = time.process_time()
    for name, kinds, count in (("bad", BAD, args.bad), ("good", GOOD, args.good)):
        total, sent, per_kind, errors = judge_all(args, name, made(kinds, count, args.seed))
        print(f"{name}: {sent} of {total} called wrong ({100 * sent / max(1, total):.1f} %)")
        for kind, number in per_kind.items():
            print(f"  {kind:16} {number:4}  misjudged {errors[kind]}")
    print(f"{time.process_time() - start:.1f} s of CPU, making the documents included")
    if args.corpus:
        judge_corpus(args.corpus)


if __name__ == "__main__":
    main()
