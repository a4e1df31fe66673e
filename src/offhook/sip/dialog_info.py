"""What a busy lamp is told: the document of RFC 4235, and the empty mailbox of RFC 3842."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from xml.sax.saxutils import escape, quoteattr

from offhook.sip.calls import Call, CallState

DIALOG_INFO = "application/dialog-info+xml"
MESSAGE_SUMMARY = "application/simple-message-summary"
NO_MESSAGES = b"Messages-Waiting: no\r\n"

# What XML 1.0 §2.2 does not allow even when escaped; lone surrogates stand for bytes off the wire.
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class DialogState(StrEnum):
    """The states of RFC 4235 §3.7.1."""

    TRYING = "trying"
    PROCEEDING = "proceeding"
    EARLY = "early"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownDialog:
    """One call as one of its extensions sees it; `other` is the extension at the other end."""

    id: str
    is_caller: bool
    state: DialogState
    other: str


def shown_dialog(name: str, call: Call, extension: str) -> ShownDialog:
    """Show a call from one extension's side.

    The caller has been told 100 and so is proceeding; the callee tries until a phone rings.
    """
    is_caller = call.caller == extension
    if call.state is CallState.TALKING:
        state = DialogState.CONFIRMED
    elif call.has_rung:
        state = DialogState.EARLY
    else:
        state = DialogState.PROCEEDING if is_caller else DialogState.TRYING
    other = call.callee if is_caller else call.caller
    return ShownDialog(id=name, is_caller=is_caller, state=state, other=other)


def render_dialog_info(
    extension: str, host: str, version: int, dialogs: Sequence[ShownDialog]
) -> bytes:
    """Write the full state of an extension at `host`. RFC 4235 §4.

    Always the full state, so that a lost NOTIFY harms nothing. Call-ID and tags, which are
    optional, stay with us: who knows them could hang up other people's calls.
    """
    us = f"sip:{extension}@{host}"
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info"'
        f' version="{version}" state="full" entity={_attribute(us)}>',
    ]
    for dialog in dialogs:
        direction = "initiator" if dialog.is_caller else "recipient"
        lines += [
            f'<dialog id={_attribute(dialog.id)} direction="{direction}">',
            f"<state>{dialog.state.value}</state>",
            *_participant("local", us),
            *_participant("remote", f"sip:{dialog.other}@{host}"),
            "</dialog>",
        ]
    lines.append("</dialog-info>")
    return "\n".join((*lines, "")).encode()


def _participant(which: str, uri: str) -> tuple[str, ...]:
    return (
        f"<{which}>",
        f"<identity>{escape(_legal(uri))}</identity>",
        f"<target uri={_attribute(uri)}/>",
        f"</{which}>",
    )


def _attribute(text: str) -> str:
    return quoteattr(_legal(text))


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", text)
