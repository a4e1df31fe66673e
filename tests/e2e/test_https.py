"""`offhook serve` with HTTPS: certificates of our own authority, and those that are wrong."""

from __future__ import annotations

import json
import re
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.server import OFFHOOK, Server, wait_for
from tests.integration.certificates import Authority, key_pem

AGENT = "Yealink SIP-T46S 66.85.0.15"


def with_https(server: Server, text: str) -> None:
    """Write HTTPS into the settings of a server that does not run yet."""
    config = server.config.read_text(encoding="utf-8")
    config = config.replace("  bind: 127.0.0.1\n", f"  bind: 127.0.0.1\n{text}")
    server.config.write_text(config.replace("http://{{SERVER", "https://{{SERVER"), "utf-8")


@pytest.fixture
def authority() -> Authority:
    return Authority(name="our own authority")


@pytest.fixture
def secure(tmp_path: Path, authority: Authority) -> Iterator[Server]:
    authority.write(tmp_path / "https.pem")
    server = Server(tmp_path)
    with_https(server, "  https_port: 0\n  tls_certificate: https.pem\n")
    try:
        server.start()
        yield server
    finally:
        server.stop()


def test_phone_provisions_over_https(secure: Server, authority: Authority) -> None:
    secure.add("1001", "John Smith")
    device = secure.add_device("001565123456", "1001", "yealink", "t46s")["device"]
    url = device["config_url"]
    port = re.search(r"https://[^\s/:]+:(\d+)/api", secure.output())
    assert port is not None
    assert url == f"https://127.0.0.1:{port[1]}/provision/001565123456.cfg"
    request = urllib.request.Request(url, headers={"User-Agent": AGENT})
    with urllib.request.urlopen(request, context=authority.trusted(), timeout=20) as answer:
        body = answer.read().decode()
    assert "account.1.user_name = 1001" in body
    assert secure.fetch("001565123456.cfg", AGENT)[1] == body
    with pytest.raises(OSError, match=r"self-signed|unable to get|verify failed"):
        urllib.request.urlopen(
            request, context=ssl.create_default_context(cadata=Authority().pem), timeout=20
        )
    wait_for(lambda: "no HTTPS with 127.0.0.1" in secure.log(), 10, secure.log)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("  tls_certificate: none.pem\n", "P105 setting server.tls_certificate"),
        ("  tls_certificate: bare.pem\n", "P105 setting server.tls_key"),
        ("  tls_certificate: https.pem\n  tls_minimum: 1.1\n", "P105 setting server.tls_minimum"),
    ],
    ids=["missing", "without key", "minimum"],
)
def test_unusable_certificate_ends_with_its_mend(
    tmp_path: Path, authority: Authority, text: str, says: str
) -> None:
    authority.write(tmp_path / "https.pem")
    (tmp_path / "bare.pem").write_bytes(authority.issue()[0])
    server = Server(tmp_path)
    with_https(server, text)
    done = subprocess.run(
        [OFFHOOK, "serve", "--config", server.config],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    told = " ".join((done.stdout + done.stderr).split())
    assert says in told
    assert "Traceback" not in told


def test_key_in_a_file_of_its_own_and_a_taken_port(tmp_path: Path, authority: Authority) -> None:
    pem, key = authority.issue()
    (tmp_path / "a.pem").write_bytes(pem)
    (tmp_path / "a.key").write_bytes(key_pem(key))
    server = Server(tmp_path)
    with_https(server, "  https_port: 0\n  tls_certificate: a.pem\n  tls_key: a.key\n")
    server.start()
    try:
        port = re.search(r"https://[^\s/:]+:(\d+)/api", server.output())
        assert port is not None
        url = f"https://127.0.0.1:{port[1]}/api/status"
        with urllib.request.urlopen(url, context=authority.trusted(), timeout=20) as answer:
            assert json.load(answer)["running"] is True
        (tmp_path / "other").mkdir()
        authority.write(tmp_path / "other" / "b.pem")
        second = Server(tmp_path / "other")
        with_https(second, f"  https_port: {port[1]}\n  tls_certificate: b.pem\n")
        with pytest.raises(AssertionError, match=r"(?s)P105 setting server.https_port.*another"):
            second.start()
    finally:
        server.stop()
