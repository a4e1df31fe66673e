"""`offhook device`: the telephones that are configured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from offhook.cli.client import CannotRunError, Session, api_command
from offhook.cli.template import ASKED, PreviewOption, say_preview
from offhook.cli.troubleshoot.api import segment

group = typer.Typer(help="Devices: add, show, change, delete.", no_args_is_help=True)

MacArgument = Annotated[str, typer.Argument(metavar="MAC", help="MAC address, any spelling")]
LineOption = Annotated[
    list[str] | None,
    typer.Option("--line", help="further line: EXTENSION or EXTENSION:LABEL; may be repeated"),
]
SettingOption = Annotated[
    list[str] | None,
    typer.Option("--setting", help="free setting KEY=VALUE; may be repeated"),
]
PATH = "/api/provisioning/devices"


@api_command(group, "list")
def list_devices(
    session: Session,
    query: Annotated[
        str, typer.Option("--query", "-q", help="text in MAC, extension, name, vendor or model")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 100,
    offset: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """List devices, the one registered last first."""
    found = session.call("GET", PATH, query={"q": query, "limit": limit, "offset": offset})
    if session.screen.gave_data(found):
        return
    rows = [
        (
            item["mac"],
            item["extension_number"],
            item["vendor"],
            item["model"],
            item["registered"],
            _has_newest(item),
            moment(item["last_provisioned"]) or "never",
        )
        for item in found["devices"]
    ]
    head = ("MAC", "Extension", "Vendor", "Model", "Registered", "Up to date", "Last provisioned")
    session.screen.table(head, rows)
    say_rest(session, found["total"], offset, len(rows), "devices")


@api_command(group, "add")
def add_device(
    session: Session,
    mac: MacArgument,
    extension: Annotated[str, typer.Option(help="extension of the first line")],
    vendor: Annotated[str, typer.Option(help="maker: offhook vendor list")],
    model: Annotated[str, typer.Option(help="model, any spelling: offhook vendor list")],
    label: Annotated[str, typer.Option(help="label of the first line; default: the name")] = "",
    line: LineOption = None,
    setting: SettingOption = None,
    is_preview: PreviewOption = False,
) -> None:
    """Register a device, or replace it; its phone is told to fetch if it is registered."""
    first = {"extension_number": extension, "label": label}
    body: dict[str, Any] = {
        "mac_address": mac,
        "vendor": vendor,
        "model": model,
        "lines": [first, *_lines(line or [])],
    }
    if setting:
        body["settings"] = _settings(setting)
    _do(session, "POST", PATH, body, is_preview=is_preview)


@api_command(group, "show")
def show_device(
    session: Session,
    mac: MacArgument,
    is_explained: Annotated[
        bool,
        typer.Option("--explain", help="show its file, and where each value comes from"),
    ] = False,
) -> None:
    """Show one device, or with --explain its file value by value, secrets masked."""
    path = f"{PATH}/{segment(mac)}"
    if is_explained:
        _explain(session, session.call("GET", f"{path}/config", query={"explain": "true"}))
        return
    found = session.call("GET", path)
    if session.screen.gave_data(found):
        return
    item = found["device"]
    rows: list[tuple[str, object]] = [
        ("MAC", item["mac"]),
        ("Vendor, model", f"{item['vendor']} {item['model']} ({item['model_label']})"),
        ("Config URL", item["config_url"]),
        ("Registered", item["registered"]),
        ("Up to date", _has_newest(item)),
        ("Last provisioned", moment(item["last_provisioned"]) or "never"),
        ("Last contact", f"{moment(item['last_contact']) or 'never'} {item['address']}".strip()),
        ("User-Agent", item["user_agent"]),
        ("Firmware", item["firmware"]),
    ]
    rows += [
        (f"Line {line['index']}", f"{line['extension_number']} {line['extension_name']}")
        for line in item["lines"]
    ]
    rows += [(f"Setting {key}", value) for key, value in item["settings"].items()]
    reboot = item["last_reboot"]
    if reboot:
        rows.append(("Last reboot", f"{moment(reboot['asked_at'])} {reboot['step']}"))
    if item["fault"]:
        rows.append(("Fault", item["fault"]))
    session.screen.facts(rows)


@api_command(group, "set")
def set_device(
    session: Session,
    mac: MacArgument,
    extension: Annotated[str | None, typer.Option(help="extension of the first line")] = None,
    vendor: Annotated[str | None, typer.Option(help="maker")] = None,
    model: Annotated[str | None, typer.Option(help="model")] = None,
    label: Annotated[str | None, typer.Option(help="label of the first line")] = None,
    setting: SettingOption = None,
    unset: Annotated[
        list[str] | None, typer.Option(help="free setting to remove; may be repeated")
    ] = None,
    is_preview: PreviewOption = False,
) -> None:
    """Change some fields; the phone is told to fetch if its files change."""
    given = {"extension_number": extension, "vendor": vendor, "model": model, "label": label}
    body: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    settings = _settings(setting or []) | dict.fromkeys(unset or [])
    if settings:
        body["settings"] = settings
    if not body:
        raise CannotRunError("nothing to change", "offhook device set --help lists what there is")
    _do(session, "PATCH", f"{PATH}/{segment(mac)}", body, is_preview=is_preview)


@api_command(group, "delete")
def delete_device(session: Session, mac: MacArgument) -> None:
    """Delete a device; the phone keeps its configuration until it asks again."""
    done = session.call("DELETE", f"{PATH}/{segment(mac)}")
    if not session.screen.gave_data(done):
        session.screen.say(done["message"])


def say_rest(session: Session, total: int, offset: int, shown: int, noun: str) -> None:
    """Say that a list was cut, or that it is empty."""
    if not total:
        session.screen.say(f"No {noun}")
    elif offset + shown < total:
        session.screen.note(
            f"{shown} of {total} {noun}; the next: --offset {offset + shown}, more: --limit 1000"
        )


def _do(
    session: Session, method: str, path: str, body: dict[str, Any], *, is_preview: bool
) -> None:
    if is_preview:
        say_preview(session, session.call(method, path, body, query=ASKED))
    else:
        _say_done(session, session.call(method, path, body))


def _say_done(session: Session, done: dict[str, Any]) -> None:
    if session.screen.gave_data(done):
        return
    session.screen.say(done["message"])
    session.screen.say(f"Config URL: {done['device']['config_url']}")


def _explain(session: Session, found: dict[str, Any]) -> None:
    if session.screen.gave_data(found):
        return
    session.screen.say(found["file"], "bold")
    rows = [(line["key"], line["value"], line["source"]) for line in found["lines"]]
    session.screen.table(("Key", "Value", "From"), rows)


def _lines(texts: Sequence[str]) -> list[dict[str, str]]:
    lines = []
    for text in texts:
        number, _, label = text.partition(":")
        lines.append({"extension_number": number, "label": label})
    return lines


def _settings(texts: Sequence[str]) -> dict[str, str | None]:
    settings: dict[str, str | None] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise CannotRunError(
                f"--setting {text!r} is not KEY=VALUE", "write --setting key=value"
            )
        settings[key] = value
    return settings


def _has_newest(item: dict[str, Any]) -> str:
    if item["fault"]:
        return "fault"
    return {None: "never fetched", True: "yes", False: "no"}[item["in_step"]]


def moment(text: str | None) -> str:
    """Give an API moment (UTC) to the second; empty for none."""
    return (text or "")[:19].replace("T", " ")
