"""Answers in JSON are written as the standard library writes them."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as some

from offhook.web.answer import json_bytes

_TEXTS = some.text(some.characters(exclude_categories=()), max_size=20)
_SIMPLE = some.none() | some.booleans() | some.integers() | some.floats() | _TEXTS
_KEYS = _TEXTS | some.integers() | some.booleans() | some.none()
_VALUES = some.recursive(
    _SIMPLE,
    lambda inner: (
        some.lists(inner) | some.lists(inner).map(tuple) | some.dictionaries(_KEYS, inner)
    ),
)


@given(some.dictionaries(_KEYS, _VALUES))
def test_writes_what_json_dumps_writes(value: dict[str, object]) -> None:
    text = json.dumps(value, indent=2, separators=(",", ":"), ensure_ascii=False)
    assert json_bytes(value) == text.encode("utf-8", "replace") + b"\n"
