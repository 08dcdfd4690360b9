"""Pages as a Ray Data dataset, equal to the rows of a run."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from omnipipe.batch import RunOptions, run
from omnipipe.errors import ConfigError, InputError
from omnipipe.page import Page
from omnipipe.pipeline import Pipeline, load_pipeline
from omnipipe.runners.ray_data import to_dataset
from omnipipe.runners.ray_options import RayOptions
from omnipipe.runners.ray_pages import Concurrency, _loads
from omnipipe.runners.ray_session import RaySession
from omnipipe.schema import PAGES, RESULT_COLUMNS
from omnipipe.sources.source import Source
from omnipipe.stages.base import Stage
from tests.pdfs import pdf_of_texts
from tests.ray_local import own_ray

# Ray warns of its own deprecations and of small datasets, from threads of its own.
pytestmark = pytest.mark.filterwarnings(r"ignore::Warning:ray\.")


@pytest.fixture(scope="module", autouse=True)
def ray_of_the_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One Ray for all tests here, on loopback only."""
    with own_ray(), RaySession(RayOptions(address="local"), tmp_path_factory.mktemp("ray")):
        yield


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """Three documents of 1, 40 and 3 pages, and one that is none."""
    folder = tmp_path / "documents"
    folder.mkdir()
    for name, count in (("a", 1), ("b", 40), ("c", 3)):
        texts = [f"Document {name}, page {index}.\nIt says what it is." for index in range(count)]
        (folder / f"{name}.pdf").write_bytes(pdf_of_texts(texts))
    (folder / "d.pdf").write_bytes(b"<html>not a document</html>")
    return folder


def table_of(dataset: object) -> pa.Table:
    from ray.data import Dataset

    assert isinstance(dataset, Dataset)
    return pa.concat_tables(list(dataset.iter_batches(batch_size=None, batch_format="pyarrow")))


def test_rows_are_those_of_a_run(documents: Path, tmp_path: Path) -> None:
    pipeline = load_pipeline("text_layer")
    run(pipeline, documents, tmp_path / "out", RunOptions(runner="local"))
    files = sorted((tmp_path / "out" / "pages").glob("*.parquet"))
    committed = pa.concat_tables([pq.read_table(file) for file in files])

    rows = table_of(to_dataset(pipeline, documents))

    columns = list(RESULT_COLUMNS)
    assert rows.schema.names == PAGES.names
    assert rows.num_rows == 45
    assert rows.select(columns).sort_by("page_id").equals(committed.select(columns).sort_by("page_id"))


def test_a_dataset_goes_on_in_ray_data(documents: Path) -> None:
    from ray.data.expressions import col

    dataset = to_dataset("text_layer", documents, pages="1-2")

    found = dataset.filter(expr=col("status") == "ok").select_columns(["page_number", "text"]).take_all()

    assert sorted(row["page_number"] for row in found) == [1, 1, 1, 2, 2]


def test_what_is_not_there_is_said_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        to_dataset("text_layer", tmp_path / "nowhere.pdf")


def test_a_wrong_page_range_is_refused(documents: Path) -> None:
    with pytest.raises(ConfigError, match="0-3"):
        to_dataset("text_layer", documents, pages="0-3")


@pytest.mark.parametrize("concurrency", [2, (1, 2), (1, 2, 2)])
def test_actors_and_blocks_are_named_as_in_ray_data(documents: Path, concurrency: Concurrency) -> None:
    dataset = to_dataset("text_layer", documents, concurrency=concurrency, num_cpus=0.5, override_num_blocks=3, limit=3)

    assert table_of(dataset).num_rows == 44


@pytest.mark.parametrize("concurrency", [0, (2, 1), (0, 1), True, "2", (1, 2, 3), 1.5])
def test_a_wrong_number_of_actors_is_refused(documents: Path, concurrency: object) -> None:
    with pytest.raises(ConfigError, match="is no number of actors"):
        to_dataset("text_layer", documents, concurrency=concurrency)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_cpus", "2"),
        ("num_cpus", -1),
        ("num_cpus", None),
        ("num_gpus", float("nan")),
        ("memory", "4GB"),
        ("limit", True),
        ("pages", 3),
        ("options", {}),
    ],
)
def test_an_argument_of_a_wrong_kind_is_refused_by_name(documents: Path, name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"{name}="):
        to_dataset("text_layer", documents, **{name: value})  # type: ignore[arg-type]


def test_a_dataset_without_rows_has_its_columns(documents: Path) -> None:
    from ray.data.expressions import col

    dataset = to_dataset("text_layer", documents / "a.pdf", pages="7")

    assert dataset.schema().names == PAGES.names
    assert dataset.filter(expr=col("status") == "ok").count() == 0


@pytest.mark.parametrize(("number", "sizes"), [(7, [1] * 7), (100, [12] * 8 + [4]), (1000, [32] * 31 + [8])])
def test_few_documents_are_dealt_out_to_all_actors(number: int, sizes: list[int]) -> None:
    sources = [Source(f"/{place}.pdf", 1, None) for place in range(number)]

    assert [len(load) for load in _loads(sources, None, 2)] == sizes
    assert sum(len(load) for load in _loads(sources, 5, 2)) == number


class DiesAt(Stage):
    """Takes its process down on page `index` of the documents of these names."""

    names: tuple[str, ...]
    index: int

    def wants(self, page: Page) -> bool:
        return page.text is not None

    def process(self, pages: Sequence[Page]) -> Sequence[Page]:
        for page in pages:
            if page.index == self.index and page.uri.endswith(self.names):
                os.kill(os.getpid(), signal.SIGKILL)
        return pages


def test_pages_that_take_their_actor_down_are_rows(documents: Path) -> None:
    pipeline = Pipeline("deadly", (*load_pipeline("text_layer").stages, DiesAt(names=("b.pdf", "c.pdf"), index=2)))

    rows = table_of(to_dataset(pipeline, documents, concurrency=1, override_num_blocks=1)).to_pylist()

    dead = [(Path(row["source_uri"]).name, row["page_index"]) for row in rows if row["error_code"] == "worker_died"]
    assert sorted(dead) == [("b.pdf", 2), ("c.pdf", 2)]
    assert [row["status"] for row in rows].count("ok") == 42
    assert not list(Path(tempfile.gettempdir()).glob("omnipipe-dataset-*"))
