"""omnipipe: PDFs and page images to text you can trust, one Parquet row per page, on Ray.

The public names load on first use; `import omnipipe` itself loads no heavy library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from omnipipe.batch import RunSummary, run
    from omnipipe.client.aio import AsyncClient
    from omnipipe.client.client import Client
    from omnipipe.client.error import NotReachedError, ServerError, UnfinishedError
    from omnipipe.document import Document
    from omnipipe.engines.base import Engine, EngineConfig
    from omnipipe.errors import (
        AccountingError,
        ConfigError,
        EngineDeadError,
        InputError,
        MissingExtraError,
        OmnipipeError,
        OutputError,
        RunStopped,
        UserError,
    )
    from omnipipe.generation import GenerationParams
    from omnipipe.page import Block, Line, Page, PageError
    from omnipipe.pipeline import Pipeline, load_pipeline
    from omnipipe.runners.ray_data import to_dataset
    from omnipipe.stages.base import Stage

_HOMES = {
    "run": "batch",
    "RunSummary": "batch",
    "AsyncClient": "client.aio",
    "Client": "client.client",
    "NotReachedError": "client.error",
    "ServerError": "client.error",
    "UnfinishedError": "client.error",
    "Document": "document",
    "Engine": "engines.base",
    "EngineConfig": "engines.base",
    "GenerationParams": "generation",
    "AccountingError": "errors",
    "ConfigError": "errors",
    "EngineDeadError": "errors",
    "InputError": "errors",
    "MissingExtraError": "errors",
    "OmnipipeError": "errors",
    "OutputError": "errors",
    "RunStopped": "errors",
    "UserError": "errors",
    "Block": "page",
    "Line": "page",
    "Page": "page",
    "PageError": "page",
    "Pipeline": "pipeline",
    "load_pipeline": "pipeline",
    "to_dataset": "runners.ray_data",
    "Stage": "stages.base",
}

__all__ = [
    "AccountingError",
    "AsyncClient",
    "Block",
    "Client",
    "ConfigError",
    "Document",
    "Engine",
    "EngineConfig",
    "EngineDeadError",
    "GenerationParams",
    "InputError",
    "Line",
    "MissingExtraError",
    "NotReachedError",
    "OmnipipeError",
    "OutputError",
    "Page",
    "PageError",
    "Pipeline",
    "RunStopped",
    "RunSummary",
    "ServerError",
    "Stage",
    "UnfinishedError",
    "UserError",
    "__version__",
    "load_pipeline",
    "run",
    "to_dataset",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'omnipipe' has no attribute {name!r}")
    return getattr(importlib.import_module(f"omnipipe.{home}"), name)


def __dir__() -> list[str]:
    return __all__
