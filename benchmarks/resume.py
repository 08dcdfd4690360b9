"""The second run of a finished run: python -m benchmarks.resume --pages 10000

Runs once, then again `--times` times in a process that tells at its end what it read and whether Ray was loaded.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import record
from benchmarks.documents import add_document_options, documents
from benchmarks.runs import environment, run_command

# The same entry point as the console script; the last line of stderr is the report. Bytes: all that was asked of the
# operating system by this process (modules included). Opened: documents that Python code opened; children: processes
# that were started and waited for, such as readers.
_REPORTING = """
import atexit, json, resource, sys
folder, opened = sys.argv.pop(1), []
def hook(event, args):
    if event == "open" and str(args[0]).startswith(folder):
        opened.append(str(args[0]))
sys.addaudithook(hook)
def report():
    try:
        read = int(open("/proc/self/io").readline().split()[1])
    except OSError:
        read = None
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps({"bytes_read": read, "ray_loaded": "ray" in sys.modules, "documents_opened": len(opened),
                      "children_cpu_seconds": children.ru_utime + children.ru_stime}), file=sys.stderr)
atexit.register(report)
from omnipipe.cli.main import main
main()
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_document_options(parser, pages=1_000)
    parser.add_argument("--times", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="omnipipe-bench-") as scratch:
        paths = documents(args, Path(scratch))
        folder, output = paths[0].parent.parent, Path(scratch) / "out"
        size = sum(path.stat().st_size for path in paths)
        first = run_command(folder, output, "-p", "text_layer")
        walls, reports = [], []
        for _ in range(args.times):
            wall, report = _again(folder, output)
            walls.append(wall)
            reports.append(report)
    print(record.line(f"first run of {first.pages} pages, seconds", [first.seconds], 1))
    print(record.line("second run, seconds", walls))
    print(record.line("second run against the first", [wall / first.seconds for wall in walls]))
    print(f"reported by the second run: {reports[-1]}; the documents have {size} bytes")
    record.save(
        "resume",
        {
            "pages": first.pages,
            "documents": len(paths),
            "documents_bytes": size,
            "first_run_seconds": round(first.seconds, 2),
            "second_run_seconds": record.spread(walls),
            "ratio_to_first_run": record.spread([wall / first.seconds for wall in walls], 4),
            "second_run": reports[-1],
        },
    )


def _again(folder: Path, output: Path) -> tuple[float, dict[str, object]]:
    command = [sys.executable, "-c", _REPORTING, str(folder), "run", str(folder), "-o", str(output), "-p", "text_layer"]
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)
    wall = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(f"the second run ended with {done.returncode}:\n{done.stderr[-3000:]}")
    report: dict[str, object] = json.loads(done.stderr.strip().splitlines()[-1])
    return wall, report


if __name__ == "__main__":
    main()
