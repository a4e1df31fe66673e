"""What is Zultys' own: two generations, names their firmware rejects, codec slots."""

import re

import pytest

from offhook.core.preferences import Preferences
from offhook.core.vendor import Model
from offhook.vendors.zultys import PROFILE
from tests.contract import build

# Names that both phones' logs rejected.
REJECTED = (
    r"account\.\d+\.sip_server\.\d\.(transport|failover_timeout)",
    r"account\.\d+\.(reregister_enable|registration_period|rtp\..*|session_timer|srtp_mode)",
    r"account\.\d+\.(call_waiting|send_line_id|dialed_calllog|answered_calllog)",
    r"account\.\d+\.codec\.\d+\.(name|sample_rate|bitrate|ptime)",
    r"voice_mail\.subscribe\..*",
    r"network\.(dhcp|dhcp_vlan|qos\..*)",
    r"phone_setting\.(language|lcd_contrast)",
    r"auto_provision\.(pnp\.enable|server\.auth_enable|dhcp_option\.option43_enable)",
    r"ldap\.(server|number_attr)",
    r"remote_phonebook\.(url|refresh_interval)",
    r"static\..*",
    r"account\.\d+\.codec\.[a-z].*",
)
REJECTED_37G = (
    r"account\.\d+\.(sip_server_host\.legacy|earlymedia|dnd\.enable)",
    r"linekey\.\d+\.extension",
    r"ldap\.(enable|tls_mode)",
    r"phone_setting\.(redial|call_return).*",
)
SLOTS = {
    "zip33g": {
        1: ("PCMU", "0"),
        2: ("PCMA", "8"),
        3: ("iLBC", "106"),
        4: ("G726-16", "103"),
        5: ("G729", "18"),
        6: ("G722", "9"),
        7: ("G726-24", "104"),
    },
    "zip37g": {
        1: ("PCMU", "0"),
        2: ("PCMA", "8"),
        3: ("G723_53", "4"),
        4: ("G723_63", "4"),
        5: ("G729", "18"),
        6: ("G722", "9"),
    },
}
each_model = pytest.mark.parametrize("model", PROFILE.models, ids=build.label)


@each_model
@pytest.mark.parametrize("dtmf", ["rfc2833", "info", "inband"])
def test_writes_no_name_the_firmware_rejects(model: Model, dtmf: str) -> None:
    prefs = Preferences(dtmf=dtmf, time_zone="Europe/Berlin")
    values = build.device_values(model, lines=model.lines, prefs=prefs)
    rejected = REJECTED + (REJECTED_37G if model.name == "zip37g" else ())
    for key in build.render_main(PROFILE, values):
        assert not [pattern for pattern in rejected if re.fullmatch(pattern, key)], key


def test_transport_has_the_name_of_its_generation() -> None:
    for name, key, other in (
        ("zip33g", "account.1.sip_server.1.transport_type", "account.1.transport"),
        ("zip37g", "account.1.transport", "account.1.sip_server.1.transport_type"),
    ):
        model = PROFILE.model(name)
        assert model is not None
        values = build.device_values(model, prefs=Preferences(transport="tcp"))
        parsed = build.render_main(PROFILE, values)
        assert parsed[key] == "1"
        assert other not in parsed


@each_model
@pytest.mark.parametrize(
    ("codecs", "best_first"),
    [
        (("g722", "pcma", "pcmu"), ["G722", "PCMA", "PCMU"]),
        (("g729",), ["G729"]),
        (("opus",), ["PCMA", "PCMU"]),
    ],
)
def test_every_slot_has_all_four_fields(
    model: Model, codecs: tuple[str, ...], best_first: list[str]
) -> None:
    values = build.device_values(model, prefs=Preferences(codecs=codecs))
    parsed = build.render_main(PROFILE, values)
    slots = SLOTS[model.name]
    found = {int(key.split(".")[3]) for key in parsed if re.match(r"account\.1\.codec\.\d+\.", key)}
    assert found == set(slots)
    by_priority = {}
    for slot, (name, number) in slots.items():
        start = f"account.1.codec.{slot}."
        assert (parsed[start + "payload_type"], parsed[start + "rtpmap"]) == (name, number)
        assert (parsed[start + "enable"] == "1") == (int(parsed[start + "priority"]) > 0)
        by_priority[int(parsed[start + "priority"])] = name
    assert [by_priority[key] for key in sorted(by_priority) if key] == best_first


@pytest.mark.parametrize(
    ("agent", "model", "firmware"),
    [
        ("Zultys ZIP 33G - 47.80.132.4", "zip33g", "47.80.132.4"),
        ("Zultys ZIP 37G - 27.71.132.29", "zip37g", "27.71.132.29"),
        ("Zultys ZIP 33G", "zip33g", ""),
        ("zultys zip33g", "zip33g", ""),
    ],
)
def test_reads_recorded_user_agents(agent: str, model: str, firmware: str) -> None:
    found = PROFILE.read_agent(agent)
    assert found is not None
    read = PROFILE.model(found.model_text)
    assert read is not None
    assert (read.name, found.firmware) == (model, firmware)


@pytest.mark.parametrize("spelling", ["zip33g", "ZIP 33G", "ZIP-33G", "Zip_33g"])
def test_takes_every_spelling_of_a_model(spelling: str) -> None:
    assert PROFILE.model(spelling) is PROFILE.models[0]
