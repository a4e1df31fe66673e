"""One running PBX, a clock that can be put forward, and phones that do right or wrong."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from offhook.app import Pbx
from offhook.core.mac import Mac, parse_mac
from offhook.core.vendor import Model, VendorProfile
from offhook.simulator.http_answer import Fetched
from offhook.simulator.http_fetch import fetch
from offhook.simulator.sip_phone import SipPhone
from offhook.simulator.virtual_phone import VirtualPhone
from offhook.vendors import load_profiles
from tests.integration.running import client, running_pbx
from tests.integration.sip_by_hand import HandPhone

PROFILES = {profile.name: profile for profile in load_profiles()}
# What phones are told as the server's address: 127.0.0.1 as inet_aton(3) reads it. To rules it is a
# name, so the bench has no fault of its own: a loopback address in files would be P102.
EXTERNAL = "0x7f000001"


@dataclass(slots=True)
class BenchClock:
    """The present, or as much later as a scenario needs."""

    ahead: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass(slots=True, kw_only=True)
class Bench:
    """What a scenario acts with. Everything goes over HTTP and SIP, as from a phone or an admin."""

    pbx: Pbx
    api: httpx.AsyncClient
    url: str
    folder: Path
    clock: BenchClock
    stack: AsyncExitStack
    settings: Mapping[str, str]
    phones: list[VirtualPhone] = field(default_factory=list)
    sip_phones: list[SipPhone] = field(default_factory=list)
    hand_phones: list[HandPhone] = field(default_factory=list)
    previews: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    # --- as an administrator -------------------------------------------------------------------

    async def call(self, method: str, path: str, body: object = None, **query: str) -> Any:
        """Call the API; gives its JSON. Fails the scenario when the API refuses."""
        answer = await self.api.request(method, path, json=body, params=query or None)
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    async def extension(self, number: str = "1001", name: str = "Ada Lovelace") -> str:
        """Add an extension; gives its secret."""
        await self.call("POST", "/api/extensions", {"number": number, "name": name})
        return await self.secret(number)

    async def secret(self, number: str) -> str:
        """Give an extension's SIP secret."""
        return str((await self.call("GET", f"/api/extensions/{number}/secret"))["secret"])

    async def device(
        self,
        vendor: str = "yealink",
        number: str = "1001",
        *,
        mac: str = "",
        model: str = "",
        **more: object,
    ) -> str:
        """Register a device for an extension, added when it is missing; gives its MAC."""
        profile = PROFILES[vendor]
        wanted = mac or f"{min(profile.ouis)}{int(number) % 0x1000000:06x}"
        if number not in self.pbx.state.extensions:
            await self.extension(number, f"Person {number}")
        body = {
            "mac_address": wanted,
            "extension_number": number,
            "vendor": vendor,
            "model": model or profile.models[0].name,
            **more,
        }
        await self.call("POST", "/api/provisioning/devices", body)
        return colons(wanted)

    async def preview(self, method: str, path: str, body: object) -> str:
        """Ask what a change would do; gives the subject under which its findings are judged."""
        found = await self.call(method, path, body, preview="true")
        name = f"preview of {method} {path}"
        self.previews[name] = {"findings": found["findings"], "stage": "registered"}
        return name

    async def site_template(self, name: str, text: str) -> None:
        """Write a template of the site's own, and start the PBX again with it."""
        file = self.folder / "templates" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        await self.restart()

    async def restart(self, meanwhile: Callable[[sqlite3.Connection], object] = bool) -> None:
        """Stop the PBX and start it on the same ports; `meanwhile` may alter its database."""
        ports = {
            "server__http_port": str(httpx.URL(self.url).port),
            "server__sip_port": str(self.pbx.sip_port),
        }
        await self.stack.aclose()
        with closing(sqlite3.connect(self.folder / "data" / "offhook.db")) as database, database:
            meanwhile(database)
        await self.start(**ports)

    async def start(self, **more: str) -> None:
        """Start the PBX with the scenario's settings."""
        environ = {"server__external_ip": EXTERNAL, **self.settings, **more}
        running = await self.stack.enter_async_context(
            running_pbx(self.folder, self.clock, **environ)
        )
        self.pbx, self.url = running.pbx, running.url
        self.api = await self.stack.enter_async_context(client(running))

    # --- as phones -----------------------------------------------------------------------------

    def phone(
        self, mac: str, vendor: str = "yealink", model: str = "", address: str = "127.0.0.1"
    ) -> VirtualPhone:
        """Make a phone of a maker, not yet booted; address is a loopback one of its own."""
        profile = PROFILES[vendor]
        made = VirtualPhone(
            profile=profile,
            model=_model(profile, model),
            mac=_mac(mac),
            base_url=f"{self.url}/provision/",
            bind=address,
            timeout_s=3.0,
        )
        self.phones.append(made)
        return made

    async def well(
        self, vendor: str = "yealink", number: str = "1001", address: str = "127.0.0.1"
    ) -> VirtualPhone:
        """A device whose phone has booted, fetched and registered: nothing wrong with it."""
        mac = await self.device(vendor, number)
        phone = self.phone(mac, vendor, address=address)
        assert await phone.boot(), (phone.requests, phone.registrations)
        return phone

    async def get(
        self,
        path: str,
        agent: str = "",
        *,
        address: str = "127.0.0.1",
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
    ) -> Fetched:
        """Ask for a path below /provision/ as it stands, from an address."""
        parts = httpx.URL(self.url)
        wanted = {"User-Agent": agent} if agent else {}
        return await fetch(
            parts.host,
            parts.port or 80,
            f"/provision/{path}",
            wanted | dict(headers or {}),
            timeout_s=5.0,
            method=method,
            source=address,
        )

    def sip_phone(self, address: str = "127.0.0.1") -> SipPhone:
        """A bare SIP phone, to register in any odd way."""
        made = SipPhone(bind=address, timeout_s=3.0)
        self.sip_phones.append(made)
        return made

    async def by_hand(self, number: str = "1001", **more: Any) -> HandPhone:
        """A phone of an extension that is there, whose every SIP line is the scenario's."""
        secret = await self.secret(number)
        made = HandPhone(port=self.pbx.sip_port, extension=number, secret=secret, **more)
        self.hand_phones.append(made)
        return made

    async def register(
        self,
        phone: SipPhone,
        number: str,
        secret: str,
        *,
        auth_name: str = "",
        agent: str = "Yealink SIP-T46S 66.86.0.15",
        mac: str = "",
        expires_s: int = 3600,
    ) -> int:
        """Register a SIP phone; gives the status, 0 without an answer."""
        headers = (("X-MAC", mac),) if mac else ()
        answer = await phone.register(
            server="127.0.0.1",
            port=self.pbx.sip_port,
            extension=number,
            secret=secret,
            auth_name=auth_name,
            user_agent=agent,
            headers=headers,
            expires_s=expires_s,
        )
        return answer.status if answer else 0

    def later(self, **span: float) -> None:
        """Put the clock forward: `minutes=10`."""
        self.clock.ahead += timedelta(**span)

    async def settled(self, reboot_id: str, *steps: str) -> Mapping[str, Any]:
        """Wait until a reboot record has reached one of the steps."""
        async with asyncio.timeout(15):
            while True:
                record: Mapping[str, Any] = await self.call("GET", f"/api/reboots/{reboot_id}")
                if record["step"] in steps:
                    return record
                await asyncio.sleep(0.02)

    # --- the verdict ---------------------------------------------------------------------------

    async def diagnosis(self, subject: str) -> Mapping[str, Any]:
        """Ask for the verdict on a MAC, an extension or an address; or give a preview's."""
        if subject in self.previews:
            return self.previews[subject]
        found: Mapping[str, Any] = await self.call("GET", f"/api/diagnosis/{subject}")
        return found


@asynccontextmanager
async def benched(folder: Path, **environ: str) -> AsyncIterator[Bench]:
    """Start a PBX for one scenario; `provisioning__enabled="false"` is a setting."""
    async with AsyncExitStack() as stack:
        # The PBX and its client are put in by start().
        bench = Bench(
            pbx=None,  # type: ignore[arg-type]
            api=None,  # type: ignore[arg-type]
            url="",
            folder=folder,
            clock=BenchClock(),
            stack=stack,
            settings=environ,
        )
        await bench.start()
        try:
            yield bench
        finally:
            await _end(bench)


async def _end(bench: Bench) -> None:
    for phone in bench.phones:
        phone.die()
        await phone.stop()
    for sip_phone in bench.sip_phones:
        await sip_phone.close(silently=True)
    for hand_phone in bench.hand_phones:
        hand_phone.own.close()


def colons(mac: str) -> str:
    """Write a MAC as verdicts do."""
    return _mac(mac).colons


def _mac(text: str) -> Mac:
    found = parse_mac(text)
    assert found is not None, text
    return found


def _model(profile: VendorProfile, name: str) -> Model:
    found = profile.model(name) if name else profile.models[0]
    assert found is not None, name
    return found
