"""Before and around serving: may this address be used, when is it ready, and when is it to end."""

from __future__ import annotations

import errno
import ipaddress
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from omnipipe.errors import ConfigError
from omnipipe.online.settings import ServeSettings

_READY_SECONDS = 5.0
_PATIENCE_SECONDS = 4.0


def check_keys(settings: ServeSettings, *, num_keys: int, no_auth: bool) -> None:
    """See that nobody from another machine comes in without a key by mistake.

    Raises:
        ConfigError: Others could.
    """
    if not num_keys and not no_auth and not is_loopback(settings.host):
        raise ConfigError(
            f"--host {settings.host} lets other machines in, and no API keys are set. Make one with omnipipe serve "
            "--new-key NAME and give its file as --api-keys, or say --no-auth."
        )


def check_free(settings: ServeSettings) -> None:
    """See that the port is free, before what takes long; a server that was killed may hold it for some seconds more.

    Raises:
        ConfigError: It is taken, or the host is not this machine's.
    """
    closes = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            open_socket(settings).close()
        except ConfigError:
            if time.monotonic() > closes:
                raise
            time.sleep(0.25)
        else:
            return


def open_socket(settings: ServeSettings) -> socket.socket:
    """A socket that listens where the settings say; port 0 takes a free one.

    Raises:
        ConfigError: The port is taken, or the host is not this machine's.
    """
    return _listening(settings.host, settings.port)


def free_port(host: str) -> int:
    """A port of `host` that nobody listens on."""
    with _listening(host, 0) as probe:
        return int(probe.getsockname()[1])


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def url(host: str, port: int) -> str:
    """Where a client on this machine finds it."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def is_ready(base_url: str) -> bool:
    """Whether /readyz says yes."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{base_url}/readyz", timeout=_READY_SECONDS) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


class Stop:
    """Set by Ctrl-C or SIGTERM; the second Ctrl-C is a KeyboardInterrupt wherever the program is."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    @property
    def is_asked(self) -> bool:
        """Whether it is to end."""
        return self._asked.is_set()

    def wait(self, seconds: float) -> bool:
        """Whether it is to end, known at the latest after `seconds`."""
        return self._asked.wait(seconds)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Signals are heard while this is open."""
        before = {number: signal.signal(number, self._hear) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self._asked.is_set():
            raise KeyboardInterrupt
        self._asked.set()


def _listening(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise ConfigError(f"--host {host}: {error.strerror}. Use an address of this machine.") from error
    made = socket.socket(family, kind, protocol)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(2048)
    except OSError as error:
        made.close()
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(f"port {port} of {host} is in use. Choose another with --port.") from error
        raise ConfigError(f"cannot listen on {host} port {port}: {error.strerror}.") from error
    return made
