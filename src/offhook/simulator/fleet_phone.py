"""One phone of many: boots, registers, stays registered, obeys NOTIFY, calls and is called."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from offhook.simulator.conduct import Ground, Patience, PhoneSpec, Stage, jittered
from offhook.simulator.exchange import Address
from offhook.simulator.fetching import Fetching
from offhook.simulator.phone_files import Account
from offhook.simulator.sip_phone import SipPhone
from offhook.simulator.wire import OpenWire
from offhook.sip.message import Response
from offhook.sip.parse import digits
from offhook.sip.uri import parse_name_addr, split_list

# A registrar that is there and cannot: phones come back. RFC 3261 §21.4, §21.5.
BUSY = frozenset({408, 480, 500, 503, 504})
REGISTER_PAUSE_S = 30.0
"""RFC 5626 §4.5: base-time of a phone none of whose flows works; a random half to all of it."""


class FleetPhone:
    """One phone at an address of its own.

    `told` counts the orders it got, `fetched` how often it has taken all its files, `boots` how
    often it came up; `boot_s` is how long the last boot took. `expected_name` is what its file
    must show, empty for any.
    """

    __slots__ = (
        "_again",
        "_fetching",
        "_ground",
        "_is_working",
        "_refetch",
        "_refresh",
        "_to",
        "_told_at",
        "account",
        "boot_s",
        "boots",
        "expected_name",
        "fetched",
        "orders",
        "sip",
        "spec",
        "stage",
        "told",
    )

    def __init__(
        self, spec: PhoneSpec, ground: Ground, *, address: str, source: str, open_wire: OpenWire
    ) -> None:
        self.spec = spec
        self.expected_name = spec.name
        self.stage = Stage.OFF
        self.account: Account | None = None
        self.told = 0
        self.fetched = 0
        self.boots = 0
        self.boot_s = 0.0
        self.orders = {package(spec.profile.reboot.event), package(spec.profile.resync.event)}
        self.sip = SipPhone(
            bind=address,
            challenges_notify=spec.profile.behaviour.challenges_notify,
            on_notify=self._on_notify,
            open_wire=open_wire,
            takes_calls=True,
        )
        self._ground = ground
        self._fetching = Fetching(spec, ground, source)
        self._to: Address = ("", 0)
        self._is_working = False
        self._again = False
        self._told_at: float | None = None
        self._refresh: asyncio.TimerHandle | None = None
        self._refetch: asyncio.TimerHandle | None = None

    @property
    def label(self) -> str:
        """How a report names it."""
        spec = self.spec
        return f"{spec.mac.colons} {spec.profile.name} {spec.model.name} {spec.number}"

    @property
    def problem(self) -> str:
        """What is not as it must be with its account; empty when it is right."""
        account = self.account
        if account is None:
            return "account: none"
        if account.number != self.spec.number:
            return "account: of another extension"
        if self.expected_name and account.display_name != self.expected_name:
            return "account: with another name"
        return ""

    @property
    def is_right(self) -> bool:
        """True when it is registered with the account it should have."""
        return self.stage is Stage.UP and not self.problem

    @property
    def can_talk(self) -> bool:
        """True when it is up and in no call."""
        talking = self.sip.talking
        return self.stage is Stage.UP and talking is not None and not talking.is_busy

    def power_on(self) -> None:
        """Boot; when it does something already, boot afterwards."""
        if self._is_working:
            self._again = True
        else:
            self._start(self._boot(), "boot a simulated phone")

    def stop(self) -> None:
        """Ask and answer nothing any more."""
        self.sip.is_silent = True
        for timer in (self._refresh, self._refetch):
            if timer is not None:
                timer.cancel()
        self._fetching.close()

    async def call(self, other: FleetPhone, talk_s: float) -> None:
        """Call another phone, talk and hang up; what fails is noted."""
        record, loop = self._ground.record, asyncio.get_running_loop()
        began = loop.time()
        record.happened("calls", began)
        called = await self.sip.call(
            other.spec.number, talk_s, lambda: record.time("call_to_ringing", loop.time() - began)
        )
        if called.is_good:
            record.counts["calls_good"] += 1
        else:
            answer = f"{called.status} {called.reason}" if called.status else "no answer"
            record.fail(f"call: {called.step} {answer}", self.label, f"to {other.spec.number}")

    async def probe(self, measure: str) -> None:
        """Ask for its own file once, beside all else; only the time is noted, and a failure."""
        await self._fetching.probe(measure, self.label)

    # What it does, one after the other -----------------------------------------------------------

    def _start(self, act: Coroutine[Any, Any, object], name: str) -> None:
        self._is_working = True
        self._ground.spawn(self._to_its_end(act), name)

    async def _to_its_end(self, act: Coroutine[Any, Any, object]) -> None:
        try:
            await act
        except Exception as error:  # a bug here must not leave the others waiting for this phone
            self._ground.record.fail(f"simulator: {type(error).__name__}", self.label, str(error))
            self._give_up()
            raise
        finally:
            self._is_working = False
            if self._again and not self.sip.is_silent:
                self._again = False
                self.power_on()

    async def _boot(self) -> None:
        told_at, self._told_at = self._told_at, None
        if told_at is not None and self._ground.conduct.restart_s:
            await asyncio.sleep(self._ground.conduct.restart_s)
        began, record, patience = _now(), self._ground.record, self._patience()
        self.sip.boot()
        self._set(Stage.FETCHING)
        if not await self._fetch(patience):
            return
        if told_at is not None:
            record.time("notify_to_fetch", _now() - told_at)
        if not await self._register("register", patience):
            return
        self.boots += 1
        self.boot_s = _now() - began
        record.time("boot", self.boot_s)
        if told_at is not None:
            record.time("notify_to_registered", _now() - told_at)
        self._look_later()

    def _on_notify(self, event: str) -> None:
        counts = self._ground.record.counts
        counts["notify"] += 1
        if package(event) not in self.orders:
            counts["notify_ignored"] += 1
            return
        self.told += 1
        if self._told_at is None:
            self._told_at = _now()
        self.power_on()

    def _patience(self) -> Patience:
        until = _now() + self._ground.conduct.patience_s
        return Patience(record=self._ground.record, label=self.label, until=until)

    def _set(self, stage: Stage) -> None:
        was, self.stage = self.stage, stage
        self._ground.on_stage(was, stage)

    def _give_up(self) -> bool:
        self._set(Stage.FAILED)
        return False

    # Files ---------------------------------------------------------------------------------------

    async def _fetch(self, patience: Patience) -> bool:
        self.account = await self._fetching.all(patience)
        if self.account is None:
            return self._give_up()
        self.fetched += 1
        return True

    def _look_later(self) -> None:
        conduct = self._ground.conduct
        if conduct.refetch_every_s:
            if self._refetch is not None:
                self._refetch.cancel()
            wait_s = jittered(conduct.refetch_every_s / conduct.speed, 0.9)
            self._refetch = asyncio.get_running_loop().call_later(wait_s, self._look_now)

    def _look_now(self) -> None:
        if self._is_working:
            self._look_later()
        else:
            self._start(self._look(), "a simulated phone looks for new files")

    async def _look(self) -> None:
        """Ask for the files again; what is new in them makes the phone register with it."""
        before, patience = self.account, self._patience()
        if not await self._fetch(patience):
            return
        if self.account != before and not await self._register("register", patience):
            return
        self._look_later()

    # SIP -----------------------------------------------------------------------------------------

    async def _register(self, measure: str, patience: Patience) -> bool:
        """Register until it is, or is refused, or patience ends."""
        account, record = self.account, self._ground.record
        if account is None:
            return False
        if measure == "register":  # one that registers anew in time stays up meanwhile
            self._set(Stage.REGISTERING)
        while True:
            began = _now()
            try:
                response = await self._send_register(account)
            except OSError as error:
                record.fail(f"register: {error.strerror or error}", self.label, account.server)
                return self._give_up()
            if response is not None and 200 <= response.status < 300:
                record.time(measure, _now() - began)
                record.happened(measure, _now())
                return self._is_up(response)
            if not await self._may_register_again(response, account, patience):
                return self._give_up()

    async def _may_register_again(
        self, response: Response | None, account: Account, patience: Patience
    ) -> bool:
        if response is None:
            return await patience.lets_try_again(
                "register: no answer", account.server, jittered(REGISTER_PAUSE_S)
            )
        kind = f"register: {response.status} {response.reason}".rstrip()
        if response.status not in BUSY:
            patience.record.fail(kind, patience.label, account.server)
            return False
        after_s = float(digits(response.headers.first("retry-after")) or 0)
        pause_s = after_s or jittered(REGISTER_PAUSE_S)
        return await patience.lets_try_again(kind, account.server, pause_s)

    async def _send_register(self, account: Account) -> Response | None:
        ground, behaviour = self._ground, self.spec.profile.behaviour
        self._to = await ground.find(account.server, account.port)
        header, repeated = behaviour.mac_header, self.sip.exchanges.repeated
        response = await self.sip.register(
            server=self._to[0],
            port=self._to[1],
            extension=account.number,
            auth_name=account.auth_name,
            secret=account.secret.reveal(),
            user_agent=self._fetching.filled(behaviour.sip_agent),
            headers=((header, self.spec.mac.colons),) if header else (),
            expires_s=ground.conduct.expires_s,
        )
        ground.record.counts["sip_repeated"] += self.sip.exchanges.repeated - repeated
        return response

    def _is_up(self, response: Response) -> bool:
        conduct = self._ground.conduct
        granted_s = granted_expiry_s(response, self.sip.contact) or conduct.expires_s
        if self._refresh is not None:
            self._refresh.cancel()
        wait_s = jittered(granted_s / 2 / conduct.speed, 0.9)
        self._refresh = asyncio.get_running_loop().call_later(wait_s, self._refresh_now)
        self._set(Stage.UP)
        return True

    def _refresh_now(self) -> None:
        if not self._is_working:  # else it registers in a moment anyway
            act = self._register("refresh", self._patience())
            self._start(act, "a simulated phone registers again")


def package(event: str) -> str:
    """The event without its parameters: `check-sync` of `check-sync;reboot=true`."""
    return event.partition(";")[0].strip().lower()


def granted_expiry_s(response: Response, contact: str) -> int | None:
    """Find the seconds granted to a contact in an answer to REGISTER. RFC 3261 §10.2.4."""
    for value in response.headers.all("contact"):
        for piece in split_list(value):
            address = parse_name_addr(piece)
            if address is not None and address.uri == contact:
                return digits(address.params.get("expires"))
    return digits(response.headers.first("expires"))


def _now() -> float:
    return asyncio.get_running_loop().time()
