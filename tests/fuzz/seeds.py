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
# Steps as tests/fuzz/script.py counts them: both register, call, ring, answer, hang up; cancel;
# a stranger; MESSAGE; time.
_STORIES = (
    bytes((0, 0, 0, 3, 0, 0, 0, 1, 1, 3, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0))
    + bytes((4, 0, 1, 0, 1, 0, 4, 0, 3, 0, 1, 0, 6, 8, 0, 0, 1, 1, 0, 0, 0, 0, 0)),
    bytes((0, 0, 0, 3, 0, 0, 0, 1, 1, 3, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4, 0, 1, 0, 1, 0))
    + bytes((7, 2, 0, 0, 1, 9, 3)),
    bytes((6, 0, 4, 0, 1, 1, 0, 0, 0, 0, 0, 8, 0, 1, 5, 0, 9, 3, 45, 45, 45, 0)),
    bytes((0, 1, 2, 3, 0, 0, 2, 0, 0, 2, 1, 0, 0, 0, 9, 3, 10, 0, 9, 5)),
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
