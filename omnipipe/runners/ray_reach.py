"""Whether Ray can join a cluster or have one of its own, and why it cannot."""

from __future__ import annotations

import os
import socket
import sys

from omnipipe.errors import ConfigError

_LOOPBACK = ("localhost", "127.0.0.1", "::1", "[::1]")
_SWITCH = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
_CONNECT_SECONDS = 2.0


def make_reachable(address: str) -> None:
    """Let Ray look for the head at `address` itself, where it listens on loopback only.

    On Linux, Ray puts the address of the network interface in place of a loopback one. Where nothing listens there it
    tries for ever, deaf to SIGTERM. It reads the variable that forbids this when it is imported.

    Raises:
        ConfigError: Ray is imported already.
    """
    host, _, port = address.rpartition(":")
    if not sys.platform.startswith("linux") or host not in _LOOPBACK or _SWITCH in os.environ:
        return
    own = _own_address()
    if own in _LOOPBACK or _listens(own, int(port)) or not _listens(host.strip("[]"), int(port)):
        return
    if "ray" in sys.modules:
        raise ConfigError(
            f"the head at {address} listens on loopback only, and Ray would look for it at {own}:{port}. "
            f"Set {_SWITCH}=0 before Python starts, or start the head without it."
        )
    os.environ[_SWITCH] = "0"


def explain(error: Exception, address: str) -> str:
    """Why Ray did not join the cluster at `address`, and what would let it, in one line."""
    # Ray names the two versions in lines of their own.
    reason = " ".join(str(error).split())[:300] or type(error).__name__
    if "ersion mismatch" in reason:
        remedy = "Install the cluster's versions of Ray and Python here, or these there."
    else:
        remedy = (
            f"This machine has to be a node of the cluster: `ray start --address={address}` makes it one. From "
            "elsewhere: `ray job submit -- omnipipe run ...`."
        )
    return f"no run on the Ray cluster at {address}: {reason.rstrip('.')}. {remedy}"


def path_note(error: Exception) -> str:
    """What to set where a Ray of our own cannot have its sockets and logs where they would be."""
    if not isinstance(error, OSError | UnicodeError):
        return ""
    return " RAY_TMPDIR chooses another folder: a short path in ASCII that can be written to, such as /tmp."


def _own_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route:
        try:
            # Sends nothing: the kernel only picks the interface that would.
            route.connect(("8.8.8.8", 80))
            return str(route.getsockname()[0])
        except OSError:
            pass
    try:
        return socket.gethostbyname(socket.gethostname())
    except OSError:
        return "127.0.0.1"


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), _CONNECT_SECONDS):
            return True
    except OSError:
        return False
