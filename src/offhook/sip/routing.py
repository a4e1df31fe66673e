"""Where a request goes: registered contacts and sides of calls, never what a name resolves to."""

from __future__ import annotations

from dataclasses import dataclass

from offhook.sip.auth import SecretOf
from offhook.sip.bindings import Binding, BindingTable, Source
from offhook.sip.calls import Dialog
from offhook.sip.flow import Flow, flow_of
from offhook.sip.uri import SipUri, parse_uri


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A Request-URI, the way to it, and the Route that leads there (RFC 3327 §5.4)."""

    uri: str
    flow: Flow
    routes: tuple[str, ...] = ()


class Routing:
    """Finds the way to extensions and to the sides of calls."""

    def __init__(self, *, table: BindingTable, secret_of: SecretOf) -> None:
        self._table = table
        self._secret_of = secret_of

    def extension_of(self, text: str) -> str | None:
        """Give the extension a Request-URI names, None when there is none."""
        uri = parse_uri(text)
        name = uri.user if isinstance(uri, SipUri) else ""
        return name if name and self._secret_of(name) is not None else None

    def targets_of(self, extension: str, source: Source, now: float) -> list[Target]:
        """Give the phones of an extension, without the one that asks. RFC 3261 §16.5."""
        return [
            Target(uri=binding.contact, flow=_flow(binding), routes=binding.path)
            for binding in self._table.of(extension)
            if binding.expires_at > now and binding.source != str(source)
        ]

    def flow_to(self, dialog: Dialog | None, text: str) -> Flow | None:
        """Find the way to a contact: one of this call's extensions, its side, else any contact."""
        uri = parse_uri(text)
        bindings = self._table.at(uri) if isinstance(uri, SipUri) else ()
        bindings = tuple(b for b in bindings if self._secret_of(b.aor) is not None)
        if dialog is None:
            return _flow(bindings[-1]) if bindings else None
        parties = (dialog.call.caller, dialog.call.callee)
        own = [binding for binding in bindings if binding.aor in parties]
        if own:
            return _flow(own[-1])
        return dialog.flow_to(text) or (_flow(bindings[-1]) if bindings else None)


def _flow(binding: Binding) -> Flow:
    return flow_of(binding.source, binding.contact, has_path=bool(binding.path))
