"""A head that listens on loopback only, which Ray would look for on the network's interface, for ever."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from omnipipe.runners.ray_reach import _own_address, explain, path_note

SWITCH = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"

needs_another_address = pytest.mark.skipif(
    not sys.platform.startswith("linux") or _own_address().startswith("127."),
    reason="Ray replaces loopback addresses on Linux only, where there is another",
)


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


@needs_another_address
def test_ray_is_kept_from_looking_elsewhere(address: str) -> None:
    assert reach(address).stdout == "0\n"


@needs_another_address
def test_a_process_that_has_ray_already_is_told_what_to_set(address: str) -> None:
    said = reach(address, "sys.modules['ray'] = sys").stdout

    assert said.startswith(f"the head at {address} listens on loopback only")
    assert f"Set {SWITCH}=0" in said


def test_what_the_user_has_set_stays(address: str) -> None:
    assert reach(address, **{SWITCH: "1"}).stdout == "1\n"


@pytest.mark.parametrize("address", ["127.0.0.1:1", "192.0.2.9:6379"])
def test_other_addresses_are_left_to_ray(address: str) -> None:
    assert reach(address).stdout == "None\n"


def test_another_version_of_ray_is_told_with_both_versions() -> None:
    import ray
    from ray._private.utils import check_version_info

    cluster = {"ray_version": "2.9.0", "python_version": "3.9.1"}
    with pytest.raises(RuntimeError) as refused:
        check_version_info(cluster, "node 10.0.0.1")

    said = explain(refused.value, "10.0.0.5:6379")

    assert "2.9.0" in said
    assert ray.__version__ in said
    assert said.endswith("Install the cluster's versions of Ray and Python here, or these there.")


def test_a_machine_that_is_no_node_is_told_how_to_become_one() -> None:
    said = explain(ConnectionError("Failed to connect to Ray cluster at 10.0.0.5:6379"), "10.0.0.5:6379")

    assert "`ray start --address=10.0.0.5:6379`" in said
    assert "`ray job submit -- omnipipe run ...`" in said


def test_a_folder_that_ray_cannot_use_is_told_how_to_change() -> None:
    assert "RAY_TMPDIR" in path_note(OSError("AF_UNIX path length cannot exceed 107 bytes"))
    assert path_note(RuntimeError("another matter")) == ""
