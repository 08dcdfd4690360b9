"""How busy a run keeps its engine: python -m benchmarks.engine_busy --answers 1500 --share 0.05

A simulated engine has 64 slots and takes 2 s an answer. Busy share: seconds of work done, over slots and the time from
the first request's start to the last answer. Once with every page for the engine, once with the given share of them
(`hybrid`: the others have a text layer), both through `omnipipe run`'s own machinery on Ray.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks import record
from benchmarks.simulated import SimulatedConfig, read_log
from omnipipe import Pipeline, run
from omnipipe.stages.extract import Extract
from omnipipe.stages.read import Read
from omnipipe.stages.render import Render
from tests.pdfs import pdf_of_contents

SLOTS, SECONDS = 64, 2.0
PAGES_A_DOCUMENT = 200
TEXT = b"BT /F1 11 Tf 72 700 Td (A page with a few words that anybody can read in peace.) Tj ET"
PICTURE = b"0.2 g 72 100 400 600 re f"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", type=int, default=1_500, help="pages for the engine in each run")
    parser.add_argument("--share", type=float, default=0.05, help="share of pages that are for the engine")
    args = parser.parse_args()
    shares = {}
    for name, share in (("all_pages", 1.0), ("some_pages", args.share)):
        with tempfile.TemporaryDirectory(prefix="omnipipe-bench-") as scratch:
            shares[name] = _busy(Path(scratch), args.answers, share)
        print(record.line(f"busy share, {share:.0%} of pages for the engine", [shares[name]]))
    record.save(
        "engine_busy",
        {
            "slots": SLOTS,
            "seconds_an_answer": SECONDS,
            "answers": args.answers,
            "share": args.share,
            "busy_share": {name: round(value, 3) for name, value in shares.items()},
        },
    )


def _busy(scratch: Path, answers: int, share: float) -> float:
    folder, log = scratch / "in", scratch / "log"
    folder.mkdir()
    every = round(1 / share)
    for number, start in enumerate(range(0, answers * every, PAGES_A_DOCUMENT)):
        stop = min(answers * every, start + PAGES_A_DOCUMENT)
        # No two documents may be alike: the same bytes are one document.
        pages = [TEXT.replace(b"few", b"%d" % number) if i % every else PICTURE for i in range(start, stop)]
        (folder / f"d{number:05d}.pdf").write_bytes(pdf_of_contents([*pages[:-1], pages[-1] + b"\n%% %d" % number]))
    engine = SimulatedConfig(seconds=SECONDS, slots=SLOTS, log=str(log))
    stages = (Read(text_layer=share < 1), Render(dpi=20, small_side=0), Extract(engine=engine))
    run(Pipeline("busy", stages), folder, scratch / "out")
    work = read_log(log)
    if len({page for _, _, page in work}) != answers or len(work) != answers:
        raise SystemExit(f"{len(work)} answers for {answers} pages")
    first, last = min(start for start, _, _ in work), max(end for _, end, _ in work)
    return sum(end - start for start, end, _ in work) / (SLOTS * (last - first))


if __name__ == "__main__":
    main()
