"""One phone of many: boots, registers, stays registered, obeys NOTIFY, tries again as phones do."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from offhook.core.mac import Mac
from offhook.core.vendor import Model, VendorProfile
from offhook.simulator.http_fetch import Fetched, FetchError
from offhook.simulator.http_link import HttpLink, Place
from offhook.simulator.phone_files import Account, PhoneFiles
from offhook.simulator.record import Record
from offhook.simulator.sip_phone import SipPhone
from offhook.simulator.wire import Address, OpenWire
from offhook.sip.message import Response
from offhook.sip.parse import digits
from offhook.sip.uri import parse_name_addr, split_list

# A server that is there and cannot: phones come back. RFC 9110 §15.6, RFC 6585 §4.
BUSY_HTTP = frozenset({429, 500, 502, 503, 504})
BUSY_SIP = frozenset({408, 480, 500, 503, 504})
FIRST_PAUSE_S = 1.0
"""Before the second try at a file; doubled each time. What makers do is unverified."""
LONGEST_PAUSE_S = 30.0
REGISTER_PAUSE_S = 30.0
"""RFC 5626 §4.5: base-time of a phone none of whose flows works; a random half to all of it."""


class Stage(StrEnum):
    """How far a phone is."""

    OFF = "off"
    FETCHING = "fetching"
    REGISTERING = "registering"
    UP = "up"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneSpec:
    """A phone to play. `name` is the display name its file must show; empty for any."""

    profile: VendorProfile
    model: Model
    mac: Mac
    number: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """How all phones of a fleet behave.

    A boot is given up `patience_s` after it began. `speed` compresses the time between
    registrations and between looks for new files; `refetch_every_s` is the latter, 0 for never.
    `connections` is `maker`, `close` or `keep-alive`. `restart_s` is how long a restart takes.
    """

    fetch_timeout_s: float = 10.0
    patience_s: float = 120.0
    restart_s: float = 0.0
    expires_s: int = 3600
    speed: float = 1.0
    refetch_every_s: float = 0.0
    connections: str = "maker"


@dataclass(slots=True, kw_only=True)
class Ground:
    """What all phones of a fleet share."""

    place: Place
    conduct: Conduct
    record: Record
    find: Callable[[str, int], Awaitable[Address]]
    spawn: Callable[[Coroutine[Any, Any, None], str], None]
    on_stage: Callable[[FleetPhone, Stage], None]


class FleetPhone:
    """One phone at an address of its own.

    `told` counts the orders it got, `fetched` how often it has taken all its files, `boots` how
    often it came up; `boot_s` is how long the last boot took.
    """

    __slots__ = (
        "_again",
        "_files",
        "_ground",
        "_is_working",
        "_link",
        "_refetch",
        "_refresh",
        "_to",
        "_told_at",
        "_until",
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
        behaviour, keys = spec.profile.behaviour, spec.profile.behaviour.account
        self.spec = spec
        self.expected_name = spec.name
        self.stage = Stage.OFF
        self.account: Account | None = None
        self.told = 0
        self.fetched = 0
        self.boots = 0
        self.boot_s = 0.0
        self._ground = ground
        self._files = PhoneFiles(
            profile=spec.profile,
            model=spec.model,
            mac=spec.mac,
            only=(
                *(keys.number, keys.auth_name, keys.secret, keys.server, keys.port),
                *(keys.display_name, keys.label),
            ),
        )
        self._link = HttpLink(ground.place, source=source, keeps=_keeps(spec, ground.conduct))
        self.sip = SipPhone(
            bind=address,
            challenges_notify=behaviour.challenges_notify,
            on_notify=self._on_notify,
            open_wire=open_wire,
        )
        self.orders = {package(spec.profile.reboot.event), package(spec.profile.resync.event)}
        self._to: Address = ("", 0)
        self._until = 0.0
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
        """What is not as it must be although it is up; empty when it is right."""
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

    def power_on(self) -> None:
        """Boot, or boot again when it is done with what it does now."""
        if self._is_working:
            self._again = True
            return
        self._is_working = True
        self._ground.spawn(self._work(), "simulated phone")

    def stop(self) -> None:
        """Ask and answer nothing any more."""
        self.sip.is_silent = True
        for timer in (self._refresh, self._refetch):
            if timer is not None:
                timer.cancel()
        self._link.close()

    # What it does, one after the other -----------------------------------------------------------

    async def _work(self) -> None:
        try:
            while True:
                self._again = False
                await self._boot()
                if not self._again:
                    return
        finally:
            self._is_working = False

    async def _boot(self) -> None:
        told_at, self._told_at = self._told_at, None
        if told_at is not None and self._ground.conduct.restart_s:
            await asyncio.sleep(self._ground.conduct.restart_s)
        began = _now()
        self._until = began + self._ground.conduct.patience_s
        self.sip.boot()
        if not await self._fetch_all():
            return
        if told_at is not None:
            self._ground.record.time("notify_to_fetch", _now() - told_at)
        if not await self._register("register"):
            return
        self.boots += 1
        self.boot_s = _now() - began
        self._ground.record.time("boot", self.boot_s)
        if told_at is not None:
            self._ground.record.time("notify_to_registered", _now() - told_at)
        self._look_again_later()

    def _on_notify(self, event: str) -> None:
        self._ground.record.counts["notify"] += 1
        if package(event) not in self.orders:
            self._ground.record.counts["notify_ignored"] += 1
            return
        self.told += 1
        if self._told_at is None:
            self._told_at = _now()
        self.power_on()

    def _set(self, stage: Stage) -> None:
        was, self.stage = self.stage, stage
        self._ground.on_stage(self, was)

    def _give_up(self, kind: str, detail: str) -> bool:
        self._ground.record.fail(kind, self.label, detail)
        self._set(Stage.FAILED)
        return False

    async def _may_try_again(self, kind: str, detail: str, pause_s: float) -> bool:
        """Wait before another try; False when the patience for this boot is at its end."""
        if _now() + pause_s > self._until:
            return self._give_up(kind, detail)
        self._ground.record.retry(kind, self.label, detail)
        await asyncio.sleep(pause_s)
        return True

    # Files ----------------------------------------------------------------------------------------

    async def _fetch_all(self) -> bool:
        """Ask for all files in order; False when it gave up or found no account in them."""
        self._set(Stage.FETCHING)
        main, main_status = self._files.filled(self.spec.profile.main), 0
        for name in self._files.names:
            status = await self._fetch(name)
            if not status:
                return False
            if name == main:
                main_status = status
            if self.spec.profile.behaviour.stops_at_first and status in (200, 304):
                break
        self._link.close()
        self.account = self._files.account()
        if self.account is None:
            return self._give_up(f"account: none, {_status(main_status)} for its file", main)
        self.fetched += 1
        return True

    async def _fetch(self, name: str) -> int:
        """Ask for a file until there is an answer; gives its status, 0 when it gave up."""
        pause_s = FIRST_PAUSE_S
        while True:
            began = _now()
            try:
                answer = await self._ask(name)
            except FetchError as error:
                kind, after_s = f"fetch: {error}", None
            else:
                self._ground.record.time(self._ground.record.fetch_as, _now() - began)
                if answer.status not in BUSY_HTTP:
                    return self._take(name, answer)
                kind, after_s = f"fetch: HTTP {answer.status}", answer.headers.get("retry-after")
            wait_s = float(digits(after_s) or 0) or pause_s * random.uniform(0.5, 1.0)  # noqa: S311 - spreads tries
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            if not await self._may_try_again(kind, name, wait_s):
                return 0

    async def _ask(self, name: str) -> Fetched:
        headers = [
            ("User-Agent", self._files.filled(self.spec.profile.behaviour.agent)),
            ("Accept", "*/*"),
        ]
        etag = self._files.etag(name)
        if etag:
            headers.append(("If-None-Match", etag))
        ground = self._ground
        answer = await self._link.ask(
            ground.place.path + name, headers, timeout_s=ground.conduct.fetch_timeout_s
        )
        ground.record.happened("fetch", _now())
        ground.record.counts[f"fetch_{answer.status}"] += 1
        return answer

    def _take(self, name: str, answer: Fetched) -> int:
        if answer.status != 200:
            return answer.status
        why = self._files.take(name, answer.headers.get("etag", ""), answer.body)
        if why:
            self._give_up(f"file: {why}", name)
            return 0
        return 200

    def _look_again_later(self) -> None:
        conduct = self._ground.conduct
        if conduct.refetch_every_s:
            if self._refetch is not None:
                self._refetch.cancel()
            wait_s = conduct.refetch_every_s / conduct.speed * random.uniform(0.9, 1.0)  # noqa: S311
            self._refetch = asyncio.get_running_loop().call_later(wait_s, self._look_again)

    def _look_again(self) -> None:
        if not self._is_working:
            self._is_working = True
            self._ground.spawn(self._look(), "simulated phone looks for new files")
        else:
            self._look_again_later()

    async def _look(self) -> None:
        """Ask for the files again; one that is new makes the phone register with it."""
        try:
            self._until = _now() + self._ground.conduct.patience_s
            before = self.account
            if not await self._fetch_all():
                return
            if self.account == before:
                self._set(Stage.UP)
            elif not await self._register("register"):
                return
            self._look_again_later()
        finally:
            self._is_working = False
            if self._again:
                self.power_on()

    # SIP ------------------------------------------------------------------------------------------

    async def _register(self, measure: str) -> bool:
        """Register until it is, or is refused, or patience ends."""
        account, ground = self.account, self._ground
        if account is None:
            return False
        self._set(Stage.REGISTERING)
        while True:
            began = _now()
            try:
                self._to = await ground.find(account.server, account.port)
                response = await self._send_register(account)
            except OSError as error:
                return self._give_up(f"register: {error.strerror or error}", account.server)
            if response is not None and 200 <= response.status < 300:
                ground.record.time(measure, _now() - began)
                ground.record.happened("register", _now())
                return self._is_up(response)
            kind = f"register: {_answer(response)}"
            if response is not None and response.status not in BUSY_SIP:
                return self._give_up(kind, account.server)
            after_s = digits(response.headers.first("retry-after")) if response else None
            wait_s = float(after_s or 0) or REGISTER_PAUSE_S * random.uniform(0.5, 1.0)  # noqa: S311
            if not await self._may_try_again(kind, account.server, wait_s):
                return False

    async def _send_register(self, account: Account) -> Response | None:
        behaviour, repeated = self.spec.profile.behaviour, self.sip.exchanges.repeated
        header = behaviour.mac_header
        response = await self.sip.register(
            server=self._to[0],
            port=self._to[1],
            extension=account.number,
            auth_name=account.auth_name,
            secret=account.secret.reveal(),
            user_agent=self._files.filled(behaviour.sip_agent),
            headers=((header, self.spec.mac.colons),) if header else (),
            expires_s=self._ground.conduct.expires_s,
        )
        self._ground.record.counts["sip_repeated"] += self.sip.exchanges.repeated - repeated
        return response

    def _is_up(self, response: Response) -> bool:
        granted_s = granted_expiry_s(response, self.sip.contact) or self._ground.conduct.expires_s
        wait_s = granted_s / 2 / self._ground.conduct.speed * random.uniform(0.9, 1.0)  # noqa: S311
        if self._refresh is not None:
            self._refresh.cancel()
        self._refresh = asyncio.get_running_loop().call_later(wait_s, self._refresh_now)
        self._set(Stage.UP)
        return True

    def _refresh_now(self) -> None:
        if not self._is_working:
            self._ground.spawn(self._keep(), "simulated phone registers again")

    async def _keep(self) -> None:
        self._until = _now() + self._ground.conduct.patience_s
        await self._register("refresh")


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


def _keeps(spec: PhoneSpec, conduct: Conduct) -> bool:
    if conduct.connections != "maker":
        return conduct.connections == "keep-alive"
    return spec.model.family in spec.profile.behaviour.keeps_connection


def _now() -> float:
    return asyncio.get_running_loop().time()


def _status(status: int) -> str:
    return f"HTTP {status}" if status else "nothing"


def _answer(response: Response | None) -> str:
    return f"{response.status} {response.reason}".rstrip() if response else "no answer"
