"""A body is read as the framework reads it: what it would refuse is left to it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Response
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.web.api.devices import NewDevice
from offhook.web.api.direct import read_fields
from offhook.web.api.extensions import NewExtension
from offhook.web.api.fields import Fields

_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
_VALUES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=4
)
_LINES = st.lists(st.fixed_dictionaries({"extension_number": st.text(max_size=3)}), max_size=2)


@pytest.mark.parametrize("kind", [NewExtension, NewDevice])
def test_a_body_becomes_the_fields_that_the_framework_makes_of_it(kind: type[Fields]) -> None:
    seen: list[Fields] = []

    async def see(body: Fields) -> Response:
        seen.append(body)
        return Response()

    see.__annotations__["body"] = kind
    api = FastAPI()
    api.post("/")(see)

    async def send(data: bytes) -> None:
        # What it cannot even refuse (a half surrogate pair in its answer) is no body either.
        way = httpx.ASGITransport(api, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=way, base_url="http://pbx") as usual:
            await usual.post("/", content=data, headers={"Content-Type": "application/json"})

    needed = {
        name: st.text(max_size=5) for name, it in kind.model_fields.items() if it.is_required()
    }
    more = st.dictionaries(st.sampled_from([*kind.model_fields, "other"]), _LINES | _VALUES)
    likely = st.builds(lambda one, other: one | other, st.fixed_dictionaries(needed), more)
    found: set[bool] = set()

    @settings(max_examples=200, deadline=None)
    @given(st.fixed_dictionaries(needed) | likely | _VALUES, st.sampled_from([None, None, -1]))
    def check(body: Any, end: int | None) -> None:
        data = json.dumps(body).encode()[:end]
        seen.clear()
        runner.run(send(data))
        read = read_fields(kind, data)
        assert ([] if read is None else [read]) == seen
        found.add(read is None)

    with asyncio.Runner() as runner:
        check()
    assert found == {True, False}
