"""Whose turn it is, without a server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from offhook.web import turns
from offhook.web.turns import Turns


def told(heard: list[str], name: str) -> Callable[[], None]:
    return lambda: heard.append(name)


async def all_answered(waiting: Turns) -> None:
    while waiting.is_any_waiting:  # noqa: ASYNC110 - each turn answers somebody
        await asyncio.sleep(0)


async def test_ours_are_answered_in_order_and_before_strangers() -> None:
    waiting, heard = Turns(), list[str]()
    for name in ("a", "b"):
        waiting.put(told(heard, f"stranger {name}"), is_stranger=True)
        waiting.put(told(heard, f"phone {name}"), is_stranger=False)
    await all_answered(waiting)
    assert heard == ["phone a", "phone b", "stranger a", "stranger b"]


async def test_one_stranger_a_turn_so_that_phones_that_come_later_go_before_the_next() -> None:
    waiting, heard = Turns(), list[str]()
    for name in ("a", "b", "c"):
        waiting.put(told(heard, f"stranger {name}"), is_stranger=True)
    await asyncio.sleep(0)
    waiting.put(told(heard, "phone"), is_stranger=False)
    await all_answered(waiting)
    assert heard == ["stranger a", "phone", "stranger b", "stranger c"]


async def test_a_turn_ends_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "TURN_S", 0.0)
    waiting, heard = Turns(), list[str]()
    for name in ("a", "b"):
        waiting.put(told(heard, name), is_stranger=False)
    await asyncio.sleep(0)
    assert heard == ["a"]
    await all_answered(waiting)
    assert heard == ["a", "b"]


async def test_what_is_put_while_another_is_answered_is_answered_too() -> None:
    waiting, heard = Turns(), list[str]()
    waiting.put(lambda: waiting.put(told(heard, "late"), is_stranger=True), is_stranger=False)
    await all_answered(waiting)
    assert heard == ["late"]


async def test_a_defect_in_one_answer_keeps_nobody_waiting() -> None:
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    waiting, heard = Turns(), list[str]()

    def broken() -> None:
        raise ValueError

    for is_stranger in (False, True):
        waiting.put(broken, is_stranger=is_stranger)
        waiting.put(told(heard, "next"), is_stranger=is_stranger)
    await all_answered(waiting)
    assert heard == ["next", "next"]
    assert len(reported) == 2
