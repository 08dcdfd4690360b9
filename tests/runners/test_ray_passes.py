"""Passes on Ray: side by side, on actors of their own, and what a dead engine costs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from omnipipe.batch import RunOptions, run
from omnipipe.engines.base import EngineConfig
from omnipipe.errors import ConfigError
from omnipipe.ledger.packing import UnitSize
from omnipipe.ledger.verify import verify_run
from omnipipe.runners.ray_options import RayOptions
from omnipipe.runners.ray_pool import Pool, plan_pools
from omnipipe.runners.ray_session import RaySession
from tests.engines.faulty import FaultyConfig
from tests.ray_local import own_ray
from tests.rows import result_rows
from tests.test_passes import asked, pipeline_of, read, write_mixed

# Ray warns of its own deprecations and of small datasets, from threads of its own.
pytestmark = pytest.mark.filterwarnings(r"ignore::Warning:ray\.")


@pytest.fixture(scope="module", autouse=True)
def ray_of_the_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One Ray for all tests here, on loopback only."""
    with own_ray(), RaySession(RayOptions(address="local"), tmp_path_factory.mktemp("ray")):
        yield


class OnGpus(FaultyConfig):
    """An engine that holds GPUs."""

    gpus: float = 2.0

    @property
    def num_gpus(self) -> float:
        return self.gpus


def pools_of(*engines: EngineConfig | None, cpus: float = 8, gpus: float = 0, **options: tuple[int, int]) -> list[Pool]:
    return plan_pools(engines, num_cpus=cpus, num_gpus=gpus, cpus_per_actor=1, concurrency=options.get("concurrency"))


def test_workers_take_the_cpus_that_engines_leave() -> None:
    workers, engines = pools_of(None, FaultyConfig())

    assert (workers.min_size, workers.max_size) == (7, 7)
    assert (engines.min_size, engines.max_size) == (1, 1)


def test_there_are_as_many_engines_as_the_gpus_allow() -> None:
    [pool] = pools_of(OnGpus(), gpus=5)

    assert (pool.min_size, pool.max_size, pool.num_gpus) == (1, 2, 2.0)


def test_concurrency_bounds_the_engines() -> None:
    workers, engines = pools_of(None, FaultyConfig(), concurrency=(2, 4))

    assert (engines.min_size, engines.max_size) == (2, 4)
    assert workers.max_size == 6


def test_an_engine_has_twice_its_running_batch_in_reach() -> None:
    [pool] = pools_of(FaultyConfig(slots=64))

    assert pool.calls * 64 >= 2 * 64


def test_an_engine_that_needs_more_gpus_than_there_are_is_refused() -> None:
    with pytest.raises(ConfigError, match="needs 2 GPUs; Ray sees 1"):
        pools_of(OnGpus(), gpus=1)


def test_rows_are_those_of_the_local_runner(tmp_path: Path) -> None:
    document = write_mixed(tmp_path / "in" / "mixed.pdf", 60)
    log = tmp_path / "log"
    read(pipeline_of(), document, tmp_path / "reference")

    run(pipeline_of(log=str(log)), document, tmp_path / "out", RunOptions(unit_size=UnitSize(max_pages=9)))

    assert result_rows(tmp_path / "out") == result_rows(tmp_path / "reference")
    assert asked(log) == list(range(0, 60, 3))


def test_a_page_that_kills_its_engine_fails_alone(tmp_path: Path) -> None:
    document = write_mixed(tmp_path / "in" / "scan.pdf", 40, every=1)
    log = tmp_path / "log"

    summary = run(
        pipeline_of(text_layer=False, log=str(log), deadly=(17,)),
        document,
        tmp_path / "out",
        RunOptions(unit_size=UnitSize(max_pages=8)),
    )

    assert summary.statuses == {"ok": 39, "failed": 1}
    assert summary.error_codes == {"worker_died": 1}
    assert asked(log) == [index for index in range(40) if index != 17]
    assert verify_run(tmp_path / "out").problems == []
