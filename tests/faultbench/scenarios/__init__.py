"""The scenarios: a file per stage; this register finds them, nobody lists them."""

from __future__ import annotations

import pkgutil
from importlib import import_module


def load() -> None:
    """Import every file of scenarios, which enters them."""
    for item in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        import_module(f"{__name__}.{item.name}")
