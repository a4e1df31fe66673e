"""The URL that phones are given is incomplete or leads elsewhere.

What you see: phones show a provisioning error or never ask; the request history stays empty.

Why: `provisioning.url_format` makes the URL of every device. Without `http://`, without a host,
with another port or path than this server's, or with a phone's own variable in place of `{mac}`,
no phone arrives here.

What to do: put the right form back, restart, and type the full URL into the phones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

from offhook.core.identify import find_placeholder
from offhook.diagnosis.advice import url_lines
from offhook.diagnosis.examples import HEALTHY
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.reach import can_phones_reach
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P103",
    name="url-format",
    title="provisioning.url_format is partial or wrong",
    severity=Severity.ERROR,
    stage=Stage.SETUP,
    message="provisioning.url_format is {url_format!r}: {problem}",
    steps=(
        "Check `config.yml` for correct URL format:\nprovisioning:\n  enabled: true\n"
        "  url_format: http://{{{{SERVER_IP}}}}:{{{{PORT}}}}/provision/{{mac}}.cfg",
        "Restart the server",
    ),
)


def url_problem(url_format: str, http_port: int, https_port: int = 0) -> str:
    """Say what is wrong with a URL format; empty when nothing is. Port 0 means any free port.

    Without a certificate `https_port` is 0 too; a proxy may stand before us and speak HTTPS.
    """
    is_secure = url_format.lower().startswith("https:")
    own_port = str(https_port if is_secure else http_port)
    filled = url_format.replace("{{SERVER_IP}}", "192.0.2.1").replace("{{PORT}}", own_port)
    is_complete = "{mac}" in filled or filled.endswith("/")
    filled = filled.replace("{mac}", "0" * 12)
    try:
        url = urlsplit(filled)
        host, port = url.hostname or "", url.port
    except ValueError as error:
        return f"it is no URL: {error}"
    placeholder = find_placeholder(filled)
    checks = (
        (url.scheme in ("http", "https"), "it does not start with http:// or https://"),
        (host, "it names no host"),
        (not placeholder, f"{placeholder} is a variable of phones; write {{mac}} here"),
        (
            "{" not in filled and "}" not in filled,
            "it has braces besides {{SERVER_IP}}, {{PORT}} and {mac}",
        ),
        (can_phones_reach(host), f"phones cannot reach {host!r}"),
        (
            url.scheme != "http" or http_port in (0, port or 80),
            f"it leads to port {port or 80}, the server listens on {http_port}",
        ),
        (
            https_port or url.scheme != "https" or "{{PORT}}" not in url_format,
            "it is https, and server.tls_certificate is not set",
        ),
        ("/provision/" in url.path, "its path does not lead to /provision/"),
        (is_complete, "it has neither {mac} nor a slash at its end"),
    )
    return next((problem for is_right, problem in checks if not is_right), "")


def check(facts: Facts) -> Iterator[Finding]:
    """Find a URL format that leads no phone here; P910 tells of tftp://."""
    config = facts.config
    problem = url_problem(config.url_format, config.http_port, config.https_port)
    if problem and not config.url_format.lower().startswith("tftp:"):
        urls = "\n".join(
            ("Configure phone with full URL:", *url_lines(config.base, facts.profiles))
        )
        yield FAULT.finding(
            "provisioning.url_format",
            url_format=config.url_format,
            problem=problem,
            evidence=[f"provisioning.url_format = {config.url_format}"],
            more_steps=[urls],
        )


BAD = replace(HEALTHY, config=replace(HEALTHY.config, url_format="192.168.1.14/provision"))
GOOD = replace(HEALTHY, config=replace(HEALTHY.config, url_format="http://pbx:8080/provision/"))
