"""Choose the PBX, ask it once, make the five checks, print the report."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from offhook.cli.troubleshoot.api import (
    Api,
    Reply,
    UnreachableError,
    UnusableUrlError,
    host_url,
)
from offhook.cli.troubleshoot.checks import (
    Answers,
    check_configuration,
    check_connectivity,
    check_history,
    check_provisioning,
    fleet_lines,
    skipped,
)
from offhook.cli.troubleshoot.config_file import ConfigText, read_config
from offhook.cli.troubleshoot.phone_check import check_mac, parse_mac
from offhook.cli.troubleshoot.probe_check import NUMBER, TITLE, check_probes
from offhook.cli.troubleshoot.report import (
    EXIT_CANNOT_RUN,
    Check,
    Line,
    Mark,
    Report,
    printer,
)

DEFAULT_PORT = 8080
PORT_VARIABLE = "OFFHOOK_SERVER__HTTP_PORT"
LOCAL = ("", "127.0.0.1", "::1", "localhost")
REQUESTS_SHOWN = 20
EPILOG = """\
exit codes: 0 no problems found; 1 problems found; 2 the checks could not be made (the PBX does not
answer, it wants a token, or the options are wrong)

environment: OFFHOOK_TOKEN is the token when --token is not given; NO_COLOR switches colours off
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to look at; `port` None means that of the environment, of config.yml, else 8080.

    `with_dhcp` asks the site's DHCP as well; it means `is_probing`.
    """

    mac: str = ""
    host: str = ""
    port: int | None = None
    token: str = field(default="", repr=False)
    config: Path | None = None
    as_json: bool = False
    is_probing: bool = False
    with_dhcp: bool = False
    interface: str = ""


def run(options: Options, out: TextIO | None = None, err: TextIO | None = None) -> int:
    """Make the checks and print the report; gives the exit code."""
    stream = sys.stdout if out is None else out
    mac = parse_mac(options.mac)
    try:
        if options.mac and not mac:
            return _refuse(err, f"--mac {options.mac!r} is no MAC address; write 00:15:65:12:34:56")
        if options.config is not None and not options.config.is_file():
            return _refuse(err, f"--config {options.config}: there is no such file")
        report = examine(options, mac)
    except UnusableUrlError as error:
        return _refuse(err, str(error))
    if options.as_json:
        stream.write(json.dumps(report.as_data(), indent=2) + "\n")
    else:
        printer(stream).report(report)
    return report.exit_code


def examine(options: Options, mac: str = "") -> Report:
    """Make the checks. Raises UnusableUrlError."""
    config = _config(options)
    url = url_of(options, config)
    api = Api(url=url, token=options.token)
    answers = _ask(api, config)
    checks = [
        check_configuration(answers),
        check_connectivity(answers),
        check_provisioning(answers),
        check_history(answers),
    ]
    probed = _probe_checks(api, options, answers)  # first, so that the phone's verdict knows
    if mac:
        checks.append(_phone_check(api, mac, answers))
    checks += probed
    return Report(url=url, checks=tuple(checks), opening=fleet_lines(answers))


def url_of(options: Options, config: ConfigText | None = None) -> str:
    """Say where the PBX is, by the options and what its file says. Raises UnusableUrlError."""
    known = config or _config(options)
    return host_url(options.host or "127.0.0.1", options.port or _known_port(options, known))


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; gives the exit code."""
    parser = argparse.ArgumentParser(
        prog="troubleshoot_provisioning.py",
        description="Find out why phones are not provisioned: settings, API, devices, requests.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--mac", default="", help="test this phone as well; any spelling")
    parser.add_argument("--host", default="", help="address of the PBX (default: this machine)")
    parser.add_argument("--port", type=_port, help="HTTP port (default: config.yml's, else 8080)")
    parser.add_argument(
        "--token",
        default=os.environ.get("OFFHOOK_TOKEN", ""),
        help="API token, needed from another machine: offhook token create NAME",
    )
    parser.add_argument("--config", type=Path, help="the PBX's config.yml (default: ./config.yml)")
    parser.add_argument("--json", action="store_true", help="print JSON for programs")
    parser.add_argument("--probe", action="store_true", help="also let the PBX probe its ports")
    parser.add_argument("--dhcp", action="store_true", help="also ask the site's DHCP; needs root")
    parser.add_argument("--interface", default="", help="network interface for --dhcp")
    given = parser.parse_args(argv)
    try:
        return run(
            Options(
                mac=given.mac,
                host=given.host,
                port=given.port,
                token=given.token,
                config=given.config,
                as_json=given.json,
                is_probing=given.probe,
                with_dhcp=given.dhcp,
                interface=given.interface,
            )
        )
    except BrokenPipeError:  # the reader (`head`) has seen enough
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - until exit
        return EXIT_CANNOT_RUN
    except KeyboardInterrupt:
        return EXIT_CANNOT_RUN


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; write 1 to 65535")
    return int(text)


def _refuse(err: TextIO | None, message: str) -> int:
    (sys.stderr if err is None else err).write(f"error: {message}\n")
    return EXIT_CANNOT_RUN


def _config(options: Options) -> ConfigText | None:
    """The named file, else for a PBX on this machine: here, or in the checkout of this program."""
    if options.config is not None:
        return read_config(options.config)
    if options.host.lower() not in LOCAL:
        return None
    for folder in (Path.cwd(), Path(__file__).resolve().parents[4]):
        if (folder / "config.yml").is_file():
            return read_config(folder / "config.yml")
    return None


def _known_port(options: Options, config: ConfigText | None) -> int:
    """The port of a PBX on this machine as its environment or its file says it, else the usual."""
    if options.host.lower() in LOCAL:
        config = _with_environment(config)
    return config.port("server.http_port", DEFAULT_PORT) if config else DEFAULT_PORT


def _with_environment(config: ConfigText | None) -> ConfigText | None:
    port = os.environ.get(PORT_VARIABLE, "")
    if not port:
        return config
    return ConfigText(path=Path(PORT_VARIABLE), values={"server.http_port": port})


def _ask(api: Api, config: ConfigText | None) -> Answers:
    """Ask everything of checks 1 to 4; the first refusal ends it and is said."""
    found: dict[str, Any] = {}
    blocked, is_pbx = None, False
    asked: tuple[tuple[str, str, dict[str, object]], ...] = (
        ("status", "/api/status", {}),
        ("diagnostics", "/api/provisioning/diagnostics", {}),
        ("requests", "/api/provisioning/requests", {"limit": REQUESTS_SHOWN}),
    )
    for name, path, query in asked:
        try:
            reply = api.call("GET", path, query=query)
        except UnreachableError as error:
            blocked = _unreachable(api, config, error)
            break
        is_pbx = is_pbx or _is_pbx(reply)
        if not (is_pbx and reply.is_ok and isinstance(reply.data, dict)):
            blocked = _refused(api, path, reply, is_pbx=is_pbx)
            break
        found[name] = reply.data
    return Answers(url=api.url, config=config, is_pbx=is_pbx, blocked=blocked, **found)


def _is_pbx(reply: Reply) -> bool:
    """Tell our API from another server: its answers, and the one shape of its refusals."""
    if not isinstance(reply.data, dict):
        return False
    return "running" in reply.data if reply.is_ok else isinstance(reply.data.get("error"), dict)


def _unreachable(api: Api, config: ConfigText | None, error: UnreachableError) -> Line:
    host = api.url.rpartition(":")[0].partition("//")[2]
    next_steps = [f"Tried: GET {api.url}/api/status"]
    if host.strip("[]") in LOCAL:
        next_steps += [
            "→ Is the server running? Start it: make run, or offhook serve --config config.yml",
            "→ Does it listen on another port? It prints its address at start; give --port",
        ]
        source = _with_environment(config)
        if source is not None:
            port = source.values.get("server.http_port", str(DEFAULT_PORT))
            next_steps.append(f"   {source.path} says http_port: {port}")
    else:
        next_steps += [
            f"→ Is the server running? On {host}: python scripts/troubleshoot_provisioning.py",
            f"→ Is the address right, and is it in the same network? ping {host.strip('[]')}",
            "→ Does a firewall block the port? Does it listen on another one? Give --port",
        ]
    return Line(
        mark=Mark.BLOCKED, text=f"The PBX API does not answer: {error}", more=tuple(next_steps)
    )


def _refused(api: Api, path: str, reply: Reply, *, is_pbx: bool) -> Line:
    _, message, hint = reply.error
    steps = [f"Tried: GET {api.url}{path}, answered with HTTP {reply.status}"]
    if is_pbx and reply.status in (401, 403):
        text = f"The server runs, but lets nobody look without a valid token: {message}"
        steps.append("→ On the PBX: offhook token create troubleshoot; then give it with --token")
    elif not is_pbx:
        text = "What answers there is not the Offhook PBX"
        steps.append("→ Check --host and --port; the PBX prints its address at start")
    else:
        text = f"The PBX could not answer: {message}"
        steps.append("→ See its log: logs/pbx.log")
    if hint:
        steps.append(f"→ {hint}")
    return Line(mark=Mark.BLOCKED, text=text, more=tuple(steps))


def _probe_checks(api: Api, options: Options, answers: Answers) -> list[Check]:
    if not (options.is_probing or options.with_dhcp):
        return []
    if answers.status is None:
        return [skipped(NUMBER, TITLE)]
    return [check_probes(api, with_dhcp=options.with_dhcp, interface=options.interface)]


def _phone_check(api: Api, mac: str, answers: Answers) -> Check:
    if not answers.is_pbx:
        line = Line(mark=Mark.SKIPPED, text=f"Skipped: there is no PBX to ask about {mac}")
        return Check(number=5, title="MAC Address Testing", lines=(line,), data={"mac": mac})
    return check_mac(api, mac)
