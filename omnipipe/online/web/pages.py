"""Pictures of a job's pages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from omnipipe.online.job import Job
from omnipipe.online.web.answer import own_job
from omnipipe.online.web.auth import Caller, caller
from omnipipe.online.web.errors import ApiProblem
from omnipipe.online.web.page_image import Picture
from omnipipe.online.web.schemas import errors
from omnipipe.online.web.upload import header_password
from omnipipe.online.web.wanted import PictureWanted

if TYPE_CHECKING:
    from omnipipe.online.web.state import Online


def router(online: Online) -> APIRouter:
    """The route of pictures."""
    routes = APIRouter(tags=["jobs"])

    @routes.get(
        "/v1/jobs/{job_id}/pages/{number}/image",
        response_model=None,
        responses={
            200: {"description": "The upright page.", "content": {"image/png": {}, "image/jpeg": {}}},
            **errors(404, 410, 422, 503),
        },
    )
    async def get_page_image(
        request: Request,
        job_id: str,
        number: str,
        who: Annotated[Caller, Depends(caller)],
        wanted: Annotated[PictureWanted, Query()],
    ) -> Response:
        """The picture of one page (from 1) of the kept upload."""
        job = own_job(online, who, job_id)
        index = _index_of(number, job)
        path = online.store.upload_path(job)
        if path is None:
            raise ApiProblem(410, "upload_gone", "The document's bytes are not kept any more.")
        accept = request.headers.get("accept", "")
        form: Picture = wanted.format or ("jpeg" if "image/jpeg" in accept and "image/png" not in accept else "png")
        passwords = (*online.store.passwords(job), *header_password(request))
        picture = await online.pictures.draw(path, index, form, longest_side=wanted.longest_side, passwords=passwords)
        return Response(picture, media_type=f"image/{form}")

    return routes


def _index_of(number: str, job: Job) -> int:
    """The index from 0 of the page that `number` names from 1; whether there is one may turn out later only."""
    if re.fullmatch("[0-9]{1,9}", number):
        index = int(number) - 1
        if index >= 0 and (job.page_count is None or index < job.page_count):
            return index
    raise ApiProblem(404, "no_such_page", f"The document has no page {number[:20]!r}. Pages count from 1.")
