"""What fuzzing starts from: the messages of RFC 4475, real phones' messages, short stories."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.unit.sip.build import register
from tests.unit.sip.calling import CALLEE, contact, invite, sip
from tests.unit.sip.rfc4475 import MESSAGES

_CAPTURES = Path(__file__).parent.parent / "data" / "sip"
_CREDENTIALS = (
    'Digest username="1001", realm="offhook", nonce="a", uri="sip:h", response="0", '
    'algorithm=MD5, qop=auth, nc=00000001, cnonce="c"'
)
_CHALLENGE = 'Digest realm="a\\"b", nonce="n", algorithm=SHA-256, qop="auth,auth-int", Digest x'
_VALUES = (
    "SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bKx;rport, SIP / 2.0 / TCP [2001:db8::1]:5060",
    '"A, \\"B\\"" <sip:a%40b:pw@[::1]:5060;transport=tcp;lr?X=y&Z=>;tag=1;+sip.instance="<u:1>"',
    "sip:alice@example.com;transport=udp?subject=a",
    "314159 INVITE",
    '<sip:a@h>, "b,c" <sip:d@h>, sip:e@h;expires=0',
)
# Steps of tests/fuzz/script.py, each with the choices it makes.
_OPEN = bytes((0, 0, 0, 3, 0, 0)) + bytes((0, 1, 1, 3, 0, 0))
_INVITE = bytes((2, 0, 0, 0, 1, 0, 0, 0))
_MESSAGE = bytes((2, 0, 0, 2, 1, 0, 0, 0))
_SUBSCRIBE = bytes((2, 1, 1, 3, 0, 0, 0, 0))
_RING = bytes((4, 255, 1, 0, 1, 0))
_ANSWER = bytes((4, 255, 3, 0, 1, 0))
_BUSY = bytes((4, 255, 12, 0, 0, 0))
_ACK = bytes((6, 8, 0, 0, 1, 1, 0, 0, 0, 0, 0))
_BYE = bytes((6, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0))
_INSIDE = [bytes((6, method, 0, 0, 1, 1, 0, 0, 0, 0, 0)) for method in range(1, 13)]
_OUTSIDE = [bytes((6, method, 5, 0, 1, 1, 0, 0, 0, 0, 0)) for method in range(13)]
_CANCEL = bytes((7, 0, 0, 0, 1))
_AGAIN = bytes((8, 255, 0, 0, 0, 0, 0))
_STRANGER = bytes((8, 255, 1, 5, 0, 0, 0, 0))
_WAIT = bytes((9, 3))
_STORIES = (
    _OPEN + _INVITE + _RING + _ANSWER + _ACK + _BYE + _ANSWER + _WAIT,
    _OPEN + _INVITE + _RING + _CANCEL + _BUSY + _AGAIN + _WAIT,
    _OPEN + _INVITE + _BUSY + _STRANGER + _AGAIN + _WAIT + _WAIT,
    _OPEN + _MESSAGE + _ANSWER + _MESSAGE + _AGAIN + bytes((10, 0)) + _WAIT,
    bytes((0, 0, 4, 3, 1, 0)) + _OPEN + bytes((2, 1, 4, 0, 0, 0, 0, 0)) + _RING + _ANSWER,
    _OPEN + _SUBSCRIBE + _ANSWER + _INVITE + _RING + bytes((12, 0)) + _WAIT,
    _OPEN + _INVITE + _ANSWER + _ACK + b"".join(_INSIDE) + _BYE,
    _OPEN + _INVITE + _ANSWER + _ACK + b"".join(_OUTSIDE),
    bytes((0, 0, 0, 3, 0, 9, 12)) + b"<sip:a\0b;lr>" + _OPEN,
)


def seeds(target: str) -> Sequence[bytes]:
    """Give what one target starts from."""
    messages = [*MESSAGES.values(), register(), invite()]
    messages += [sip("BYE", contact("1002", CALLEE), to_tag="callee")]
    messages += [path.read_bytes() for path in sorted(_CAPTURES.glob("*.sip"))]
    match target:
        case "datagram":
            return messages
        case "stream":
            return [bytes((7, 40, 200, 3, 90, 90)) + first + first for first in messages]
        case "headers":
            return [value.encode() for value in _VALUES]
        case "digest":
            return [_CREDENTIALS.encode(), _CHALLENGE.encode()]
        case "server":
            strange = [bytes((11, 4, len(data) % 256)) + data for data in messages]
            return [*_STORIES, *strange]
        case _:
            return [bytes(range(number, number + 60)) for number in range(0, 180, 20)]
