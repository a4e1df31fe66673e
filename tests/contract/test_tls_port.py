"""A phone that is told to use TLS is told the port of TLS, whatever its maker."""

from __future__ import annotations

from dataclasses import replace

from offhook.core.inventory import FileSource, main_file, render_device_file
from offhook.core.model import Device, Extension, Line
from offhook.core.secret import Secret
from offhook.core.vendor import Model, VendorProfile
from tests.contract import build
from tests.contract.build import each_sample
from tests.world import source

TLS_PORT = 5099
_EXTENSION = Extension(
    number="1001", name="Ada", secret=Secret("secret-of-1001"), created_at=build.NOW
)


def named_port(
    profile: VendorProfile, model: Model, transport: str, *, tls_port: int = TLS_PORT
) -> str:
    """Make the device's file and read the port of its first account."""
    found: FileSource = source(extensions={"1001": _EXTENSION}, settings={})
    found = replace(found, server=replace(build.SERVER, tls_port=tls_port))
    device = Device(
        mac=build.MAC,
        vendor=profile.name,
        model=model.name,
        lines=(Line(index=1, extension="1001"),),
        admin_password=Secret("admin-password"),
        settings={"transport": transport},
        created_at=build.NOW,
        updated_at=build.NOW,
    )
    rule, _ = main_file(found, device)
    body = render_device_file(found, device, rule).body.decode()
    return build.first_account(profile, build.parse(rule, body))["port"]


@each_sample
def test_the_file_names_the_port_of_its_transport(profile: VendorProfile, model: Model) -> None:
    plain = str(build.SERVER.sip_port)
    assert named_port(profile, model, "udp") == plain
    assert named_port(profile, model, "tcp") == plain
    assert named_port(profile, model, "tls") == str(TLS_PORT)


@each_sample
def test_without_tls_the_port_stays(profile: VendorProfile, model: Model) -> None:
    assert named_port(profile, model, "tls", tls_port=0) == str(build.SERVER.sip_port)
