"""REGISTERs as bytes name them, and what registrar, digest and limits owe each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from offhook.engines.phones import note_of, shown
from offhook.sip.auth import Authenticator
from offhook.sip.bindings import BindingTable, Bound, Source
from offhook.sip.digest import MD5_ONLY, answer_challenge
from offhook.sip.limits import FailureLimits
from offhook.sip.message import Request, Response, render_response
from offhook.sip.nonces import Nonces
from offhook.sip.parse import parse_datagram
from offhook.sip.registrar import Refused, Registrar, Reply
from offhook.sip.uri import SipUri, parse_uri
from offhook.sip.wanted import ExpiryPolicy
from tests.fuzz.reader import Reader
from tests.fuzz.room import must
from tests.unit.sip.build import REALM

MAX_STEPS = 60
MAX_CONTACTS = 3
POLICY = ExpiryPolicy(min_s=60, max_s=7200, default_s=3600)
SECRETS = {"1001": "first-secret", "1002": "second-secret"}
HOSTS = ("192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1")
CONTACTS = (
    "<sip:{user}@10.0.0.1:5060>",
    "<sip:{user}@10.0.0.2:5060;transport=tcp>;q=0.5",
    '<sip:{user}@10.0.0.3>;+sip.instance="<urn:uuid:1>"',
    "<sip:{user}@10.0.0.4>;expires=0",
    "*",
    "sip:{user}@10.0.0.5;expires=60",
    "<sip:{user}@10.0.0.6>, <sip:{user}@10.0.0.7>;expires=100",
    "",
)
EXPIRES = ("", "0", "59", "60", "3600", "4294967295", "x")


@dataclass
class Registering:
    """Plays REGISTERs. A phone is a source with the right secret; a guesser never has it."""

    data: bytes
    now: float = 1_000_000.0
    table: BindingTable = field(default_factory=lambda: BindingTable(max_contacts=MAX_CONTACTS))
    limits: FailureLimits = field(default_factory=lambda: FailureLimits(capacity=64))
    nonces: Nonces = field(
        default_factory=lambda: Nonces(key=b"k" * 32, lifetime_s=300, capacity=16)
    )
    registrar: Registrar = field(init=False)
    _cseq: int = 0
    _used: list[tuple[bytes, Source]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.registrar = Registrar(
            authenticator=Authenticator(
                realm=REALM,
                secret_of=SECRETS.get,
                nonces=self.nonces,
                limits=self.limits,
                dummy_secret="dummy",
                algorithms=MD5_ONLY,
                failures_a_minute=3,
            ),
            table=self.table,
            policy=POLICY,
            note_of=note_of,
        )

    def play(self) -> None:
        """Play every step."""
        reader = Reader(self.data)
        for _ in range(MAX_STEPS):
            if reader.is_empty:
                return
            STEPS[reader.number(len(STEPS))](self, reader)

    # --- steps ---------------------------------------------------------------------------------

    def visit(self, reader: Reader) -> None:
        """Somebody registers with the right secret, for itself or for another, in any words."""
        user, aor = self._user(reader), self._user(reader)
        source = self._source(reader)
        data = self._register(reader, aor)
        signed = self._sign(data, user, SECRETS[user], source, 1 + reader.number(3))
        before = self.table.of(aor)
        is_at_home = any(binding.source == str(source) for binding in before)
        reply = self._handle(signed, source)
        if reply is None:
            return
        if user != aor:
            must(reply.status != 200, "registered for another", signed)
        if user == aor and is_at_home and signed != data:
            must(not _is_locked_out(reply), "a registered phone is locked out", reply)
        if reply.status == 200:
            self._used = [*self._used[-7:], (signed, source)]
        elif reply.status != 401:
            must(self.table.of(aor) == before, "refused, and yet changed", reply)

    def guess(self, reader: Reader) -> None:
        """Somebody tries wrong passwords, for known and unknown extensions."""
        user = (*SECRETS, "1003", "")[reader.number(4)]
        source = self._source(reader)
        secret = reader.piece().decode("latin-1")
        if secret in SECRETS.values():
            return
        before = len(self.table)
        for _ in range(6 - reader.number(6)):
            signed = self._sign(self._register(None, user), user, secret, source, 1)
            reply = self._handle(signed, source)
            must(reply is None or reply.status in (400, 401, 403, 404), "a guess got in", reply)
        must(len(self.table) == before, "a guess changed the table")

    def come_anew(self, reader: Reader) -> None:
        """A phone that was never here registers from where nobody ever guessed."""
        user = self._user(reader)
        source = Source(transport="udp", host="198.51.100.1", port=5060 + reader.number(200))
        data = self._register(None, user)
        reply = self._handle(self._sign(data, user, SECRETS[user], source, 1), source)
        must(reply and not _is_locked_out(reply), "a new phone is locked out", reply)

    def borrow(self, reader: Reader) -> None:
        """Somebody uses a nonce that another host was given."""
        user, source, asker = self._user(reader), self._source(reader), self._source(reader)
        data = self._register(None, user)
        signed = self._sign(data, user, SECRETS[user], source, 1, asker)
        reply = self._handle(signed, source)
        is_good = source.host == asker.host or reply is None or reply.status != 200
        must(is_good, "a nonce is good elsewhere", source, asker)

    def replay(self, reader: Reader) -> None:
        """A request that was let in comes again: never works twice, from nowhere."""
        if not self._used:
            return
        signed, source = self._used[reader.number(len(self._used))]
        elsewhere = self._source(reader) if reader.number(2) else source
        before = tuple(self.table.all())
        reply = self._handle(signed, elsewhere)
        must(reply is None or reply.status != 200, "a replay got in", signed, elsewhere)
        must(tuple(self.table.all()) == before, "a replay changed the table")

    def wait(self, reader: Reader) -> None:
        """Time passes."""
        self.now += (0.1, 10.0, 61.0, 301.0, 7300.0)[reader.number(5)]
        self.table.expire(self.now)
        late = [b for b in self.table.all() if b.expires_at <= self.now]
        must(not late, "expired, and still there", late)

    # --- parts ---------------------------------------------------------------------------------

    def _user(self, reader: Reader) -> str:
        return tuple(SECRETS)[reader.number(4) == 3]

    def _source(self, reader: Reader) -> Source:
        host = HOSTS[reader.number(len(HOSTS))]
        transport = ("udp", "udp", "udp", "tcp")[reader.number(4)]
        return Source(transport=transport, host=host, port=5060 + reader.number(2))

    def _register(self, reader: Reader | None, aor: str) -> bytes:
        self._cseq += 1
        contact = CONTACTS[reader.number(len(CONTACTS)) if reader else 0].format(user=aor)
        expires = EXPIRES[reader.number(len(EXPIRES)) if reader else 0]
        call_id = f"boot-{reader.number(3)}" if reader else "guess"
        more = reader.line() if reader else b""
        lines = [
            "REGISTER sip:pbx.example SIP/2.0",
            f"Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK{self._cseq};rport",
            f"From: <sip:{aor}@pbx.example>;tag=a",
            f"To: <sip:{aor}@pbx.example>",
            f"Call-ID: {call_id}",
            f"CSeq: {self._cseq} REGISTER",
            *([f"Contact: {contact}"] if contact else []),
            *([f"Expires: {expires}"] if expires else []),
        ]
        return "\r\n".join(lines).encode() + b"\r\n" + (more + b"\r\n" if more else b"") + b"\r\n"

    def _sign(
        self,
        data: bytes,
        user: str,
        secret: str,
        source: Source,
        nc: int,
        asker: Source | None = None,
    ) -> bytes:
        reply = self._handle(data, asker or source)
        if reply is None or reply.status != 401:
            return data
        value = answer_challenge(
            [value for name, value in reply.headers if name == "WWW-Authenticate"],
            username=user,
            secret=secret,
            method="REGISTER",
            uri="sip:pbx.example",
            cnonce="c",
            nc=nc,
        )
        must(value, "a challenge of ours cannot be answered", reply)
        start, _, rest = data.partition(b"\r\n")
        return start + f"\r\nAuthorization: {value}\r\n".encode() + rest

    def _handle(self, data: bytes, source: Source) -> Reply | None:
        request = parse_datagram(data)
        if not isinstance(request, Request) or request.method != "REGISTER":
            return None
        reply = self.registrar.handle(request, source, self.now)
        answer = parse_datagram(
            render_response(request, reply.status, reply.reason, reply.headers, to_tag="t")
        )
        must(isinstance(answer, Response), "an answer does not parse", answer)
        self._check(reply)
        return reply

    def _check(self, reply: Reply) -> None:
        per_aor = [len(self.table.of(aor)) for aor in SECRETS]
        must(len(self.table) == sum(per_aor), "bindings of nobody", tuple(self.table.all()))
        must(max(per_aor) <= MAX_CONTACTS, "too many contacts", per_aor)
        must(len(self.limits._counts) <= 64, "failures are kept without bound")
        must(len(self.nonces._windows) <= 16, "nonces are kept without bound")
        for effect in reply.effects:
            if isinstance(effect, Refused):
                must(shown(effect.claimed).isprintable(), "cannot be shown", effect.claimed)
            if isinstance(effect, Bound):
                lifetime_s = round(effect.binding.expires_at - self.now, 3)
                must(POLICY.min_s <= lifetime_s <= POLICY.max_s, "lifetime", lifetime_s)
                must(isinstance(parse_uri(effect.binding.contact), SipUri), "contact")


def _is_locked_out(reply: Reply) -> bool:
    return reply.status == 401 or reply.reason == "Too Many Failures"


Step = Callable[[Registering, Reader], None]
STEPS: tuple[Step, ...] = (
    Registering.visit,
    Registering.visit,
    Registering.guess,
    Registering.replay,
    Registering.wait,
    Registering.come_anew,
    Registering.borrow,
)
