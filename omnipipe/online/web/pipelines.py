"""GET /v1/pipelines: what is served."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from omnipipe.online.web.auth import Caller, caller
from omnipipe.online.web.schemas import PipelineList, errors
from omnipipe.reading.detect import IMAGE_FORMATS

if TYPE_CHECKING:
    from omnipipe.online.web.state import Online


def router(online: Online) -> APIRouter:
    """The route of pipelines."""
    routes = APIRouter(tags=["pipelines"])
    body = json.dumps({"pipelines": [_plain(online)]}).encode()

    @routes.get("/v1/pipelines", response_model=PipelineList, responses=errors())
    async def get_pipelines(who: Annotated[Caller, Depends(caller)]) -> Response:
        """The pipelines that are served, with the settings that decide their results."""
        return Response(body, media_type="application/json")

    return routes


def _plain(online: Online) -> dict[str, object]:
    pipeline = online.documents.pipeline
    return {
        "name": online.documents.pipeline_name,
        "config_hash": online.documents.config_hash,
        "stages": [stage["stage"] for stage in pipeline.settings],
        "engines": [{"backend": served.config.label, "model": served.name} for served in online.engines.models],
        "formats": ["pdf", *IMAGE_FORMATS],
    }
