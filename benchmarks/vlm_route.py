"""`omnipipe run -p vlm` on Ray with vLLM against one offline batch call: python -m benchmarks.vlm_route --pages 1000

The tiny reader on the CPU, ours, theirs, ours. Ours is the whole command on PDFs, from the first request to the last
commit: reading, drawing, asking, parsing, Parquet. Theirs is `LLM.generate` on the same pages, drawn, decoded and
rendered into prompts before its clock starts; same engine arguments, the engine in its own process on both sides.
"""

from __future__ import annotations

import argparse
import itertools
import os
import tempfile
from pathlib import Path

import duckdb

from benchmarks import record
from benchmarks.runs import run_command, unit_files
from benchmarks.simulated import read_log
from benchmarks.vllm_sides import Work, library_versions, measure
from tests.tiny_reader import CHECKPOINT, pdf_of_pages, random_pages

_PAGES_A_DOCUMENT = 50
_ROOT = Path(__file__).resolve().parent.parent
_SETTINGS: dict[str, object] = {
    "model": str(CHECKPOINT),
    "device": "cpu",
    "dtype": "float32",
    "max_num_seqs": 64,
    "kv_cache_memory_bytes": 256 << 20,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=1)
    args = parser.parse_args()
    os.environ["PYTHONPATH"] = f"{_ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    work = Work(settings=_SETTINGS, pages="reader", requests=args.pages, in_flight=128)
    texts = random_pages(args.pages, seed=7)
    ours, theirs = [_ours(texts)], []
    for _ in range(args.rounds):
        theirs.append(measure("theirs", work).pages_per_second)
        ours.append(_ours(texts))
    ratios = [
        (before + after) / 2 / batch for (before, after), batch in zip(itertools.pairwise(ours), theirs, strict=True)
    ]
    print(record.line("first request to last commit, against LLM.generate (wanted 0.90)", ratios))
    print(record.line("omnipipe run, pages/s", ours, 1))
    print(record.line("LLM.generate, pages/s", theirs, 1))
    record.save(
        "vlm_route",
        {
            "pages": args.pages,
            "ratios": {"first_request_to_last_commit_vs_offline_batch_call": record.spread(ratios)},
            "pages_per_second": {"omnipipe run": record.spread(ours, 1), "LLM.generate": record.spread(theirs, 1)},
        },
        versions=library_versions(),
    )


def _ours(texts: list[str]) -> float:
    with tempfile.TemporaryDirectory(prefix="omnipipe-bench-") as scratch:
        folder, output, log = Path(scratch) / "in", Path(scratch) / "out", Path(scratch) / "log"
        folder.mkdir()
        for number, start in enumerate(range(0, len(texts), _PAGES_A_DOCUMENT)):
            (folder / f"d{number:05d}.pdf").write_bytes(pdf_of_pages(texts[start : start + _PAGES_A_DOCUMENT]))
        pipeline = Path(scratch) / "vlm.py"
        pipeline.write_text(_PIPELINE.format(settings={**_SETTINGS, "prompt": "Read.", "max_tokens": 80}, log=str(log)))
        run_command(folder, output, "-p", str(pipeline))
        first = min(start for start, _, _ in read_log(log))
        last = max(path.stat().st_mtime for path in unit_files(output))
        read = (
            duckdb.connect()
            .execute(f"select text from '{output}/pages/*.parquet' order by source_uri, page_index")
            .fetchall()
        )
        wrong = sum(text != truth for (text,), truth in zip(read, texts, strict=True))
        if wrong > len(texts) // 100:
            raise SystemExit(f"{wrong} of {len(texts)} pages were read wrong")
        return len(texts) / (last - first)


_PIPELINE = """
from benchmarks.simulated import LoggedVLLMConfig
from omnipipe import Pipeline
from omnipipe.stages.extract import Extract
from omnipipe.stages.read import Read
from omnipipe.stages.render import Render

engine = LoggedVLLMConfig(log={log!r}, **{settings!r})
# The engine reads in this process, and pictures of this size are cheap to hold: nothing is compressed on the way.
render = Render(dpi=72, small_side=0, format="raw", mode="RGB")
pipeline = Pipeline("vlm", (Read(text_layer=False), render, Extract(engine=engine)))
"""


if __name__ == "__main__":
    main()
