"""Ending an RPC by an error: the status for the client, and a line for the log that quotes nobody."""

from __future__ import annotations

import logging
from typing import Any, NoReturn

import grpc

from simpatico.server.logs import fields
from simpatico.server.status import rpc_status

__all__ = ["Context", "abort"]

Context = grpc.aio.ServicerContext[Any, Any]

log = logging.getLogger(__name__)


async def abort(context: Context, error: Exception, *, method: str = "") -> NoReturn:
    """End the RPC with the status of the error."""
    code, message, metadata = rpc_status(error)
    named = {"method": method} if method else {}
    if code is grpc.StatusCode.INTERNAL:
        log.error("request failed", exc_info=error, extra=fields(**named))
    else:
        log.info("request refused", extra=fields(code=code.name, error=type(error).__name__, **named))
    await context.abort(code, message, trailing_metadata=metadata)
