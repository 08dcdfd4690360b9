"""Stands for Ray's agent of runtime environments until somebody asks for one, and becomes it then.

A raylet waits for the file in which this agent says where it listens before a node is there, and ends when it does.
Ray's own imports Ray and aiohttp first: 0.6 seconds of CPU and a second of every start, for a request that hardly any
run makes. This one listens in its place; at the first connection it runs Ray's script, in the same process, which finds
that connection waiting. Run as a script; it imports nothing of omnipipe, and nothing else before it is asked.
"""

from __future__ import annotations

import os
import select
import socket
import sys
from pathlib import Path

_FILE = "runtime_env_agent_port"
_BACKLOG = 128
_PATIENCE_SECONDS = 1.0


def wait(folder: Path, node_id: str, address: str, command: list[str]) -> None:
    """Listen on a free port of `address`, say so in `folder`, and become `command` at the first connection.

    Returns when the raylet, which is the parent, has gone.
    """
    raylet = os.getppid()
    family, kind, protocol, _, place = socket.getaddrinfo(address, 0, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as listening:
        listening.bind(place)
        listening.listen(_BACKLOG)
        unfinished = folder / f"{_FILE}_{node_id}.unfinished"
        unfinished.write_text(str(listening.getsockname()[1]))
        unfinished.replace(folder / f"{_FILE}_{node_id}")
        while not select.select([listening], [], [], _PATIENCE_SECONDS)[0]:
            if os.getppid() != raylet:
                return
        listening.set_inheritable(True)
        python, *rest = command
        options = rest[: next(i for i, part in enumerate(rest) if part.endswith(".py"))]
        own = [__file__, "become", str(listening.fileno())]
        os.execv(python, [python, *options, *own, *rest[len(options) :]])


def become(descriptor: int, script: str, arguments: list[str]) -> None:
    """Run `script` with `arguments`; what it binds to the place of the socket `descriptor` is that socket."""
    import runpy

    listening = socket.socket(fileno=descriptor)
    place = listening.getsockname()
    bind = socket.socket.bind

    def bind_or_take(taker: socket.socket, address: object) -> None:
        if address == place:
            os.dup2(descriptor, taker.fileno(), inheritable=False)
        else:
            bind(taker, address)  # type: ignore[arg-type]

    socket.socket.bind = bind_or_take  # type: ignore[assignment, method-assign]
    listening.set_inheritable(False)
    sys.path[0] = str(Path(script).parent)
    port = f"--runtime-env-agent-port={place[1]}"
    sys.argv = [script, *(port if part.startswith("--runtime-env-agent-port=") else part for part in arguments)]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    if sys.argv[1] == "become":
        become(int(sys.argv[2]), sys.argv[3], sys.argv[4:])
    else:
        wait(Path(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5:])
