"""Via and CSeq: who waits for the answer, where, and to which request. RFC 3261 §18.2, §20.42."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from offhook.sip.message import TCHARS, Headers
from offhook.sip.remembered import remembered
from offhook.sip.uri import join_host_port, read_params, split_list
from offhook.values import light

MAGIC_COOKIE = "z9hG4bK"
_SENT_BY = re.compile(
    # The version is any token (§25.1): a request of a later one is answered all the same.
    rf"SIP[ \t]*/[ \t]*{TCHARS}[ \t]*/[ \t]*({TCHARS})[ \t]+"
    r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._\-]+)(?:[ \t]*:[ \t]*([0-9]{1,5}))?[ \t]*\Z",
    re.IGNORECASE,
)
_CSEQ = re.compile(rf"([0-9]{{1,10}})[ \t]+({TCHARS})\Z")
_RPORT = re.compile(r";[ \t]*rport(?:[ \t]*=[ \t]*[0-9]*)?(?=[ \t]*(?:;|\Z))", re.IGNORECASE)


@light(frozen=True, slots=True, kw_only=True)
class Via:
    """The topmost Via: transport upper case, sent-by, parameters."""

    transport: str
    host: str
    port: int | None
    params: Mapping[str, str]

    @property
    def branch(self) -> str:
        """The branch, empty when absent."""
        return self.params.get("branch", "")

    @property
    def has_unique_branch(self) -> bool:
        """True when the branch names its transaction; the bare cookie does not. RFC 4475 §3.2.1."""
        branch = self.branch
        return len(branch) > len(MAGIC_COOKIE) and branch.lower().startswith("z9hg4bk")


def parse_via(value: str) -> Via | None:
    """Read one Via value; None when it is none."""
    sender, semicolon, rest = value.partition(";")
    sent_by = _read_sent_by(sender)
    params = read_params(semicolon + rest)
    if sent_by is None or params is None:
        return None
    transport, host, port = sent_by
    return Via(transport=transport, host=host, port=port, params=params)


@remembered(4096)  # of a phone all but the branch comes again
def _read_sent_by(text: str) -> tuple[str, str, int | None] | None:
    found = _SENT_BY.match(text)
    if found is None:
        return None
    transport, host, port = found.groups()
    if port and int(port) > 65_535:
        return None
    return transport.upper(), host.lower(), int(port) if port else None


def top_via(headers: Headers) -> Via | None:
    """Read the topmost Via of a message; None when it is missing or no Via."""
    values = headers.index.get("via")
    return _first_via(values[0]) if values and values[0] else None


@lru_cache(maxsize=64)  # several steps read the Via of the same message
def _first_via(value: str) -> Via | None:
    return parse_via(split_list(value)[0])


def answerable_via(headers: Headers) -> Via | None:
    """Read as much of the topmost Via as an answer needs; its parameters may be broken."""
    via = top_via(headers)
    first = headers.first("via")
    if via is not None or not first:
        return via
    return parse_via(first.partition(";")[0].strip(" \t"))


def stamp_via(headers: Headers, via: Via, host: str, port: int) -> str:
    """Give the first Via line's value with `received` and `rport`, empty if not needed.

    RFC 3581 §4: with rport both are always set; RFC 3261 §18.2.1: otherwise received only when
    sent-by is another host.
    """
    has_rport = "rport" in via.params
    if not has_rport and via.host.strip("[]") == host:
        return ""
    topmost, *others = split_list(headers.first("via") or "")
    if has_rport:
        topmost = _RPORT.sub("", topmost) + f";rport={port}"
    return ", ".join((f"{topmost};received={host}", *others))


def reply_address(via: Via, host: str, port: int) -> tuple[str, int]:
    """Choose where an answer over UDP goes: always the source host, so that nobody else is hit.

    With rport the source port (RFC 3581 §4), else the port of sent-by (RFC 3261 §18.2.2).
    """
    if "rport" in via.params:
        return host, port
    return host, via.port or 5060


def write_via(transport: str, host: str, port: int, branch: str) -> str:
    """Write our own Via, asking for rport. RFC 3581 §3."""
    return f"SIP/2.0/{transport} {join_host_port(host, port)};branch={branch};rport"


@remembered(1024)  # most requests of a phone are its first few
def parse_cseq(value: str) -> tuple[int, str] | None:
    """Read number and method; None when it is no CSeq. Numbers end at 2^31, RFC 3261 §8.1.1.5."""
    found = _CSEQ.match(value)
    if found is None:
        return None
    number = int(found.group(1))
    return (number, found.group(2)) if number < 2**31 else None
