"""POST /v1/documents: a document in, its text out, or a job to ask about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from starlette.responses import Response

from omnipipe.online.job import Job
from omnipipe.online.web.answer import answer_new
from omnipipe.online.web.auth import Caller, caller
from omnipipe.online.web.render import choose_form
from omnipipe.online.web.upload import Body, plain_name, read_body
from omnipipe.online.web.wanted import Wanted

if TYPE_CHECKING:
    from omnipipe.online.web.app import Online

IdempotencyKey = Annotated[
    str | None,
    Header(max_length=200, pattern=r"^[\x21-\x7e]{1,200}$", description="The same key again gets the same job."),
]


def router(online: Online) -> APIRouter:
    """The routes of documents."""
    routes = APIRouter(tags=["documents"])

    @routes.post("/v1/documents", status_code=202, response_model=None)
    async def post_document(
        request: Request,
        who: Annotated[Caller, Depends(caller)],
        wanted: Annotated[Wanted, Query()],
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        """Read a document."""
        form = choose_form(wanted.format, request.headers.get("accept"))
        online.documents.check_room()
        body = await read_body(request, online)
        try:
            wanted = wanted.over(body.fields)
            form = choose_form(wanted.format, request.headers.get("accept"))
            job = await _submit(online, who, body, wanted, idempotency_key)
        except BaseException:
            body.writer.discard()
            raise
        cancels = idempotency_key is None and not wanted.detach
        return await answer_new(request, online, job, form, wanted.wait, cancels=cancels)

    return routes


async def _submit(online: Online, who: Caller, body: Body, wanted: Wanted, key: str | None) -> Job:
    asked = wanted.asked(online, has_passwords=bool(body.passwords))
    name = plain_name(wanted.file_name or body.file_name)
    return await online.documents.submit(
        body.writer.finish(),
        asked,
        owner=who.owner,
        file_name=name,
        idempotency_key=key,
        passwords=tuple(body.passwords),
    )
