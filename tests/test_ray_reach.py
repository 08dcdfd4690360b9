"""A head that listens on loopback only, which Ray would look for on the network's interface, for ever."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from omnipipe.runners.ray_reach import _own_address

SWITCH = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Ray replaces loopback addresses on Linux only"),
    pytest.mark.skipif(_own_address().startswith("127."), reason="this machine has no other address than loopback"),
]


@pytest.fixture
def address() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def reach(address: str, before: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """What a process without Ray's variable says of it after it was asked for `address`."""
    code = f"""
import os, sys
{before}
from omnipipe.errors import ConfigError
from omnipipe.runners.ray_reach import make_reachable
try:
    make_reachable({address!r})
except ConfigError as error:
    print(error)
else:
    print(os.environ.get({SWITCH!r}))
"""
    kept = {name: value for name, value in os.environ.items() if name != SWITCH}
    return subprocess.run([sys.executable, "-c", code], env=kept | environment, capture_output=True, text=True)


def test_ray_is_kept_from_looking_elsewhere(address: str) -> None:
    assert reach(address).stdout == "0\n"


def test_a_process_that_has_ray_already_is_told_what_to_set(address: str) -> None:
    said = reach(address, "sys.modules['ray'] = sys").stdout

    assert said.startswith(f"the head at {address} listens on loopback only")
    assert f"Set {SWITCH}=0" in said


def test_what_the_user_has_set_stays(address: str) -> None:
    assert reach(address, **{SWITCH: "1"}).stdout == "1\n"


@pytest.mark.parametrize("address", ["127.0.0.1:1", "192.0.2.9:6379"])
def test_other_addresses_are_left_to_ray(address: str) -> None:
    assert reach(address).stdout == "None\n"
