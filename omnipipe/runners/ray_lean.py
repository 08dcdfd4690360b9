"""A Ray of our own without the processes whose answers nobody reads: eight of them, 8 seconds of CPU a run.

For every dataset Ray Data starts three actors (statistics for the dashboard, requests for nodes, places of actors) and
waits for the first; Ray itself starts an autoscaler, the dashboard's server and agent even where there is none, an
agent of runtime environments that hardly any run asks, and a follower of log files. Each imports Ray anew. On one node
that was started for one run there is no dashboard, no node to ask for, one place for all actors, and nobody follows
logs. docs/decisions/0017 has the figures.

What is replaced is private to Ray: only in releases that it was tried with, and of Ray itself and of Ray Data all or
nothing. In any other release everything goes Ray's own way.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final, NamedTuple
from uuid import uuid4

from omnipipe.runners import ray_agent, ray_late_agent

TRIED_RELEASES: Final = ("2.60.",)

_AGENT = "--dashboard_agent_command="
_ENVIRONMENTS = "--runtime_env_agent_command="

Replacement = tuple[object, str, object]


@contextmanager
def lean_ray() -> Iterator[None]:
    """While it is open, a Ray that this process starts does without. Loads nothing of Ray Data."""
    with _swapped_all(of_ray):
        yield


@contextmanager
def lean_datasets() -> Iterator[None]:
    """While it is open, the datasets that this process runs do without.

    Not on a Ray of several nodes, nor on one that others share: Ray Data would take all of each node for its own.
    """
    with _swapped_all(of_ray_data):
        yield


def of_ray() -> list[Replacement]:
    """What is replaced of Ray itself: owners, names, and what stands there instead."""
    try:
        from ray._private import services, utils
        from ray._private.node import Node
    except ImportError:
        return []
    return [
        (Node, "start_monitor", _ignore),
        (Node, "start_api_server", _ignore),
        (Node, "start_log_monitor", _ignore),
        (services, "start_ray_process", _with_lean_raylet(services.start_ray_process)),
        # Only asked so that an agent is told to do without what cannot be imported: 0.2 seconds to find that out.
        (utils, "get_dashboard_dependency_error", lambda: ImportError("there is no dashboard")),
    ]


def of_ray_data() -> list[Replacement]:
    """What is replaced of Ray Data, as in `of_ray`."""
    try:
        from ray.data._internal.cluster_autoscaler import rate_based_cluster_autoscaler as autoscaler
        from ray.data._internal.execution.operators import actor_pool_map_operator as actor_pool
        from ray.data._internal.stats import _StatsManager
        from ray.data._internal.utils import cached_ray_internals
    except ImportError:
        return []
    ignored = ("register_dataset_to_stats_actor", "update_execution_metrics", "update_iteration_metrics")
    return [
        (_StatsManager, "gen_dataset_id_from_stats_actor", staticmethod(lambda: uuid4().hex)),
        *((_StatsManager, name, staticmethod(_ignore)) for name in ignored),
        (autoscaler, "DefaultAutoscalingCoordinator", _OneNode),
        (actor_pool, "get_or_create_actor_location_tracker", _OnePlace),
        (cached_ray_internals, "get_or_create_actor_location_tracker", _OnePlace),
    ]


@contextmanager
def _swapped_all(find: Callable[[], list[Replacement]]) -> Iterator[None]:
    import ray

    replacements = find() if ray.__version__.startswith(TRIED_RELEASES) else []
    with ExitStack() as swaps:
        if all(name in vars(owner) for owner, name, _ in replacements):
            for owner, name, value in replacements:
                swaps.enter_context(_swapped(owner, name, value))
        yield


@contextmanager
def _swapped(owner: object, name: str, value: object) -> Iterator[None]:
    # From the class's own dictionary: getattr would unwrap a static method.
    original = vars(owner)[name]
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, original)


def _ignore(*_: object, **__: object) -> None:
    """Take what is said, and do nothing."""


def _with_lean_raylet(start: Callable[..., object]) -> Callable[..., object]:
    """`start` with the arguments of a raylet's command replaced as in `_lean`."""

    def start_process(command: Sequence[str], *args: object, **kwargs: object) -> object:
        return start([_lean(argument) for argument in command], *args, **kwargs)

    return start_process


def _lean(argument: str) -> str:
    """`argument` with `ray_agent.py` and `ray_late_agent.py` for the agents."""
    if argument.startswith(_AGENT):
        places = _values(argument, "session-dir", "node-id")
        return _AGENT + _script(ray_agent.__file__, *places) if places else argument
    if argument.startswith(_ENVIRONMENTS):
        places = _values(argument, "session-dir", "node-id", "node-ip-address")
        command = argument.removeprefix(_ENVIRONMENTS)
        # A port that is asked for is Ray's to take, and so is what a profiler of its memory is to start.
        is_plain = "--runtime-env-agent-port=0 " in command and "memray" not in command
        if places and is_plain and os.name == "posix":
            return f"{_ENVIRONMENTS}{_script(ray_late_agent.__file__, 'wait', *places)} {command}"
    return argument


def _values(argument: str, *names: str) -> list[str]:
    """The values of these options in a command within `argument`; none where one is not there as it ought to be."""
    found = [re.search(rf"--{name}=(\S+)", argument) for name in names]
    values = [match[1] for match in found if match is not None]
    return values if len(values) == len(names) and '"' not in argument else []


def _script(path: str, *arguments: str) -> str:
    return subprocess.list2cmdline([sys.executable, "-I", "-S", path, *arguments])


class _OneNode:
    """Stands for Ray Data's coordinator of requests: what there is belongs to whoever asks."""

    def __init__(self, *_: object, **__: object) -> None:
        import ray

        self._resources = {node["NodeID"]: node["Resources"] for node in ray.nodes() if node["Alive"]}  # type: ignore[no-untyped-call]

    request_resources = _ignore
    cancel_request = _ignore

    def get_reserved_resources(self) -> dict[str, dict[str, float]]:
        """Amounts by name, by node id."""
        return self._resources


class _Remote(NamedTuple):
    """A method as callers of actors write it: `.remote(…)`."""

    remote: Callable[..., object]


class _OnePlace:
    """Stands for the actor that is told where each actor runs, in the driver and, pickled, in the actors."""

    update_actor_location = _Remote(_ignore)

    @property
    def get_actor_locations(self) -> _Remote:
        """Answers a reference to the node id of each actor: this process's own."""
        return _Remote(_all_here)


def _all_here(actor_ids: Sequence[str]) -> object:
    import ray

    return ray.put(dict.fromkeys(actor_ids, ray.get_runtime_context().get_node_id()))
