"""Digest access authentication, both sides. RFC 7616, RFC 8760, and RFC 2617 for old phones."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache

from offhook.sip.message import TCHARS
from offhook.sip.remembered import MAX_CHARS
from offhook.sip.uri import quote, split_list, unquote
from offhook.values import light

MAX_CREDENTIALS_CHARS = 4096
_FIELD = re.compile(
    rf'[ \t]*({TCHARS})[ \t]*=[ \t]*("(?:[^"\\]|\\.)*"|[^\s,"]*)[ \t]*(?:,|\Z)', re.DOTALL
)
_SCHEME = re.compile(r"[ \t]*Digest[ \t]+", re.IGNORECASE)
_CHALLENGE_START = re.compile(rf"{TCHARS}[ \t]+(?:{TCHARS}[ \t]*=|\Z)")
_CONTROL = re.compile(r"[\x00-\x1f]")
_NC = re.compile(r"[0-9A-Fa-f]{1,8}\Z")
_NEEDED = frozenset({"username", "realm", "nonce", "uri", "response"})
_USUAL_NAMES = _NEEDED | {"algorithm", "opaque", "qop", "cnonce", "nc", "stale", "domain"}


class Algorithm(StrEnum):
    """The hashes we offer and understand; the session variants are not (RFC 8760 §2.1)."""

    SHA256 = "SHA-256"
    MD5 = "MD5"


BEST_FIRST = (Algorithm.SHA256, Algorithm.MD5)
"""RFC 8760 §2.4: one header per algorithm, best first."""

MD5_FIRST = (Algorithm.MD5, Algorithm.SHA256)
"""For phones that look only at the first header."""

MD5_ONLY = (Algorithm.MD5,)
"""For phones that fail when any header names an algorithm they do not know."""


_BY_NAME = {algorithm.value: algorithm for algorithm in Algorithm}


def _hash(algorithm: Algorithm, text: str) -> str:
    data = text.encode("utf-8", "surrogateescape")
    if algorithm is Algorithm.SHA256:
        return hashlib.sha256(data).hexdigest()
    # MD5 is all that most phones can; this is interoperability, not protection.
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


_hash_again = lru_cache(maxsize=1024)(_hash)  # most phones ask for the same


@light(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The fields of an Authorization header; `qop`, `cnonce` and `nc` are empty for RFC 2069."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str
    algorithm: str = "MD5"
    qop: str = ""
    cnonce: str = ""
    nc: str = ""


def parse_digest_fields(value: str) -> dict[str, str] | None:
    """Read `Digest name=value, ...` with names folded and values unquoted; None when it is not."""
    scheme = _SCHEME.match(value)
    if scheme is None or len(value) > MAX_CREDENTIALS_CHARS:
        return None
    usual = _read_usual_fields(value[scheme.end() :])
    return read_any_fields(value, scheme.end()) if usual is None else usual


def _read_usual_fields(text: str) -> dict[str, str] | None:
    """Read what nearly every phone sends, at half the price; None for anything else.

    That is each field once, its name in small letters, no blank beside the `=`, and in quotes
    neither comma nor backslash.
    """
    if "\\" in text:
        return None
    pieces = text.split(",")
    try:
        fields = dict(map(_read_field, pieces))
    except ValueError:
        return None
    return fields if len(fields) == len(pieces) else None


@lru_cache(maxsize=2048)  # half of the fields are the same for all phones
def _read_field(piece: str) -> tuple[str, str]:
    """Read one field, or raise ValueError when it is not a usual one."""
    name, _, written = piece.strip(" ").partition("=")
    if name not in _USUAL_NAMES:
        raise ValueError(name)
    if written[:1] == '"' and written[-1] == '"' and written.count('"') == 2:
        return name, written[1:-1]
    if not written.isalnum() and written != "SHA-256":
        raise ValueError(name)
    return name, written


def read_any_fields(value: str, at: int) -> dict[str, str] | None:
    """Do as `parse_digest_fields` from a place on, whatever the text looks like."""
    fields: dict[str, str] = {}
    while at < len(value):
        found = _FIELD.match(value, at)
        if found is None:
            return None
        name = found.group(1).lower()
        if name in fields:
            return None
        fields[name] = unquote(found.group(2))
        at = found.end()
    return fields


def parse_credentials(value: str) -> Credentials | None:
    """Read an Authorization value; None when it is no usable Digest."""
    fields = parse_digest_fields(value)
    if fields is None or not fields.keys() >= _NEEDED:
        return None
    credentials = Credentials(
        username=fields["username"],
        realm=fields["realm"],
        nonce=fields["nonce"],
        uri=fields["uri"],
        response=fields["response"],
        algorithm=fields.get("algorithm", "MD5"),
        qop=fields.get("qop", "").lower(),
        cnonce=fields.get("cnonce", ""),
        nc=fields.get("nc", ""),
    )
    if credentials.qop and (credentials.qop != "auth" or not _NC.match(credentials.nc)):
        return None
    return credentials


def find_algorithm(name: str) -> Algorithm | None:
    """Find an algorithm by its name in any case; None when we do not know it."""
    return _BY_NAME.get(name.upper())


def digest_response(
    algorithm: Algorithm, credentials: Credentials, secret: str, method: str
) -> str:
    """Compute `response`. RFC 7616 §3.4.1; without qop RFC 2617 §3.2.2.1."""
    # Not remembered: a phone we know would be answered sooner than one we do not.
    ha1 = _hash(algorithm, f"{credentials.username}:{credentials.realm}:{secret}")
    what = f"{method}:{credentials.uri}"
    ha2 = (_hash_again if len(what) <= MAX_CHARS else _hash)(algorithm, what)
    middle = credentials.nonce
    if credentials.qop:
        middle = f"{middle}:{credentials.nc}:{credentials.cnonce}:{credentials.qop}"
    return _hash(algorithm, f"{ha1}:{middle}:{ha2}")


def is_right_response(credentials: Credentials, secret: str, method: str) -> bool:
    """Check the response in constant time; an unknown algorithm is never right."""
    algorithm = find_algorithm(credentials.algorithm)
    if algorithm is None:
        return False
    wanted = digest_response(algorithm, credentials, secret, method).encode()
    given = credentials.response.lower().encode("utf-8", "surrogateescape")
    return hmac.compare_digest(wanted, given)


def write_challenges(
    realm: str, nonce: str, algorithms: Sequence[Algorithm], *, is_stale: bool
) -> list[str]:
    """Write one challenge value per algorithm, in the order given."""
    stale = ", stale=true" if is_stale else ""
    around = _around_nonce(realm, tuple(algorithms))
    return [f"{before}{quote(nonce)}{after}{stale}" for before, after in around]


@lru_cache(maxsize=8)
def _around_nonce(realm: str, algorithms: tuple[Algorithm, ...]) -> list[tuple[str, str]]:
    """Write what stands before and after the nonce of each challenge."""
    return [
        (f"Digest realm={quote(realm)}, nonce=", f', algorithm={algorithm.value}, qop="auth"')
        for algorithm in algorithms
    ]


def answer_challenge(
    values: Sequence[str],
    *,
    username: str,
    secret: str,
    method: str,
    uri: str,
    cnonce: str,
    nc: int = 1,
) -> str | None:
    """Answer the first challenge whose algorithm and qop we know; None when there is none.

    `values` are the WWW- or Proxy-Authenticate values in order, each may hold several challenges.
    """
    for value in values:
        for challenge in _split_challenges(value):
            fields = parse_digest_fields(challenge)
            algorithm = find_algorithm((fields or {}).get("algorithm", "MD5"))
            if not fields or algorithm is None or not {"realm", "nonce"} <= fields.keys():
                continue
            offered = [qop.strip().lower() for qop in fields.get("qop", "").split(",")]
            if "auth" not in offered and offered != [""]:
                continue
            credentials = Credentials(
                username=username,
                realm=fields["realm"],
                nonce=fields["nonce"],
                uri=uri,
                response="",
                algorithm=fields.get("algorithm", ""),
                qop="auth" if "auth" in offered else "",
                cnonce=cnonce,
                nc=f"{nc:08x}",
            )
            response = digest_response(algorithm, credentials, secret, method)
            return write_credentials(credentials, response, fields.get("opaque"))
    return None


def _split_challenges(value: str) -> list[str]:
    """Split at the commas that begin another challenge; RFC 7235 §2.1 lets one header hold many."""
    challenges: list[str] = []
    if _CONTROL.search(value):
        return challenges
    for part in split_list(value):
        if not challenges or _CHALLENGE_START.match(part):
            challenges.append(part)
        else:
            challenges[-1] += f", {part}"
    return challenges


def write_credentials(credentials: Credentials, response: str, opaque: str | None = None) -> str:
    """Write an Authorization value; `algorithm` only when the challenge named one."""
    parts = [
        f"username={quote(credentials.username)}",
        f"realm={quote(credentials.realm)}",
        f"nonce={quote(credentials.nonce)}",
        f"uri={quote(credentials.uri)}",
        f"response={quote(response)}",
    ]
    if credentials.algorithm:
        parts.append(f"algorithm={credentials.algorithm}")
    if credentials.qop:
        parts.append(f"qop={credentials.qop}")
        parts.append(f"nc={credentials.nc}")
        parts.append(f"cnonce={quote(credentials.cnonce)}")
    if opaque is not None:
        parts.append(f"opaque={quote(opaque)}")
    return "Digest " + ", ".join(parts)
