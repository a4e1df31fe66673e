"""What a simulated phone takes for its account, and the URL it accepts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from offhook.core.mac import Mac
from offhook.core.vendor import SampleLine
from offhook.simulator.phone_files import read_account
from offhook.simulator.virtual_phone import VirtualPhone
from offhook.vendors import load_profiles

KEYS = SampleLine(
    number="number",
    display_name="name",
    label="label",
    auth_name="auth",
    secret="secret",
    server="server",
    port="port",
)
VALUES = {"number": "1001", "secret": "s3cret", "server": "192.0.2.1", "port": "5070"}


def test_reads_what_the_file_says():
    account = read_account(KEYS, {**VALUES, "auth": "a1", "name": "Ada", "label": "A"})
    assert account is not None
    assert (account.number, account.auth_name, account.secret.reveal()) == ("1001", "a1", "s3cret")
    assert (account.server, account.port) == ("192.0.2.1", 5070)
    assert (account.display_name, account.label) == ("Ada", "A")
    assert "s3cret" not in repr(account)


@pytest.mark.parametrize("missing", ["number", "secret", "server"])
def test_without_number_secret_or_server_there_is_no_account(missing):
    assert read_account(KEYS, {**VALUES, missing: ""}) is None


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ("192.0.2.1:5070", ("192.0.2.1", 5070)),
        ("192.0.2.1", ("192.0.2.1", 5060)),
        ("pbx.example", ("pbx.example", 5060)),
        ("[2001:db8::1]:5070", ("2001:db8::1", 5070)),
        ("[2001:db8::1]", ("2001:db8::1", 5060)),
        ("2001:db8::1", ("2001:db8::1", 5060)),
    ],
)
def test_a_server_may_carry_its_port(server, expected):
    account = read_account(replace(KEYS, port=""), {**VALUES, "server": server})
    assert account is not None
    assert (account.server, account.port) == expected


@pytest.mark.parametrize("url", ["https://x/file", "http://x/file", "http://x", "ftp://x/", "/x/"])
def test_only_a_directory_url_is_accepted(url):
    profile = load_profiles()[0]
    with pytest.raises(ValueError, match="base_url"):
        VirtualPhone(
            profile=profile, model=profile.models[0], mac=Mac(0x001565123456), base_url=url
        )
