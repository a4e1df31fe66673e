"""Answer phones: from a request to bytes and the one Attempt that tells of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from offhook.actions.basis import Basis, basis_of
from offhook.actions.files import Files
from offhook.actions.first_attempt import first_attempt
from offhook.actions.phone_answer import Answer, PhonePolicy
from offhook.actions.ports import Journal, Publish, UploadStore
from offhook.actions.recording import Recording
from offhook.actions.remarks import odd_about
from offhook.actions.state import State
from offhook.actions.throttle import StrangerThrottle, within
from offhook.core.identify import Identity, Makers, identify
from offhook.core.mac import Mac
from offhook.core.model import (
    Again,
    Attempt,
    Device,
    OutcomeKind,
    PhoneRequest,
)
from offhook.core.provision import (
    Decision,
    Optional,
    Refuse,
    ServeCommon,
    ServeDevice,
    Upload,
    decide,
    guess_model,
    guess_vendor,
)
from offhook.core.render import Rendered, RenderError
from offhook.diagnosis.finding import Finding
from offhook.diagnosis.refusals import RefusalFacts, describe, render_values
from offhook.errors import OffhookError

_log = logging.getLogger("offhook.requests")

UPLOAD_MAX_BYTES = 256 * 1024


class Phones:
    """The provisioning service: one call a request, whatever the transport.

    `is_awaited` tells of which phones somebody waits for the next fetch: each of theirs is told at
    once, never gathered with others.
    """

    def __init__(
        self,
        *,
        state: State,
        files: Files,
        journal: Journal,
        uploads: UploadStore,
        publish: Publish,
        policy: PhonePolicy,
        monotonic: Callable[[], float] = time.monotonic,
        is_awaited: Callable[[Mac], bool] = lambda _: False,
    ) -> None:
        self._state = state
        self._files = files
        self._uploads = uploads
        self._policy = policy
        self._monotonic = monotonic
        self._is_awaited = is_awaited
        self._makers = Makers(state.source.profiles.values())
        self._throttle = StrangerThrottle(policy.unknown_per_minute)
        self._is_allowed = within(policy.networks)
        self._recording = Recording(state, journal, publish)

    async def answer(
        self,
        request: PhoneRequest,
        *,
        body: bytes = b"",
        if_none_match: str = "",
        is_local: bool = False,
    ) -> Answer:
        """Answer a request and record it. `is_local`: it came from this host itself.

        Whatever fails becomes a refusal, so that each request leaves exactly one Attempt.
        """
        await self._recording.caught_up()
        identity = self._identified(request)
        try:
            decision = self._decide(request, identity, is_local=is_local)
            if isinstance(decision, Upload):
                answer = await self._upload(request, identity, decision, body)
            else:
                answer = self._carried_out(request, identity, decision, if_none_match)
        except Exception as error:
            answer = self._failed(request, identity, error)
        return self._recorded(request, identity, answer)

    def hold(self) -> None:
        """Answer registered phones alone, and all others after `catch_up`."""
        self._recording.hold()

    async def catch_up(self) -> None:
        """Take up what a crash kept from being stored. Call once what was seen is loaded."""
        await self._recording.catch_up()

    def answer_at_once(
        self, request: PhoneRequest, *, if_none_match: str = "", is_local: bool = False
    ) -> Answer | None:
        """Do as `answer` for a request for reading; None, and nothing recorded, where it waits."""
        identity = self._identified(request)
        if self._recording.is_holding and identity.mac not in self._state.devices:
            return None
        try:
            decision = self._decide(request, identity, is_local=is_local)
            if isinstance(decision, Upload) or not self._is_certain(decision):
                return None
            answer = self._carried_out(request, identity, decision, if_none_match)
        except Exception as error:
            answer = self._failed(request, identity, error)
        return self._recorded(request, identity, answer)

    def _is_certain(self, decision: Decision) -> bool:
        """False for what may depend on the past as long as that is not loaded."""
        return isinstance(decision, ServeDevice) or not self._recording.is_holding

    def _identified(self, request: PhoneRequest) -> Identity:
        self._recording.settle()
        return self._makers.identify(request)

    def _failed(self, request: PhoneRequest, identity: Identity, error: Exception) -> Answer:
        _log.error(
            "request %s could not be answered",
            request.request_id,
            exc_info=error,
        )
        known = str(error) if isinstance(error, OffhookError) else type(error).__name__
        refusal = Refuse(status=500, code="P703", values={"problem": known})
        return self._refuse(request, identity, refusal)

    def _recorded(self, request: PhoneRequest, identity: Identity, answer: Answer) -> Answer:
        """Note what is odd, then take the finished attempt down."""
        odd = [
            self._describe(request, identity, remark)
            for remark in odd_about(request, self._policy.hosts)
        ]
        if odd:
            told = (*answer.attempt.notices, *(f"{item.code} {item.message}" for item in odd))
            answer = replace(answer, attempt=replace(answer.attempt, notices=told), basis=None)
        self._recording.record(answer.attempt, identity)
        return answer

    def repeat(self, basis: Basis, request_id: str, at: datetime, address: str) -> bytes | None:
        """Record a request equal to one answered before, and give its file once more.

        None, and nothing recorded, when what the answer rested on has changed.
        """
        state, device = self._state, basis.device
        file = self._files.at_hand(basis.owner, basis.rule)
        if (
            file is None
            or file.digest != basis.attempt.digest
            or state.devices.get(device.mac) is not device
            or state.extensions.get(device.extension) is not basis.extension
            or not self._policy.is_enabled
            or not self._is_allowed(address)
            or (address in self._throttle and self._throttle.is_blocked(address, self._monotonic()))
            or self._is_awaited(device.mac)
        ):
            return None
        self._recording.record_again(Again(basis.attempt, request_id, at, address))
        return file.body

    def knows(self, mac: int) -> bool:
        """Tell whether a phone of this MAC, as a number, is ours."""
        return mac in self._state.devices

    def see_elsewhere(self, attempt: Attempt) -> None:
        """Take in what another node answered and recorded."""
        self._recording.see_elsewhere(attempt)

    def turn_away(self, request: PhoneRequest, status: int, problem: str) -> Answer:
        """Refuse and record a request whose path no file can have; its path is left out."""
        identity = identify(request, ())
        refusal = Refuse(status=status, code="P205", values={"problem": problem})
        answer = self._refuse(request, identity, refusal)
        self._recording.record(answer.attempt, identity)
        return answer

    def _carried_out(
        self,
        request: PhoneRequest,
        identity: Identity,
        decision: ServeDevice | ServeCommon | Optional | Refuse,
        if_none_match: str,
    ) -> Answer:
        match decision:
            case ServeDevice() | ServeCommon():
                return self._serve(request, identity, decision, if_none_match)
            case Optional(device=device):
                return self._optional(request, identity, device)
            case Refuse():
                return self._refuse(request, identity, decision)

    def _decide(self, request: PhoneRequest, identity: Identity, *, is_local: bool) -> Decision:
        if not self._policy.is_enabled:
            return Refuse(status=503, code="P101")
        address = request.address
        if not is_local and not self._is_allowed(address):
            return Refuse(status=403, code="P801", values={"address": address})
        now_s = self._monotonic()
        # Who names no phone learns of none: common files are open to a throttled address too.
        if (
            identity.mac is not None
            and self._throttle.is_blocked(address, now_s)
            and not self._is_at_home(identity, address)
            and not (is_local and identity.mac in self._state.devices)
        ):
            limit = self._policy.unknown_per_minute
            return Refuse(status=429, code="P802", values={"address": address, "count": limit})
        decision = decide(request, identity, self._state.devices, self._state.source.profiles)
        if identity.mac is not None and identity.mac not in self._state.devices:
            self._throttle.count_unknown(address, identity.mac, now_s)
        return decision

    def _is_at_home(self, identity: Identity, address: str) -> bool:
        """True for a registered device that was served at this address before."""
        seen = self._state.sightings.get(identity.mac) if identity.mac else None
        return seen is not None and seen.address == address and seen.last_provisioned is not None

    def _serve(
        self,
        request: PhoneRequest,
        identity: Identity,
        decision: ServeDevice | ServeCommon,
        if_none_match: str,
    ) -> Answer:
        try:
            if isinstance(decision, ServeDevice):
                file = self._files.device_file(decision.device, decision.rule)
            else:
                file = self._files.common_file(decision.profile, decision.model, decision.rule)
        except RenderError as error:
            refusal = Refuse(
                status=500, code=error.code, values=render_values(error, decision.device)
            )
            return self._refuse(request, identity, refusal)
        etag = f'"{file.digest}"'
        # RFC 9110 §13.1.2: compared weakly. `*` proves no version, so it gets the file.
        offered = [part.strip().removeprefix("W/") for part in if_none_match.split(",")]
        is_unchanged = etag in offered
        attempt = self._served(request, identity, decision, file, is_unchanged=is_unchanged)
        return Answer(
            status=attempt.status,
            body=b"" if is_unchanged else file.body,
            content_type=file.content_type,
            attempt=attempt,
            etag=etag,
            basis=self._basis(attempt, decision),
        )

    def _basis(self, attempt: Attempt, decision: ServeDevice | ServeCommon) -> Basis | None:
        if isinstance(decision, ServeCommon):
            return None
        device = decision.device
        extension = self._state.extensions.get(device.extension)
        return basis_of(attempt, device, extension, decision.rule.name)

    def _served(
        self,
        request: PhoneRequest,
        identity: Identity,
        decision: ServeDevice | ServeCommon,
        file: Rendered,
        *,
        is_unchanged: bool,
    ) -> Attempt:
        base = self._base(request, identity, decision.device)
        notices = decision.notices if isinstance(decision, ServeDevice) else ()
        told = [self._describe(request, identity, notice) for notice in notices]
        return replace(
            base,
            kind=OutcomeKind.UNCHANGED if is_unchanged else OutcomeKind.SERVED,
            status=304 if is_unchanged else 200,
            file=decision.file,
            notices=tuple(f"{item.code} {item.message}" for item in told),
            vendor=base.vendor
            or (decision.profile.name if isinstance(decision, ServeCommon) else ""),
            size_bytes=len(file.body),
            digest=file.digest,
            content_type=file.content_type,
            is_device_file=isinstance(decision, ServeDevice),
        )

    async def _upload(
        self, request: PhoneRequest, identity: Identity, decision: Upload, body: bytes
    ) -> Answer:
        mac, name = decision.device.mac, identity.file.lower()
        base = self._base(request, identity, decision.device)
        if decision.is_put:
            # What is kept overrides our own settings on some phones: only the phone may write it.
            seen = self._state.sightings.get(mac)
            if seen is not None and seen.address not in ("", request.address):
                values = {"mac": mac.colons, "file": name, "address": request.address}
                return self._refuse(
                    request, identity, Refuse(status=403, code="P803", values=values)
                )
            is_kept = await self._uploads.put_upload(mac, name, body, request.at)
            attempt = replace(
                base,
                kind=OutcomeKind.STORED,
                status=201 if is_kept else 413,
                error="" if is_kept else "upload is larger than is kept; the phone needs no answer",
                size_bytes=len(body),
            )
            return Answer(status=attempt.status, body=b"", content_type="", attempt=attempt)
        kept = await self._uploads.get_upload(mac, name)
        if kept is None:
            return self._optional(request, identity, decision.device)
        attempt = replace(
            base,
            kind=OutcomeKind.SERVED,
            status=200,
            size_bytes=len(kept),
            content_type="application/octet-stream",
        )
        return Answer(status=200, body=kept, content_type=attempt.content_type, attempt=attempt)

    def _optional(self, request: PhoneRequest, identity: Identity, device: Device | None) -> Answer:
        attempt = replace(
            self._base(request, identity, device), kind=OutcomeKind.OPTIONAL, status=404
        )
        body = b"optional file, not served; nothing is wrong\n"
        return Answer(
            status=404, body=body, content_type="text/plain; charset=utf-8", attempt=attempt
        )

    def _refuse(self, request: PhoneRequest, identity: Identity, refusal: Refuse) -> Answer:
        finding = self._describe(request, identity, refusal)
        device = self._state.devices.get(identity.mac) if identity.mac else None
        base = self._base(request, identity, device)
        attempt = replace(
            base,
            kind=OutcomeKind.REFUSED,
            status=refusal.status,
            fault=finding.code,
            error=finding.message,
            hint="\n".join(finding.lines()),
        )
        text = f"{finding.code} {finding.message}\n{finding.hint}\n"
        return Answer(
            status=refusal.status,
            body=text.encode("utf-8", "backslashreplace"),
            content_type="text/plain; charset=utf-8",
            attempt=attempt,
            retry_after_s=60 if refusal.status in (429, 503) else 0,
        )

    def _describe(self, request: PhoneRequest, identity: Identity, refusal: Refuse) -> Finding:
        state = self._state
        profiles = state.source.profiles
        vendor = guess_vendor(identity.mac, identity, profiles) if identity.mac else ""
        if not vendor:
            vendor = (
                identity.agent_vendor.name
                if identity.agent_vendor
                else self._recording.vendor_at(request.address)
            )
        is_unknown = refusal.code == "P301" and identity.mac is not None
        facts = RefusalFacts(
            address=request.address,
            base=state.source.server.base,
            profiles=profiles,
            vendor=vendor,
            model=guess_model(identity) if identity.agent_vendor else "",
            registered=state.some_macs() if is_unknown else (),
            registered_count=len(state.devices) if is_unknown else 0,
            similar=state.similar(identity.mac) if is_unknown and identity.mac else (),
        )
        return describe(refusal, facts)

    def _base(self, request: PhoneRequest, identity: Identity, device: Device | None) -> Attempt:
        extension = self._state.extensions.get(device.extension) if device else None
        return first_attempt(request, identity, device, extension)
