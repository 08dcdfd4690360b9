"""The PyTorch engine, on the tiny reader."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from omnipipe.engines.pytorch import PyTorchConfig
from omnipipe.engines.thread import EngineThread
from tests.engines.contract import EngineContract, opened
from tests.tiny_reader import CHECKPOINT

pytest.importorskip("transformers", reason="the PyTorch engine needs transformers")


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineThread]:
    with opened(reader()) as thread:
        yield thread


def reader(**settings: object) -> PyTorchConfig:
    """The tiny reader on the CPU in float32, with `settings`."""
    return PyTorchConfig.model_validate(
        {"model": str(CHECKPOINT), "torch_dtype": "float32", "device": "cpu", **settings}
    )


class TestContract(EngineContract):
    """What every engine promises."""
