"""Ray for the length of a run: found or started, kept off the terminal, and gone afterwards."""

from __future__ import annotations

import logging
import os
import signal
import socket
import struct
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, redirect_stdout
from pathlib import Path
from typing import TextIO, cast

from omnipipe.engines.base import EngineConfig
from omnipipe.errors import ConfigError, RunStopped
from omnipipe.runners.ray_lean import lean_datasets, lean_ray
from omnipipe.runners.ray_options import RayOptions, find_address
from omnipipe.runners.ray_pool import Pool, plan_pools
from omnipipe.runners.ray_reach import explain, make_reachable, path_note
from omnipipe.runners.ray_watch import Terminal, tell_of_waiting, watched
from omnipipe.user_module import modules_by_value

_CONNECT_SECONDS = 5.0

# Settings of a cluster of our own; what the user has set stays.
_LOCAL_SETTINGS = {
    # Unset, Ray makes a token file in the home directory and says so. A cluster of our own listens on loopback only.
    "RAY_AUTH_MODE": "disabled",
    # Without this, Ray 2.60 on Linux replaces 127.0.0.1 by the address of the network interface.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    # Ray runs its workers at niceness 15; here they are all the work there is.
    "RAY_worker_niceness": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    # Metrics and task events that nobody collects: 3 % of a core while a run lasts, on each machine.
    "RAY_enable_metrics_collection": "0",
    "RAY_task_events_report_interval_ms": "0",
    "REPORTER_UPDATE_INTERVAL_MS": "60000",
    # A raylet whose store does not listen yet tries again after a second, ten times; most starts lose that second.
    "RAY_raylet_client_connect_timeout_milliseconds": "20",
    "RAY_raylet_client_num_connect_attempts": "500",
    # Read once by the libraries of a worker process, before any code of ours runs in it.
    "OMP_NUM_THREADS": "1",
}
# Ray, descriptor 2 and the environment are the process's: a second run in it waits for the first.
_ONE_RUN = threading.RLock()
_SETTINGS = {"RAY_DATA_DISABLE_PROGRESS_BARS": "1"}


def ensure_ray() -> None:
    """Join RAY_ADDRESS or start a Ray of this process's own, where it has none yet; it stays until the process ends.

    Raises:
        ConfigError: RAY_ADDRESS cannot be joined.
    """
    address = find_address(None, os.environ)
    for name, value in (_SETTINGS if address else _SETTINGS | _LOCAL_SETTINGS).items():
        os.environ.setdefault(name, value)
    _start(address, RayOptions())


def send_user_modules() -> None:
    """Let the classes of a user's own files travel to workers by value, since no worker machine has those files."""
    import ray

    for module in modules_by_value():
        ray.cloudpickle.register_pickle_by_value(module)  # type: ignore[no-untyped-call]


class RaySession:
    """Ray, joined or started on entry and left or stopped on exit, errors and Ctrl-C included.

    While it is open, what Ray writes to file descriptor 2 goes to `ray.log` in the log folder. A Ray that this process
    has already initialised is used and left alone. One that is started for a batch run (`for_batch`) does without what
    only servers and people ask.
    """

    def __init__(self, options: RayOptions, run_dir: Path, *, for_batch: bool = False) -> None:
        self._options = options
        self._run_dir = run_dir
        self._for_batch = for_batch
        self._exit = ExitStack()

    def __enter__(self) -> RaySession:
        with ExitStack() as opening:
            if self._for_batch:
                opening.enter_context(_ONE_RUN)
            # Before descriptor 2 is replaced.
            terminal = opening.enter_context(closing(Terminal()))
            address = find_address(self._options.address, os.environ)
            opening.enter_context(_environment(_SETTINGS if address else _SETTINGS | _LOCAL_SETTINGS))
            # Advice for people who write datasets by hand; it also comes up in threads of Ray's.
            opening.enter_context(warnings.catch_warnings())
            warnings.filterwarnings("ignore", module=r"ray\.")
            if self._options.quiet:
                opening.enter_context(_quiet(self._options.log_dir or self._run_dir / "logs"))
            is_lean = self._for_batch and address is None and not _is_ray_there()
            if is_lean:
                opening.enter_context(lean_ray())
            with _kept_sigterm():
                is_ours = _start(address, self._options)
            if is_ours:
                opening.callback(_shut_down)
            if is_lean:
                # Loads Ray Data, half a second in which Ray's first workers load as well.
                opening.enter_context(lean_datasets())
            send_user_modules()
            if address is not None:
                from omnipipe.runners.ray_probe import check_nodes

                check_nodes(self._run_dir)
                if self._for_batch:
                    tell_of_waiting(terminal, self._options.num_cpus or 1)
            opening.enter_context(watched(terminal, self._options.log_dir or self._run_dir / "logs"))
            self._exit = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def pools(self, engines: Sequence[EngineConfig | None]) -> list[Pool]:
        """The actors of each pass, by its engine: as asked, or as the cluster's CPUs and GPUs allow.

        Raises:
            ConfigError: An engine needs more GPUs than there are.
        """
        import ray

        are_served = self._options.served is not None
        # Beside a served application there is what that leaves.
        known = ray.available_resources if are_served else ray.cluster_resources
        resources = known()  # type: ignore[no-untyped-call]
        return plan_pools(
            engines,
            num_cpus=resources.get("CPU", 0.0),
            num_gpus=resources.get("GPU", 0.0),
            cpus_per_actor=self._options.num_cpus or 1,
            concurrency=self._options.concurrency,
            are_served=are_served,
        )


def _start(address: str | None, options: RayOptions) -> bool:
    """Whether Ray was started or joined here: False where this process had it already."""
    if address is not None:
        _check_listens(address)
        make_reachable(address)
    import ray

    if ray.is_initialized():
        return False
    try:
        if address is not None:
            ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False)
            return True
        ray.init(
            address="local",
            include_dashboard=False,
            object_store_memory=options.object_store_bytes,
            logging_level=logging.ERROR,
            log_to_driver=False,
        )
        return True
    except BaseException as error:
        ray.shutdown()
        if not isinstance(error, Exception):
            raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
        if address is None:
            raise RunStopped(
                f"Ray did not start on this machine ({reason}). {_logs()} has its logs.{path_note(error)} What is "
                "committed stays valid, and the same command goes on; with --runner local it does without Ray."
            ) from error
        if not isinstance(error, ConnectionError | RuntimeError | ValueError):
            raise
        raise ConfigError(explain(error, address)) from error


def check_address(address: str | None) -> None:
    """See that the head of a cluster answers at `address`, or where the environment says that there is one.

    Raises:
        ConfigError: It does not, or the address is none.
    """
    found = find_address(address, os.environ)
    if found is None or ("ray" in sys.modules and _is_ray_there()):
        return
    _check_listens(found)
    # Before the import that `_is_ray_there` would be.
    make_reachable(found)


@contextmanager
def _kept_sigterm() -> Iterator[None]:
    """A handler that the program has set stays: Ray puts its own in its place, which exits with 1, or aborts."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if callable(before) and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def _is_ray_there() -> bool:
    import ray

    return bool(ray.is_initialized())


def _logs() -> Path:
    return Path(os.environ.get("RAY_TMPDIR") or tempfile.gettempdir(), "ray", "session_latest", "logs")


def _shut_down() -> None:
    import ray

    # What workers said last is printed on stdout, by this thread.
    with redirect_stdout(sys.stderr):
        ray.shutdown()


def _check_listens(address: str) -> None:
    # Ray itself tries for 100 s and then kills the process. A head answers gRPC: an HTTP/2 SETTINGS frame is enough.
    host, _, port = address.rpartition(":")
    remedy = "Use HOST:PORT of the cluster's head, which `ray start --head` prints."
    try:
        with socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS) as connection:
            if os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"):
                return
            connection.settimeout(_CONNECT_SECONDS)
            connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + struct.pack(">HBBBI", 0, 0, 4, 0, 0))
            answer = connection.recv(9)
    except OSError as error:
        raise ConfigError(f"nothing answers at {address} ({error}). {remedy}") from error
    if len(answer) < 4 or answer[3] != 4:
        raise ConfigError(f"what answers at {address} is not the head of a Ray cluster. {remedy}")


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    added = {name: value for name, value in settings.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


@contextmanager
def _quiet(folder: Path) -> Iterator[None]:
    # Ray's C++ core writes to the descriptor itself, so nothing less than replacing it keeps a terminal clean.
    folder.mkdir(parents=True, exist_ok=True)
    terminal = os.dup(2)
    stdout = sys.stdout
    with (folder / "ray.log").open("a", encoding="utf-8", errors="replace", buffering=1) as log:
        os.dup2(log.fileno(), 2)
        sys.stdout = cast(TextIO, _WithoutRay(stdout, log))
        try:
            yield
        finally:
            sys.stdout = stdout
            os.dup2(terminal, 2)
            os.close(terminal)


class _WithoutRay:
    """Standard output, but for what a thread of Ray's prints there about workers that died: that goes to the log."""

    def __init__(self, stdout: TextIO, log: TextIO) -> None:
        self._stdout = stdout
        self._log = log

    def write(self, text: str) -> int:
        """Write `text` where it belongs."""
        is_rays = threading.current_thread().name.startswith("ray_")
        return (self._log if is_rays else self._stdout).write(text)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stdout, name)
