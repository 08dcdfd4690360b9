"""Serving on Ray: found or started, the application deployed and watched, ended in order."""

from __future__ import annotations

import os
import secrets
import shlex
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from omnipipe.errors import ConfigError, Interrupted, OmnipipeError
from omnipipe.online.web.auth import Keys
from omnipipe.runners.ray_options import RayOptions, find_address
from omnipipe.runners.ray_session import RaySession
from omnipipe.runners.serve_door import Stop, free_port, is_ready, url
from omnipipe.runners.serve_plan import ServePlan, Width
from omnipipe.runners.serve_portable import first_sentence

_DRAIN_SECONDS = 20.0
_ANSWERS_SECONDS = 60
_POLL_SECONDS = 0.2

TOKEN_FILE = "ray-token"
ENVIRONMENT_FILE = "ray.env"
"""In the data directory while a Ray of our own runs: what another process needs to join it (`--served`)."""

_WILDCARD_NOTE = (
    "note: Ray Serve's replicas also listen on ports of all this machine's addresses, whatever --host says. {guard} "
    "Keep a firewall in front of them."
)


def wildcard_note() -> str:
    """What everybody should know who serves on Ray: there is no switch for it."""
    is_open = os.environ.get("RAY_AUTH_MODE") == "disabled"
    guard = "RAY_AUTH_MODE=disabled: they answer everybody." if is_open else "They answer only with Ray's token."
    return _WILDCARD_NOTE.format(guard=guard)


def serve(plan: ServePlan, keys: Keys, on_ready: Callable[[str], None]) -> None:
    """Serve `plan` on Ray until Ctrl-C or SIGTERM; `on_ready` gets the URL when the models are loaded.

    What is in work then is given 20 s; the rest goes on after the next start. A second Ctrl-C ends at once.

    Raises:
        UserError: The cluster cannot be used, the port is in use, or an engine cannot be loaded.
        Interrupted: By a second Ctrl-C.
    """
    stop = Stop()
    address = find_address(plan.address, os.environ)
    settings = plan.settings
    port = settings.port or free_port(settings.host)
    bounds = plan.engines if plan.engine_configs else plan.replicas
    options = RayOptions(address=plan.address, concurrency=bounds)
    try:
        with ExitStack() as stack:
            stack.enter_context(_token(settings.data_dir, address))
            session = stack.enter_context(RaySession(options, settings.data_dir))
            # Ray sets handlers of its own when it starts; its C++ one for SIGTERM aborts.
            stack.enter_context(stop.listening())
            pools = session.pools([None, *plan.engine_configs])
            workers = plan.replicas or (pools[0].min_size, pools[0].max_size)
            # A Ray of our own has nobody else to share with but batch runs: Serve reserves no CPU there.
            engines = [Width(pool.min_size, pool.max_size, pool.num_cpus if address else 0.0) for pool in pools[1:]]
            pages = Width(*workers, _cpus_for(workers[0], engines) if address else 0.0)
            application = _Application(plan, port, is_own=address is None)
            if address is None:
                stack.enter_context(_environment_file(settings.data_dir))
            try:
                if application.start(keys, pages, engines, stop):
                    on_ready(url(settings.host, port))
                    while not stop.wait(1.0):
                        pass
                application.drain()
            finally:
                application.end()
    except KeyboardInterrupt:
        raise Interrupted("ended at once. Accepted jobs go on after the next start.") from None


class _Application:
    """The application while it is served."""

    def __init__(self, plan: ServePlan, port: int, *, is_own: bool) -> None:
        self._plan = plan
        self._port = port
        self._is_own = is_own
        self._is_up = False

    def start(self, keys: Keys, pages: Width, engines: list[Width], stop: Stop) -> bool:
        """Deploy and wait until it answers; False where it was asked to stop before.

        Raises:
            ConfigError: It cannot be deployed.
        """
        failures: list[BaseException] = []

        def deploy() -> None:
            try:
                self._deploy(keys, pages, engines)
            except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
                failures.append(error)

        # Loading a model takes minutes, and Serve's own waiting hears no signal.
        deploying = threading.Thread(target=deploy, name="omnipipe-deploy", daemon=True)
        deploying.start()
        while deploying.is_alive():
            if stop.wait(_POLL_SECONDS):
                return False
            deploying.join(_POLL_SECONDS)
        if failures:
            raise self._explained(failures[0]) from failures[0]
        self._is_up = True
        return self._answers(stop)

    def drain(self) -> None:
        """Let every ingress end what is in work, and take no more."""
        if not self._is_up:
            return
        from ray import serve

        from omnipipe.runners.serve_app import INGRESS

        handle = serve.get_deployment_handle(INGRESS, self._plan.name)
        try:
            handle.broadcast("drain", _DRAIN_SECONDS).results(timeout_s=_DRAIN_SECONDS + 10)
        except Exception as error:  # noqa: BLE001 - it ends all the same, and what it leaves goes on at the next start
            sys.stderr.write(f"omnipipe: not drained: {type(error).__name__}: {error}\n")

    def end(self) -> None:
        """Take the application down: callers before those whom they call."""
        from ray import serve

        if self._is_own:
            serve.shutdown()  # type: ignore[no-untyped-call]
        elif self._is_up:
            serve.delete(self._plan.name)

    def _deploy(self, keys: Keys, pages: Width, engines: list[Width]) -> None:
        from ray import serve

        from omnipipe.runners.serve_app import make_application

        serve.start(
            proxy_location="HeadOnly" if self._is_own else "EveryNode",
            http_options={"host": self._plan.settings.host, "port": self._port},
        )
        application = make_application(self._plan, keys, pages, engines)
        serve.run(application, name=self._plan.name, route_prefix="/", blocking=False)

    def _explained(self, error: BaseException) -> OmnipipeError:
        if isinstance(error, OmnipipeError):
            return error
        from ray import serve

        known = serve.status().applications.get(self._plan.name)
        messages = [] if known is None else [known.message, *(part.message for part in known.deployments.values())]
        told = next(filter(None, map(first_sentence, messages)), None)
        if told is not None:
            return ConfigError(told)
        reason = next((line for text in reversed(messages) for line in reversed(text.splitlines())), str(error))
        return ConfigError(f"the application could not be deployed: {reason.strip()[:300]}")

    def _answers(self, stop: Stop) -> bool:
        where = url(self._plan.settings.host, self._port)
        for _ in range(_ANSWERS_SECONDS):
            if is_ready(where):
                return True
            if stop.wait(1.0):
                return False
        raise ConfigError(
            f"the application runs, but {where}/readyz does not answer. Ray Serve may have been started on this "
            "cluster before, with another host or port: end it with `serve shutdown`, or give its --host and --port."
        )


def _cpus_for(num_workers: int, engines: list[Width]) -> float:
    """CPU slots of a document worker: one, or what the engines leave, so that it can be placed at all."""
    import ray

    total = ray.cluster_resources().get("CPU", 0.0)  # type: ignore[no-untyped-call]
    left = total - sum(width.least * width.num_cpus for width in engines)
    return float(max(0.0, min(1.0, left / num_workers)))


@contextmanager
def _environment_file(data_dir: Path) -> Iterator[None]:
    """How to join this Ray, as assignments that a shell can read."""
    import ray

    path = data_dir / ENVIRONMENT_FILE
    names = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER")
    known = {name: os.environ[name] for name in names if name in os.environ}
    known["RAY_ADDRESS"] = ray.get_runtime_context().gcs_address
    path.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in sorted(known.items())))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def _token(data_dir: Path, address: str | None) -> Iterator[None]:
    """A token for a Ray of our own, in a file that only this user reads: replicas listen on all addresses.

    What the environment says of Ray's authentication stays; a cluster has its own.
    """
    if address is not None or os.environ.get("RAY_AUTH_MODE"):
        yield
        return
    path = data_dir / TOKEN_FILE
    data_dir.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32))
    added = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(path)}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
        path.unlink(missing_ok=True)
