"""Our own work for a page that an engine reads, without the engine: python -m benchmarks.own_work --pages 2000

CPU milliseconds a page in the worker's process for the request, its key, the spool, the parser and the row in Parquet.
Drawing and encoding the picture are not in it; the engine answers at once with a dense page of text and a table.
"""

from __future__ import annotations

import argparse
import io
import random
import tempfile
import time
from pathlib import Path

from benchmarks import record
from omnipipe.ledger.ledger import Ledger
from omnipipe.page import Page, Pixels
from omnipipe.pipeline import Pipeline
from omnipipe.stages.extract import Extract
from omnipipe.stages.read import Read
from omnipipe.stages.render import Render
from omnipipe.tasks.text_extraction.qwen import QwenTextEchoConfig
from omnipipe.unit import DocumentRef, Member, Unit
from omnipipe.worker import Worker

_UNIT_PAGES = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    picture = _picture()
    extract = Extract(engine=QwenTextEchoConfig(reply=_answer()))
    pipeline = Pipeline("own", (Read(text_layer=False), Render(), extract))
    figures = [_milliseconds(pipeline, extract, picture, args.pages) for _ in range(args.rounds)]
    print(record.line("CPU ms a page outside the engine (wanted under 3)", figures, 2))
    record.save(
        "own_work",
        {
            "pages": args.pages,
            "answer_characters": len(_answer()),
            "picture_bytes": len(picture.data),
            "cpu_ms_a_page": record.spread(figures, 2),
        },
    )


def _milliseconds(pipeline: Pipeline, extract: Extract, picture: Pixels, num_pages: int) -> float:
    with (
        tempfile.TemporaryDirectory(prefix="omnipipe-bench-") as scratch,
        Ledger.open(Path(scratch) / "out", pipeline) as ledger,
        Worker(pipeline) as worker,
    ):
        store = ledger.store
        document = DocumentRef(doc_id="d" * 64, uri="d.pdf", count=num_pages, format="pdf")
        worker.wait()
        started = time.process_time()
        for start in range(0, num_pages, _UNIT_PAGES):
            stop = min(num_pages, start + _UNIT_PAGES)
            unit = Unit(id=f"{start:024d}", members=(Member(document, start, stop),))
            pages = [
                Page(doc_id="d" * 64, uri="d.pdf", index=index, count=num_pages, image=picture)
                for index in range(start, stop)
            ]
            worker.answers = store.spool(unit)
            store.commit(unit, [page.with_(image=None) for page in extract.process(pages)])
        return (time.process_time() - started) * 1000 / num_pages


def _picture() -> Pixels:
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (1248, 1632), "white")
    draw = ImageDraw.Draw(image)
    rng = random.Random(1)
    for top in range(60, 1560, 26):
        draw.text((80, top), " ".join("".join(rng.choices("aeionrstl", k=6)) for _ in range(22)), fill="black")
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return Pixels(file.getvalue(), "jpeg", "RGB", image.width, image.height)


def _answer() -> str:
    rows = "".join(f"<tr><td>{i}</td><td colspan=2>value {i}</td></tr>" for i in range(12))
    words = "A paragraph of the page with some twenty words in it, as they come in reports and papers. " * 3
    return "\n\n".join(["# A title", *[words] * 10, f"<table>{rows}</table>", "$$x^2 + y^2$$", *[words] * 4])


if __name__ == "__main__":
    main()
