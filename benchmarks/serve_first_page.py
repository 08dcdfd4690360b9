"""From upload to the first page of a 100-page text document: python -m benchmarks.serve_first_page --uploads 50

One upload after another to a warm server, pages as NDJSON. The clock runs from before the request to the first whole
line. Each upload has other bytes, so that none is answered from an earlier job.
"""

from __future__ import annotations

import argparse
import http.client
import json
import tempfile
import time
from pathlib import Path

from benchmarks import record
from benchmarks.clients import FORM_TYPE, another, form
from benchmarks.generator import document_bytes
from benchmarks.served import add_server_options, served

_WARM_UPLOADS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uploads", type=int, default=20)
    parser.add_argument("--pages", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    add_server_options(parser, pipeline="text_layer")
    args = parser.parse_args()
    content = document_bytes(args.seed, 0, args.pages)
    firsts, wholes = [], []
    with (
        tempfile.TemporaryDirectory(prefix="omnipipe-bench-") as scratch,
        served(Path(scratch) / "server", args, args.pipeline) as server,
    ):
        for number in range(_WARM_UPLOADS + args.uploads):
            first, whole = _upload(server.port, form("long.pdf", another(content, number)), args.pages)
            if number >= _WARM_UPLOADS:
                firsts.append(first * 1_000)
                wholes.append(whole * 1_000)
    p50, p95 = record.percentile(firsts, 0.5), record.percentile(firsts, 0.95)
    print(f"first page: p50 {p50:.0f} ms, p95 {p95:.0f} ms; all pages: p50 {record.percentile(wholes, 0.5):.0f} ms")
    record.save(
        "serve_first_page",
        {
            "runner": args.runner,
            "uploads": args.uploads,
            "pages": args.pages,
            "document_kib": round(len(content) / 1_024),
            "first_page_ms": {"p50": round(p50, 1), "p95": round(p95, 1), **record.spread(firsts, 1)},
            "all_pages_ms": {"p95": round(record.percentile(wholes, 0.95), 1), **record.spread(wholes, 1)},
        },
    )


def _upload(port: int, body: bytes, pages: int) -> tuple[float, float]:
    """Seconds to the first page and to the end of the stream."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    started = time.perf_counter()
    connection.request("POST", "/v1/documents", body, {**FORM_TYPE, "Accept": "application/x-ndjson"})
    answer = connection.getresponse()
    line = answer.readline()
    first = time.perf_counter() - started
    lines = [line, *answer]
    whole = time.perf_counter() - started
    connection.close()
    last = json.loads(lines[-1])
    if answer.status != 200 or json.loads(line).get("page_index") != 0 or not last.get("done"):
        raise SystemExit(f"status {answer.status}, last line {lines[-1][:300]!r}")
    if len(lines) != pages + 1:
        raise SystemExit(f"{len(lines) - 1} pages of {pages} came")
    return first, whole


if __name__ == "__main__":
    main()
