"""``CallerService``: what is held of callers, and what they may ask for. `simpatico.profiles` does it; here it is only asked."""

from __future__ import annotations

import asyncio

import grpc

from simpatico.errors import RequestError
from simpatico.profiles import callers, operations, privacy
from simpatico.server.access.principals import acting
from simpatico.server.callers.consents import Consents
from simpatico.server.callers.convert import consent_to_proto, export_to_proto, profile_to_proto, receipt_to_proto
from simpatico.server.decoding import unary
from simpatico.server.memory import Memory
from simpatico.v1 import caller_service_pb2 as pb

__all__ = ["CALLER_SERVICE", "CallerService"]

CALLER_SERVICE = pb.DESCRIPTOR.services_by_name["CallerService"].full_name


class CallerService:
    """Its methods, and their registration.

    Parameters
    ----------
    memory, consents
        Of the process.
    message_bytes
        Largest request.
    """

    def __init__(self, memory: Memory, consents: Consents, message_bytes: int) -> None:
        self._memory = memory
        self._consents = consents
        self._message_bytes = message_bytes

    def handler(self) -> grpc.GenericRpcHandler:
        """Return what a server registers."""
        limit = self._message_bytes
        return grpc.method_handlers_generic_handler(
            CALLER_SERVICE,
            {
                "SetConsent": unary(pb.SetConsentRequest, self.set_consent, limit),
                "GetCaller": unary(pb.GetCallerRequest, self.get_caller, limit),
                "ExportCaller": unary(pb.ExportCallerRequest, self.export_caller, limit),
                "EraseCaller": unary(pb.EraseCallerRequest, self.erase_caller, limit),
                "Object": unary(pb.ObjectRequest, self.object, limit),
                "DetachCall": unary(pb.DetachCallRequest, self.detach_call, limit),
            },
        )

    async def set_consent(self, request: pb.SetConsentRequest) -> pb.SetConsentResponse:
        """Serve ``SetConsent``."""
        key = request.caller_key
        if request.consent == pb.CONSENT_GRANTED:
            profile = await self._consents.grant(acting(), key, request.notice_id or None)
            return pb.SetConsentResponse(consent=consent_to_proto(profile.consent))
        if request.consent != pb.CONSENT_UNKNOWN:
            raise RequestError(
                "consent must be CONSENT_GRANTED, or CONSENT_UNKNOWN to withdraw it; an objection is recorded with Object", field="consent"
            )
        erasure = await self._consents.withdraw(acting(), key)
        left = await self._memory.store.read(callers.lookup, key)
        return pb.SetConsentResponse(consent=consent_to_proto(left.consent), receipt=receipt_to_proto(erasure))

    async def get_caller(self, request: pb.GetCallerRequest) -> pb.GetCallerResponse:
        """Serve ``GetCaller``; the audit log says that it was read."""
        return profile_to_proto(await self._memory.store.write(acting(), callers.read_profile, request.caller_key))

    async def export_caller(self, request: pb.ExportCallerRequest) -> pb.ExportCallerResponse:
        """Serve ``ExportCaller``."""
        held = await self._memory.store.write(acting(), privacy.export, request.caller_key)
        return await asyncio.to_thread(export_to_proto, held)  # years of calls take a while to write down; live calls do not wait

    async def erase_caller(self, request: pb.EraseCallerRequest) -> pb.EraseCallerResponse:
        """Serve ``EraseCaller``."""
        erasure = await self._consents.erase(acting(), request.caller_key)
        return pb.EraseCallerResponse(receipt=receipt_to_proto(erasure))

    async def object(self, request: pb.ObjectRequest) -> pb.ObjectResponse:
        """Serve ``Object``."""
        erasure = await self._consents.object(acting(), request.caller_key)
        return pb.ObjectResponse(receipt=receipt_to_proto(erasure))

    async def detach_call(self, request: pb.DetachCallRequest) -> pb.DetachCallResponse:
        """Serve ``DetachCall``."""
        memory = self._memory
        rows = await operations.detach_call(memory.store, memory.spool, acting(), request.caller_key, request.call_id, now_s=memory.clock())
        return pb.DetachCallResponse(rows=rows)
