"""What a client is told of a job: at once, after waiting for it, or as a stream."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastapi import Request
from starlette.responses import Response

from omnipipe.online.job import Job, Row
from omnipipe.online.web.auth import Caller
from omnipipe.online.web.client_gone import CLIENT_WENT, ClientGoneError, in_background, while_connected
from omnipipe.online.web.errors import NO_SUCH_JOB, ApiProblem
from omnipipe.online.web.render import STREAMS, Form, job_json, pending_response, result_response
from omnipipe.online.web.stream import RowStream

if TYPE_CHECKING:
    from omnipipe.online.web.state import Online

_JOB_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)


def own_job(online: Online, who: Caller, job_id: str) -> Job:
    """The job of that id.

    Raises:
        ApiProblem: 404, also where it is another key's: nobody learns which ids there are.
    """
    job = online.store.find(job_id) if _JOB_ID.fullmatch(job_id) else None
    if job is None or job.owner != who.owner:
        raise ApiProblem(404, "not_found", NO_SUCH_JOB)
    return job


async def answer_new(
    request: Request, online: Online, job: Job, form: Form, wait: float | None, *, cancels: bool
) -> Response:
    """The answer to a new document. With `cancels` the job ends when its client goes while this waits."""
    if form in STREAMS:
        return RowStream(online, job, form, start=0, seconds=_capped(online, wait), cancels=cancels)
    if wait is None:
        return pending_response(job)
    try:
        job = await while_connected(request.receive, online.documents.wait(job.id, _capped(online, wait) or 0.0))
    except (ClientGoneError, asyncio.CancelledError):
        if cancels:
            in_background(online.documents.cancel(job.id, CLIENT_WENT))
        raise
    if not job.is_final:
        return pending_response(job)
    rows = await online.store.rows(job.id)
    return await result_response(job, _readable(rows, form), form)


async def answer_known(
    request: Request, online: Online, job: Job, form: Form, wait: float | None, start: int | None
) -> Response:
    """The answer about a job that there is. Rows of an unfinished one only from a `start` on, as they are."""
    if form in STREAMS:
        return RowStream(online, job, form, start=start or 0, seconds=_capped(online, wait), cancels=False)
    if wait and not job.is_final:
        job = await while_connected(request.receive, online.documents.wait(job.id, _capped(online, wait) or 0.0))
    if not job.is_final and form != "json":
        return pending_response(job)
    if not job.is_final and start is None:
        return Response(job_json(job), headers={"retry-after": "1"}, media_type="application/json")
    rows = await online.store.rows(job.id, start or 0)
    return await result_response(job, _readable(rows, form), form)


def _capped(online: Online, wait: float | None) -> float | None:
    return None if wait is None else min(wait, online.settings.max_wait)


def _readable(rows: Sequence[Row], form: Form) -> Sequence[Row]:
    """`rows`, unless a form that has no place for errors would hide that no page was read."""
    if form == "json" or not rows or any(row.status not in ("failed", "skipped") for row in rows):
        return rows
    plain = json.loads(min(rows, key=lambda row: row.page_index).json)
    code = str(plain.get("error_code"))
    raise ApiProblem(422, "no_page_read", f"No page could be read: {code}: {plain.get('error_message')}")
