"""A Ray of our own starts what a run needs, and gives everything back to Ray afterwards."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib.metadata import version
from pathlib import Path

import psutil
import pytest

from omnipipe.runners import ray_agent, ray_data, ray_late_agent, ray_lean
from omnipipe.runners.ray_options import RayOptions
from omnipipe.runners.ray_session import RaySession
from omnipipe.unit import Receipt
from tests.ray_local import own_ray
from tests.ray_stage import NUM_PAGES, SayName, job_in, units_of

pytestmark = pytest.mark.filterwarnings(r"ignore::Warning:ray\.")

tried = pytest.mark.skipif(
    not version("ray").startswith(ray_lean.TRIED_RELEASES),
    reason=f"Ray {version('ray')} is none of {ray_lean.TRIED_RELEASES}: nothing is replaced",
)

HELPERS = {"monitor.py", "dashboard.py", "log_monitor.py", "agent.py", "environments"}
TITLES = {"ray::DashboardAgent": "agent.py", "ray::RuntimeEnvAgent": "environments"}
ACTORS = {"datasets_stats_actor", "AutoscalingCoordinator", "ActorLocationTracker"}


def started_for_a_run(folder: Path) -> set[str]:
    """Which of Ray's helpers and named actors are there at the end of a run on a Ray of its own."""
    import ray

    receipts: list[Receipt] = []
    with own_ray(), RaySession(RayOptions(), folder, for_batch=True):
        ray_data.execute(job_in(folder, SayName()), units_of(7), on_receipt=receipts.append)
        arguments = [part for process in psutil.Process().children(recursive=True) for part in _command(process)]
        named = {str(actor["name"]) for actor in ray.util.list_named_actors(all_namespaces=True)}
    assert sum(receipt.num_pages for receipt in receipts) == NUM_PAGES
    scripts = {TITLES.get(argument.strip(), Path(argument).name) for argument in arguments}
    return (scripts | named) & (HELPERS | ACTORS)


def _command(process: psutil.Process) -> list[str]:
    """The command line of `process`; none of one that has ended, as children of tests before this one may have."""
    try:
        found: list[str] = process.cmdline()
    except psutil.Error:
        return []
    return found


@tried
def test_a_run_starts_no_process_that_nobody_asks(tmp_path: Path) -> None:
    assert started_for_a_run(tmp_path) == set()


def test_in_a_release_that_was_not_tried_all_goes_rays_own_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_lean, "TRIED_RELEASES", ("0.0.",))

    assert started_for_a_run(tmp_path) == HELPERS | ACTORS


@tried
@pytest.mark.parametrize(
    ("replace", "find"),
    [(ray_lean.lean_ray, ray_lean.of_ray), (ray_lean.lean_datasets, ray_lean.of_ray_data)],
    ids=["ray", "ray_data"],
)
def test_afterwards_ray_is_as_it_was(
    replace: Callable[[], AbstractContextManager[None]], find: Callable[[], list[ray_lean.Replacement]]
) -> None:
    before = [vars(owner)[name] for owner, name, _ in find()]

    with replace():
        within = [vars(owner)[name] for owner, name, _ in find()]

    assert [vars(owner)[name] for owner, name, _ in find()] == before
    assert all(ours is not theirs for ours, theirs in zip(within, before, strict=True))


@tried
def test_nothing_is_replaced_where_one_part_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    from ray._private.node import Node

    original = Node.start_api_server
    monkeypatch.delattr(Node, "start_log_monitor")

    with ray_lean.lean_ray():
        assert Node.start_api_server is original


def test_ray_starts_before_ray_data_is_loaded(tmp_path: Path) -> None:
    """Its workers load while the driver does."""
    program = (
        "import sys; from pathlib import Path; import ray; start = ray.init\n"
        "def init(**given): print('ray.data' in sys.modules); return start(**given)\n"
        "ray.init = init\n"
        "from omnipipe.runners.ray_session import RayOptions, RaySession\n"
        "with RaySession(RayOptions(), Path(sys.argv[1]), for_batch=True): print('ray.data' in sys.modules)"
    )

    with own_ray():
        said = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=False)

    assert said.stdout.split() == ["False", "True"], said.stderr


@tried
def test_a_task_that_asks_for_an_environment_of_its_own_gets_it(tmp_path: Path) -> None:
    import ray

    with own_ray(), RaySession(RayOptions(), tmp_path, for_batch=True):

        @ray.remote(num_cpus=0)
        def said() -> str | None:
            return os.environ.get("OMNIPIPE_TEST_WORD")

        assert ray.get(said.remote()) is None
        for word in ("one", "two"):
            variables = {"env_vars": {"OMNIPIPE_TEST_WORD": word}}
            assert ray.get(said.options(runtime_env=variables).remote()) == word


def test_a_ray_that_is_there_already_is_left_alone(tmp_path: Path) -> None:
    import ray
    from ray._private.node import Node

    original = Node.start_api_server
    with own_ray():
        ray.init(address="local", include_dashboard=False, log_to_driver=False, num_cpus=1)
        with RaySession(RayOptions(), tmp_path, for_batch=True):
            assert Node.start_api_server is original


def test_what_stands_for_an_agent_ends_with_the_raylet(tmp_path: Path) -> None:
    start = "import subprocess, sys; subprocess.Popen(sys.argv[1:]); sys.stdin.read()"
    agents = [
        ([ray_agent.__file__, str(tmp_path), "0a1b"], 3),
        ([ray_late_agent.__file__, "wait", str(tmp_path), "0a1b", "127.0.0.1", sys.executable, "main.py"], 1),
    ]
    said = 0
    for command, num_files in agents:
        agent = [sys.executable, "-I", "-S", *command]
        with subprocess.Popen([sys.executable, "-c", start, *agent], stdin=subprocess.PIPE) as raylet:
            said += num_files
            while len(list(tmp_path.glob("*_port_0a1b"))) < said:
                assert raylet.poll() is None
                time.sleep(0.01)
            (process,) = psutil.Process(raylet.pid).children()
            raylet.kill()
        process.wait(10)

    ports = {path.name: int(path.read_text()) for path in tmp_path.iterdir()}
    assert ports.pop("runtime_env_agent_port_0a1b") > 0
    assert set(ports.values()) == {-1}


def test_a_connection_that_comes_before_the_agent_is_answered_by_it(tmp_path: Path) -> None:
    script = tmp_path / "main.py"
    script.write_text(
        "import socket, sys\n"
        "port = int(sys.argv[1].partition('=')[2])\n"
        "listening = socket.socket(); listening.bind(('127.0.0.1', port)); listening.listen()\n"
        "connection, _ = listening.accept(); connection.sendall(b'here ' + sys.path[0].encode())\n"
    )
    command = [sys.executable, "-u", str(script), "--runtime-env-agent-port=0"]
    late = [sys.executable, "-I", "-S", ray_late_agent.__file__, "wait", str(tmp_path), "0a1b", "127.0.0.1", *command]
    port = tmp_path / "runtime_env_agent_port_0a1b"
    with subprocess.Popen(late) as process:
        while not port.exists():
            assert process.poll() is None
            time.sleep(0.01)
        with socket.create_connection(("127.0.0.1", int(port.read_text())), 10) as connection:
            answer = b"".join(iter(lambda: connection.recv(4096), b""))

    assert answer.decode() == f"here {tmp_path}"
    assert process.returncode == 0
