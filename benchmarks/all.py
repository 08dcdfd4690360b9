"""Every benchmark in its small size, one after another: python -m benchmarks.all"""

from __future__ import annotations

import subprocess
import sys

_NAMES = (
    *("cold_start", "text_route", "ocr_route", "layout_auto", "resume", "scale", "kill", "peers"),
    *("serve_throughput", "serve_first_page", "serve_latency", "serve_overload", "serve_kill"),
)


def main() -> None:
    failed = []
    for name in _NAMES:
        print(f"== {name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode:
            failed.append(name)
    if failed:
        raise SystemExit(f"these ended with an error: {', '.join(failed)}")


if __name__ == "__main__":
    main()
