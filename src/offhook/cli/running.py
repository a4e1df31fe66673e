"""Run the PBX until it is told to stop, and say why when it cannot start."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from offhook import __version__
from offhook.app import Pbx, open_pbx
from offhook.certificate import Certificate
from offhook.cli.screen import Screen
from offhook.cli.workers import Place, check_workers, run_workers, watch_parent
from offhook.core.events import HandshakeFailed
from offhook.core.tls_ports import HTTPS, SIP_TLS
from offhook.diagnosis.facts import ConfigFacts, ConfigProblem, Facts
from offhook.diagnosis.finding import Finding
from offhook.diagnosis.rules import find_all
from offhook.errors import OffhookError, StoreError
from offhook.files_open import raise_open_files
from offhook.log import start_log
from offhook.loops import loop_factory
from offhook.probes.holders import port_holders
from offhook.services import services
from offhook.settings import Settings, SettingsError, load_settings
from offhook.web.asgi import create_asgi
from offhook.web.door import Tls
from offhook.web.protocol import CONNECTIONS_MAX
from offhook.web.server import HttpServer, bind_http, serve_http

T = TypeVar("T")

SWITCH_S = 0.001
"""Who computes on another thread lets the loop go on after so long, not the interpreter's 5 ms:
phones wait for the loop, nobody for the thread."""

_log = logging.getLogger("offhook.serve")
_PORT_ERRORS = {
    errno.EADDRINUSE: "another program listens on {port}; stop it, or choose another port",
    errno.EACCES: "this user may not listen on {port}; choose one above 1023",
}

# The settings of TLS, which an error of the engine names as its file.
_TLS_KEYS = ("sip.tls_port", SIP_TLS.certificate, SIP_TLS.key)


def run_server(
    config: Path | None, screen: Screen, *, workers: int | None = None, place: Place | None = None
) -> int:
    """Run until stopped; gives the exit code. What keeps it from starting is printed.

    With `workers` beyond 1 this process runs others, each of which gets its `place`.
    """
    path = config
    if path is None and Path("config.yml").is_file():
        path = Path("config.yml")
    try:
        settings = load_settings(path)
        if place is None and (count := workers or settings.server.workers) > 1:
            check_workers(settings)
            return run_workers(settings, path, screen, _bound_often(settings, count))
        stop_log = _start_log(settings)
    except SettingsError as error:
        return _cannot_start(screen, error.problems)
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(_run(settings, path, screen, place))
    except SettingsError as error:
        return _cannot_start(screen, error.problems)
    except OffhookError as error:
        screen.error(str(error), error.hint)
        return 2
    except KeyboardInterrupt:  # a second Ctrl-C while stopping
        return 130
    finally:
        stop_log()
    return 0


async def _run(settings: Settings, path: Path | None, screen: Screen, place: Place | None) -> None:
    # Shells often allow 1024 sockets; a building's phones connect at once.
    raise_open_files(2 * CONNECTIONS_MAX)
    sys.setswitchinterval(SWITCH_S)
    stopped = _stop_signals()
    if place is not None:
        watch_parent(stopped)
    certificate = _certificate(settings)
    with contextlib.ExitStack() as stack:
        wanted = place.sockets if place else _bound_all(settings)
        listening, *more = [stack.enter_context(it) for it in wanted]
        secure = more[0] if more else None
        opening = open_pbx(settings, _port_of(listening), https_port=_port_of(secure))
        pbx = await _explained(opening, settings)
        try:
            tls = Tls(certificate, partial(_on_tls_failed, pbx)) if certificate else None
            web = create_asgi(services(pbx))
            server = await serve_http(web, [listening], secure, tls)
            try:
                if place is None or place.is_first:
                    _tell(Started(settings=settings, path=path, pbx=pbx, server=server), screen)
                await _explained(pbx.begin(), settings)
                web.open()
                await stopped.wait()
            finally:
                await server.stop()
        finally:
            await pbx.stop()
    _log.info("Offhook stopped")
    screen.say("Stopped")


def _certificate(settings: Settings) -> Certificate | None:
    """Load the certificate of HTTPS, where one is set."""
    server = settings.server
    if server.tls_certificate is None:
        return None
    certificate = Certificate(
        server.tls_certificate, server.tls_key, HTTPS, allows_old=server.tls_minimum == "1.0"
    )
    problem = certificate.load()
    if problem is not None:
        raise _problem(problem.key, problem.message)
    return certificate


def _bound(
    settings: Settings, key: str, port: int | None = None, *, is_shared: bool = False
) -> socket.socket:
    port = int(getattr(settings.server, key)) if port is None else port
    try:
        return bind_http(settings.server.bind, port, is_shared=is_shared)
    except OSError as error:
        raise _port_problem(error, settings, key, port) from None


def _bound_all(settings: Settings) -> tuple[socket.socket, ...]:
    """Listen on the port of HTTP, and on that of HTTPS where there is a certificate."""
    return tuple(_bound(settings, key) for key in _port_keys(settings))


def _bound_often(settings: Settings, count: int) -> list[tuple[socket.socket, ...]]:
    """Listen so for each of some workers, on ports that were free until now."""
    for listening in _bound_all(settings):
        listening.close()
    first = tuple(_bound(settings, key, is_shared=True) for key in _port_keys(settings))
    ports = dict(zip(_port_keys(settings), map(_port_of, first), strict=True))
    more = (
        tuple(_bound(settings, key, port, is_shared=True) for key, port in ports.items())
        for _ in range(count - 1)
    )
    return [first, *more]


def _port_keys(settings: Settings) -> tuple[str, ...]:
    return ("http_port", "https_port") if settings.server.tls_certificate else ("http_port",)


def _port_of(listening: socket.socket | None) -> int:
    return int(listening.getsockname()[1]) if listening else 0


def _on_tls_failed(pbx: Pbx, address: str, reason: str) -> None:
    pbx.events.publish(
        HandshakeFailed(address=address, reason=reason, at=pbx.now(), transport="https")
    )


async def _explained(step: Awaitable[T], settings: Settings) -> T:
    """Do a step of the start; what keeps it from being done names the setting to mend."""
    try:
        return await step
    except StoreError as error:
        message = f"{error}; {error.hint}" if error.hint else str(error)
        raise _problem("store.url", message) from None
    except OSError as error:
        if error.filename in _TLS_KEYS:
            raise _tls_problem(error, settings) from None
        raise _port_problem(error, settings, "sip_port", settings.server.sip_port) from None


def _tls_problem(error: OSError, settings: Settings) -> SettingsError:
    """Name the setting of TLS to mend, which the engine gives as the error's file name."""
    known = _PORT_ERRORS.get(error.errno or 0)
    reason = error.strerror or str(error)
    return _problem(
        str(error.filename),
        known.format(port=f"port {settings.sip.tls_port}") if known else reason,
    )


def _port_problem(error: OSError, settings: Settings, key: str, port: int) -> SettingsError:
    known = _PORT_ERRORS.get(error.errno or 0)
    if known is not None:
        return _problem(f"server.{key}", known.format(port=f"port {port}") + _held(error, port))
    if error.errno == errno.EADDRNOTAVAIL:
        bind = settings.server.bind
        return _problem("server.bind", f"this machine has no address {bind}; 0.0.0.0 takes all")
    return _problem(f"server.{key}", error.strerror or str(error))


def _held(error: OSError, port: int) -> str:
    """Name the program that has the port, where the system tells."""
    holders = port_holders(port) if error.errno == errno.EADDRINUSE else ()
    return f"; it is held by {', '.join(holders)}" if holders else ""


def _problem(key: str, message: str) -> SettingsError:
    return SettingsError((ConfigProblem(code="P105", key=key, message=message),))


def _start_log(settings: Settings) -> Callable[[], None]:
    log = settings.logging
    try:
        return start_log(
            log.file,
            log.level,
            max_mb=log.max_mb,
            keep=log.keep,
            is_on_terminal=sys.stderr.isatty(),
        )
    except OSError as error:
        reason = error.strerror or str(error)
        raise _problem("logging.file", f"cannot write {log.file}: {reason}") from None


def _cannot_start(screen: Screen, problems: tuple[ConfigProblem, ...]) -> int:
    """Print each problem as the finding it is: code, key path, mend."""
    findings = _findings(ConfigFacts(problems=problems))
    for finding in findings:
        screen.error(f"{finding.code} {finding.message}")
        for line in finding.lines():
            screen.note(line)
        screen.note(f"  → offhook explain {finding.code}")
    return 2


def _findings(config: ConfigFacts) -> list[Finding]:
    facts = Facts(now=datetime.now(UTC), config=config)
    return [finding for finding in find_all(facts) if finding.code.startswith("P1")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """What runs, to be told of."""

    settings: Settings
    path: Path | None
    pbx: Pbx
    server: HttpServer


def _tell(started: Started, screen: Screen) -> None:
    """Print where it listens, free ports that were chosen included, and what to mend."""
    settings, pbx = started.settings, started.pbx
    bind = settings.server.bind
    shown = f"[{bind}]" if ":" in bind else bind
    host = "127.0.0.1" if bind == "0.0.0.0" else "[::1]" if bind == "::" else shown  # noqa: S104 - compared, not bound
    screen.say(f"Offhook {__version__} is running", "bold")
    screen.say(f"  API     http://{host}:{started.server.port}/api/status")
    if started.server.https_port:
        screen.say(f"          https://{host}:{started.server.https_port}/api/status")
    screen.say(f"  Phones  {pbx.config.base}")
    screen.say(f"  SIP     {shown}:{pbx.sip_port}, UDP and TCP")
    if pbx.config.tls_port:
        screen.say(f"          {shown}:{pbx.config.tls_port}, TLS")
    if pbx.admins.setup_code:
        screen.say("  Pages   choose the first administrator, once, at this link:", "bold")
        screen.say(
            f"          http://{host}:{started.server.port}/set-up?code={pbx.admins.setup_code}"
        )
    else:
        screen.say(f"  Pages   http://{host}:{started.server.port}/")
    screen.say(f"  Config  {started.path or 'none: defaults and environment'}")
    screen.say(f"  Log     {settings.logging.file}")
    for finding in _findings(pbx.config):
        screen.say(f"{finding.code} {finding.message}", "yellow")
        for line in finding.lines():
            screen.say(line)
    _log.info(
        "Offhook %s started: HTTP %s:%d, SIP %s:%d",
        __version__,
        bind,
        started.server.port,
        bind,
        pbx.sip_port,
    )


def _stop_signals() -> asyncio.Event:
    """Set by the first SIGTERM or SIGINT; a second one ends the process as it always does."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        stopped.set()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(name)

    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop)
    return stopped
