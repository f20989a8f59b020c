"""What stands before every method: finds out who asks, and looks into the table. It does so before a servicer sees the request.

A bearer token, if there is one, decides alone; else the client's certificate does. Who may call is asked when an RPC begins: a stream goes
on when its token ends meanwhile, for as long as a stream may last (``limits.stream_length_s``).
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import grpc

from simpatico.config import AccessSettings, Settings
from simpatico.errors import ConfigError, ForbiddenError, UnauthenticatedError
from simpatico.server.aborting import Context, abort
from simpatico.server.access.certificates import principal_of, read_certificates
from simpatico.server.access.methods import Everybody, may_call
from simpatico.server.access.principals import ANYBODY, AccessRole, Principal, asks
from simpatico.server.arrival import Arrivals

if TYPE_CHECKING:
    from simpatico.server.access.tokens import TokenReader

__all__ = ["Access", "Guard"]

FIRST_MESSAGE_S = 0.5
"""How long a refused stream may take to send what it has begun to send."""
_SCHEME = "bearer"
_HEADER = "authorization"
Metadata = Iterable[tuple[str, str | bytes]]
Peer = Mapping[str, Iterable[bytes]]
_MAKE = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}


class Access:
    """Who may do what in this deployment.

    Parameters
    ----------
    settings
        Sections ``access`` and ``tls``.

    Attributes
    ----------
    open
        Nobody is asked: everybody may do everything.

    Raises
    ------
    ConfigError
        Keys or certificates cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        access = settings.access
        if access.certificates is not None and settings.tls.client_ca is None:
            raise ConfigError(
                "access.certificates names client certificates, but none are asked for: give tls.client_ca too", field="access.certificates"
            )
        self._tokens = _tokens(access)
        self._certificates = read_certificates(access.certificates) if access.certificates is not None else None
        self.open = self._tokens is None and self._certificates is None

    def principal(self, metadata: Metadata, peer: Peer) -> Principal:
        """Return who asks.

        Raises
        ------
        UnauthenticatedError
            It cannot be told.
        """
        if self.open:
            return ANYBODY
        headers = [value for key, value in metadata if key == _HEADER]
        if headers and self._tokens is not None:
            return self._tokens.read(_bearer(headers))
        if headers:
            raise UnauthenticatedError(
                "a bearer token came, but this service knows clients by their certificates alone: leave it out", field=_HEADER
            )
        found = principal_of(peer, self._certificates) if self._certificates is not None else None
        if found is None:
            raise UnauthenticatedError(
                "who asks is not known: send the metadata 'authorization: Bearer TOKEN'"
                + ("" if self._certificates is None else ", or use a client certificate that has a name"),
                field=_HEADER,
            )
        return found

    def admit(self, method: str, metadata: Metadata, peer: Peer) -> Principal:
        """Return who asks, if they may call the method.

        Raises
        ------
        UnauthenticatedError, ForbiddenError
        """
        principal = self.principal(metadata, peer)
        allowed = may_call(method)
        if isinstance(allowed, Everybody):
            return principal
        if not principal.roles & allowed:
            raise ForbiddenError(
                f"{method} needs the role {_or(allowed)}; this client has {_or(principal.roles)}", field="authorization.roles"
            )
        return principal

    def acting(self, principal: Principal, method: str) -> str:
        """Return the role that the audit log names: the first of the table's that the principal has."""
        allowed = may_call(method)
        if self.open or isinstance(allowed, Everybody):
            return ANYBODY.subject
        return next(role for role in AccessRole if role in principal.roles & allowed)


def _tokens(settings: AccessSettings) -> TokenReader | None:
    if settings.keys is None:
        return None
    from simpatico.server.access.tokens import Keys, TokenReader  # a service that takes no tokens loads no cryptography

    return TokenReader(settings, Keys(settings.keys))


def _or(roles: frozenset[AccessRole]) -> str:
    return " or ".join(sorted(roles)) if roles else "none"


def _bearer(headers: list[str | bytes]) -> str:
    scheme, _, token = str(headers[0]).partition(" ")
    if len(headers) > 1 or scheme.lower() != _SCHEME or not token:
        raise UnauthenticatedError("the metadata needs 'authorization: Bearer TOKEN', once", field=_HEADER)
    return token.strip(" ")


class Guard(grpc.aio.ServerInterceptor):
    """Lets an RPC through to its servicer, or ends it with a status. ``arrivals`` says when each came."""

    def __init__(self, access: Access) -> None:
        self.arrivals = Arrivals()
        self._access = access

    async def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]], handler_call_details: grpc.HandlerCallDetails
    ) -> Any:
        """Wrap the method's handler; gRPC calls this before it reads the RPC's message."""
        self.arrivals.note()
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        # gRPC answers itself where there is no handler.
        if handler is None or may_call(method) is Everybody.EVERYBODY:
            return handler
        metadata = tuple(handler_call_details.invocation_metadata or ())
        inner = handler.stream_stream or handler.stream_unary or handler.unary_stream or handler.unary_unary
        behaviour = self._generator(inner, method, metadata) if inspect.isasyncgenfunction(inner) else self._call(inner, method, metadata)
        make = _MAKE[handler.request_streaming, handler.response_streaming]
        return make(behaviour, handler.request_deserializer, handler.response_serializer)

    async def _admit(self, context: Context, method: str, metadata: Metadata, request: Any) -> None:
        try:
            principal = self._access.admit(method, metadata, context.auth_context() or {})
            asks(principal, self._access.acting(principal, method))
        except Exception as error:
            await _let_write(request)
            await abort(context, error, method=method)

    def _call(self, inner: Callable[..., Awaitable[Any]], method: str, metadata: Metadata) -> Callable[..., Awaitable[Any]]:
        async def guarded(request: Any, context: Context) -> Any:
            await self._admit(context, method, metadata, request)
            return await inner(request, context)

        return guarded

    def _generator(self, inner: Callable[..., AsyncIterator[Any]], method: str, metadata: Metadata) -> Callable[..., AsyncIterator[Any]]:
        async def guarded(request: Any, context: Context) -> AsyncIterator[Any]:
            await self._admit(context, method, metadata, request)
            async for response in inner(request, context):
                yield response

        return guarded


async def _let_write(request: Any) -> None:
    """Wait a moment for the first message of a stream that is refused: a client whose write fails does not learn why."""
    if isinstance(request, AsyncIterator):
        with contextlib.suppress(TimeoutError, StopAsyncIteration):
            async with asyncio.timeout(FIRST_MESSAGE_S):
                await anext(request)
