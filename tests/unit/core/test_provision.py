"""What a request gets: decided from the request, who asks, and the inventory alone."""

from dataclasses import replace

import pytest

from offhook.core.identify import identify
from offhook.core.mac import Mac
from offhook.core.model import Device, Line
from offhook.core.provision import (
    Decision,
    Optional,
    Refuse,
    ServeCommon,
    ServeDevice,
    Upload,
    decide,
    guess_model,
    guess_vendor,
)
from offhook.core.secret import Secret
from offhook.core.vendor import FileKind, VendorProfile
from tests.contract import build
from tests.world import MAKERS, PROFILES, agent_of, code_of, main_name, model_of

PHONE = build.MAC
STRANGER = Mac(0x00156512ABCD)


def registered(vendor: str, model: str = "") -> dict[Mac, Device]:
    return {
        PHONE: Device(
            mac=PHONE,
            vendor=vendor,
            model=model or model_of(vendor).name,
            lines=(Line(index=1, extension="1001"),),
            admin_password=Secret("example"),
            created_at=build.NOW,
            updated_at=build.NOW,
        )
    }


def asked(
    path: str,
    devices: dict[Mac, Device],
    user_agent: str = "",
    method: str = "GET",
    query: str = "",
) -> Decision:
    request = replace(build.request(path, user_agent, query), method=method)
    return decide(request, identify(request, build.PROFILES), devices, PROFILES)


def refused(decision: Decision) -> tuple[int, str]:
    assert isinstance(decision, Refuse)
    return decision.status, decision.code


@pytest.mark.parametrize("vendor", MAKERS)
def test_serves_the_file_with_the_account(vendor: str) -> None:
    name = main_name(PROFILES[vendor], model_of(vendor), PHONE)
    decision = asked(name, registered(vendor), agent_of(vendor))
    assert isinstance(decision, ServeDevice)
    assert decision.rule.name == PROFILES[vendor].main
    assert decision.notices == ()


@pytest.mark.parametrize("vendor", MAKERS)
def test_serves_the_guides_name_to_every_maker(vendor: str) -> None:
    decision = asked("001565123456.cfg", registered(vendor), "curl/8.5.0")
    assert isinstance(decision, ServeDevice)


@pytest.mark.parametrize(
    "spelling",
    [
        "00:15:65:12:34:56",
        "00-15-65-12-34-56",
        "0015.6512.3456",
        "001565123456",
        "00:15:65:12:34:56".lower(),
    ],
)
def test_serves_all_spellings_of_a_mac(spelling: str) -> None:
    assert isinstance(asked(f"{spelling}.cfg", registered("yealink")), ServeDevice)


@pytest.mark.parametrize("placeholder", ["$mac.cfg", "{mac}.cfg", "$MA.cfg"])
def test_serves_after_a_placeholder_segment(placeholder: str) -> None:
    decision = asked(f"{placeholder}/001565123456.cfg", registered("yealink"))
    assert isinstance(decision, ServeDevice)


@pytest.mark.parametrize("placeholder", ["$mac", "{mac}", "$MA", "%MACD"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_refuses_a_placeholder_as_the_file(placeholder: str, method: str) -> None:
    path, agent = f"{placeholder}.cfg", "Yealink SIP-T46S 66.85.0.15 00:15:65:12:34:56"
    decision = asked(path, registered("yealink"), agent, method)
    assert refused(decision) == (400, "P201")
    assert isinstance(decision, Refuse)
    assert decision.values == {"placeholder": placeholder}


def test_refuses_an_unknown_mac() -> None:
    assert refused(asked("00156512abcd.cfg", registered("yealink"))) == (404, "P301")


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
@pytest.mark.parametrize("path", ["001565123456.cfg", "y000000000066.cfg", "00156512abcd.cfg"])
def test_gives_no_file_to_who_wants_to_write_it(method: str, path: str) -> None:
    decision = asked(path, registered("yealink"), "", method)
    assert isinstance(decision, Refuse)
    assert decision.status in (404, 405)


@pytest.mark.parametrize("path", ["", "phone.cfg", "firmware.rom", "x" * 5000])
def test_refuses_files_nobody_knows(path: str) -> None:
    decision = asked(path, registered("yealink"))
    assert refused(decision) == (404, "P203")
    assert isinstance(decision, Refuse)
    assert len(str(decision.values["file"])) <= 128


def test_serves_a_common_file_without_knowing_the_phone() -> None:
    model = PROFILES["yealink"].model("t46s")
    assert model is not None
    decision = asked(f"{code_of(model)}.cfg", {}, agent_of("yealink", model, STRANGER))
    assert isinstance(decision, ServeCommon)
    assert (decision.model, decision.device) == (model, None)


def test_serves_a_common_file_by_the_model_of_its_name() -> None:
    other = PROFILES["yealink"].model("t54w")
    assert other is not None
    decision = asked(
        f"{code_of(other)}.cfg", registered("yealink", "t46s"), query="mac=001565123456"
    )
    assert isinstance(decision, ServeCommon)
    assert decision.model is other
    assert decision.device is not None


def test_common_file_of_a_model_nobody_knows_is_no_alarm() -> None:
    assert asked("y000000009999.cfg", {}) == Optional(device=None)


@pytest.mark.parametrize("devices", [{}, registered("yealink")])
def test_makers_probes_are_no_alarm(devices: dict[Mac, Device]) -> None:
    assert isinstance(asked("001565123456.boot", devices), Optional)
    assert isinstance(asked("y000000000000.boot", devices), Optional)


def test_upload_of_a_registered_device_has_its_place() -> None:
    decision = asked("001565123456-local.cfg", registered("yealink"), method="PUT")
    assert isinstance(decision, Upload)
    assert decision.is_put
    got = asked("001565123456-local.cfg", registered("yealink"))
    assert isinstance(got, Upload)
    assert not got.is_put


def test_upload_of_a_stranger_has_none() -> None:
    assert isinstance(asked("00156512abcd-local.cfg", {}, method="PUT"), Optional)


def test_reports_another_makers_agent_and_serves() -> None:
    decision = asked("001565123456.cfg", registered("yealink"), agent_of("zultys"))
    assert isinstance(decision, ServeDevice)
    (notice,) = decision.notices
    assert notice.code == "P304"
    assert notice.values == {
        "mac": "00:15:65:12:34:56",
        "vendor": "Yealink",
        "other": "Zultys",
    }


def test_reports_another_model_and_serves() -> None:
    decision = asked(
        "001565123456.cfg", registered("yealink", "t48s"), "Yealink SIP-T46S 66.85.0.15"
    )
    assert isinstance(decision, ServeDevice)
    assert [notice.code for notice in decision.notices] == ["P305"]


def test_refuses_another_makers_file_to_another_makers_phone() -> None:
    name = main_name(PROFILES["polycom"], model_of("polycom"), PHONE)
    decision = asked(name, registered("yealink"), agent_of("polycom"))
    assert refused(decision) == (404, "P304")


def test_another_makers_file_is_an_alarm_though_the_agent_tells_nothing() -> None:
    name = main_name(PROFILES["polycom"], model_of("polycom"), PHONE)
    assert refused(asked(name, registered("yealink"))) == (404, "P203")


@pytest.mark.parametrize(
    ("vendor", "model", "expected"),
    [("acne", "t46s", (500, "P306")), ("yealink", "t0", (500, "P307"))],
)
def test_names_a_maker_or_model_that_is_gone(
    vendor: str, model: str, expected: tuple[int, str]
) -> None:
    assert refused(asked("001565123456.cfg", registered(vendor, model))) == expected


@pytest.mark.parametrize("vendor", MAKERS)
def test_guesses_a_stranger_by_agent_then_by_block(vendor: str) -> None:
    told = identify(build.request("x", agent_of(vendor)), build.PROFILES)
    silent = identify(build.request("x", "unknown"), build.PROFILES)
    oui = sorted(PROFILES[vendor].ouis)[0]
    assert guess_vendor(Mac(0x02ACCE000001), told, PROFILES) == vendor
    assert guess_vendor(Mac(int(oui + "000001", 16)), silent, PROFILES) == vendor
    assert guess_vendor(Mac(0x02ACCE000001), silent, PROFILES) == ""
    assert guess_model(told) == model_of(vendor).name
    assert guess_model(silent) == ""


def test_only_device_files_are_ever_device_files() -> None:
    profile: VendorProfile
    for profile in PROFILES.values():
        for rule in profile.files:
            assert rule.kind is not FileKind.DEVICE or "{mac}" in rule.name.lower()
