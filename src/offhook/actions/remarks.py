"""What is odd about a phone's request, whatever it gets."""

from __future__ import annotations

from collections.abc import Iterator

from offhook.actions.throttle import is_foreign_host
from offhook.core.model import PhoneRequest
from offhook.core.provision import Refuse

_HOST_SHOWN = 80


def odd_about(request: PhoneRequest, own_hosts: frozenset[str]) -> Iterator[Refuse]:
    """Give what to note of a request, as refusals that are not carried out.

    A server's name that is none of ours, and credentials, of which nothing is kept.
    """
    if is_foreign_host(request.host, own_hosts):
        yield Refuse(status=200, code="P805", values={"host": repr(request.host[:_HOST_SHOWN])})
    if request.has_credentials:
        yield Refuse(status=200, code="P806")
