"""How commands reach a running PBX, and how its answers become exit codes."""

from __future__ import annotations

import inspect
import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec

import typer

from offhook import __version__
from offhook.cli.screen import Screen
from offhook.cli.troubleshoot.api import Api, UnreachableError, UnusableUrlError, base_url, host_url
from offhook.cli.troubleshoot.report import EXIT_CANNOT_RUN, EXIT_CLEAN, EXIT_FOUND
from offhook.errors import OffhookError

P = ParamSpec("P")
INTERRUPTED = 130
"""128 + SIGINT, what shells expect."""


class RefusedError(OffhookError):
    """The PBX refused a call; `status` is the HTTP status, `code` its word or fault."""

    def __init__(self, code: str, message: str, hint: str, status: int) -> None:
        super().__init__(message, hint)
        self.code = code
        self.status = status


class CannotRunError(OffhookError):
    """A command cannot do anything: wrong options, or no PBX to talk to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One command's way to the PBX and to the person."""

    api: Api
    screen: Screen = field(default_factory=Screen)

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, object] | None = None,
    ) -> dict[str, Any]:
        """Call the API. Raises RefusedError, CannotRunError, UnreachableError."""
        reply = self.api.call(method, path, body, query=query)
        if reply.is_ok and (isinstance(reply.data, dict) or not reply.body):
            return reply.data or {}
        if reply.is_ok or not isinstance(reply.data, dict):
            raise CannotRunError(
                f"what answers at {self.api.url} is not the Offhook API (HTTP {reply.status})",
                "check --url; offhook serve prints its address at start",
            )
        code, message, hint = reply.error
        raise RefusedError(code, message, hint, reply.status)


def default_url(config: Path | None) -> str:
    """The URL of the PBX of a configuration on this machine. Raises CannotRunError."""
    path = config if config is not None else Path("config.yml")
    if config is None and not path.is_file():
        return host_url("127.0.0.1", 8080)
    from offhook.settings import load_settings  # here: pydantic costs a third of a second

    try:
        server = load_settings(path).server
    except OffhookError as error:
        raise CannotRunError(f"{path}: {error}", "correct it, or give --url") from None
    if server.http_port == 0:
        raise CannotRunError(
            f"{path} says http_port: 0, any free port, so where the PBX listens is not known",
            "give --url with the address that offhook serve printed",
        )
    bind = ipaddress.ip_address(server.bind)
    loopback = "127.0.0.1" if bind.version == 4 else "::1"
    return host_url(loopback if bind.is_unspecified else server.bind, server.http_port)


def open_session(*, url: str, config: Path | None, token: str, as_json: bool) -> Session:
    """Make the way to the PBX. Raises CannotRunError, UnusableUrlError."""
    api = Api(
        url=base_url(url) if url else default_url(config),
        token=token,
        user_agent=f"offhook-cli/{__version__}",
    )
    return Session(api=api, screen=Screen(as_json=as_json))


def exit_code(action: Callable[[], int | None], screen: Screen, url: str = "") -> int:
    """Do it and give the exit code: the one place where failures become one.

    0 done, 1 refused or found something, 2 cannot run.
    """
    try:
        return action() or EXIT_CLEAN
    except RefusedError as error:
        code = f"{error.code}: " if error.code[:1] == "P" else ""
        screen.error(f"{code}{error}", error.hint)
        return EXIT_FOUND
    except UnreachableError as error:
        screen.error(
            f"the PBX is not running at {url} ({error})",
            "start it with: offhook serve --config config.yml; elsewhere? give --url",
        )
    except UnusableUrlError as error:
        screen.error(str(error), "such as --url http://127.0.0.1:8080")
    except OffhookError as error:
        screen.error(str(error), error.hint)
    except KeyboardInterrupt:
        return INTERRUPTED
    return EXIT_CANNOT_RUN


_CONNECTION: Mapping[str, tuple[Any, Any]] = {
    "url": (
        Annotated[str, typer.Option(envvar="OFFHOOK_URL", help="address of the PBX")],
        "",
    ),
    "config": (
        Annotated[
            Path | None,
            typer.Option(help="its config.yml, for the port", show_default="./config.yml"),
        ],
        None,
    ),
    "token": (
        Annotated[str, typer.Option(envvar="OFFHOOK_TOKEN", help="API token, if it is remote")],
        "",
    ),
    "as_json": (Annotated[bool, typer.Option("--json", help="print JSON for programs")], False),
}


def api_command(
    group: typer.Typer, name: str
) -> Callable[
    [Callable[Concatenate[Session, P], int | None]], Callable[Concatenate[Session, P], int | None]
]:
    """Make a function a command that gets a Session first; adds --url --config --token --json."""

    def register(
        function: Callable[Concatenate[Session, P], int | None],
    ) -> Callable[Concatenate[Session, P], int | None]:
        def command(**values: Any) -> None:
            given = {key: values.pop(key) for key in _CONNECTION}
            raise typer.Exit(_run(function, given, values))

        signature = inspect.signature(function, eval_str=True)
        parameters = [
            *list(signature.parameters.values())[1:],
            *(
                inspect.Parameter(
                    key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind
                )
                for key, (kind, default) in _CONNECTION.items()
            ),
        ]
        command.__doc__ = function.__doc__
        command.__annotations__ = {item.name: item.annotation for item in parameters}
        command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # typer reads it
        group.command(name)(command)
        return function

    return register


def _run(function: Callable[..., int | None], given: dict[str, Any], values: dict[str, Any]) -> int:
    screen = Screen(as_json=given["as_json"])
    opened: list[Session] = []

    def open_it() -> None:
        opened.append(open_session(**given))

    code = exit_code(open_it, screen)
    if code != EXIT_CLEAN:
        return code
    session = opened[0]
    return exit_code(lambda: function(session, **values), screen, session.api.url)
