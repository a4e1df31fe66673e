"""P101 to P107: addresses and URLs that people write into config.yml."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.core.mac import Mac
from offhook.diagnosis.examples import HEALTHY
from offhook.diagnosis.facts import ConfigProblem, ServedAccount
from offhook.diagnosis.reach import can_phones_reach
from offhook.diagnosis.rules import find_all
from offhook.diagnosis.rules.p103_url_format import url_problem
from offhook.diagnosis.rules.p107_tls_not_configured import check as check_tls

RIGHT = "http://{{SERVER_IP}}:{{PORT}}/provision/{mac}.cfg"


@pytest.mark.parametrize(
    "host",
    ["192.168.1.14", "10.0.0.1", "8.8.8.8", "fd00::1", "[fd00::1]", "pbx", "pbx.example.org."],
)
def test_address_or_name_is_reachable(host: str) -> None:
    assert can_phones_reach(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "127.0.0.1",
        "127.1.2.3",
        "0.0.0.0",
        "::",
        "::1",
        "[::1]",
        "::ffff:127.0.0.1",
        "localhost",
        "pbx.LOCALHOST.",
        "224.0.1.75",
        "255.255.255.255",
        "192.168.1",
        "192.168.1.999",
        "192.168.1.14:8080",
        "http://192.168.1.14",
        "my pbx",
        "-pbx",
        "pbx..lan",
        "a" * 64,
        "YOUR_IP_HERE!",
    ],
)
def test_loopback_and_nonsense_are_not_reachable(host: str) -> None:
    assert not can_phones_reach(host)


@pytest.mark.parametrize(
    "url",
    [
        RIGHT,
        "http://{{SERVER_IP}}:{{PORT}}/provision/",
        "http://192.168.1.14:8080/provision/{mac}.cfg",
        "http://[fd00::1]:8080/provision/",
        "https://pbx.example.org/provision/{mac}.cfg",
        "HTTP://pbx:8080/provision/",
    ],
)
def test_full_url_format_has_no_problem(url: str) -> None:
    assert url_problem(url, 8080) == ""


def test_port_is_not_compared_when_any_free_port_is_taken() -> None:
    assert url_problem("http://pbx:8081/provision/", 0) == ""


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "http://"),
        ("{{SERVER_IP}}:{{PORT}}/provision/{mac}.cfg", "http://"),
        ("tftp://pbx/provision/", "http://"),
        ("/provision/{mac}.cfg", "http://"),
        ("http:///provision/{mac}.cfg", "no host"),
        ("http://:8080/provision/{mac}.cfg", "no host"),
        ("http://127.0.0.1:8080/provision/", "cannot reach '127.0.0.1'"),
        ("http://pbx:99999/provision/", "no URL"),
        ("http://pbx:port/provision/", "no URL"),
        ("http://[fd00::1:8080/provision/", "no URL"),
        ("http://{{SERVER_IP}}:{{PORT}}/provision/$mac.cfg", "$mac is a variable of phones"),
        ("http://{{SERVER_IP}}:{{PORT}}/provision/$MA.cfg", "$MA is a variable of phones"),
        ("http://{{SERVER_IP}}:{{PORT}}/provision/{{mac}}.cfg", "braces"),
        ("http://{SERVER_IP}:8080/provision/", "braces"),
        ("http://{{SERVER_IP}}:9090/provision/{mac}.cfg", "port 9090"),
        ("http://{{SERVER_IP}}/provision/{mac}.cfg", "port 80,"),
        ("http://{{SERVER_IP}}:{{PORT}}/", "/provision/"),
        ("http://{{SERVER_IP}}:{{PORT}}/{mac}.cfg", "/provision/"),
        ("http://{{SERVER_IP}}:{{PORT}}/provision/phone.cfg", "neither {mac} nor a slash"),
        ("http://{{SERVER_IP}}:{{PORT}}/provision", "/provision/"),
    ],
)
def test_partial_url_format_is_explained(url: str, says: str) -> None:
    assert says in url_problem(url, 8080)


@given(st.text(), st.integers(0, 65535))
def test_any_text_is_a_url_format_or_has_a_problem(text: str, port: int) -> None:
    problem = url_problem(text, port)
    assert problem or text.lower().startswith(("http://", "https://"))


@given(st.text(alphabet="htps:/{}$[]@.0129macMAC \n%", max_size=40))
def test_nearly_urls_never_raise(text: str) -> None:
    assert isinstance(url_problem(f"http://{text}", 8080), str)


def test_right_form_is_printed_with_its_braces() -> None:
    config = replace(HEALTHY.config, url_format="http://x{y}/")
    [finding] = find_all(replace(HEALTHY, config=config))
    assert f"       url_format: {RIGHT}" in finding.lines()
    assert finding.subject == "provisioning.url_format"


def test_each_config_problem_is_told_by_its_own_rule() -> None:
    problems = tuple(
        ConfigProblem(code=code, key=f"{{key}}.{code}", message="line\nbreak {x}")
        for code in ("P104", "P105", "P106", "P199")
    )
    found = find_all(replace(HEALTHY, config=replace(HEALTHY.config, problems=problems)))
    assert [finding.code for finding in found] == ["P104", "P105", "P106"]
    assert all("{key}" in finding.subject for finding in found)
    assert all("line\\nbreak {x}" in finding.message for finding in found)


@pytest.mark.parametrize(
    ("count", "who"), [(1, "phone 02:AC:CE:00:00:01 is told"), (3, "3 phones are told")]
)
def test_some_phones_that_want_tls_are_counted(count: int, who: str) -> None:
    macs = [Mac(0x02ACCE000001 + n) for n in range(count)]
    accounts = {mac: ServedAccount(transport="tls") for mac in macs}
    facts = replace(HEALTHY, sip=replace(HEALTHY.sip, accounts=accounts))
    [finding] = check_tls(facts)
    assert finding.message == f"{who} to use TLS, but sip.tls_certificate is not set"
    told = [f"the file of {mac.colons} says transport tls" for mac in macs]
    assert list(finding.evidence) == told


def test_phones_may_want_tls_where_it_is_set_up() -> None:
    accounts = {Mac(0x02ACCE000001): ServedAccount(transport="tls")}
    config = replace(HEALTHY.config, tls_port=5061)
    facts = replace(HEALTHY, config=config, sip=replace(HEALTHY.sip, accounts=accounts))
    assert list(check_tls(facts)) == []


def test_phones_on_other_transports_want_no_tls() -> None:
    accounts = {Mac(0x02ACCE000001): ServedAccount(transport="tcp")}
    assert list(check_tls(replace(HEALTHY, sip=replace(HEALTHY.sip, accounts=accounts)))) == []
