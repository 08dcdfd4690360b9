"""How many actors each pass of a run gets, and how many units at once each of them has in work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from omnipipe.engines.base import EngineConfig
from omnipipe.errors import ConfigError
from omnipipe.runners.crew import crew_size

SOME_CPU = 0.01
"""What an actor takes that needs no CPU of Ray's: never 0, or Ray Data fuses the source with the actors."""


class Pool(NamedTuple):
    """The least and the largest number of actors; the units, slots and GPUs that each has."""

    min_size: int
    max_size: int
    calls: int = 1
    num_cpus: float = 1.0
    num_gpus: float = 0.0


def plan_pools(
    engines: Sequence[EngineConfig | None],
    *,
    num_cpus: float,
    num_gpus: float,
    cpus_per_actor: float,
    concurrency: tuple[int, int] | None,
    are_served: bool = False,
) -> list[Pool]:
    """A pool for each pass on a cluster with so many CPUs and GPUs.

    `concurrency` bounds the engines' pools, or the workers' where there is no engine. Without it there are as many
    engines as the GPUs allow (one where an engine needs none), and workers on all CPUs that are left. Engines that
    `are_served` take nothing of the run's.

    Raises:
        ConfigError: An engine needs more GPUs than there are.
    """
    pools: list[Pool | None] = []
    for engine in engines:
        if engine is None:
            pools.append(None)
            continue
        needed = 0.0 if are_served else engine.num_gpus
        if needed > num_gpus:
            raise ConfigError(
                f"{engine.label} engine of {engine.model} needs {needed:g} GPUs; Ray sees {num_gpus:g}. Lower "
                "tensor_parallel_size, or give an --address of a cluster with GPUs."
            )
        most = int(num_gpus // needed) if needed else 1
        low, high = concurrency or (1, max(1, most))
        pools.append(Pool(low, high, crew_size(engine), SOME_CPU if are_served else engine.num_cpus, needed))
    taken = sum(pool.min_size * pool.num_cpus for pool in pools if pool is not None)
    left = max(1, int((num_cpus - taken) // cpus_per_actor))
    has_engines = any(pool is not None for pool in pools)
    low, high = concurrency if concurrency is not None and not has_engines else (left, left)
    return [pool or Pool(low, high, num_cpus=cpus_per_actor) for pool in pools]
