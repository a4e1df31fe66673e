"""Masking: no secret reaches a person's screen, whatever syntax the file has."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from offhook.cli.troubleshoot.masking import BROKEN, is_secret_key, masked
from offhook.core.vendor import FileKind, Model, VendorProfile
from tests.contract import build

KEYS = st.sampled_from(
    [
        "account.1.password",
        "account.1.auth.userPassword",
        "reg.1.auth.password",
        "Password_1_",
        "Admin_Passwd",
        "sip.secret",
        "auto_provision.aes_key.16",
        "security.user_pwd",
        "snmp.community",
        "wifi.1.psk",
        "voicemail.pin",
        "api_key",
        "auth",
    ]
)
# What the API takes for a secret: printable ASCII without blanks, eight characters at least.
SECRETS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=8, max_size=40)
FORMS = st.sampled_from(
    [
        lambda key, value: f"#!version:1.0.0.1\nname = A\n{key} = {value}\nlast = 1\n",
        lambda key, value: f"{key}={value}\r\nlast=1\r\n",
        lambda key, value: f"name: A\n{key}: {value}\n",
        lambda key, value: f"SET NAME A\nSET {key} {value}\n",
        lambda key, value: f"name = A\n# {key} = {value}\n",
        lambda key, value: f"<c><{key}>{escape(value)}</{key}><n>A</n></c>",
        lambda key, value: f"<c><reg {key}={quoteattr(value)} n='A'/></c>",
        lambda key, value: f"<c><item name='{key}'>{escape(value)}</item></c>",
        lambda key, value: (
            f"<c><item name='account'><part name='{key}'>{escape(value)}</part></item></c>"
        ),
        lambda key, value: f"<c><setting id='{key}' value={quoteattr(value)}/></c>",
        lambda key, value: f"<c><{key} ua='na'><value>{escape(value)}</value></{key}></c>",
        lambda key, value: f"<c><!-- {key}: {escape(value).replace('--', '')} --></c>",
        lambda key, value: f"<c><{key}><![CDATA[{value.replace(']', '')}]]></{key}></c>",
        lambda key, value: f"<c><P34>{escape(value)}</P34></c>",
        lambda key, value: f"<c>\n<item name='P34'>{escape(value)}</item></c>",
    ]
)


@settings(max_examples=400)
@given(KEYS, SECRETS, FORMS)
def test_a_planted_secret_never_appears(key, secret, form):
    text = form(key, secret)
    rest = form(key, "")
    assume(secret not in rest)
    assume(not secret.isdigit() or len(secret) > 3)
    shown = masked(text)
    assert secret not in shown
    assert escape(secret) not in shown


@given(st.text())
def test_any_text_is_masked_without_failing(text):
    assert isinstance(masked(text), str)


@given(st.lists(st.sampled_from(list("<>='\"/! -[]abP1&;\n"))).map("".join))
def test_any_markup_is_masked_without_failing(text):
    assert isinstance(masked(text), str)


SECRET_LINES = [f"Qx7-hunter-{index}" for index in range(1, 5)]


@pytest.mark.parametrize(("profile", "model"), build.samples(), ids=build.label)
def test_every_makers_files_are_shown_without_their_secrets(
    profile: VendorProfile, model: Model
) -> None:
    lines = build.lines_of(min(model.lines, 4), secrets=SECRET_LINES)
    values = build.device_values(model, lines=lines)
    for rule in build.rendered_rules(profile, model):
        shown = masked(build.render(profile, rule, values), {"1001", "Name 1", "192.168.1.14"})
        assert "hunter" not in shown
        assert build.ADMIN_PASSWORD not in shown
        if rule.kind is FileKind.DEVICE and rule.name == profile.main:
            assert "Name 1" in shown


def test_a_secret_under_another_key_is_masked_as_well():
    shown = masked("a.password = hunter22abc\nuri = sip:1001:hunter22abc;x\n")
    assert shown == "a.password = ***\nuri = sip:1001:***;x\n"


def test_all_else_stays_byte_for_byte():
    text = "#!version:1.0.0.1\n\n# a comment\naccount.1.label = Zoë O'Neil\r\nlinekey.1.type = 15"
    assert masked(text) == text


def test_a_password_in_a_url_is_masked():
    assert masked("url = http://bob:pw@192.0.2.1/x?token=abc&y=1") == (
        "url = http://***@192.0.2.1/x?token=***&y=1"
    )


def test_xml_that_no_parser_takes_is_not_shown():
    assert masked("<a><password>hunter22</a>") == BROKEN
    assert masked('<!DOCTYPE a [<!ENTITY p "hunter22">]><a>&p;</a>') == BROKEN


def test_an_opaque_key_shows_known_and_harmless_values():
    text = "<c><P35>1001</P35><P3>Ada</P3><P48>1</P48><P34>hunter22</P34></c>"
    assert masked(text, {"1001", "Ada"}) == (
        "<c><P35>1001</P35><P3>Ada</P3><P48>1</P48><P34>***</P34></c>"
    )


@pytest.mark.parametrize("key", ["account.1.auth_name", "reg.1.auth.userId", "Auth_ID_1_"])
def test_the_name_of_an_account_is_no_secret(key):
    assert not is_secret_key(key)
