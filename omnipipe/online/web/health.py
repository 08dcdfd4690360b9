"""/healthz and /readyz: open, and silent about everything but the state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from omnipipe.online.web.schemas import HealthBody

if TYPE_CHECKING:
    from omnipipe.online.web.app import Online


def router(online: Online) -> APIRouter:
    """The routes of health."""
    routes = APIRouter(tags=["health"])

    @routes.get("/healthz")
    async def healthz() -> HealthBody:
        """Whether this process answers."""
        return HealthBody(status="ok")

    return routes
