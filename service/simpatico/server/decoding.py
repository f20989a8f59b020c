"""Bytes of a client -> messages; what cannot be decoded ends its RPC with the right status instead of gRPC's INTERNAL."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message

from simpatico.errors import MessageTooLargeError, RequestError
from simpatico.server.aborting import Context, abort

__all__ = ["Undecodable", "decoder", "not_a", "unary", "within"]

M = TypeVar("M", bound=Message)
R = TypeVar("R", bound=Message)


@dataclass(frozen=True, slots=True)
class Undecodable:
    """Stands for a message that could not be decoded, so that its RPC can be ended with the right status."""

    error: RequestError | MessageTooLargeError


def decoder(kind: type[M], limit_bytes: int) -> Callable[[bytes], M | Undecodable]:
    """Return what turns bytes into a message of the kind, or into the reason why not."""

    def decode(data: bytes) -> M | Undecodable:
        if len(data) > limit_bytes:
            return Undecodable(
                MessageTooLargeError(
                    f"a message of {len(data)} bytes came where at most {limit_bytes} are taken: send less in each, or raise "
                    "limits.message_bytes"
                )
            )
        try:
            return kind.FromString(data)
        except DecodeError:
            return Undecodable(not_a(kind.DESCRIPTOR.name, len(data)))

    return decode


def not_a(name: str, size: int) -> RequestError:
    """Return the error for bytes that are no message of this name."""
    return RequestError(f"{size} bytes came that are not a simpatico.v1.{name}: use the proto of package simpatico.v1")


def unary(kind: type[M], serve: Callable[[M], Awaitable[R]], limit_bytes: int) -> grpc.RpcMethodHandler[Any, Any]:
    """Return the handler of a method with one request and one answer; what ``serve`` raises becomes a status."""

    return within(kind, lambda request, _: serve(request), limit_bytes)


def within(kind: type[M], serve: Callable[[M, float | None], Awaitable[R | bytes]], limit_bytes: int) -> grpc.RpcMethodHandler[Any, Any]:
    """As `unary`, for a method that wants to know in how many seconds the RPC's own deadline is (None: never); its answer may be bytes."""

    async def behaviour(request: M | Undecodable, context: Context) -> R | bytes:
        try:
            if isinstance(request, Undecodable):
                raise request.error
            return await serve(request, context.time_remaining())
        except asyncio.CancelledError:
            raise
        except Exception as error:
            await abort(context, error, method=kind.DESCRIPTOR.name.removesuffix("Request"))

    def encode(response: R | bytes) -> bytes:
        return response if isinstance(response, bytes) else response.SerializeToString()

    return grpc.unary_unary_rpc_method_handler(behaviour, request_deserializer=decoder(kind, limit_bytes), response_serializer=encode)
