"""One JSON line a request: who, what, how long. No file name, no query, nothing of a document, never a key."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

from starlette.types import Scope

from omnipipe.online.web.exchange import Exchange

LOGGER = "omnipipe.access"

_log = logging.getLogger(LOGGER)
# What a probe asks every second tells nobody anything while it goes well.
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})


class AccessLog:
    """Writes each request to the logger `omnipipe.access` at level INFO; answers to probes at DEBUG."""

    def begin(self, scope: Scope) -> None:
        """Nothing is written before the end."""

    def end(self, scope: Scope, exchange: Exchange) -> None:
        """Write it down."""
        level = logging.DEBUG if exchange.route in _QUIET and exchange.status < 400 else logging.INFO
        if _log.isEnabledFor(level):
            _log.log(level, "%s", line_of(exchange))


def line_of(exchange: Exchange) -> str:
    """`exchange` as one line of JSON; `time` is when the request came, in UTC."""
    moment = datetime.fromtimestamp(exchange.started_at, UTC).isoformat(timespec="milliseconds")
    return json.dumps(
        {
            "time": moment.replace("+00:00", "Z"),
            "request_id": exchange.request_id,
            "caller": exchange.caller,
            "method": exchange.method,
            "route": exchange.route,
            "status": exchange.status,
            "bytes_in": exchange.bytes_in,
            "bytes_out": exchange.bytes_out,
            "ms": round(exchange.seconds * 1000, 2),
            "job_id": exchange.job_id,
        }
    )


def write_access_log(stream: TextIO | None = None) -> logging.Handler:
    """Send the access log to `stream` (default: stderr), one line a request and nothing around it."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    _log.addHandler(handler)
    _log.setLevel(logging.INFO)
    _log.propagate = False
    return handler
