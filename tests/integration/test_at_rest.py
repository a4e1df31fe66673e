"""What lies on the disk holds no secret in clear: not the database, its log, or its journal."""

from __future__ import annotations

from pathlib import Path

from offhook.actions.devices import DeviceSpec, LineSpec
from offhook.core.inventory import vendor_scope
from tests.integration.running import running_pbx

SECRET, OWN, WIDE = "sip-S3cret-of-1001", "wifi-Passw0rd-here", "ldap-Passw0rd-there"


def on_disk(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


async def test_no_secret_is_on_the_disk_in_clear(tmp_path: Path) -> None:
    async with running_pbx(tmp_path) as running:
        pbx = running.pbx
        await pbx.extensions.add_extension("test", number="1001", name="John", secret=SECRET)
        device, _ = await pbx.devices.put_device(
            "test",
            DeviceSpec(
                mac_address="001565123456",
                vendor="yealink",
                model="t46s",
                lines=[LineSpec(extension="1001")],
                settings={"static.wifi.1.password": OWN},
            ),
        )
        await pbx.free_settings.change_settings(
            "test", vendor_scope("yealink"), {"ldap.password": WIDE}
        )
        password = device.admin_password.reveal()
        written = on_disk(tmp_path)
    written += on_disk(tmp_path)
    assert written
    for secret in (SECRET, OWN, WIDE, password):
        assert not any(secret.encode() in data for data in written), secret
    async with running_pbx(tmp_path) as running:
        state = running.pbx.state
        assert state.devices[device.mac].settings["static.wifi.1.password"] == OWN
        assert state.settings[vendor_scope("yealink")]["ldap.password"] == WIDE
