"""Where a run on Ray takes place; loads nothing of Ray."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from omnipipe.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class RayOptions:
    """Where and how wide a run goes.

    `address` is HOST:PORT of a running cluster, or "local" for one of this machine's own; None takes RAY_ADDRESS, and
    a local cluster where that is not set. `concurrency` is the least and the largest number of workers; None is one
    per CPU. `num_cpus` and `memory_bytes` are what Ray reserves for a worker; `object_store_bytes` is the size of a
    local cluster's object store. A run in which no unit ends for `no_progress_seconds` is stopped: it must be longer
    than the slowest unit. While Ray is up, file descriptor 2 goes to `ray.log` in `log_dir` (`logs` in the run
    directory if None), unless `quiet` is off. `served` is an application of Ray Serve on that cluster whose engines
    are asked, so that the run loads none.
    """

    address: str | None = None
    concurrency: tuple[int, int] | None = None
    num_cpus: float = 1
    memory_bytes: int | None = None
    object_store_bytes: int = 200 << 20
    no_progress_seconds: float = 3600.0
    log_dir: Path | None = None
    quiet: bool = True
    served: str | None = None

    def __post_init__(self) -> None:
        if self.concurrency is not None and not 1 <= self.concurrency[0] <= self.concurrency[1]:
            low, high = self.concurrency
            raise ConfigError(f"concurrency={low},{high} is not a range of workers. Use MIN,MAX with 1 <= MIN <= MAX.")


def find_address(option: str | None, environment: Mapping[str, str]) -> str | None:
    """HOST:PORT of the cluster to join, None for one of this machine's own.

    The option wins over RAY_ADDRESS (which job submission sets), that over a cluster of our own.

    Raises:
        ConfigError: The address is `auto`, a Ray Client address, or not HOST:PORT.
    """
    name = "--address" if option else "RAY_ADDRESS"
    address = option or environment.get("RAY_ADDRESS", "")
    if address in ("", "local"):
        return None
    if address == "auto":
        raise ConfigError(
            f"{name}=auto may join any cluster that runs on this machine. Use HOST:PORT of the one that is meant, "
            "or 'local' for one of its own."
        )
    if "://" in address:
        raise ConfigError(
            f"{name}={address}: this kind of address is not supported. Use HOST:PORT of the cluster's head (its port "
            "is 6379 by default), or `ray job submit`."
        )
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise ConfigError(f"{name}={address!r} is not an address. Use HOST:PORT, such as 10.0.0.5:6379.")
    return address
