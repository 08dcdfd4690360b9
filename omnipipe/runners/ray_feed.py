"""Units into a running Ray Data dataset: a queue that grows while the dataset reads it.

One row of the dataset is one task's load: the pickled units that an actor runs before it answers. Rows are small and
carry references only; neither bytes of documents, nor pixels, nor text pass through the object store.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import pyarrow as pa
import ray
from ray.data import DataContext, Dataset, Datasource, ReadTask
from ray.data.block import BlockMetadata

from omnipipe.runners.ray_queue import UnitQueue
from omnipipe.unit import Unit

if TYPE_CHECKING:
    from ray.actor import ActorHandle

UNITS = "units"


class Feed:
    """The driver's end of the queue, and the dataset's."""

    def __init__(self, num_workers: int) -> None:
        self._num_put = 0
        self._here = {"ray.io/node-id": ray.get_runtime_context().get_node_id()}
        remote = ray.remote(UnitQueue).options(num_cpus=0, max_concurrency=8, label_selector=self._here)
        self._queue = cast("ActorHandle[UnitQueue]", remote.remote(num_workers))

    def put(self, unit: Unit) -> None:
        """Hand `unit` over."""
        self._num_put += 1
        self._queue.put.remote(unit)

    def set_load(self, load: int) -> None:
        """From now on a task holds at most `load` units."""
        self._queue.set_load.remote(load)

    def complete(self) -> None:
        """Say that no unit will follow."""
        self._queue.complete.remote(self._num_put)

    def dataset(self, no_progress_seconds: float) -> Dataset:
        """Rows of one column `units`, each block one row, as they are put."""
        context = DataContext.get_current().copy()
        # The output buffer of a source collects rows until a block has this many bytes; each row must go at once.
        context.target_max_block_size = 1
        context.target_min_block_size = 1
        context.enable_progress_bars = False
        context.execution_no_progress_timeout_s = no_progress_seconds
        with DataContext.current(context):
            # Without a CPU slot, or a pool of actors on all CPUs would leave none for the source.
            dataset = ray.data.read_datasource(
                _Source(self._queue), override_num_blocks=1, num_cpus=0, label_selector=self._here
            )
        return cast(Dataset, dataset)


class _Source(Datasource):
    """A dataset's source: one task that yields a row whenever the queue has one."""

    def __init__(self, queue: ActorHandle[UnitQueue]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._queue = queue

    def get_name(self) -> str:
        return "Units"

    def estimate_inmemory_data_size(self) -> int | None:
        return None

    def get_read_tasks(
        self, parallelism: int, per_task_row_limit: int | None = None, data_context: DataContext | None = None
    ) -> list[ReadTask]:
        queue = self._queue
        metadata = BlockMetadata(num_rows=None, size_bytes=None, exec_stats=None, input_files=None)
        return [ReadTask(lambda: _rows(queue), metadata)]


def _rows(queue: ActorHandle[UnitQueue]) -> Iterator[pa.Table]:
    row = 0
    while True:
        units = cast(tuple[Unit, ...] | None, ray.get(queue.take.remote(row)))
        if units is None:
            return
        yield pa.table({UNITS: pa.array([pickle.dumps(units, protocol=5)], pa.large_binary())})
        row += 1
