"""The page of all phones: found, filtered, sorted, and many of them acted on after a look."""

from __future__ import annotations

import re

import httpx

from tests.integration.running import Running
from tests.integration.ui.conftest import SignedIn

HOSTILE = "<script>alert(1)</script>"
MACS = ("001565000001", "001565000002", "000b82000003")


async def _fleet(running: Running) -> None:
    extensions, devices = running.services.extensions, running.services.devices
    from offhook.actions.devices import DeviceSpec, LineSpec

    people = (("1001", "Ada Byron"), ("1002", HOSTILE), ("1003", "Grace Hopper"))
    for number, name in people:
        await extensions.create("test", number=number, name=name)
    makers = (("yealink", "t46s"), ("yealink", "t46s"), ("grandstream", "gxp2170"))
    for mac, (vendor, model), (number, _) in zip(MACS, makers, people, strict=True):
        lines = [LineSpec(extension=number)]
        spec = DeviceSpec(mac_address=mac, vendor=vendor, model=model, lines=lines)
        await devices.put_device("test", spec)
