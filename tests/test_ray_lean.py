"""A Ray of our own starts what a run needs, and gives everything back to Ray afterwards."""

from __future__ import annotations

import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import psutil
import pytest

from omnipipe.runners import ray_agent, ray_data, ray_lean
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

HELPERS = {"monitor.py", "dashboard.py", "log_monitor.py", "agent.py"}
TITLES = {"ray::DashboardAgent": "agent.py"}
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
def test_afterwards_ray_is_as_it_was() -> None:
    before = [vars(owner)[name] for owner, name, _ in ray_lean._replacements()]

    with ray_lean.lean_ray():
        within = [vars(owner)[name] for owner, name, _ in ray_lean._replacements()]

    assert [vars(owner)[name] for owner, name, _ in ray_lean._replacements()] == before
    assert all(ours is not theirs for ours, theirs in zip(within, before, strict=True))


@tried
def test_nothing_is_replaced_where_one_part_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    from ray._private.node import Node

    original = Node.start_api_server
    monkeypatch.delattr(Node, "start_log_monitor")

    with ray_lean.lean_ray():
        assert Node.start_api_server is original


def test_a_ray_that_is_there_already_is_left_alone(tmp_path: Path) -> None:
    import ray
    from ray._private.node import Node

    original = Node.start_api_server
    with own_ray():
        ray.init(address="local", include_dashboard=False, log_to_driver=False, num_cpus=1)
        with RaySession(RayOptions(), tmp_path, for_batch=True):
            assert Node.start_api_server is original


def test_what_stands_for_the_agent_ends_with_the_raylet(tmp_path: Path) -> None:
    start = "import subprocess, sys; subprocess.Popen(sys.argv[1:]); sys.stdin.read()"
    agent = [sys.executable, "-I", "-S", ray_agent.__file__, str(tmp_path), "0a1b"]
    with subprocess.Popen([sys.executable, "-c", start, *agent], stdin=subprocess.PIPE) as raylet:
        children = psutil.Process(raylet.pid).children
        while len(list(tmp_path.glob("*_port_0a1b"))) < 3:
            assert raylet.poll() is None
            time.sleep(0.01)
        (process,) = children()
        raylet.kill()

    process.wait(10)
    assert {path.read_text() for path in tmp_path.iterdir()} == {"-1"}
