"""Pieces of the troubleshooter that need no PBX: addresses, MACs, checks from given answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from offhook.cli.troubleshoot.api import Reply, UnusableUrlError, base_url, host_url
from offhook.cli.troubleshoot.checks import (
    Answers,
    check_configuration,
    check_connectivity,
    check_history,
    check_provisioning,
    finding_lines,
)
from offhook.cli.troubleshoot.config_file import ConfigText
from offhook.cli.troubleshoot.phone_check import parse_mac
from offhook.cli.troubleshoot.report import Check, Mark
from offhook.cli.troubleshoot.run import Options, examine
from offhook.core.mac import parse_mac as core_parse_mac

FINDING = {
    "code": "P301",
    "severity": "warning",
    "subject": "00:15:65:12:34:56",
    "message": "not registered",
    "evidence": ["seen at 192.0.2.1"],
    "steps": ["Register it:\nPOST /api"],
}
SETTING = {**FINDING, "code": "P102", "severity": "error", "message": "external_ip"}


def text_of(check: Check) -> str:
    return "\n".join("\n".join((line.text, *line.more)) for line in check.lines)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("192.168.1.14:8080", "http://192.168.1.14:8080"),
        ("http://pbx/", "http://pbx"),
        ("http://bob:pw@pbx:81/x", "http://pbx:81"),
        ("https://[::1]:8443", "https://[::1]:8443"),
    ],
)
def test_a_typed_address_becomes_the_base_of_urls(text, url):
    assert base_url(text) == url


@pytest.mark.parametrize("text", ["ftp://x", "http://", "http://x:port", "http://x:99999", "/x"])
def test_what_is_no_http_url_is_refused(text):
    with pytest.raises(UnusableUrlError):
        base_url(text)


def test_an_ipv6_host_is_put_in_brackets():
    assert host_url("::1", 8080) == "http://[::1]:8080"


@pytest.mark.parametrize(
    "text",
    [
        "00:0B:EA:85:ED:68",
        "00-0B-EA-85-ED-68",
        "000B.EA85.ED68",
        "000BEA85ED68",
        " 000bea85ed68 ",
        "000000000000",
        "ff:ff:ff:ff:ff:ff",
        "00:0B:EA:85:ED",
        "00:0B-EA:85:ED:68",
        "",
        "zz0bea85ed68",
    ],
)
def test_macs_are_read_as_the_pbx_reads_them(text):
    mac = core_parse_mac(text)
    assert parse_mac(text) == (mac.plain if mac else "")


def test_a_refusal_of_ours_is_told_in_its_own_words():
    reply = Reply(
        status=404, headers={}, body=b"", data={"error": {"code": "x", "message": "m", "hint": "h"}}
    )
    assert reply.error == ("x", "m", "h")
    other = Reply(status=502, headers={}, body=b"Bad <b>gateway</b>\nmore")
    assert other.error == ("502", "HTTP 502 Bad Gateway: Bad <b>gateway</b>", "")


def test_findings_about_settings_are_in_the_first_check_and_the_others_in_the_third():
    answers = Answers(
        url="http://x",
        status={"running": True},
        diagnostics={"enabled": True, "findings": [SETTING, FINDING]},
    )
    first, third = check_configuration(answers), check_provisioning(answers)
    assert "P102" in text_of(first)
    assert "P301" not in text_of(first)
    assert "P301 not registered" in text_of(third)
    assert "→ Register it:\n   POST /api" in text_of(third)
    assert "seen at 192.0.2.1" in text_of(third)


def test_a_long_list_of_findings_is_cut_and_counted():
    lines = list(finding_lines([FINDING] * 30))
    assert len(lines) == 26
    assert "5 more findings" in lines[-1].text


def test_a_file_edited_and_not_loaded_is_noticed():
    config = ConfigText(
        path=Path("config.yml"),
        values={
            "provisioning.enabled": "yes",
            "server.external_ip": "192.0.2.2",
            "server.http_port": "0",
            "server.sip_port": "5070",
        },
    )
    running = {"external_ip": "192.0.2.1", "http_port": 40001, "sip_port": 5070}
    answers = Answers(
        url="http://x",
        config=config,
        diagnostics={"enabled": True, "configuration": running, "findings": []},
    )
    lines = check_configuration(answers).lines
    assert all(line.text != "No configuration issues" for line in lines)
    assert [line.text for line in lines if line.mark is Mark.WARNING] == [
        "server.external_ip is 192.0.2.2 in the file, the running server uses 192.0.2.1"
    ]


def test_the_port_is_that_of_the_option_the_environment_or_the_file(monkeypatch, tmp_path):
    config = tmp_path / "config.yml"
    config.write_text("server:\n  http_port: 1\n")
    assert examine(Options(config=config)).url.endswith(":1")
    monkeypatch.setenv("OFFHOOK_SERVER__HTTP_PORT", "2")
    report = examine(Options(config=config))
    assert report.url.endswith(":2")
    assert "OFFHOOK_SERVER__HTTP_PORT says http_port: 2" in text_of(report.checks[1])
    assert examine(Options(config=config, port=3)).url.endswith(":3")
    assert examine(Options(config=config, host="127.0.0.2")).url.endswith(":1")


def test_a_stopped_pbx_is_a_problem():
    check = check_connectivity(Answers(url="http://x", status={"running": False}))
    assert check.lines[-1].mark is Mark.PROBLEM


def test_without_the_api_its_checks_are_skipped_with_a_word():
    nothing = Answers(url="http://x")
    for check in (check_provisioning(nothing), check_history(nothing)):
        assert [line.mark for line in check.lines] == [Mark.SKIPPED]


def test_an_empty_history_says_what_to_check():
    check = check_history(Answers(url="http://x", requests={"requests": []}))
    assert "No phone has asked yet" in text_of(check)


def test_the_same_failure_is_explained_once():
    failed = {
        "timestamp": "2025-12-05T19:00:00.123Z",
        "normalized_mac": "001565123456",
        "ip_address": "192.0.2.1",
        "file": "001565123456.cfg",
        "success": False,
        "fault": "P301",
        "error": "not registered",
        "hint": "  → register it\n     like this",
    }
    text = text_of(check_history(Answers(url="http://x", requests={"requests": [failed] * 2})))
    assert text.count("Error: P301 not registered") == 2
    assert text.count("  → register it\n     like this") == 1
    assert "2025-12-05 19:00:00  001565123456  from 192.0.2.1" in text
