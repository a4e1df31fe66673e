"""Three phones of two makers, one with a name that would be markup; and a real simulated one."""

from __future__ import annotations

from offhook.actions.devices import DeviceSpec, LineSpec
from offhook.core.inventory import profile_of
from offhook.simulator.virtual_phone import VirtualPhone
from tests.integration.running import Running
from tests.world import mac

HOSTILE = "<script>alert(1)</script>"
YEALINK, SECOND, GRANDSTREAM = "001565000001", "001565000002", "000b82000003"
PHONES = (
    (YEALINK, "yealink", "t46s", "1001", "Ada Byron"),
    (SECOND, "yealink", "t46s", "1002", HOSTILE),
    (GRANDSTREAM, "grandstream", "gxp2170", "1003", "Grace Hopper"),
)


async def add_three(running: Running) -> None:
    """Put the three phones and their extensions into the inventory."""
    for text, vendor, model, number, name in PHONES:
        await running.services.extensions.add_extension("test", number=number, name=name)
        lines = [LineSpec(extension=number)]
        spec = DeviceSpec(mac_address=text, vendor=vendor, model=model, lines=lines)
        await running.services.devices.put_device("test", spec)


def simulated(running: Running, text: str = YEALINK) -> VirtualPhone:
    """The phone itself, not switched on yet."""
    device = running.services.state.devices[mac(text)]
    profile, model = profile_of(running.services.state.source, device)
    url = f"{running.url}/provision/"
    return VirtualPhone(
        profile=profile, model=model, mac=device.mac, base_url=url, bind="127.0.0.1", timeout_s=5
    )
