"""What HTTP adds to a one-page text request: python -m benchmarks.serve_latency --requests 300

The same one-page documents (each with other bytes) go in turn through `POST /v1/documents?wait=30` on a kept-alive
connection and through the worker that the server uses, called in this process. `added` is the difference of the two
times of a document, so that what slows both for a moment counts for neither.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import tempfile
import time
from pathlib import Path

from benchmarks import record
from benchmarks.clients import FORM_TYPE, another, form
from benchmarks.generator import document_bytes
from benchmarks.served import add_server_options, served
from omnipipe.online.job import Asked, new_job_id
from omnipipe.online.piece import Piece
from omnipipe.online.piece_worker import PieceWorker
from omnipipe.pipeline import load_pipeline
from omnipipe.reading.process import ReaderLimits

_WARM_REQUESTS = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    add_server_options(parser, pipeline="text_layer")
    args = parser.parse_args()
    through_http: list[float] = []
    in_process: list[float] = []
    pipeline = load_pipeline(args.pipeline)
    asked = Asked(pipeline=pipeline.name, config_hash=pipeline.config_hash)
    with (
        tempfile.TemporaryDirectory(prefix="omnipipe-bench-") as scratch,
        served(Path(scratch) / "server", args, args.pipeline) as server,
    ):
        worker = PieceWorker(pipeline, ReaderLimits())
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        for number in range(_WARM_REQUESTS + args.requests):
            content = another(document_bytes(args.seed, number, 1), number)
            online = _through_http(connection, content)
            direct = _in_process(worker, Path(scratch) / "one.pdf", content, asked)
            if number >= _WARM_REQUESTS:
                through_http.append(online * 1_000)
                in_process.append(direct * 1_000)
        connection.close()
        worker.close()
    added = [online - direct for online, direct in zip(through_http, in_process, strict=True)]
    figures = {"added_ms": added, "http_ms": through_http, "in_process_ms": in_process}
    for name, values in figures.items():
        print(f"{name:<14} p50 {record.percentile(values, 0.5):7.1f}   p99 {record.percentile(values, 0.99):7.1f}")
    record.save(
        "serve_latency",
        {
            "runner": args.runner,
            "requests": args.requests,
            **{
                name: {
                    "p50": round(record.percentile(values, 0.5), 2),
                    "p99": round(record.percentile(values, 0.99), 2),
                    **record.spread(values, 2),
                }
                for name, values in figures.items()
            },
        },
    )


def _through_http(connection: http.client.HTTPConnection, content: bytes) -> float:
    body = form("one.pdf", content)
    started = time.perf_counter()
    connection.request("POST", "/v1/documents?wait=30", body, FORM_TYPE)
    answer = connection.getresponse()
    said = answer.read()
    seconds = time.perf_counter() - started
    job = json.loads(said)
    if answer.status != 200 or job["state"] != "done" or [page["status"] for page in job["pages"]] != ["ok"]:
        raise SystemExit(f"status {answer.status}: {said[:300]!r}")
    return seconds


def _in_process(worker: PieceWorker, path: Path, content: bytes, asked: Asked) -> float:
    path.write_bytes(content)
    doc_id = hashlib.sha256(content).hexdigest()
    piece = Piece(job_id=new_job_id(), upload=path, file_name="one.pdf", doc_id=doc_id, asked=asked)
    started = time.perf_counter()
    result = worker.read(piece)
    seconds = time.perf_counter() - started
    if [row.status for row in result.rows] != ["ok"]:
        raise SystemExit(f"the worker's rows are {[row.status for row in result.rows]}")
    return seconds


if __name__ == "__main__":
    main()
