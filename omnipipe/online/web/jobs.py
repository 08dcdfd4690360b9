"""/v1/jobs: what became of documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from starlette.responses import Response

from omnipipe.online.web.answer import answer_known, own_job
from omnipipe.online.web.auth import Caller, caller
from omnipipe.online.web.openapi import job_answers
from omnipipe.online.web.render import choose_form, job_json
from omnipipe.online.web.schemas import JobList, errors
from omnipipe.online.web.wanted import JobWanted

if TYPE_CHECKING:
    from omnipipe.online.web.state import Online

Who = Annotated[Caller, Depends(caller)]
LastEventId = Annotated[
    str | None, Header(pattern="^[0-9]{1,9}$", description="Goes on with a stream where it broke off; as `start`.")
]


def router(online: Online) -> APIRouter:
    """The routes of jobs."""
    routes = APIRouter(tags=["jobs"])

    @routes.get("/v1/jobs", response_model=JobList, responses=errors(422))
    async def get_jobs(who: Who, limit: Annotated[int, Query(ge=1, le=1_000)] = 100) -> Response:
        """The jobs of the key that asks, the newest first, without their pages."""
        jobs = online.store.jobs(who.owner, limit=limit)
        return Response(b'{"jobs": [%s]}' % b",\n".join(map(job_json, jobs)), media_type="application/json")

    @routes.get("/v1/jobs/{job_id}", response_model=None, responses=job_answers(404, 406, 422, 503))
    async def get_job(
        request: Request,
        job_id: str,
        who: Who,
        wanted: Annotated[JobWanted, Query()],
        last_event_id: LastEventId = None,
    ) -> Response:
        """One job, and its pages when it is final. With `start`, or as a stream, the pages that there are."""
        form = choose_form(wanted.format, request.headers.get("accept"))
        job = own_job(online, who, job_id)
        start = wanted.start
        if start is None and last_event_id is not None:
            start = int(last_event_id)
        return await answer_known(request, online, job, form, wanted.wait, start)

    @routes.delete("/v1/jobs/{job_id}", status_code=204, response_model=None, responses=errors(404, 422, 503))
    async def delete_job(job_id: str, who: Who) -> Response:
        """Remove a job: its bytes, text and password are gone when this returns."""
        job = own_job(online, who, job_id)
        online.quotas.count_before_removal(job)
        await online.documents.remove(job.id)
        return Response(status_code=204)

    return routes
