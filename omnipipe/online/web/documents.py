"""POST /v1/documents: a document in, its text out, or a job to ask about."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from starlette.responses import Response

from omnipipe.online.job import Asked, Job
from omnipipe.online.web.answer import answer_new
from omnipipe.online.web.auth import Caller, caller
from omnipipe.online.web.client_gone import CLIENT_WENT, in_background, while_connected
from omnipipe.online.web.fetch import fetch
from omnipipe.online.web.openapi import DOCUMENT_BODY, job_answers
from omnipipe.online.web.render import choose_form
from omnipipe.online.web.upload import Body, plain_name, read_body
from omnipipe.online.web.wanted import Wanted

if TYPE_CHECKING:
    from omnipipe.online.web.state import Online

IdempotencyKey = Annotated[
    str | None, Header(pattern="^[!-~]{1,200}$", description="The same key again gets the same job.")
]
Deadline = Annotated[
    str | None,
    Header(pattern=r"^[0-9]{1,5}(\.[0-9]{1,3})?$", description="Seconds; see the query parameter of the same name."),
]


def router(online: Online) -> APIRouter:
    """The routes of documents."""
    routes = APIRouter(tags=["documents"])

    @routes.post(
        "/v1/documents",
        status_code=202,
        response_model=None,
        responses=job_answers(403, 406, 408, 409, 413, 415, 422, 429, 502, 503),
        openapi_extra=DOCUMENT_BODY,
    )
    async def post_document(
        request: Request,
        who: Annotated[Caller, Depends(caller)],
        wanted: Annotated[Wanted, Query()],
        idempotency_key: IdempotencyKey = None,
        deadline: Deadline = None,
    ) -> Response:
        """Read a document.

        Without `wait` the answer is 202 and a job, unless a stream is asked for. With it the answer is the result if
        the job ends in time. When the client goes away while it waits or streams, the job's open pages are given up,
        but for `detach=true` or an Idempotency-Key.
        """
        accept = request.headers.get("accept")
        choose_form(wanted.format, accept)
        with online.documents.upload(), online.quotas.admit(who):
            body = await read_body(request, online)
            try:
                wanted = wanted.over(body.fields if deadline is None else {**body.fields, "deadline": deadline})
                form = choose_form(wanted.format, accept)
                if body.url is not None:
                    body.file_name = await while_connected(
                        request.receive, fetch(body.url, online.settings.url_allow, body.writer)
                    )
                cancels = idempotency_key is None and not wanted.detach
                job = await _submit(online, who, body, wanted, idempotency_key, cancels=cancels)
            except BaseException:
                body.discard()
                raise
        return await answer_new(request, online, job, form, wanted.wait, cancels=cancels)

    return routes


async def _submit(online: Online, who: Caller, body: Body, wanted: Wanted, key: str | None, *, cancels: bool) -> Job:
    asked = wanted.asked(online)
    name = plain_name(wanted.file_name or body.file_name)
    body.is_taken = True
    creating = asyncio.ensure_future(_create(online, who, body, asked, name, key))
    try:
        # Cut in the middle, it might leave a job that nobody knows of.
        return await asyncio.shield(creating)
    except asyncio.CancelledError:
        if cancels:
            in_background(_give_up(online, creating))
        raise


async def _create(online: Online, who: Caller, body: Body, asked: Asked, name: str, key: str | None) -> Job:
    try:
        return await online.documents.submit(
            body.writer.finish(),
            asked,
            owner=who.owner,
            file_name=name,
            idempotency_key=key,
            passwords=tuple(body.passwords),
        )
    finally:
        # Without effect on bytes that became a job's.
        body.writer.discard()


async def _give_up(online: Online, creating: asyncio.Future[Job]) -> None:
    job = await creating
    await online.documents.cancel(job.id, CLIENT_WENT)
