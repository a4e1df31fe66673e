"""Who is asking: digest for the registrar and, later, the proxy. RFC 3261 §22, RFC 7616."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from offhook.sip.digest import (
    BEST_FIRST,
    Algorithm,
    Credentials,
    find_algorithm,
    is_right_response,
    parse_credentials,
    write_challenges,
)
from offhook.sip.limits import FailureLimits, network_of
from offhook.sip.message import Request
from offhook.sip.nonces import Nonces, NonceState
from offhook.sip.uri import SipUri, parse_uri
from offhook.values import light

SecretOf = Callable[[str], str | None]
"""User name to secret; None for an unknown user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """How credentials are asked: status, reason and the two header names."""

    status: int
    reason: str
    challenge: str
    answer: str


REGISTRAR_GATE = Gate(
    status=401, reason="Unauthorized", challenge="WWW-Authenticate", answer="Authorization"
)
PROXY_GATE = Gate(
    status=407,
    reason="Proxy Authentication Required",
    challenge="Proxy-Authenticate",
    answer="Proxy-Authorization",
)


class Wrong(StrEnum):
    """What was wrong with credentials made for a fresh nonce of ours."""

    DIGEST = "wrong_digest"
    USER = "unknown_user"


@light(frozen=True, slots=True, kw_only=True)
class Allowed:
    """The request comes from `user`."""

    user: str


@light(frozen=True, slots=True, kw_only=True)
class Challenged:
    """Credentials are needed: the challenge values to send.

    `wrong` and `claimed` tell of a failed try; an old, used or foreign nonce is not one.
    """

    values: tuple[str, ...]
    wrong: Wrong | None = None
    claimed: str = ""
    is_stale: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Barred:
    """Too many failures: 403 without looking. `claimed` is the user that was named."""

    claimed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Misdirected:
    """The credentials were made for another Request-URI: 400. RFC 7616 §3.4.6."""


AuthVerdict = Allowed | Challenged | Barred | Misdirected


@light(frozen=True, slots=True, kw_only=True)
class _Keys:
    """What failures are counted by; each begins so that none can be mistaken for another."""

    pair: str
    network: str
    user: str

    @classmethod
    def of(cls, host: str, username: str) -> _Keys:
        network, user = network_of(host), username[:64]
        return cls(pair=f"pair|{network}|{user}", network=f"net|{network}", user=f"user|{user}")


class Authenticator:
    """Judges credentials against secrets, nonces of its own and failure limits.

    A nonce that is not fresh is answered with stale=true whether or not the digest was right, so
    that old nonces are no place to try passwords uncounted; a wrong password meets the plain
    challenge at the next try. An unknown user costs the same work as a known one and gets the same
    answer.

    Failures count per source network and user, and tenfold per network. Tenfold per user they mean
    that many guess together; then a network that has failed once for this user in this minute is
    barred for it. So a right password gets in from wherever nothing was guessed, always.
    """

    def __init__(
        self,
        *,
        realm: str,
        secret_of: SecretOf,
        nonces: Nonces,
        limits: FailureLimits,
        dummy_secret: str,
        algorithms: Sequence[Algorithm] = BEST_FIRST,
        failures_a_minute: int = 20,
    ) -> None:
        self._realm = realm
        self._secret_of = secret_of
        self._nonces = nonces
        self._limits = limits
        self._dummy_secret = dummy_secret
        self._algorithms = tuple(algorithms)
        self._failures_a_minute = failures_a_minute

    def judge(
        self,
        request: Request,
        gate: Gate,
        source_host: str,
        now: float,
        *,
        known_as: Callable[[], str] = str,
    ) -> AuthVerdict:
        """Decide who sent a request.

        `known_as` gives the extension whose live phone has this very source: for it, and for no
        other, its credentials are looked at whatever was guessed from there.
        """
        credentials = self._find_credentials(request, gate)
        if credentials is None:
            return self._challenge(source_host, now)
        username = credentials.username
        keys = _Keys.of(source_host, username)
        if self._is_barred(keys, now) and username != known_as():
            return Barred(claimed=username)
        if not _is_meant_for(credentials, request):
            return Misdirected()
        if self._nonces.judge(credentials.nonce, now, source_host) is not NonceState.FRESH:
            return self._challenge(source_host, now, is_stale=True)
        secret = self._secret_of(username)
        is_right = is_right_response(credentials, secret or self._dummy_secret, request.method)
        if not secret or not is_right:
            wrong = Wrong.DIGEST if secret else Wrong.USER
            self._note_failure(keys, now)
            return self._challenge(source_host, now, wrong=wrong, claimed=username)
        if not self._nonces.spend(credentials.nonce, int(credentials.nc or "1", 16)):
            return self._challenge(source_host, now, is_stale=True)
        self._limits.forgive(keys.pair)
        return Allowed(user=username)

    def _is_barred(self, keys: _Keys, now: float) -> bool:
        limits = self._limits
        if limits.is_barred(keys.pair, now) or limits.is_barred(keys.network, now):
            return True
        return limits.is_barred(keys.user, now) and limits.has_failed(keys.pair, now)

    def _note_failure(self, keys: _Keys, now: float) -> None:
        self._limits.note_failure(keys.pair, self._failures_a_minute, now)
        self._limits.note_failure(keys.network, self._failures_a_minute * 10, now)
        self._limits.note_failure(keys.user, self._failures_a_minute * 10, now)

    def _find_credentials(self, request: Request, gate: Gate) -> Credentials | None:
        """Find credentials of our realm and of an algorithm we offered; others are not for us."""
        for value in request.headers.all(gate.answer.lower()):
            credentials = parse_credentials(value)
            if (
                credentials is not None
                and credentials.realm == self._realm
                and find_algorithm(credentials.algorithm) in self._algorithms
            ):
                return credentials
        return None

    def _challenge(
        self,
        source_host: str,
        now: float,
        *,
        is_stale: bool = False,
        wrong: Wrong | None = None,
        claimed: str = "",
    ) -> Challenged:
        nonce = self._nonces.issue(now, source_host)
        values = write_challenges(self._realm, nonce, self._algorithms, is_stale=is_stale)
        return Challenged(values=tuple(values), wrong=wrong, claimed=claimed, is_stale=is_stale)


def _is_meant_for(credentials: Credentials, request: Request) -> bool:
    """Compare the digest's URI with the Request-URI loosely: only two different users disagree.

    Phones write the host with and without port, by name or by address; proxies change it.
    """
    if credentials.uri == request.uri:
        return True
    meant, asked = parse_uri(credentials.uri), parse_uri(request.uri)
    if not isinstance(meant, SipUri) or not isinstance(asked, SipUri):
        return False
    return not meant.user or not asked.user or meant.user == asked.user
