"""What is Yealink's own: file numbers, generations, recorded User-Agents."""

from dataclasses import replace

import pytest

from offhook.core.identify import identify
from offhook.core.preferences import Preferences
from offhook.core.vendor import Model, first_code
from offhook.vendors.yealink import PROFILE
from tests.contract import build

# Number of the common file to the models that ask for it.
NUMBERS = {
    0: "t28p",
    4: "t26p",
    5: "t22p",
    7: "t20p",
    23: "vp530",
    25: "w52p w56p",
    28: "t46g",
    29: "t42g",
    32: "t32g",
    35: "t48g",
    36: "t41p",
    37: "cp860",
    38: "t38g",
    44: "t23p t23g",
    45: "t27p",
    46: "t29g",
    51: "t49g",
    52: "t21pe2",
    53: "t19pe2",
    54: "t40p",
    56: "t56a",
    58: "t58a t58v",
    65: "t48s",
    66: "t46s",
    67: "t42s",
    68: "t41s",
    69: "t27g",
    70: "t54s",
    73: "cp960",
    74: "t52s",
    76: "t40g",
    77: "w60b",
    78: "cp920",
    91: "vp59",
    95: "t53 t53w",
    96: "t54w",
    97: "t57w",
    107: "t43u",
    108: "t46u",
    109: "t48u",
    116: "t42u",
    123: "t31g",
    124: "t33g",
    143: "cp965",
    146: "w70b",
    148: "cp925",
    150: "t58w",
    171: "t34w",
    172: "t31w",
    174: "t44w",
    175: "w80b w75dm w80dm",
    180: "ax83h",
    182: "ax86r",
    183: "t73w",
    184: "t74w",
    186: "t73u",
    187: "t74u",
    188: "t77u",
    192: "t88v t88w",
    196: "t85w",
    197: "t87w",
}


def model_of(name: str) -> Model:
    model = PROFILE.model(name)
    assert model is not None, name
    return model


@pytest.mark.parametrize(("number", "names"), NUMBERS.items())
def test_models_ask_for_their_number(number: int, names: str) -> None:
    for name in names.split():
        for spelling in (name, name.upper(), f"SIP-{name}"):
            if spelling.startswith("SIP-") and not model_of(name).label.startswith("SIP-"):
                continue
            assert first_code(model_of(spelling)) == f"y{number:012d}"


def test_no_model_is_left_out() -> None:
    assert len(PROFILE.models) == len(NUMBERS)


@pytest.mark.parametrize(
    ("agent", "model", "firmware", "mac"),
    [
        ("Yealink SIP-T46G 28.72.0.1 00:15:65:4a:a9:37", "t46g", "28.72.0.1", "0015654aa937"),
        ("yealink SIP-T28P 2.70.0.140 00:15:65:13:ae:0b", "t28p", "2.70.0.140", "00156513ae0b"),
        ("Yealink SIP-T38G  38.70.0.125 00:15:65:2f:c3:5e", "t38g", "38.70.0.125", "0015652fc35e"),
        ("Yealink SIP-T21P_E2 52.80.0.3 00:15:65:4c:4c:26", "t21pe2", "52.80.0.3", "0015654c4c26"),
        ("Yealink SIP VP-T49G 51.80.0.10 00:15:65:9b:5a:44", "t49g", "51.80.0.10", "0015659b5a44"),
        (
            "Yealink SIP-T31G 124.85.257.55 80:5e:c0:d5:7d:72",
            "t31g",
            "124.85.257.55",
            "805ec0d57d72",
        ),
        ("Yealink SIP-T87W 185.87.0.10 44:db:d2:c9:73:b7", "t87w", "185.87.0.10", "44dbd2c973b7"),
        ("Yealink W52P 25.80.0.15 00:15:65:b8:60:05", "w52p", "25.80.0.15", "001565b86005"),
        ("W52P 25.30.0.2 00:15:65:44:b3:7c", "w52p", "25.30.0.2", "00156544b37c"),
        ("Yealink SIP-W52P 25.73.0.20 00:15:65:44:b3:7c", "w52p", "25.73.0.20", "00156544b37c"),
        ("Yealink W70B 146.87.0.15 80:5e:0c:1d:65:4e", "w70b", "146.87.0.15", "805e0c1d654e"),
        ("Yealink W90DM 130.87.0.10 80:5e:0c:1d:65:4e", "", "130.87.0.10", "805e0c1d654e"),
        ("VP530P 23.70.0.40 00:15:65:31:4b:c0", "vp530", "23.70.0.40", "001565314bc0"),
        ("Yealink-T46G 28.71.0.81 28.1.0.128.0.0.0", "t46g", "28.71.0.81", ""),
        ("Yealink SIP-T56A  58.80.0.25 001565f429a4", "t56a", "58.80.0.25", "001565f429a4"),
        ("Yealink SIP-T46S 66.85.0.15", "t46s", "66.85.0.15", ""),
        ("Yealink SIP-T46S", "t46s", "", ""),
    ],
)
def test_reads_recorded_user_agents(agent: str, model: str, firmware: str, mac: str) -> None:
    found = identify(build.request("x.rom", agent), build.PROFILES)
    assert found.agent_vendor is PROFILE
    assert (found.agent_model.name if found.agent_model else "") == model
    assert found.firmware == firmware
    assert (found.mac.plain if found.mac else "") == mac


@pytest.mark.parametrize("model", PROFILE.models, ids=build.label)
def test_generation_decides_the_names(model: Model) -> None:
    parsed = build.render_main(PROFILE, build.device_values(model))
    has_old = "auto_provision.server.url" in parsed
    has_new = "static.auto_provision.server.url" in parsed
    assert (has_old, has_new) == {
        "v7x": (True, False),
        "v8x": (True, True),
        "v86": (False, True),
    }[model.family]
    assert ("account.1.transport" in parsed) == has_old
    assert ("account.1.sip_server.1.transport_type" in parsed) == has_new
    assert ("account.1.codec.1.payload_type" in parsed) == has_old
    assert ("account.1.codec.pcmu.enable" in parsed) == has_new
    assert ("security.user_password" in parsed) == has_old
    assert ("static.security.user_password" in parsed) == has_new
    assert ("account.1.sip_server_host" in parsed) == (model.family == "v7x")


@pytest.mark.parametrize("model", PROFILE.models, ids=build.label)
def test_every_account_is_on_or_off(model: Model) -> None:
    parsed = build.render_main(PROFILE, build.device_values(model))
    states = [parsed[f"account.{index}.enable"] for index in range(1, model.lines + 1)]
    assert states == ["1", *["0"] * (model.lines - 1)]
    assert f"account.{model.lines + 1}.enable" not in parsed


def test_gap_between_lines_is_switched_off() -> None:
    lines = (build.lines_of(1)[0], replace(build.lines_of(3)[2]))
    parsed = build.render_main(PROFILE, build.device_values(model_of("t46s"), lines=lines))
    assert [parsed[f"account.{index}.enable"] for index in (1, 2, 3, 4)] == ["1", "0", "1", "0"]


@pytest.mark.parametrize(
    ("codecs", "best_first"),
    [
        (("g722", "pcma"), ["g722", "pcma"]),
        (("opus", "g729"), ["opus", "g729"]),
        (("opus",), ["opus", "pcma", "pcmu"]),
        (("ilbc", "opus"), ["ilbc", "opus", "pcma", "pcmu"]),
    ],
)
def test_codecs_by_name_keep_the_order(codecs: tuple[str, ...], best_first: list[str]) -> None:
    prefs = Preferences(codecs=codecs)
    parsed = build.render_main(PROFILE, build.device_values(model_of("t54w"), prefs=prefs))
    names = ("pcmu", "pcma", "g729", "g722", "opus", "ilbc")
    switched_on = [name for name in names if parsed[f"account.1.codec.{name}.enable"] == "1"]
    assert best_first == sorted(
        switched_on, key=lambda name: int(parsed[f"account.1.codec.{name}.priority"])
    )


def test_line_keys_name_their_account() -> None:
    values = build.device_values(model_of("t46s"), lines=2)
    parsed = build.render_main(PROFILE, values)
    assert [parsed[f"linekey.2.{part}"] for part in ("type", "line", "label")] == [
        "15",
        "2",
        "Label 2",
    ]
    assert "linekey.3.type" not in parsed
    old = build.render_main(PROFILE, build.device_values(model_of("t38g"), lines=2))
    assert [old["linekey.1.line"], old["linekey.2.line"]] == ["0", "1"]
    assert not [
        key
        for key in build.render_main(PROFILE, build.device_values(model_of("cp960")))
        if key.startswith("linekey")
    ]


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("UTC", ["0", "0", None, None, None]),
        ("Europe/Berlin", ["+1", "1", "3/5/7/2", "10/5/7/3", "60"]),
        ("America/New_York", ["-5", "1", "3/2/7/2", "11/1/7/2", "60"]),
        ("Asia/Kolkata", ["+5:30", "0", None, None, None]),
        ("Asia/Kathmandu", ["+5:45", "0", None, None, None]),
        ("America/St_Johns", ["-3:30", "1", "3/2/7/2", "11/1/7/2", "60"]),
        ("Australia/Lord_Howe", ["+10:30", "1", "10/1/7/2", "4/1/7/2", "30"]),
        ("Europe/Dublin", ["0", "1", "3/5/7/1", "10/5/7/2", "60"]),
    ],
)
def test_time_zone_in_yealinks_words(zone: str, expected: list[str | None]) -> None:
    values = build.device_values(model_of("t46s"), prefs=Preferences(time_zone=zone))
    parsed = build.render_main(PROFILE, values)
    names = ("time_zone", "summer_time", "start_time", "end_time", "offset_time")
    assert [parsed.get(f"local_time.{name}") for name in names] == expected


def test_polling_follows_the_preference() -> None:
    model = model_of("t20p")
    hourly = build.render_main(
        PROFILE, build.device_values(model, prefs=Preferences(resync_minutes=60))
    )
    assert hourly["auto_provision.mode"] == "6"
    assert hourly["auto_provision.repeat.minutes"] == "60"
    never = build.render_main(
        PROFILE, build.device_values(model, prefs=Preferences(resync_minutes=0))
    )
    assert (never["auto_provision.mode"], never["auto_provision.repeat.enable"]) == ("1", "0")
    longest = build.render_main(
        PROFILE, build.device_values(model, prefs=Preferences(resync_minutes=44640))
    )
    assert longest["auto_provision.repeat.minutes"] == "43200"


def test_no_voicemail_number_clears_the_phones() -> None:
    values = build.device_values(model_of("t46s"), prefs=Preferences(voicemail_number=""))
    parsed = build.render_main(PROFILE, values)
    assert parsed["voice_mail.number.1"] == ""
    assert parsed["account.1.subscribe_mwi"] == "0"


def test_phone_obeys_our_notify() -> None:
    parsed = build.render_main(PROFILE, build.device_values(model_of("t46s")))
    assert parsed["sip.notify_reboot_enable"] == "0"
    assert "reboot=true" in PROFILE.reboot.event
    assert "reboot=true" not in PROFILE.resync.event


def test_unknown_language_and_country_are_left_alone() -> None:
    prefs = Preferences(language="eo", country="AQ")
    parsed = build.render_main(PROFILE, build.device_values(model_of("t46s"), prefs=prefs))
    assert not {"lang.gui", "lang.wui", "voice.tone.country"} & parsed.keys()
