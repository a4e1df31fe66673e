"""Nonces of our own: made and judged without memory, each count of one used once. RFC 7616 §3.3."""

from __future__ import annotations

import hashlib
import hmac
from enum import StrEnum


class NonceState(StrEnum):
    """What a nonce is: ours and young, ours but old or used up, or not ours."""

    FRESH = "fresh"
    EXPIRED = "expired"
    FOREIGN = "foreign"


_WINDOW = 64
_MASK = (1 << _WINDOW) - 1


class Nonces:
    """Makes and judges nonces: moment, serial number and a keyed hash; only used ones take memory.

    `key` is secret and random, at most 32 bytes. A nonce is bound to the text given with it (the
    source host). Each `nc` counts once per nonce: a bitmap of 64 tolerates reordering. Past
    `capacity` the oldest window is forgotten, and with it every unused nonce that is not younger.
    """

    def __init__(self, *, key: bytes, lifetime_s: float, capacity: int = 32_768) -> None:
        self._keyed = hashlib.blake2s(key=key, digest_size=12)
        self._lifetime_s = lifetime_s
        self._capacity = capacity
        self._serial = 0
        self._floor = 0
        self._windows: dict[int, tuple[int, int]] = {}

    def issue(self, now: float, binding: str) -> str:
        """Make a new nonce for whoever `binding` names."""
        self._serial = (self._serial + 1) % 2**48
        head = f"{int(now * 1000) % 2**48:012x}{self._serial:012x}"
        return head + self._seal(head, binding)

    def judge(self, nonce: str, now: float, binding: str) -> NonceState:
        """Say whether a nonce is ours and still good."""
        head, seal = nonce[:24], nonce[24:]
        wanted = self._seal(head, binding).encode()
        if not hmac.compare_digest(wanted, seal.encode("utf-8", "surrogateescape")):
            return NonceState.FOREIGN
        age_s = now - int(head[:12], 16) / 1000
        return NonceState.FRESH if -1 <= age_s <= self._lifetime_s else NonceState.EXPIRED

    def spend(self, nonce: str, count: int) -> bool:
        """Use up one count of a nonce that was judged fresh; False when it was used before."""
        serial = int(nonce[12:24], 16)
        window = self._windows.pop(serial, None)
        if window is None:
            if serial <= self._floor:
                return False
            self._windows[serial] = (count, 1)
            self._shrink()
            return True
        top, seen = window
        ahead = count - top
        is_new = ahead > 0 or (ahead > -_WINDOW and not seen >> -ahead & 1)
        if ahead > 0:
            top, seen = count, ((seen << ahead) | 1) & _MASK if ahead < _WINDOW else 1
        elif is_new:
            seen |= 1 << -ahead
        self._windows[serial] = (top, seen)
        return is_new

    def _shrink(self) -> None:
        while len(self._windows) > self._capacity:
            oldest = next(iter(self._windows))
            del self._windows[oldest]
            self._floor = max(self._floor, oldest)

    def _seal(self, head: str, binding: str) -> str:
        seal = self._keyed.copy()
        seal.update(f"{head}|{binding}".encode("utf-8", "surrogateescape"))
        return seal.hexdigest()
