"""A telephone of any maker, made from its profile: boots, fetches, registers, obeys NOTIFY."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from offhook.core.mac import Mac
from offhook.core.vendor import Model, VendorProfile
from offhook.simulator.http_answer import Fetched, FetchError
from offhook.simulator.http_link import HttpLink, find_place
from offhook.simulator.phone_files import Account, PhoneFiles
from offhook.simulator.sip_phone import SipPhone
from offhook.tasks import spawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A file the phone asked for; `status` 0 means no answer, `error` says why or what is wrong."""

    file: str
    status: int
    size_bytes: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A try to register; `status` 0 means that no answer came, `error` says why."""

    number: str
    server: str
    port: int
    status: int
    error: str = ""

    @property
    def is_success(self) -> bool:
        """True for a 2xx."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Notified:
    """A NOTIFY the phone accepted; `is_obeyed` is False for an event that is not its maker's."""

    event: str
    is_obeyed: bool


Act = Asked | Registered | Notified


@dataclass(slots=True, kw_only=True)
class VirtualPhone:
    """One telephone. `base_url` is the directory URL it was given, with a slash at its end.

    `requests`, `registrations` and `notifies` keep what it did, oldest first, and `on_act` is told
    of each. `files` are the values read, by file name; `config` all of them as one, the device's
    own files winning over common ones. It registers only where `is_allowed` says so, given the
    server's IP address. `bind` is its own address, empty for the one that reaches the server.
    `is_test` marks each request as a try by a person, which never counts as the phone's own.
    """

    profile: VendorProfile
    model: Model
    mac: Mac
    base_url: str
    bind: str = ""
    timeout_s: float = 10.0
    is_test: bool = False
    on_act: Callable[[Act], None] = lambda act: None
    is_allowed: Callable[[str], bool] = lambda address: True
    sip: SipPhone = field(init=False)
    account: Account | None = None
    requests: list[Asked] = field(default_factory=list)
    registrations: list[Registered] = field(default_factory=list)
    notifies: list[Notified] = field(default_factory=list)
    _held: PhoneFiles = field(init=False)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _orders: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    _worker: asyncio.Task[None] | None = None
    _sip_is_open: bool = False
    _is_dead: bool = False

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        is_http = parts.scheme in ("http", "https")
        if not is_http or not parts.hostname or not parts.path.endswith("/"):
            raise ValueError(f"base_url {self.base_url!r} is no http:// URL that ends in a slash")
        self._held = PhoneFiles(profile=self.profile, model=self.model, mac=self.mac)

    @property
    def files(self) -> dict[str, dict[str, str]]:
        """What was read from each file, by its name."""
        return self._held.values

    @property
    def config(self) -> dict[str, str]:
        """What all files together say."""
        return self._held.config

    @property
    def user_agent(self) -> str:
        """Its HTTP User-Agent."""
        return self._held.filled(self.profile.behaviour.agent)

    async def boot(self) -> bool:
        """Power on: fetch the files in the maker's order and register; True when registered."""
        await self.fetch_files()
        return await self.register()

    async def fetch_files(self) -> None:
        """Ask for the files in order and take over what they say."""
        for name in self._held.names:
            if self._is_dead:
                return
            asked = await self.ask(name)
            if self.profile.behaviour.stops_at_first and asked.status in (200, 304):
                break
        self.account = self._held.account()

    async def ask(self, file: str) -> Asked:
        """Ask for one file by its name as written; a file that it holds is asked with its ETag."""
        headers = [("User-Agent", self.user_agent), ("Accept", "*/*")]
        if self.is_test:
            headers.append(("X-Offhook-Test", "1"))
        kept = self._held.etag(file)
        if kept:
            headers.append(("If-None-Match", kept))
        try:
            answer = await self._get(file, headers)
        except FetchError as error:
            asked = Asked(file=file, status=0, error=str(error))
        else:
            etag = answer.headers.get("etag", "")
            asked = Asked(
                file=file,
                status=answer.status,
                size_bytes=len(answer.body),
                error=self._held.take(file, etag, answer.body) if answer.status == 200 else "",
            )
        self._note(asked)
        return asked

    async def _get(self, file: str, headers: Sequence[tuple[str, str]]) -> Fetched:
        try:
            place = await find_place(self.base_url)
        except OSError as error:
            raise FetchError(error.strerror or str(error)) from None
        link = HttpLink(place, source=self.bind)
        return await link.ask(place.path + file, headers, timeout_s=self.timeout_s)

    async def register(self) -> bool:
        """Register the first account with what its file said; False without one."""
        account = self.account
        if account is None or self._is_dead:
            return False
        try:
            address = await _resolved(account.server, account.port)
            own_address = _own_address(address)
        except OSError as error:
            reason = error.strerror or str(error)
            self._note(_registered(account, status=0, error=f"{account.server}: {reason}"))
            return False
        if not self.is_allowed(address[0]):
            self._note(_registered(account, status=0, error=f"{address[0]} is not allowed"))
            return False
        if not self._sip_is_open:
            self._open_sip(self.bind or own_address)
        behaviour = self.profile.behaviour
        header = behaviour.mac_header
        response = await self.sip.register(
            server=address[0],
            port=address[1],
            extension=account.number,
            auth_name=account.auth_name,
            secret=account.secret.reveal(),
            user_agent=self._held.filled(behaviour.sip_agent),
            headers=((header, self.mac.colons),) if header else (),
        )
        done = _registered(
            account,
            status=response.status if response else 0,
            error="" if response else "no answer in time",
        )
        self._note(done)
        return done.is_success

    async def until(self, is_reached: Callable[[VirtualPhone], bool], timeout_s: float) -> None:
        """Wait for what the phone does, looking after each act. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while not is_reached(self):
                self._changed.clear()
                await self._changed.wait()

    def die(self) -> None:
        """Lose power: answer nothing, ask nothing, say nothing to the registrar."""
        self._is_dead = True
        if self._sip_is_open:
            self.sip.is_silent = True

    async def stop(self) -> None:
        """Un-register (unless dead) and close; idempotent."""
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
            self._worker = None
        if self._sip_is_open:
            self._sip_is_open = False
            await self.sip.close(silently=self._is_dead)

    # What it does by itself --------------------------------------------------------------------

    def _open_sip(self, address: str) -> None:
        self.sip = SipPhone(
            bind=address,
            challenges_notify=self.profile.behaviour.challenges_notify,
            on_notify=self._orders.put_nowait,
            timeout_s=self.timeout_s,
        )
        self._sip_is_open = True
        self._worker = spawn(self._obey_all(), f"virtual phone {self.mac}")

    async def _obey_all(self) -> None:
        while True:
            await self._obey(await self._orders.get())

    async def _obey(self, event: str) -> None:
        """Fetch again and register afresh when the event is one of its maker's orders."""
        known = {_package(self.profile.reboot.event), _package(self.profile.resync.event)}
        is_known = _package(event) in known
        self._note(Notified(event=event, is_obeyed=is_known))
        if is_known and not self._is_dead:
            await self.fetch_files()
            self.sip.boot()
            await self.register()

    def _note(self, act: Act) -> None:
        match act:
            case Asked():
                self.requests.append(act)
            case Registered():
                self.registrations.append(act)
            case Notified():
                self.notifies.append(act)
        self.on_act(act)
        self._changed.set()


def _registered(account: Account, *, status: int, error: str) -> Registered:
    return Registered(
        number=account.number,
        server=account.server,
        port=account.port,
        status=status,
        error=error,
    )


def _package(event: str) -> str:
    """The event without its parameters: `check-sync` of `check-sync;reboot=true`."""
    return event.partition(";")[0].strip().lower()


async def _resolved(host: str, port: int) -> tuple[str, int]:
    """The address behind a name. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    address = found[0][4]
    return str(address[0]), int(address[1])


def _own_address(to: tuple[str, int]) -> str:
    """The address of this machine that leads there; connecting a UDP socket sends nothing."""
    family = socket.AF_INET6 if ":" in to[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect(to)
        return str(probe.getsockname()[0])
