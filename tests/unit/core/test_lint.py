"""Mistakes in finished files, each with its near miss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from offhook.actions.files import make
from offhook.core.lint import LintProblem, vanished
from offhook.core.model import Device, Extension, Line
from offhook.core.render import Templates
from offhook.core.secret import Secret
from offhook.diagnosis.facts import RenderFault
from tests.contract import build
from tests.world import source

SECRET = "planted-secret-1"
EXTENSIONS = {
    "1001": Extension(number="1001", name="Ada", secret=Secret(SECRET), created_at=build.NOW)
}


def device(vendor: str, model: str, settings: Mapping[str, str]) -> Device:
    return Device(
        mac=build.MAC,
        vendor=vendor,
        model=model,
        lines=(Line(index=1, extension="1001"),),
        admin_password=Secret(build.ADMIN_PASSWORD),
        settings=settings,
        created_at=build.NOW,
        updated_at=build.NOW,
    )


def found(
    vendor: str, model: str, settings: Mapping[str, str], **templates: str
) -> tuple[LintProblem, ...]:
    """What is odd in the files; templates by name, `main__cfg` for `main.cfg.j2`."""
    own = {f"{vendor}/{name.replace('__', '.')}.j2": text for name, text in templates.items()}
    sources = Templates({**build.templates().sources, **own}, frozenset(own))
    return make(source(sources, extensions=EXTENSIONS), device(vendor, model, settings)).lint


CASES = [
    ("yealink", "t46s", {"account.1.codec.1.enable": "0"}, "P708"),
    ("yealink", "t46s", {"account.1.codec.1.enable": "0", "account.1.codec.pcmu.enable": "0"}, ""),
    ("yealink", "t28p", {"account.1.codec.1.enable": "0"}, ""),
    ("yealink", "t28p", {"static.network.lldp.packet_interval": "60"}, "P708"),
    ("yealink", "t46u", {"network.lldp.packet_interval": "60"}, "P709"),
    ("yealink", "t46u", {"static.network.lldp.packet_interval": "60"}, ""),
    ("zultys", "zip37g", {"linekey.1.extension": "7"}, "P708"),
    ("zultys", "zip33g", {"linekey.1.extension": "7"}, ""),
    ("zultys", "zip33g", {"static.network.lldp.enable": "0"}, "P708"),
    ("cisco", "cp8841", {"Admin_Passwd": "x"}, "P708"),
    ("polycom", "vvx411", {"device.net.vlanId": "7"}, "P709"),
    ("polycom", "vvx411", {"device.net.vlanId": "7", "device.net.vlanId.set": "1"}, ""),
    ("yealink", "t46s", {"account.1.password": "p" * 33}, "P710"),
    ("yealink", "t46s", {"account.1.password": "p" * 32}, ""),
    ("yealink", "t46u", {"static.network.lldp.enable": "0"}, "P711"),
    ("yealink", "t46u", {"static.network.lldp.enable": "1"}, ""),
    ("cisco", "spa504g", {"Enable_LLDP-MED": "No"}, "P711"),
    ("grandstream", "gxp2130", {"P1684": "0"}, "P711"),
    ("yealink", "t46u", {"static.network.static_dns_enable": "1"}, "P712"),
    (
        "yealink",
        "t46u",
        {"static.network.static_dns_enable": "1", "static.network.primary_dns": "192.0.2.1"},
        "",
    ),
    ("yealink", "t46u", {"static.network.internet_port.type": "0"}, "P713"),
    ("yealink", "t46u", {"static.network.internet_port.type": "2"}, ""),
    ("yealink", "t46s", {"linekey.28.type": "13"}, "P716"),
    ("yealink", "t46s", {"linekey.27.type": "13"}, ""),
    ("yealink", "t46s", {"linekey.28.type": "0"}, ""),
    ("yealink", "t46s", {"account.17.enable": "1"}, "P716"),
    ("yealink", "t88w", {"account.99.enable": "1"}, ""),
    ("yealink", "t46s", {"expansion_module.7.key.1.type": "13"}, "P716"),
    ("yealink", "t46s", {"account.1.dtmf.type": "2"}, "P717"),
    ("yealink", "t46s", {"account.1.dtmf.type": "2", "dtmf": "info"}, ""),
    ("grandstream", "gxp2130", {"P2302": "0"}, "P717"),
    ("grandstream", "ht802", {"P2302": "0"}, ""),
    ("polycom", "vvx411", {"tone.dtmf.rfc2833Control": "0"}, "P717"),
    ("cisco", "spa504g", {"DTMF_Tx_Method_1_": "Auto"}, ""),
]


@pytest.mark.parametrize(("vendor", "model", "settings", "code"), CASES, ids=str)
def test_finds_what_a_free_setting_does(
    vendor: str, model: str, settings: dict[str, str], code: str
) -> None:
    assert {problem.code for problem in found(vendor, model, settings)} == ({code} - {""})


def test_tells_where_a_key_comes_from_and_masks_secrets() -> None:
    (problem,) = found("yealink", "t46s", {"account.1.dtmf.type": "2"})
    assert (problem.origin, problem.value) == ("device 001565123456", "2")
    (problem,) = found("cisco", "cp8841", {"Admin_Passwd": "planted"})
    assert problem.value == "********"


def test_cuts_long_values() -> None:
    (problem,) = found("yealink", "t46s", {"account.1.dtmf.type": "2" * 99})
    assert problem.value == "2" * 60 + "…"


XML = "<?xml version='1.0'?>\n<gs_provision version='1'>{}<config version='1'><P35>1</P35>"
XML += "</config></gs_provision>\n"


@pytest.mark.parametrize(
    ("mac", "code"), [("001565123457", "P706"), ("001565123456", ""), ("{{ device.mac }}", "")]
)
def test_finds_the_mac_of_another_phone(mac: str, code: str) -> None:
    text = XML.format(f"<mac>{mac}</mac>")
    assert {item.code for item in found("grandstream", "gxp2130", {}, provision__xml=text)} == (
        {code} - {""}
    )


@pytest.mark.parametrize(("value", "code"), [("French", "P707"), ("English", "")])
def test_finds_files_that_disagree(value: str, code: str) -> None:
    text = f"#!version:1.0.0.1\nlang.gui = {value}\n"
    assert {item.code for item in found("yealink", "t46s", {}, common__cfg=text)} == ({code} - {""})


def fault_of(text: str, secret: str) -> RenderFault:
    sources = {**build.templates().sources, "grandstream/provision.xml.j2": text}
    extension = replace(EXTENSIONS["1001"], secret=Secret(secret))
    picture = source(Templates(sources), extensions={"1001": extension})
    digests = make(picture, device("grandstream", "gxp2130", {})).digests
    assert isinstance(digests, RenderFault)
    return digests


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (XML.format("<P34>{{ lines[0].secret | safe }}</P34>"), "P704"),
        (XML.format("<P34>{{ lines[0].secret }}"), "P702"),
        (XML.format("").replace("1.0'", "1.0' encoding='ISO-8859-1'"), "P705"),
        (XML.format("{{ nobody }}"), "P701"),
    ],
)
def test_names_why_a_file_cannot_be_made(text: str, code: str) -> None:
    fault = fault_of(text, "planted&<1")
    assert fault.code == code
    assert "planted" not in fault.message


def test_half_of_the_keys_of_a_larger_file_are_many() -> None:
    keys = [str(number) for number in range(10)]
    assert vanished(keys, keys[:5])
    assert not vanished(keys, keys[:6])
    assert not vanished(keys[:9], [])
