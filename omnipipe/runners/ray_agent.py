"""Stands for the dashboard's agent of a Ray without a dashboard: says that it serves nothing, and stays.

A raylet waits for the files in which its agent says where it listens, and ends when the agent does. Ray's own imports
Ray, aiohttp and gRPC, 1.3 seconds of CPU, to be asked nothing. Run as a script, with the folder of Ray's session and
the id of the node; it imports nothing of omnipipe.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

_PORTS = ("metrics_agent_port", "metrics_export_port", "dashboard_agent_listen_port")
_NO_SERVICE = "-1"
_PATIENCE_SECONDS = 1.0


def main() -> None:
    """Write the files, and stay as long as the raylet, which is the parent."""
    folder, node_id = Path(sys.argv[1]), sys.argv[2]
    raylet = os.getppid()
    for port in _PORTS:
        unfinished = folder / f"{port}_{node_id}.unfinished"
        unfinished.write_text(_NO_SERVICE)
        unfinished.replace(folder / f"{port}_{node_id}")
    while os.getppid() == raylet:
        time.sleep(_PATIENCE_SECONDS)


if __name__ == "__main__":
    main()
