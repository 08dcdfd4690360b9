"""/healthz and /readyz: open, and silent about everything but the state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.responses import Response

from omnipipe.errors import OmnipipeError
from omnipipe.online.web.schemas import HealthBody

if TYPE_CHECKING:
    from omnipipe.online.web.state import Online

_OK = b'{"status": "ok"}'
_UNAVAILABLE = b'{"status": "unavailable"}'


def router(online: Online) -> APIRouter:
    """The routes of health."""
    routes = APIRouter(tags=["health"])

    @routes.get("/healthz", response_model=HealthBody)
    async def get_healthz() -> Response:
        """Whether this process answers."""
        return Response(_OK, media_type="application/json")

    @routes.get(
        "/readyz",
        response_model=HealthBody,
        responses={503: {"model": HealthBody, "description": "Documents cannot be read at the moment."}},
    )
    async def get_readyz() -> Response:
        """Whether documents can be read at the moment."""
        try:
            await online.documents.health()
        except OmnipipeError:
            return Response(_UNAVAILABLE, 503, media_type="application/json")
        return Response(_OK, media_type="application/json")

    return routes
