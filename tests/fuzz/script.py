"""Bytes to a story: what phones and strangers do, one step after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from offhook.sip.bindings import Source
from offhook.sip.message import Request, render_response
from offhook.sip.parse import parse_datagram
from offhook.sip.server import Reaction
from tests.fuzz.reader import Reader
from tests.fuzz.room import PHONES, SOURCES, USERS, Room, must

MAX_STEPS = 40
_METHODS = (
    "BYE",
    "INVITE",
    "UPDATE",
    "INFO",
    "REFER",
    "MESSAGE",
    "NOTIFY",
    "PRACK",
    "ACK",
    "SUBSCRIBE",
    "OPTIONS",
    "PUBLISH",
    "CANCEL",
)
_EXPIRES = (0, 1, 60, 3600, 2**32)
_STATUSES = (100, 180, 183, 200, 202, 301, 302, 401, 407, 408, 480, 481, 486, 487, 503, 603, 699)
_WAITS_S = (0.1, 0.5, 4.0, 32.0, 200.0, 3600.0)
_EVENTS = ("dialog", "message-summary", "presence", "check-sync", "ua-profile", "")


@dataclass
class Story:
    """Plays the steps that bytes name in a room."""

    data: bytes
    room: Room = field(default_factory=Room)
    _sent: list[tuple[bytes, Source]] = field(default_factory=list)
    _cseq: int = 0

    def play(self) -> None:
        """Play to the end and see that nothing is left."""
        reader = Reader(self.data)
        for _ in range(MAX_STEPS):
            if reader.is_empty:
                break
            STEPS[reader.number(len(STEPS))](self, reader)
        self.room.end()

    def open(self) -> None:
        """Let both phones register."""
        self.register(Reader(bytes((0, 0, 3, 0, 0))))
        self.register(Reader(bytes((1, 1, 3, 0, 0))))

    def send(self, data: bytes, source: Source) -> Reaction:
        """Send and remember, so that it can be repeated and cancelled."""
        self._sent = [*self._sent[-7:], (data, source)]
        return self.room.feed(data, source)

    # --- steps ---------------------------------------------------------------------------------

    def register(self, reader: Reader) -> None:
        """A phone registers, with a header line of any bytes."""
        user, source = USERS[reader.number(2)], SOURCES[reader.number(len(PHONES))]
        expires_s = _EXPIRES[reader.number(len(_EXPIRES))]
        contact = _contact(user, source, reader.number(6))
        more = (b"Contact: " + contact, b"Expires: %d" % expires_s, reader.line())
        data = self._request("REGISTER", "sip:pbx.example", user, user, source, more)
        self.send(self.room.sign(data, user, source), source)

    def call(self, reader: Reader) -> None:
        """A phone starts a call or sends a message, as itself or as another."""
        user, source = USERS[reader.number(2)], SOURCES[reader.number(len(PHONES))]
        method = ("INVITE", "INVITE", "MESSAGE", "SUBSCRIBE")[reader.number(4)]
        to = (*USERS, "1003")[reader.number(3)]
        event = _EVENTS[reader.number(len(_EVENTS))].encode()
        more = (b"Contact: " + _contact(user, source, 0), b"Event: " + event, reader.line())
        claimed = USERS[reader.number(8) == 7] if reader.number(2) else user
        data = self._request(method, f"sip:{to}@pbx.example", claimed, to, source, more)
        reaction = self.send(self.room.sign(data, user, source), source)
        must(claimed == user or not reaction.sends, "called as another", data)

    def answer(self, reader: Reader) -> None:
        """A phone that was asked answers, or somebody else does."""
        if not self.room.said:
            return
        sent = self.room.said[reader.number(len(self.room.said))]
        request = parse_datagram(sent.data)
        status = _STATUSES[reader.number(len(_STATUSES))]
        tag = ("callee", "other", "")[reader.number(3)]
        if not isinstance(request, Request):
            return
        pairs = [("Contact", "<sip:1002@192.0.2.20:5064>")] if reader.number(2) else []
        data = _with_line(render_response(request, status, "R", pairs, to_tag=tag), reader.line())
        source = Source(transport=sent.flow.transport, host=sent.flow.host, port=sent.flow.port)
        self.send(data, source)

    def go_on(self, reader: Reader) -> None:
        """Somebody sends a request inside a dialog, true or made up."""
        method = _METHODS[reader.number(len(_METHODS))]
        source = SOURCES[reader.number(len(SOURCES))]
        user, to = USERS[reader.number(2)], USERS[reader.number(2)]
        uri = _contact(to, SOURCES[reader.number(len(PHONES))], 0).decode()[1:-1]
        if reader.number(4) == 3:
            uri = "sip:192.0.2.1:5060;transport=udp;lr"
        more = (reader.line(), reader.line())
        tags = (("caller", "callee"), ("callee", "caller"), ("x", "y"))[reader.number(3)]
        data = self._request(method, uri, user, to, source, more, tags)
        if reader.number(2) and source in PHONES:
            data = self.room.sign(data, user, source)
        self.send(data, source)

    def cancel(self, reader: Reader) -> None:
        """Somebody cancels or acknowledges what was sent before."""
        if not self._sent:
            return
        data, source = self._sent[reader.number(len(self._sent))]
        method = (b"CANCEL", b"ACK")[reader.number(2)]
        head = data.partition(b"\r\n\r\n")[0]
        lines = [
            line
            for line in head.replace(b"INVITE", method).split(b"\r\n")
            if b"uthorization" not in line and not line.startswith(b"Content-Length")
        ]
        more = b"\r\n".join([*lines, reader.line() or b"A: b", b"Content-Length: 0", b"", b""])
        self.send(more, source if reader.number(4) else SOURCES[reader.number(len(SOURCES))])

    def repeat(self, reader: Reader) -> None:
        """Something is sent once more, perhaps by another, perhaps with octets changed."""
        if not self._sent:
            return
        data, source = self._sent[reader.number(len(self._sent))]
        if reader.number(2):
            source = SOURCES[reader.number(len(SOURCES))]
        at = (reader.number(256) * 256 + reader.number(256)) % (len(data) + 1)
        noise = reader.piece()
        data = data[:at] + noise + data[at + (len(noise) if reader.number(2) else 0) :]
        self.room.feed(data, source)

    def wait(self, reader: Reader) -> None:
        """Time passes."""
        self.room.wait(_WAITS_S[reader.number(len(_WAITS_S))])

    def lose(self, reader: Reader) -> None:
        """A connection breaks."""
        self.room.lose(reader.number(16))

    def remove(self, reader: Reader) -> None:
        """A person takes an extension's phones away."""
        self.room.remove(USERS[reader.number(2)])

    def intrude(self, reader: Reader) -> None:
        """Bytes arrive as they are."""
        source = SOURCES[reader.number(len(SOURCES))]
        self.room.feed(reader.piece() + reader.piece() + reader.piece(), source)

    def _request(
        self,
        method: str,
        uri: str,
        user: str,
        to: str,
        source: Source,
        more: tuple[bytes, ...],
        tags: tuple[str, str] = ("caller", ""),
    ) -> bytes:
        self._cseq += 1
        host = f"[{source.host}]" if ":" in source.host else source.host
        suffix = f";tag={tags[1]}" if tags[1] else ""
        lines = [
            f"{method} {uri} SIP/2.0".encode("utf-8", "surrogateescape"),
            f"Via: SIP/2.0/{source.transport.upper()} {host}:{source.port}"
            f";branch=z9hG4bK{self._cseq};rport".encode(),
            f"From: <sip:{user}@pbx.example>;tag={tags[0]}".encode(),
            f"To: <sip:{to}@pbx.example>{suffix}".encode(),
            b"Call-ID: " + (b"boot" if method == "REGISTER" else b"call"),
            f"CSeq: {self._cseq} {method}".encode(),
            *(line for line in more if line),
            b"Content-Length: 0",
        ]
        return b"\r\n".join((*lines, b"", b""))


def _contact(user: str, source: Source, variant: int) -> bytes:
    host = f"[{source.host}]" if ":" in source.host else source.host
    place = f"sip:{user}@{host}:{source.port}"
    return (
        f"<{place}>",
        f"<{place};transport=tcp>;q=0.5",
        f'<{place}>;+sip.instance="<urn:uuid:{source.port}>";reg-id=1',
        f"<sip:{user}@10.0.0.7:5060>;expires=0",
        "*",
        f"<sip:{user}@203.0.113.77>",
    )[variant].encode()


def _with_line(data: bytes, line: bytes) -> bytes:
    start, _, rest = data.partition(b"\r\n")
    return start + b"\r\n" + line + b"\r\n" + rest if line else data


Step = Callable[[Story, Reader], None]
STEPS: tuple[Step, ...] = (
    Story.register,
    Story.register,
    Story.call,
    Story.call,
    Story.answer,
    Story.answer,
    Story.go_on,
    Story.cancel,
    Story.repeat,
    Story.wait,
    Story.lose,
    Story.intrude,
    Story.remove,
)
