"""Bodies are read within bounds of size and time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from offhook.web.answer import error_bytes, json_bytes
from offhook.web.body import GoneError, read_body


def sending(*pieces: bytes, is_last: bool = True) -> Any:
    left = list(pieces)

    async def receive() -> dict[str, Any]:
        if not left:
            await asyncio.Event().wait()
        piece = left.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(left) or not is_last}

    return receive


async def test_pieces_are_put_together() -> None:
    body = await read_body(sending(b"ab", b"", b"c"), 3)
    assert (body.data, body.is_complete, body.is_late) == (b"abc", True, False)


@pytest.mark.parametrize("pieces", [(b"abcd",), (b"ab", b"cd"), (b"abcd", b"e" * 100)])
async def test_too_large_is_seen_by_one_byte_more(pieces: tuple[bytes, ...]) -> None:
    body = await read_body(sending(*pieces), 3)
    assert (body.data, body.is_complete) == (b"abcd", False)


async def test_too_slow_is_late() -> None:
    body = await read_body(sending(b"ab", is_last=False), 3, timeout_s=0.01)
    assert (body.is_complete, body.is_late) == (False, True)


async def test_caller_that_left_is_told() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    with pytest.raises(GoneError):
        await read_body(receive, 3)


def test_half_a_surrogate_pair_is_written_as_a_question_mark() -> None:
    assert json_bytes({"a": "x\ud800y"}) == b'{\n  "a":"x?y"\n}\n'


def test_errors_have_one_shape() -> None:
    assert error_bytes("a", "b", "c").decode() == (
        '{\n  "error":{\n    "code":"a",\n    "message":"b",\n    "hint":"c"\n  }\n}\n'
    )
