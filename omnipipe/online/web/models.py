"""GET /v1/models: the engines that answer chat requests, in OpenAI's shape."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from omnipipe.online.engine_service import ServedModel
from omnipipe.online.web.auth import Caller, caller
from omnipipe.online.web.errors import ApiProblem
from omnipipe.online.web.schemas import errors

if TYPE_CHECKING:
    from omnipipe.online.web.state import Online


class ModelBody(BaseModel):
    """A model, or an adapter of one (`parent`)."""

    id: str = Field(description="What requests have as model; of a checkpoint in a folder the folder's name.")
    object: Literal["model"] = "model"
    created: int = Field(description="When this server began to serve it, in seconds since 1970.")
    owned_by: str = "omnipipe"
    family: str | None = Field(None, description="The kind of model; it decides which picture the model wants.")
    engine: str = Field(description="The backend that runs it.")
    pipeline: str = Field(description="The pipeline whose pages it reads.")
    streams: bool = Field(description="Whether answers can come token by token.")
    parent: str | None = None


class ModelList(BaseModel):
    """All models."""

    object: Literal["list"] = "list"
    data: list[ModelBody]


def find_model(models: Sequence[ServedModel], name: str) -> tuple[ServedModel, str | None]:
    """The model that clients call `name`, and the adapter that they mean.

    Raises:
        ApiProblem: 404: there is none.
    """
    for model in models:
        if name == model.name:
            return model, None
        adapter = name.removeprefix(f"{model.name}:")
        if adapter != name and adapter in _adapters(model):
            return model, adapter
    known = ", ".join(model.name for model in models[:5]) or "none, because its pipeline asks no model"
    raise ApiProblem(404, "model_not_found", f"There is no model {name[:80]!r} here. This server has: {known}.")


def router(online: Online) -> APIRouter:
    """The routes of models."""
    routes = APIRouter(tags=["chat"])
    began = int(time.time())

    @routes.get("/v1/models", responses=errors())
    async def get_models(_: Annotated[Caller, Depends(caller)]) -> ModelList:
        """The models that chat requests may name; none where the pipeline asks no model."""
        return ModelList(data=[entry for model in online.engines.models for entry in _entries(model, began)])

    @routes.get("/v1/models/{name:path}", responses=errors(404))
    async def get_model(name: str, _: Annotated[Caller, Depends(caller)]) -> ModelBody:
        """One model."""
        model, _adapter = find_model(online.engines.models, name)
        return next(entry for entry in _entries(model, began) if entry.id == name)

    return routes


def _entries(model: ServedModel, created: int) -> list[ModelBody]:
    family = getattr(model.config, "family", None)
    entry = ModelBody(
        id=model.name,
        created=created,
        family=None if family is None else family.name,
        engine=model.config.engine,
        pipeline=model.pipeline,
        streams=model.config.capabilities.streaming,
    )
    adapters = [
        entry.model_copy(update={"id": f"{model.name}:{adapter}", "parent": model.name}) for adapter in _adapters(model)
    ]
    return [entry, *adapters]


def _adapters(model: ServedModel) -> list[str]:
    return sorted(getattr(model.config, "lora", ()))
