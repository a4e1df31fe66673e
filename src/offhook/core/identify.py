"""Who asks, and for what: every maker's profile votes on path and User-Agent."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from offhook.core.claims import FileMatch, FileNames
from offhook.core.mac import Mac, find_written_mac, parse_mac
from offhook.core.model import PhoneRequest
from offhook.core.vendor import Model, VendorProfile

AGENTS_KEPT = 4096

_PLACEHOLDER = re.compile(
    r"\{(?:ma|mac|mau|model)\}"
    r"|\$\((?:ma|mac|mau|system\.mac|psn|pn|dm)\)"
    r"|\$(?:mac|mau|ma|psn|pn|dm|input)(?![a-z0-9])"
    r"|%(?:macd|mac)(?![a-z0-9])"
    r"|<(?:mac|model)>"
    r"|\[(?:phone_mac_address|macaddress|mac)\]",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a request tells about its phone.

    `mac_text` is the MAC as written; `mac_source` one of file, path, query, agent or empty.
    `placeholder` is the first variable that no phone expanded, anywhere in the path;
    `is_placeholder_file` says it is in the last segment. `agent_vendor` and `agent_model` are what
    the User-Agent says, `firmware` its version.
    """

    file: str
    mac: Mac | None
    mac_text: str
    mac_source: str
    placeholder: str
    is_placeholder_file: bool
    matches: tuple[FileMatch, ...]
    agent_vendor: VendorProfile | None = None
    agent_model: Model | None = None
    agent_model_text: str = ""
    firmware: str = ""


def find_placeholder(text: str) -> str:
    """Give the first unexpanded variable (`{mac}`, `$MA`, `%MACD`…) in a text; empty when none."""
    found = _PLACEHOLDER.search(text)
    return found.group() if found else ""


class Makers:
    """Every maker's profile, ready to vote; what many requests have in common is found out once."""

    def __init__(self, profiles: Iterable[VendorProfile]) -> None:
        self._profiles = tuple(profiles)
        self._names = FileNames(self._profiles)
        self._agent = lru_cache(AGENTS_KEPT)(self._read_agent)

    def identify(self, request: PhoneRequest) -> Identity:
        """Tell MAC, maker, model and file of a request. Never raises; what is unknown stays empty.

        MAC from file name, other segments, `?mac=`, User-Agent, in that order.
        """
        segments = request.segments
        file = segments[-1] if segments else ""
        matches, written = self._names.claims(file)
        mac, text, source = _find_mac(request, segments, written, is_claimed=bool(matches))
        vendor, model, model_text, firmware = self._agent(request.user_agent)
        placeholder_in_file = find_placeholder(file)
        return Identity(
            file=file,
            mac=mac,
            mac_text=text,
            mac_source=source,
            placeholder=placeholder_in_file or find_placeholder("/".join(segments)),
            is_placeholder_file=bool(placeholder_in_file),
            matches=matches,
            agent_vendor=vendor,
            agent_model=model,
            agent_model_text=model_text,
            firmware=firmware,
        )

    def _read_agent(self, user_agent: str) -> tuple[VendorProfile | None, Model | None, str, str]:
        for profile in self._profiles:
            agent = profile.read_agent(user_agent)
            if agent is not None:
                return profile, profile.model(agent.model_text), agent.model_text, agent.firmware
        return None, None, "", ""


def identify(request: PhoneRequest, profiles: Iterable[VendorProfile]) -> Identity:
    """Tell what a request tells, once; `Makers` is for many."""
    return Makers(profiles).identify(request)


def _find_mac(
    request: PhoneRequest, segments: tuple[str, ...], in_name: str, *, is_claimed: bool
) -> tuple[Mac | None, str, str]:
    if in_name:
        return parse_mac(in_name), in_name, "file"
    asked = re.search(r"(?:^|&)mac=([^&]*)", request.query, re.IGNORECASE)
    places = [(segment, "path") for segment in reversed(segments[:-1])]
    if segments and not is_claimed:
        # A maker's name without a MAC may look like one: the digits of `y000000000066.boot`.
        places.insert(0, (segments[-1], "file"))
    places.append((unquote(asked[1]) if asked else "", "query"))
    places.append((request.user_agent, "agent"))
    for text, source in places:
        written = find_written_mac(text)
        if written:
            return parse_mac(written), written, source
    return None, "", ""
