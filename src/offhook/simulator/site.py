"""The PBX's own side: which devices there are to play, adding them, renaming, and cleaning up.

Devices made for simulated phones are marked twice: their MAC addresses are locally administered
ones of a block nobody else has, and their extensions have an address at `simulated.invalid` (a
name that never exists, RFC 2606 §2), which tells maker and model. Nothing unmarked is removed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import Any
from urllib.parse import urlencode

from offhook.core.mac import Mac, parse_mac
from offhook.core.vendor import VendorProfile
from offhook.simulator.conduct import PhoneSpec
from offhook.simulator.http_answer import FetchError
from offhook.simulator.http_link import HttpLink, Place
from offhook.tasks import spawn
from offhook.vendors import load_profiles

MARKED_BLOCK = 0x025349000000
"""02:53:49:…: the second bit makes it locally administered (IEEE 802), the rest spells SI."""
FIRST_MARKED = MARKED_BLOCK + 0x4D0000
MARKED_MAIL = "simulated.invalid"
PAGE = 1000
AT_ONCE = 32
TIMEOUT_S = 60.0

OnDone = Callable[[int], None]


class SiteError(Exception):
    """The PBX refused a call or cannot be asked; `hint` says what to do."""

    def __init__(self, message: str, hint: str = "", *, status: int = 0) -> None:
        super().__init__(message)
        self.hint = hint
        self.status = status


class Site:
    """The API of a PBX, asked over a few connections at once."""

    def __init__(self, place: Place, token: str = "") -> None:
        self.place = place
        self._token = token
        self._links: asyncio.Queue[HttpLink] = asyncio.Queue()
        for _ in range(AT_ONCE):
            self._links.put_nowait(HttpLink(place, keeps=True))

    async def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, object] | None = None,
    ) -> dict[str, Any]:
        """Call the API. Raises SiteError."""
        headers = [("User-Agent", "offhook-simulator/1"), ("Accept", "application/json")]
        if self._token:
            headers.append(("Authorization", f"Bearer {self._token}"))
        if body is not None:
            headers.append(("Content-Type", "application/json"))
        content = b"" if body is None else json.dumps(body).encode()
        target = path + (f"?{urlencode(query)}" if query else "")
        async with self._link() as link:
            try:
                answer = await link.ask(
                    target, headers, timeout_s=TIMEOUT_S, method=method, body=content
                )
            except FetchError as error:
                raise SiteError(f"the PBX does not answer: {error}", "is it running?") from None
        return _read(answer.status, answer.body)

    async def each(
        self, work: Iterable[Awaitable[object]], on_done: OnDone = lambda done: None
    ) -> None:
        """Do much work, some at once, telling how much is done. Raises what the first one did."""
        waiting, done = iter(work), 0

        async def some() -> None:
            nonlocal done
            for item in waiting:
                await item
                done += 1
                on_done(done)

        tasks = [spawn(some(), "call the API") for _ in range(AT_ONCE)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def close(self) -> None:
        """Close the connections."""
        while not self._links.empty():
            self._links.get_nowait().close()

    @asynccontextmanager
    async def _link(self) -> AsyncIterator[HttpLink]:
        link = await self._links.get()
        try:
            yield link
        finally:
            self._links.put_nowait(link)

    # What is there to play ---------------------------------------------------------------------

    async def own_devices(self, limit: int) -> list[PhoneSpec]:
        """Devices of makers and models we know, marked ones left out. Raises SiteError."""
        found: list[PhoneSpec] = []
        profiles = {profile.name: profile for profile in load_profiles()}
        async for item in self._pages("/api/provisioning/devices", "devices"):
            profile = profiles.get(str(item.get("vendor")))
            model = profile.model(str(item.get("model"))) if profile else None
            mac = parse_mac(str(item.get("mac_address")))
            if profile and model and mac and not is_marked(mac):
                number = str(item.get("extension_number"))
                found.append(PhoneSpec(profile=profile, model=model, mac=mac, number=number))
            if len(found) == limit:
                break
        return found

    async def marked(self) -> list[Marked]:
        """What was made for simulated phones, in the order of the numbers. Raises SiteError."""
        profiles = {profile.name: profile for profile in load_profiles()}
        pages = self._pages("/api/extensions", "extensions", q=f"@{MARKED_MAIL}")
        found = [_read_marked(item, profiles) async for item in pages]
        return [item for item in found if item is not None]

    async def _pages(self, path: str, key: str, **query: object) -> AsyncIterator[dict[str, Any]]:
        offset = 0
        while True:
            page = await self.call("GET", path, query={"limit": PAGE, "offset": offset, **query})
            for item in page[key]:
                yield item
            offset += PAGE
            if offset >= int(page["total"]):
                return

    # Changing it -------------------------------------------------------------------------------

    async def add(self, specs: Sequence[PhoneSpec], on_done: OnDone = lambda done: None) -> None:
        """Add extensions and devices. Raises SiteError, naming the number that is taken."""
        await self.each((self._add(spec) for spec in specs), on_done)

    async def remove(self, marked: Sequence[Marked], on_done: OnDone = lambda done: None) -> None:
        """Remove what was made for simulated phones. Raises SiteError."""
        await self.each((self._remove(item) for item in marked), on_done)

    async def rename(self, number: str, name: str) -> None:
        """Rename an extension. Raises SiteError."""
        await self.call("PATCH", f"/api/extensions/{number}", {"name": name})

    async def _add(self, spec: PhoneSpec) -> None:
        mail = f"{spec.profile.name}.{spec.model.name}@{MARKED_MAIL}"
        extension = {"number": spec.number, "name": spec.name, "email": mail}
        try:
            await self.call("POST", "/api/extensions", extension)
        except SiteError as error:
            if error.status != 409:
                raise
            await self._check_ours(spec.number)
        device = {
            "mac_address": spec.mac.plain,
            "extension_number": spec.number,
            "vendor": spec.profile.name,
            "model": spec.model.name,
        }
        await self.call("POST", "/api/provisioning/devices", device)

    async def _check_ours(self, number: str) -> None:
        found = await self.call("GET", f"/api/extensions/{number}")
        if not str(found.get("email")).endswith(f"@{MARKED_MAIL}"):
            raise SiteError(
                f"extension {number} exists and is no simulated phone's",
                "choose another --first-number",
            )

    async def _remove(self, marked: Marked) -> None:
        paths = [f"/api/provisioning/devices/{mac.plain}" for mac in marked.macs if is_marked(mac)]
        for path in (*paths, f"/api/extensions/{marked.number}"):
            try:
                await self.call("DELETE", path)
            except SiteError as error:
                if error.status != 404:
                    raise


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """A marked extension; `spec` is its phone, None when it has not exactly one marked device."""

    number: str
    macs: tuple[Mac, ...]
    spec: PhoneSpec | None


def planned(count: int, first_number: int) -> list[PhoneSpec]:
    """Plan phones of all makers and models in turn, with marked MACs and numbers in a row."""
    turns = [cycle([(profile, model) for model in profile.models]) for profile in load_profiles()]
    found = []
    for index, turn in zip(range(count), cycle(turns), strict=False):
        profile, model = next(turn)
        number = str(first_number + index)
        found.append(
            PhoneSpec(
                profile=profile,
                model=model,
                mac=Mac(FIRST_MARKED + index),
                number=number,
                name=f"Simulated {number}",
            )
        )
    return found


def is_marked(mac: Mac) -> bool:
    """Tell whether a MAC is of the block of simulated phones."""
    return mac.value >> 24 == MARKED_BLOCK >> 24


def _read_marked(item: Mapping[str, Any], profiles: Mapping[str, VendorProfile]) -> Marked | None:
    """Read a marked extension; None for one that only looks alike."""
    name, _, place = str(item.get("email")).partition("@")
    if place != MARKED_MAIL:
        return None
    vendor, _, model_name = name.partition(".")
    profile = profiles.get(vendor)
    model = profile.model(model_name) if profile else None
    macs = tuple(mac for text in item["devices"] if (mac := parse_mac(str(text))))
    number, spec = str(item["number"]), None
    if profile and model and len(macs) == 1 and is_marked(macs[0]):
        spec = PhoneSpec(
            profile=profile, model=model, mac=macs[0], number=number, name=str(item["name"])
        )
    return Marked(number=number, macs=macs, spec=spec)


def _read(status: int, body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body) if body else {}
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise SiteError(f"what answers is not the Offhook API (HTTP {status})", "check --url")
    if 200 <= status < 300:
        return data
    error = data.get("error") or {}
    message = str(error.get("message") or f"HTTP {status}")
    raise SiteError(message, str(error.get("hint") or ""), status=status)
