"""Which event loop runs: uvloop where there is one, which is not on Windows."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from typing import Any


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Give what makes a loop for `asyncio.Runner`; None for asyncio's own."""
    try:
        module: Any = importlib.import_module("uvloop")
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = module.new_event_loop
    return factory
