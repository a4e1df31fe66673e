"""A whole inventory with its actions around fakes: what tests of actions stand on."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from offhook.actions.changing import Changes, Changing
from offhook.actions.devices import Devices, DeviceSpec, LineSpec
from offhook.actions.diagnose import Diagnose
from offhook.actions.extensions import Extensions
from offhook.actions.files import Files
from offhook.actions.free_settings import FreeSettings
from offhook.actions.phone_answer import Answer, PhonePolicy
from offhook.actions.phones import Phones
from offhook.actions.publish import Events
from offhook.actions.reboots import RebootPolicy, Reboots
from offhook.actions.state import State
from offhook.actions.throttle import phone_networks
from offhook.core.events import Event
from offhook.core.inventory import FileSource
from offhook.core.mac import Mac, parse_mac
from offhook.core.model import Device, PhoneRequest, Registration
from offhook.core.preferences import Preferences
from offhook.core.render import Templates
from offhook.core.vendor import Model, VendorProfile, first_code
from offhook.diagnosis.facts import ConfigFacts
from tests.contract import build
from tests.fakes import (
    FakeClock,
    FakeEngine,
    FakeInventoryStore,
    FakeJournal,
    FakeRebootStore,
    FakeUploads,
)

PROFILES = {profile.name: profile for profile in build.PROFILES}
MAKERS = tuple(PROFILES)
HOME = "192.168.1.50"


def mac(text: str) -> Mac:
    """A MAC that a test knows to be one."""
    found = parse_mac(text)
    assert found is not None
    return found


def model_of(vendor: str, lines: int = 1) -> Model:
    """The first model of a maker with at least so many lines."""
    return next(model for model in PROFILES[vendor].models if model.lines >= lines)


def agent_of(vendor: str, model: Model | None = None, phone: Mac = build.MAC) -> str:
    """The HTTP User-Agent of a maker's phone."""
    return build.agent(PROFILES[vendor].behaviour.agent, model or model_of(vendor), phone)


def sip_agent_of(vendor: str, model: Model | None = None, phone: Mac = build.MAC) -> str:
    """The SIP User-Agent of a maker's phone."""
    return build.agent(PROFILES[vendor].behaviour.sip_agent, model or model_of(vendor), phone)


def main_name(profile: VendorProfile, model: Model, phone: Mac) -> str:
    """The name of the file with the account."""
    return build.file_name(profile.main, model, phone)


def registration(
    extension: str = "1001",
    *,
    address: str = HOME,
    port: int = 5060,
    user_agent: str = "",
    phone: Mac | None = None,
    age_s: float = 60,
    clock: FakeClock | None = None,
) -> Registration:
    """A live binding; its contact tells address and port."""
    at = (clock or FakeClock()).now() - timedelta(seconds=age_s)
    return Registration(
        extension=extension,
        contact=f"sip:{extension}@{address}:{port}",
        source=f"udp:{address}:{port}",
        call_id=f"{address}-{port}",
        cseq=1,
        user_agent=user_agent,
        mac=phone,
        registered_at=at,
        refreshed_at=at,
        expires_at=at + timedelta(hours=2),
    )


class World:
    """Everything `app` would wire, on fakes. Use `await World.make()`."""

    def __init__(self, *, templates: Templates | None = None, **policy: float | bool) -> None:
        self.clock = FakeClock()
        self.store = FakeInventoryStore()
        self.journal = FakeJournal()
        self.uploads = FakeUploads()
        self.reboot_store = FakeRebootStore()
        self.engine = FakeEngine()
        self.events = Events()
        self.seen: list[Event] = []
        self.events.subscribe(self.seen.append)
        self.state = State(store=self.store, source=source(templates))
        self.ids = (f"reboot-{number:06d}" for number in itertools.count(1))
        self.reboot_policy = RebootPolicy(
            per_second=float(policy.get("per_second", 1e9)),
            answer_timeout_s=8,
            fetch_timeout_s=300,
            register_timeout_s=300,
            is_restart=bool(policy.get("is_restart", True)),
        )
        self.phone_policy = PhonePolicy(
            is_enabled=bool(policy.get("is_enabled", True)),
            networks=phone_networks(["private"]),
            unknown_per_minute=int(policy.get("unknown_per_minute", 120)),
        )
        self.requests = itertools.count(1)
        self.assemble()

    def assemble(self) -> None:
        """Build the actions on the state: once at first, again for a restart."""
        self.files = Files(self.state)
        self.reboots = Reboots(
            state=self.state,
            engine=self.engine,
            store=self.reboot_store,
            publish=self.events.publish,
            now=self.clock.now,
            new_id=lambda: next(self.ids),
            policy=self.reboot_policy,
        )
        self.events.subscribe(self.reboots.on_event)
        self.phones = Phones(
            state=self.state,
            files=self.files,
            journal=self.journal,
            uploads=self.uploads,
            publish=self.events.publish,
            policy=self.phone_policy,
            monotonic=self.clock.monotonic,
            is_awaited=self.reboots.is_awaited,
        )
        changing = Changing(
            state=self.state,
            files=self.files,
            reboots=self.reboots,
            publish=self.events.publish,
            now=self.clock.now,
        )
        self.changing = changing
        self.extensions = Extensions(changing, self.engine)
        self.devices = Devices(changing)
        self.free_settings = FreeSettings(changing)
        self.diagnose = Diagnose(
            state=self.state,
            files=self.files,
            reboots=self.reboots,
            engine=self.engine,
            journal=self.journal,
            config=ConfigFacts(),
            now=self.clock.now,
        )
        self.events.subscribe(self.diagnose.on_event)

    @classmethod
    async def make(cls, *numbers: str, **policy: float | bool) -> World:
        """A world with these extensions (1001 when none is named), loaded."""
        world = cls(**policy)
        await world.state.load()
        for number in numbers or ("1001",):
            await world.extensions.add_extension("test", number=number, name=f"Name {number}")
        return world

    async def device(
        self,
        text: str = "001565123456",
        vendor: str = "yealink",
        *,
        model: str = "",
        lines: tuple[str, ...] = ("1001",),
        settings: Mapping[str, str | None] | None = None,
    ) -> Device:
        """Register a device; the maker's first model that has the lines, unless named."""
        device, _ = await self.put(text, vendor, model=model, lines=lines, settings=settings)
        return device

    async def put(
        self,
        text: str = "001565123456",
        vendor: str = "yealink",
        *,
        model: str = "",
        lines: tuple[str, ...] = ("1001",),
        settings: Mapping[str, str | None] | None = None,
    ) -> tuple[Device, Changes]:
        """Register a device and tell what it did."""
        spec = DeviceSpec(
            mac_address=text,
            vendor=vendor,
            model=model or model_of(vendor, len(lines)).name,
            lines=[LineSpec(extension=number) for number in lines],
            settings=settings,
        )
        return await self.devices.put_device("test", spec)

    async def ask(
        self,
        path: str,
        *,
        user_agent: str = "",
        address: str = HOME,
        method: str = "GET",
        query: str = "",
        is_test: bool = False,
        body: bytes = b"",
        if_none_match: str = "",
        is_local: bool = False,
    ) -> Answer:
        """Ask as a phone, the path decoded already."""
        request = PhoneRequest(
            request_id=f"r{next(self.requests)}",
            transport="http",
            method=method,
            path=path,
            query=query,
            address=address,
            user_agent=user_agent,
            at=self.clock.now(),
            is_test=is_test,
        )
        return await self.phones.answer(
            request, body=body, if_none_match=if_none_match, is_local=is_local
        )

    def at_once(self, device: Device, path: str = "") -> Answer | None:
        """Ask as a device's phone, for the file with the account if for no other, without waiting.

        None when the answer has to wait.
        """
        profile = PROFILES[device.vendor]
        model = profile.model(device.model)
        assert model is not None
        request = PhoneRequest(
            request_id=f"r{next(self.requests)}",
            transport="http",
            method="GET",
            path=path or main_name(profile, model, device.mac),
            query="",
            address=HOME,
            user_agent=agent_of(device.vendor, model, device.mac),
            at=self.clock.now(),
        )
        return self.phones.answer_at_once(request)

    def forget_listeners(self, *, but: int = 0) -> None:
        """Nobody listens to events any more, but the first so many."""
        del self.events._subscriptions[but:]
        self.events._chosen.clear()

    async def fetch(self, device: Device, *, address: str = HOME, **more: str) -> Answer:
        """Ask for the file with the account as the device's own phone does."""
        profile = PROFILES[device.vendor]
        model = profile.model(device.model)
        assert model is not None
        return await self.ask(
            main_name(profile, model, device.mac),
            user_agent=agent_of(device.vendor, model, device.mac),
            address=address,
            **more,
        )


def source(templates: Templates | None = None, **changes: object) -> FileSource:
    """What files are made from, with the makers' own templates."""
    found = FileSource(
        templates=templates or build.templates(),
        server=build.SERVER,
        prefs=Preferences(),
        profiles=PROFILES,
        extensions={},
        settings={},
    )
    return replace(found, **changes)  # type: ignore[arg-type]  # a test names real fields


def code_of(model: Model) -> str:
    """The model's spelling in common file names."""
    return first_code(model)


async def until(is_so: Callable[[], bool]) -> None:
    """Let the loop run until it is so; the deadline only ends a test that fails."""
    deadline_s = time.monotonic() + 5
    while not is_so():
        assert time.monotonic() < deadline_s, "it never came to be so"
        await asyncio.sleep(0)


async def settle() -> None:
    """Let the loop run what is ready, timers of this millisecond included."""
    for _ in range(30):
        await asyncio.sleep(0)
