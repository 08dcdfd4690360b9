"""A cluster that is there already: found, checked before anything starts, and allowed to lose a node."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from omnipipe.errors import ConfigError, OutputError
from omnipipe.pipeline import Pipeline
from omnipipe.runners import ray_data
from omnipipe.runners.job import Job
from omnipipe.runners.ray_options import RayOptions, find_address
from omnipipe.unit import Receipt
from tests.ray_local import own_ray
from tests.ray_stage import NUM_PAGES, SayName, job_in, rows_of, units_of

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

# A node's death is noticed after two seconds instead of fifteen.
_FAST_DETECTION = {
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_failure_threshold": "2",
    "RAY_health_check_timeout_ms": "1500",
}


# Ray warns of its own deprecations and of small datasets, from threads of its own.
pytestmark = pytest.mark.filterwarnings(r"ignore::Warning:ray\.")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A head without slots and two nodes with two each, all of them on loopback."""
    with own_ray(_FAST_DETECTION):
        from ray.cluster_utils import Cluster

        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        head = {"num_cpus": 0, "gcs_server_port": port, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args={**head, "object_store_memory": 100 << 20})
        for _ in range(2):
            cluster.add_node(num_cpus=2, object_store_memory=100 << 20)
        try:
            yield cluster
        finally:
            cluster.shutdown()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    ("option", "environment", "address"),
    [
        ("one:6379", {"RAY_ADDRESS": "two:6379"}, "one:6379"),
        (None, {"RAY_ADDRESS": "two:6379"}, "two:6379"),
        (None, {}, None),
        (None, {"RAY_ADDRESS": ""}, None),
        ("local", {"RAY_ADDRESS": "two:6379"}, None),
    ],
)
def test_the_option_wins_over_the_variable_and_that_over_a_cluster_of_our_own(
    option: str | None, environment: dict[str, str], address: str | None
) -> None:
    assert find_address(option, environment) == address


@pytest.mark.parametrize("address", ["auto", "ray://head:10001", "head", "head:port", ":6379", "head:99999"])
def test_addresses_that_could_mean_another_cluster_are_refused(address: str) -> None:
    with pytest.raises(ConfigError, match=address):
        find_address(None, {"RAY_ADDRESS": address})


def test_a_wrong_address_is_one_sentence_at_once(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        started = time.monotonic()

        with pytest.raises(ConfigError, match=f"nothing answers at {address}"):
            ray_data.execute(
                job_in(tmp_path, SayName()), units_of(4), on_receipt=print, options=RayOptions(address=address)
            )

    assert time.monotonic() - started < 10


def test_what_is_no_head_of_a_cluster_is_said_to_be_none(tmp_path: Path) -> None:
    """The dashboard's port is a common mistake; it speaks another protocol."""
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Quiet(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()

        with pytest.raises(ConfigError, match="is not the head of a Ray cluster"):
            ray_data.execute(
                job_in(tmp_path, SayName()),
                units_of(4),
                on_receipt=print,
                options=RayOptions(address=f"127.0.0.1:{server.server_port}"),
            )
        server.shutdown()
        thread.join()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs a path that means another thing in each process")
def test_an_output_that_a_node_does_not_see_is_refused_before_anything_starts(cluster: Cluster, tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    unseen = Path(f"/proc/self/fd/{folder}")
    job = Job(pipeline=Pipeline("names", (SayName(),)), run_dir=unseen, run_id="r", boot_id="b")
    receipts: list[Receipt] = []

    try:
        with pytest.raises(OutputError, match=r"node .* does not see"):
            ray_data.execute(job, units_of(4), on_receipt=receipts.append, options=RayOptions(address=cluster.address))
    finally:
        os.close(folder)

    assert receipts == []
    assert [path.name for path in tmp_path.rglob("*")] == ["logs", "ray.log"]


@pytest.mark.slow
def test_a_node_that_dies_loses_nothing(cluster: Cluster, tmp_path: Path) -> None:
    receipts: list[Receipt] = []
    nodes = list(cluster.worker_nodes)

    def kill_a_node(receipt: Receipt) -> None:
        receipts.append(receipt)
        if len(receipts) == 3:
            cluster.remove_node(nodes[0], allow_graceful=False)

    ray_data.execute(
        job_in(tmp_path, SayName(seconds=0.2)),
        units_of(1),
        on_receipt=kill_a_node,
        options=RayOptions(address=cluster.address, concurrency=(2, 2)),
    )

    rows = rows_of(tmp_path)
    assert rows["page_index"].to_pylist() == list(range(NUM_PAGES))
    assert set(rows["status"].to_pylist()) == {"ok"}
    assert sum(receipt.num_pages for receipt in receipts) == NUM_PAGES
