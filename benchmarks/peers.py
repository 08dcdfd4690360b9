"""The text route beside what people would pick instead: python -m benchmarks.peers --pages 1000

pdftotext (where it is installed), pypdf, markitdown, pymupdf4llm and kreuzberg, the last four in an environment of
their own that this script makes in a temporary folder. Same documents, same cores, two processes each, warm. omnipipe
runs before and after each peer as the whole product (Ray, deadlines, Parquet, markdown and boxes), from its first unit
to its last commit; the bare pool of its stages shows what the reading alone costs.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path

from benchmarks import record
from benchmarks.bare_pool import stage_rate
from benchmarks.documents import add_document_options, documents
from benchmarks.runs import FinishedRun, environment, run_command

_WORKER = Path(__file__).parent / "peer_worker.py"
# pymupdf4llm 2.0 is an empty distribution on some indexes. AGPL: it is measured here and used nowhere.
_PACKAGES = ("pypdf", "markitdown[pdf]", "pymupdf4llm<2", "kreuzberg")
_PEERS = ("pdftotext", "pypdf", "markitdown", "pymupdf4llm", "kreuzberg", "kreuzberg-plain")
_PROCESSES = 2
# A slow peer reads some of the documents only (this many, spread evenly), so that a round ends within minutes.
_FEW = {"markitdown": 60, "pymupdf4llm": 10}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_document_options(parser, pages=1_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--environment", type=Path, help="keep the peers' environment here and use it again")
    parser.add_argument("--peers", nargs="+", default=list(_PEERS), choices=_PEERS)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="omnipipe-peers-") as scratch:
        paths = documents(args, Path(scratch))
        python = make_environment(args.environment or Path(scratch) / "venv", _PACKAGES)
        pages = {path: _page_count(path) for path in paths}
        peers = [peer for peer in args.peers if find_peer(peer, python)]
        figures: dict[str, dict[str, list[float]]] = {peer: {"pages_per_second": [], "ratio": []} for peer in peers}
        versions: dict[str, str] = {}
        pools: list[float] = []
        for _ in range(args.rounds):
            before = _ours(paths, Path(scratch))
            for peer in peers:
                chosen = paths[:: max(1, len(paths) // _FEW.get(peer, len(paths)))]
                rate, versions[peer] = _peer_rate(python, peer, chosen, sum(pages[path] for path in chosen))
                after = _ours(paths, Path(scratch))
                figures[peer]["pages_per_second"].append(rate)
                figures[peer]["ratio"].append((before.span_rate + after.span_rate) / 2 / rate)
                before = after
            pools.append(stage_rate(paths, processes=_PROCESSES).pages_per_second)
    _report(figures, pools, versions, sum(pages.values()), args)


def _report(
    figures: dict[str, dict[str, list[float]]],
    pools: list[float],
    versions: dict[str, str],
    pages: int,
    args: argparse.Namespace,
) -> None:
    for peer, found in figures.items():
        print(record.line(f"omnipipe against {peer} {versions[peer]}", found["ratio"], 2))
        print(record.line(f"  {peer}, pages/s", found["pages_per_second"], 0))
    print(record.line("omnipipe's stages in a bare pool, pages/s", pools, 0))
    record.save(
        "peers",
        {
            "pages": pages,
            "kind": args.documents.name if args.documents else "generator",
            "processes": _PROCESSES,
            "ratios": {peer: record.spread(found["ratio"]) for peer, found in figures.items()},
            "pages_per_second": {
                **{peer: record.spread(found["pages_per_second"], 1) for peer, found in figures.items()},
                "bare pool, same stages": record.spread(pools, 1),
            },
            "bare_pool_ratios": {
                peer: round(statistics.median(pools) / statistics.median(found["pages_per_second"]), 2)
                for peer, found in figures.items()
            },
        },
        versions=versions,
    )


def _ours(paths: list[Path], scratch: Path) -> FinishedRun:
    output = scratch / "out"
    shutil.rmtree(output, ignore_errors=True)
    return run_command(paths[0].parent.parent, output, "-p", "text_layer")


def make_environment(folder: Path, packages: Sequence[str]) -> Path:
    """The Python of an environment in `folder` with `packages`; one that is there already stays as it is."""
    python = folder / "bin" / "python"
    if python.exists():
        return python
    venv.create(folder, with_pip=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    if subprocess.run(install, capture_output=True, check=False).returncode:
        # One package that cannot be had must not keep the others from being measured.
        for package in packages:
            subprocess.run([*install[: -len(packages)], package], capture_output=True, check=False)
    return python


def find_peer(peer: str, python: Path) -> bool:
    """Whether `peer` is installed; says so on stderr where it is not."""
    if peer == "pdftotext":
        found = shutil.which("pdftotext") is not None
    else:
        module = peer.removesuffix("-plain")
        found = not subprocess.run([str(python), "-c", f"import {module}"], capture_output=True, check=False).returncode
    if not found:
        print(f"{peer} is not here and is left out", file=sys.stderr)
    return found


def _peer_rate(python: Path, peer: str, paths: list[Path], pages: int) -> tuple[float, str]:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as listed:
        listed.write("\n".join(map(str, paths)))
        listed.flush()
        command = [str(python), str(_WORKER), peer, str(_PROCESSES), listed.name]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    if done.returncode:
        raise SystemExit(f"{peer} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    report = json.loads(done.stdout.splitlines()[-1])
    if report["failed"]:
        print(f"{peer} could not read {report['failed']} of {report['documents']} documents", file=sys.stderr)
    return pages / float(report["seconds"]), str(report["version"])


def _page_count(path: Path) -> int:
    import pypdfium2

    document = pypdfium2.PdfDocument(path)
    count = len(document)
    document.close()
    return count


if __name__ == "__main__":
    main()
