"""/v1/jobs: what became of documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from starlette.responses import Response

from omnipipe.online.web.answer import answer_known, own_job
from omnipipe.online.web.auth import Caller, caller
from omnipipe.online.web.render import choose_form
from omnipipe.online.web.wanted import JobWanted

if TYPE_CHECKING:
    from omnipipe.online.web.app import Online


def router(online: Online) -> APIRouter:
    """The routes of jobs."""
    routes = APIRouter(tags=["jobs"])

    @routes.get("/v1/jobs/{job_id}", response_model=None)
    async def get_job(
        request: Request,
        job_id: str,
        who: Annotated[Caller, Depends(caller)],
        wanted: Annotated[JobWanted, Query()],
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> Response:
        """One job, and its pages when it is final."""
        form = choose_form(wanted.format, request.headers.get("accept"))
        job = own_job(online, who, job_id)
        start = wanted.start
        if start is None and last_event_id is not None and last_event_id.isdecimal():
            start = int(last_event_id)
        return await answer_known(request, online, job, form, wanted.wait, start)

    @routes.delete("/v1/jobs/{job_id}", status_code=204, response_model=None)
    async def delete_job(job_id: str, who: Annotated[Caller, Depends(caller)]) -> Response:
        """Remove a job: its bytes, text and password are gone when this returns."""
        job = own_job(online, who, job_id)
        await online.documents.remove(job.id)
        return Response(status_code=204)

    return routes
