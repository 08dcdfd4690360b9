"""Units into a running Ray Data dataset: a queue that grows while the dataset reads it.

One row of the dataset is one task's load: the units that an actor runs before it answers, as bytes. Rows are small and
carry references only; neither bytes of documents, nor pixels, nor text pass through the object store.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self, cast

import pyarrow as pa
import ray
from ray.data import DataContext, Dataset, Datasource, ReadTask
from ray.data.block import BlockMetadata

from omnipipe.runners.ray_queue import Address, QueueServer, UnitQueue, rows_of

UNITS = "units"


class Feed:
    """The driver's end of the queue, and the dataset's. A context manager: leaving it ends the dataset's rows."""

    def __init__(self, num_workers: int) -> None:
        self._queue = UnitQueue(num_workers)
        self._server = QueueServer(self._queue)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    def put(self, unit: bytes) -> None:
        """Hand a unit over."""
        self._queue.put(unit)

    def set_load(self, load: int) -> None:
        """From now on a task holds at most `load` units."""
        self._queue.set_load(load)

    def complete(self) -> None:
        """Say that no unit will follow."""
        self._queue.complete()

    def dataset(self, no_progress_seconds: float) -> Dataset:
        """Rows of one column `units`, each block one row, as they are put."""
        context = DataContext.get_current().copy()
        # The output buffer of a source collects rows until a block has this many bytes; each row must go at once.
        context.target_max_block_size = 1
        context.target_min_block_size = 1
        context.enable_progress_bars = False
        # Once a second Ray Data would add up the pages of each worker's memory, for statistics that nobody reads.
        context.memory_usage_poll_interval_s = None
        context.execution_no_progress_timeout_s = no_progress_seconds
        with DataContext.current(context):
            # Without a CPU slot, or a pool of actors on all CPUs would leave none for the source.
            # On the driver's node, where the queue is.
            here = {"ray.io/node-id": ray.get_runtime_context().get_node_id()}
            dataset = ray.data.read_datasource(
                _Source(self._server.address), override_num_blocks=1, num_cpus=0, label_selector=here
            )
        return cast(Dataset, dataset)


class _Source(Datasource):
    """A dataset's source: one task that yields a row whenever the queue has one."""

    def __init__(self, address: Address) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._address = address

    def get_name(self) -> str:
        return "Units"

    def estimate_inmemory_data_size(self) -> int | None:
        return None

    def get_read_tasks(
        self, parallelism: int, per_task_row_limit: int | None = None, data_context: DataContext | None = None
    ) -> list[ReadTask]:
        address = self._address
        metadata = BlockMetadata(num_rows=None, size_bytes=None, exec_stats=None, input_files=None)
        return [ReadTask(lambda: _rows(address), metadata)]


def _rows(address: Address) -> Iterator[pa.Table]:
    for units in rows_of(address):
        yield pa.table({UNITS: pa.array([units], pa.large_binary())})
