"""A file per page; each has `ROUTES`. This register finds them, nobody lists them."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from starlette.routing import Route

ROUTES: list[Route] = [
    route
    for item in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name)
    for route in import_module(f"{__name__}.{item.name}").ROUTES
]
