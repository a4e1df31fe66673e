"""The one shape of errors, checked."""

from __future__ import annotations

from typing import Any

import httpx


def error_of(answer: httpx.Response) -> Any:
    """The error, after checking that it has the one shape and gives nothing away."""
    told = answer.json()
    assert set(told) == {"error"}, answer.text
    assert set(told["error"]) == {"code", "message", "hint"}
    assert told["error"]["code"]
    assert told["error"]["message"]
    assert told["error"]["hint"]
    assert "Traceback" not in answer.text
    assert answer.headers["content-type"] == "application/json"
    return told["error"]
